import Base
import CLinux
import ConfigurationModel
import Glibc
import LoadBalancing
import Reactor
import WorkerProtocol

/// The connections of checks: it feeds their machines with what comes, and keeps their times.
///
/// A check has at most one. What an attempt costs decides what thousands of checks cost: socket, connect, one registration
/// with epoll, close, and no timer call of its own (docs/decisions, D76, D77).
final class CheckConnections {
    /// Bytes that are read at once.
    private static let readMax = 65_536
    /// Reads of one connection in a turn.
    private static let readsMax = 16
    /// Time of one part of a turn, events or what is left, after which no other connection is read in it: bytes and their
    /// examination take it.
    private static let readingMax = Interval.milliseconds(20)
    /// Bytes of all bodies at one time.
    private static let heldBytesMax = 256 << 20
    /// Bytes of a body that stays however many the others have.
    private static let smallBodyMax = 65_536

    /// An attempt under way. An object, because few of thousands of checks have one at a time, and because what it has
    /// gathered is never copied.
    final class Attempt {
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
        var tls: TLSStream?
        var serverName: String?
        /// True if TLS has to end as its standard says.
        var isStrict = false
        /// True if hasupd has made the socket.
        var isGiven = false
        /// True if the socket can be used again: nothing of the connection has to be brought to an end.
        var isReusable = false
        /// True if more is to be read without a new event.
        var isUnread = false
        /// Bytes of the body that it has gathered.
        var heldBytes = 0

        init(
            _ machine: CheckMachine, _ settings: CheckSettings, timeout: Interval, fd: Int32, watch: Watch,
            at now: Instant
        ) {
            self.machine = machine
            self.fd = fd
            self.watch = watch
            (began, progress) = (now, now)
            self.timeout = timeout
            limit = now + max(settings.schedule?.interval ?? .zero, timeout * 3)
        }
    }

    /// Edge-triggered and added after connect(): what has happened already is told, too.
    private static let interest: Readiness = [.readable, .writable, .readHungUp, .edgeTriggered]

