import Base
import CLinux
import ConfigurationModel
import Glibc
import LoadBalancing
import Reactor

/// The connections of checks: it feeds their machines with what comes, and keeps their times.
///
/// A check has at most one. What an attempt costs decides what thousands of checks cost: socket, connect, one registration
/// with epoll, close, and no timer call of its own (docs/decisions, D76, D77).
final class CheckConnections {
    /// Bytes that are read at once.
    private static let readMax = 65_536

    private struct Attempt {
        var machine: CheckMachine
        let fd: Int32
        let watch: Watch
        let began: Instant
        var progress: Instant
        let timeout: Interval
        /// End of the whole attempt (docs/decisions, D83).
        let limit: Instant
        var isConnected = false
        /// Bytes that the socket hasn't taken yet.
        var unsent: [UInt8] = []
    }

    private let loop: EventLoop
    private let onVerdict: (_ check: Int, CheckVerdict, _ duration: Interval) -> Void
    /// By the check's number.
    private var attempts: [Attempt?] = []
    private var deadlines = DeadlineHeap()
    private let examiner = BodyExaminer()
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readMax, alignment: 16)
    private(set) var openCount = 0
    private let openMax: Int

    /// - Parameter openMax: connections that may be open at once.
    init(
        on loop: EventLoop, openMax: Int,
        onVerdict: @escaping (_ check: Int, CheckVerdict, _ duration: Interval) -> Void
    ) {
        self.loop = loop
        self.openMax = openMax
        self.onVerdict = onVerdict
    }

    deinit { buffer.deallocate() }

    /// The next time at which `fireTimeouts` is wanted.
    var deadline: Instant { deadlines.first?.deadline ?? .never }

    enum Start {
        case begun
        /// Too many are open.
        case full
        /// Nothing of this kind is done here.
        case unknown
        case verdict(CheckVerdict)
    }

    /// Begins an attempt.
    func start(_ check: Int, _ settings: CheckSettings, request: Int) -> Start {
        guard openCount < openMax else { return .full }
        if case .http(let http) = settings.kind, http.requests.indices.contains(request),
            let pattern = http.requests[request].pattern, examiner.failure(of: pattern) != nil
        {
            return .verdict(CheckVerdict(.untried, .patternNotCompiled))
        }
        guard let endpoint = settings.endpoint, Self.isDone(settings),
            let machine = CheckMachine(settings, request: request, random: UInt64.random(in: 0 ... .max))
        else { return .unknown }
        var target = Self.target(of: endpoint)
        switch settings.kind {
        case .tcp:
            target.resets = 1
            target.withholds_acknowledgement = 1
        case .http: target.resets = 1
        case .dns, .udp: target.transport = HASUP_CHECK_UDP
        case .ping: target.transport = HASUP_CHECK_PING
        case .smtp, .script, .file, .bfd: break
        }
        var isLocal: Int32 = 0
        let fd = hasup_check_connect(&target, &isLocal)
        guard fd >= 0 else {
            if fd == -EMFILE || fd == -ENFILE { return .full }
            return .verdict(isLocal != 0 ? Self.untried(-fd) : .error(-fd))
        }
        // Edge-triggered and added after connect(): what has happened already is told, too.
        let watch: Watch
        do throws(SystemError) {
            watch = try loop.add(fd, [.readable, .writable, .readHungUp, .edgeTriggered]) { [unowned self] ready in
                self.serve(check, ready)
            }
        } catch {
            close(fd)
            return .verdict(Self.untried(error.code))
        }
        while attempts.count <= check { attempts.append(nil) }
        let now = loop.now
        let interval = settings.schedule?.interval ?? .zero
        attempts[check] = Attempt(
            machine: machine, fd: fd, watch: watch, began: now, progress: now, timeout: endpoint.timeout,
            limit: now + max(interval, endpoint.timeout * 3))
        openCount += 1
        deadlines.set(check, to: now + endpoint.timeout)
        return .begun
    }

    /// False for what can't be done yet: it would be another check.
    private static func isDone(_ settings: CheckSettings) -> Bool {
        if settings.endpoint?.firewallMark != 0 { return false }
        guard case .http(let check) = settings.kind else { return true }
        return !check.isEncrypted
    }

    /// Another configuration comes: what was made for the one before is given up.
    func forgetPatterns() { examiner.forgetPatterns() }

    private static func target(of endpoint: CheckEndpoint) -> hasup_check_target {
        var target = hasup_check_target()
        target.family = Int32(endpoint.address.family.rawValue)
        withUnsafeMutableBytes(of: &target.address) { $0.copyBytes(from: endpoint.address.bytes) }
        target.port = endpoint.port
        target.local_port = endpoint.localPort
        if let local = endpoint.localAddress {
            target.has_local_address = 1
            withUnsafeMutableBytes(of: &target.local_address) { $0.copyBytes(from: local.bytes) }
        }
        if let device = endpoint.localInterface {
            withUnsafeMutableBytes(of: &target.device) { $0.copyBytes(from: device.utf8.prefix(15)) }
        }
        return target
    }

    /// What this machine lacks, in words.
    private static func untried(_ number: Int32) -> CheckVerdict {
        switch number {
        case EADDRNOTAVAIL: CheckVerdict(.untried, .noLocalAddress)
        case ENODEV: CheckVerdict(.untried, .noDevice)
        case EMFILE, ENFILE: CheckVerdict(.untried, .noDescriptor)
        default: CheckVerdict(.untried, .localError, detail: number)
        }
    }

    /// Closes a check's connection; nobody is told.
    func abandon(_ check: Int) {
        guard attempts.indices.contains(check), let attempt = attempts[check] else { return }
        attempts[check] = nil
        openCount -= 1
        deadlines.set(check, to: nil)
        loop.forget(attempt.watch)
        close(attempt.fd)
    }

    // MARK: What comes

    private func serve(_ check: Int, _ ready: Readiness) {
        guard let attempt = attempts[check] else { return }
        if ready.contains(.failed) {
            let error = hasup_socket_error(attempt.fd)
            return feed(check, .failed(error == 0 ? ECONNRESET : error))
        }
        if !attempt.isConnected {
            guard ready.contains(.writable) else { return }
            attempts[check]?.isConnected = true
            feed(check, .connected)
        } else if ready.contains(.writable) {
            flush(check)
        }
        if ready.contains(.readable) || ready.contains(.readHungUp) || ready.contains(.hungUp) { read(check) }
    }

    private func read(_ check: Int) {
        guard let attempt = attempts[check], let base = buffer.baseAddress else { return }
        let count = hasup_check_receive(attempt.fd, base, buffer.count)
        if count > 0 {
            feed(check, .received(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
            // More may be there, of which epoll has told already: it tells again in the next turn, behind the others.
            if attempts[check] != nil {
                loop.modify(attempt.watch, [.readable, .readHungUp, .edgeTriggered])
            }
        } else if count == 0 {
            feed(check, .ended)
        } else if count != -Int(EAGAIN) {
            feed(check, .failed(Int32(-count)))
        }
    }

    private func feed(_ check: Int, _ input: MachineInput) {
        guard var machine = attempts[check]?.machine else { return }
        // Taken out, so that what it has gathered isn't copied.
        attempts[check]?.machine = .connect
        attempts[check]?.progress = loop.now
        var step = machine.handle(input)
        if case .examine(let examination) = step {
            step = machine.handle(.examined(examiner.examine(examination)))
        }
        attempts[check]?.machine = machine
        switch step {
        case .wait, .examine: break
        case .send(let bytes):
            attempts[check]?.unsent += bytes
            flush(check)
        case .finish(let verdict): finish(check, verdict)
        }
    }

    private func flush(_ check: Int) {
        guard let attempt = attempts[check], !attempt.unsent.isEmpty else { return }
        let sent = hasup_check_send(attempt.fd, attempt.unsent, attempt.unsent.count)
        if sent < 0 {
            if sent != -Int(EAGAIN) { finish(check, .error(Int32(-sent))) }
            return
        }
        attempts[check]?.unsent.removeFirst(sent)
        attempts[check]?.progress = loop.now
    }

    private func finish(_ check: Int, _ verdict: CheckVerdict) {
        guard let began = attempts[check]?.began else { return }
        abandon(check)
        onVerdict(check, verdict, Clock.now - began)
    }

    // MARK: Time

    /// Ends what has taken too long. The deadline of one that has gone on meanwhile moves only now.
    func fireTimeouts(at now: Instant) {
        while let check = deadlines.popDue(at: now) {
            guard let attempt = attempts[check] else { continue }
            let due = min(attempt.progress + attempt.timeout, attempt.limit)
            if due > now {
                deadlines.set(check, to: due)
            } else {
                feed(check, now >= attempt.limit ? .overdue : .timedOut)
            }
        }
    }
}