    private let loop: EventLoop
    private let onVerdict: (_ check: Int, CheckVerdict, _ duration: Interval) -> Void
    /// By the check's number.
    private var attempts: [Attempt?] = []
    private var deadlines = DeadlineHeap()
    private let examiner = BodyExaminer()
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readMax, alignment: 16)
    private var openCount = 0
    private let openMax: Int
    private var sessions = ResumableSessions<TLSSession>()
    private var identity = TLSIdentity()
    /// Connections of which more is to be read without a new event, in their order.
    private var unread: [Int] = []
    private var heldBytes = 0
    /// Sockets that hasupd has made, while no attempt uses them (docs/decisions, D78).
    private var kept: [Int: Int32] = [:]
    /// Checks whose local port only hasupd may bind to.
    private var privileged: Set<Int> = []

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

    /// The next time at which `fire` is wanted.
    var deadline: Instant { unread.isEmpty ? deadlines.first?.deadline ?? .never : loop.now }

    /// Another configuration comes: what was made for the one before is given up.
    func follow(_ settings: TLSClientSettings, _ credentials: TLSCredentials) {
        examiner.forgetPatterns()
        if identity.follow(settings, credentials) { sessions.forgetAll() }
    }

    /// The check is gone, and another one may get its number.
    func forget(_ check: Int) {
        sessions.forget(check)
        privileged.remove(check)
        if let socket = kept.removeValue(forKey: check) { close(socket) }
    }

    /// Takes the socket that hasupd has made for a check.
    func take(_ socket: consuming Descriptor, of check: Int) {
        if let former = kept.updateValue(socket.release(), forKey: check) { close(former) }
    }

    // MARK: Beginning

    enum Start {
        case begun
        /// Too many are open.
        case full
        /// hasupd has to make its socket.
        case needsSocket
        case verdict(CheckVerdict)
    }

    /// Begins an attempt.
    func start(_ check: Int, _ settings: CheckSettings, request: Int) -> Start {
        guard openCount + kept.count < openMax || kept[check] != nil else { return .full }
        guard let endpoint = settings.endpoint,
            let machine = CheckMachine(settings, request: request, random: Self.random(for: settings.kind))
        else { return .verdict(CheckVerdict(.untried, .unsupported)) }
        var http: (check: HTTPCheck, request: HTTPRequest)?
        if case .http(let found) = settings.kind { http = (found, found.requests[request]) }
        if let pattern = http?.request.pattern, examiner.failure(of: pattern) != nil {
            return .verdict(CheckVerdict(.untried, .patternNotCompiled))
        }
        if http?.check.isEncrypted == true, !identity.isUsable {
            return .verdict(CheckVerdict(.untried, .credentials))
        }
        let given = kept.removeValue(forKey: check)
        if given == nil, endpoint.firewallMark != 0 || privileged.contains(check) { return .needsSocket }
        var target = Self.target(of: settings, endpoint, isStrict: http?.request.isTLSCompliant ?? false)
        var isLocal: Int32 = 0
        let fd = hasup_check_connect(&target, given ?? -1, &isLocal)
        guard fd >= 0 else {
            if let given { keep(given, of: check) }
            if fd == -EMFILE || fd == -ENFILE { return .full }
            sessions.forget(check)
            if fd == -EACCES, given == nil, endpoint.localPort != 0, settings.kind != .ping {
                privileged.insert(check)
                return .needsSocket
            }
            return .verdict(isLocal != 0 ? Self.untried(-fd, settings.kind) : .error(-fd))
        }
        var tls: TLSStream?
        if let http, http.check.isEncrypted {
            let name = http.request.serverName
            tls = TLSStream(
                over: fd, serverName: name, session: sessions.session(of: check, for: name, at: loop.now))
            guard tls != nil else {
                close(fd)
                return .verdict(CheckVerdict(.untried, .unsupported))
            }
        }
        let watch: Watch
        do throws(SystemError) {
            watch = try loop.add(fd, Self.interest) { [unowned self] ready in self.serve(check, ready) }
        } catch {
            close(fd)
            return .verdict(Self.untried(error.code, settings.kind))
        }
        while attempts.count <= check { attempts.append(nil) }
        let attempt = Attempt(machine, settings, timeout: endpoint.timeout, fd: fd, watch: watch, at: loop.now)
        attempt.tls = tls
        attempt.serverName = http?.request.serverName
        attempt.isStrict = http?.request.isTLSCompliant ?? false
        attempt.isGiven = given != nil
        attempt.isReusable = target.resets != 0 || target.transport != HASUP_CHECK_TCP
        attempts[check] = attempt
        openCount += 1
        deadlines.set(check, to: attempt.began + endpoint.timeout)
        return .begun
    }

    /// Drawn only where it is used: it is a system call.
    private static func random(for kind: CheckKind) -> UInt64 {
        switch kind {
        case .dns, .ping: UInt64.random(in: 0 ... .max)
        default: 0
        }
    }

    private static func target(
        of settings: CheckSettings, _ endpoint: CheckEndpoint, isStrict: Bool
    ) -> hasup_check_target {
        var target = hasup_check_target(settings.kind, endpoint)
        switch settings.kind {
        case .tcp where !endpoint.lingers:
            target.resets = 1
            target.withholds_acknowledgement = 1
        case .http: target.resets = isStrict || endpoint.lingers ? 0 : 1
        default: break
        }
        return target
    }

    /// The verdict on what this machine lacks.
    static func untried(_ number: Int32, _ kind: CheckKind) -> CheckVerdict {
        switch number {
        case EADDRNOTAVAIL: CheckVerdict(.untried, .noLocalAddress)
        case ENODEV: CheckVerdict(.untried, .noDevice)
        case ENETUNREACH, ENETDOWN: CheckVerdict(.untried, .deviceDown)
        case EACCES where kind == .ping: CheckVerdict(.untried, .pingForbidden)
        case EACCES, EPERM: CheckVerdict(.untried, .noRight)
        case EMFILE, ENFILE: CheckVerdict(.untried, .noDescriptor)
        default: CheckVerdict(.untried, .localError, detail: number)
        }
    }

    /// Closes a check's connection; nobody is told.
    func abandon(_ check: Int) {
        guard let attempt = attempt(check) else { return }
        attempts[check] = nil
        heldBytes -= attempt.heldBytes
        openCount -= 1
        deadlines.set(check, to: nil)
        if attempt.isGiven, attempt.isReusable {
            loop.remove(attempt.watch)
            return keep(attempt.fd, of: check)
        }
        loop.forget(attempt.watch)
        if attempt.isStrict { attempt.tls?.end() }
        close(attempt.fd)
    }

    /// Keeps the socket that hasupd has made for the next attempt.
    private func keep(_ socket: Int32, of check: Int) {
        if hasup_check_disconnect(socket) == 0 { kept[check] = socket } else { close(socket) }
    }

    // MARK: What comes

    private func attempt(_ check: Int) -> Attempt? { attempts.indices.contains(check) ? attempts[check] : nil }

    private func serve(_ check: Int, _ ready: Readiness) {
        guard let attempt = attempt(check) else { return }
        if ready.contains(.failed) {
            // What came before the error counts, and reading tells the error.
            if attempt.isConnected { read(check, attempt) }
            guard attempts[check] === attempt, !attempt.isUnread else { return }
            let error = hasup_socket_error(attempt.fd)
            return feed(check, attempt, .failed(error == 0 ? ECONNRESET : error))
        }
        let wasConnected = attempt.isConnected
        if !wasConnected {
            guard ready.contains(.writable) else { return }
            attempt.isConnected = true
            if attempt.tls == nil { feed(check, attempt, .connected) }
        }
        if let tls = attempt.tls, !tls.isReady {
            goOn(check, attempt, tls)
        } else if wasConnected, ready.contains(.writable) {
            flush(check, attempt)
        }
        guard attempts[check] === attempt else { return }
        if ready.contains(.readable) || ready.contains(.readHungUp) || ready.contains(.hungUp) { read(check, attempt) }
    }

    /// Goes on with a handshake.
    private func goOn(_ check: Int, _ attempt: Attempt, _ tls: TLSStream) {
        do throws(TLSStream.Failure) {
            try tls.handshake()
            feed(check, attempt, .connected)
        } catch {
            switch error {
            case .again: attempt.progress = loop.now
            case .reset: finish(check, attempt, .error(ECONNRESET))
            case .ended, .cut, .failed: finish(check, attempt, .failed(.tls))
            }
        }
    }

    private func read(_ check: Int, _ attempt: Attempt) {
        guard attempt.tls?.isReady != false else { return }
        for _ in 0..<Self.readsMax {
            guard !isReadingOver else { break }
            switch receive(attempt) {
            case .wait: return
            case .bytes(let count):
                feed(check, attempt, .received(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
                // What it brings may be the end of this attempt and the beginning of the next one.
                guard attempts[check] === attempt else { return }
            case .input(let input): return feed(check, attempt, input)
            case .verdict(let verdict): return finish(check, attempt, verdict)
            }
        }
        // The others come first; nothing tells of these bytes again.
        guard !attempt.isUnread else { return }
        attempt.isUnread = true
        unread.append(check)
    }

    /// True if the others, and the stamp that says that this process is alive, come first.
    private var isReadingOver: Bool { Clock.now - loop.now > Self.readingMax }

    private enum Received {
        case wait
        case bytes(Int)
        case input(MachineInput)
        case verdict(CheckVerdict)
    }

    private func receive(_ attempt: Attempt) -> Received {
        guard let tls = attempt.tls else {
            let count = hasup_check_receive(attempt.fd, buffer.baseAddress, buffer.count)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .input(.ended) }
            return count == -Int(EAGAIN) ? .wait : .input(.failed(Int32(-count)))
        }
        do throws(TLSStream.Failure) {
            return .bytes(try tls.read(into: buffer))
        } catch {
            switch error {
            case .again: return .wait
            case .ended: return .input(.ended)
            case .cut: return attempt.isStrict ? .verdict(.failed(.closedEarly)) : .input(.ended)
            case .reset: return .input(.failed(ECONNRESET))
            case .failed: return .verdict(.failed(.tls))
            }
        }
    }

    private func feed(_ check: Int, _ attempt: Attempt, _ input: MachineInput) {
        attempt.progress = loop.now
        var step = attempt.machine.handle(input)
        if case .examine(let examination) = step {
            step = attempt.machine.handle(.examined(examiner.examine(examination)))
        }
        let gathered = attempt.machine.bodyBytes
        heldBytes += gathered - attempt.heldBytes
        attempt.heldBytes = gathered
        if case .wait = step, gathered > Self.smallBodyMax, heldBytes > Self.heldBytesMax {
            step = .finish(.failed(.bodyTooLong))
        }
        switch step {
        case .wait, .examine: break
        case .send(let bytes):
            attempt.unsent += bytes
            flush(check, attempt)
        case .finish(let verdict): finish(check, attempt, verdict)
        }
    }

    private func flush(_ check: Int, _ attempt: Attempt) {
        guard !attempt.unsent.isEmpty else { return }
        let sent: Int
        if let tls = attempt.tls {
            do throws(TLSStream.Failure) {
                sent = try tls.write(attempt.unsent)
            } catch {
                if case .again = error { return }
                if case .reset = error { return finish(check, attempt, .error(ECONNRESET)) }
                return finish(check, attempt, .failed(.tls))
            }
        } else {
            sent = hasup_check_send(attempt.fd, attempt.unsent, attempt.unsent.count)
            if sent < 0 {
                if sent != -Int(EAGAIN) { finish(check, attempt, .error(Int32(-sent))) }
                return
            }
        }
        attempt.unsent.removeFirst(sent)
        attempt.progress = loop.now
    }

    private func finish(_ check: Int, _ attempt: Attempt, _ verdict: CheckVerdict) {
        if let tls = attempt.tls {
            let session = verdict.outcome == .passed ? tls.session : nil
            sessions.keep(session, of: check, for: attempt.serverName, at: loop.now)
        }
        abandon(check)
        onVerdict(check, verdict, Clock.now - attempt.began)
    }

    // MARK: Time

    /// Reads what was left, and ends what has taken too long. The deadline of one that has gone on meanwhile moves only now.
    func fire(at now: Instant) {
        readLeft()
        while let check = deadlines.popDue(at: now) {
            guard let attempt = attempts[check] else { continue }
            // What waits for this process to read it isn't late.
            let progress = attempt.isUnread ? now : attempt.progress
            let due = min(progress + attempt.timeout, attempt.limit)
            if due > now {
                deadlines.set(check, to: due)
            } else {
                feed(check, attempt, now >= attempt.limit ? .overdue : .timedOut)
            }
        }
    }

    private func readLeft() {
        let left = unread
        unread = []
        for (place, check) in left.enumerated() {
            guard !isReadingOver else {
                // They come before those that have had their turn.
                unread.insert(contentsOf: left[place...], at: 0)
                return
            }
            guard let attempt = attempts[check], attempt.isUnread else { continue }
            attempt.isUnread = false
            read(check, attempt)
        }
    }
}
