import Base
import CLinux
import ConfigurationModel
import Glibc
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// Sends mails on transitions, each by a `hasup-mail` of its own (docs/decisions, D50). hasupd neither resolves a name nor
/// talks to a server, and waits for none.
final class Mails {
    /// A hasup-mail that runs.
    final class Sending {
        let child: ChildProcess
        let startedAt: Instant
        fileprivate let socket: Descriptor
        /// Its report on its sandbox; nil before it has one.
        fileprivate(set) var sandbox: SandboxReport?
        /// The reason that a mail of it wasn't sent.
        fileprivate var reason: String?

        fileprivate init(_ child: ChildProcess, _ socket: consuming Descriptor) {
            self.child = child
            startedAt = Clock.now
            self.socket = socket
        }
    }

    /// Bounds how long a name server is waited for.
    private static let environment = ["RES_OPTIONS=timeout:3 attempts:2"]

    private let context: DaemonContext
    private let lines: RepeatLog
    private var queue = MailQueue()
    private var generation: Generation
    private(set) var sending: [Int32: Sending] = [:]
    private var timer: Timer?
    /// The reason that the last mail wasn't sent, a clause.
    private var failure: String?

    init(_ context: DaemonContext, _ generation: Generation) {
        self.context = context
        self.generation = generation
        lines = RepeatLog(context.log, on: context.loop)
        timer = context.loop.makeTimer { [unowned self] in self.sendNext() }
    }

    /// Goes on with a new configuration.
    func follow(_ generation: Generation) {
        self.generation = generation
        queue.limitMemory(to: 2 * generation.instanceCount + 1_000)
    }

    /// Sentences for status.
    var problems: [String] {
        var sentences: [String] = []
        if let failure { sentences.append("The last mail wasn't sent: \(failure).") }
        if queue.dropped > 0 {
            let count = counted(Int(clamping: queue.dropped), "mail")
            sentences.append("\(count) dropped: more than \(MailQueue.waitingMax) waited for smtp_server.")
        }
        return sentences
    }

    // MARK: Sending

    /// Mails a transition, if its subject is to be mailed about.
    ///
    /// - Parameter repeats: true for a mail on the state that was mailed last.
    func add(_ notification: PendingNotification, repeats: Bool = false) {
        guard notification.sendsMail else { return }
        guard repeats || !queue.isRepeated(notification.trigger, of: notification.key) else { return }
        let mail = Mail(
            on: notification.trigger, of: notification.key, generation.global, origin,
            at: Clock.wallNanoseconds / 1_000_000_000)
        guard let mail else { return }
        let dropped = queue.dropped
        queue.add(mail, on: notification.trigger, of: notification.key)
        if queue.dropped > dropped {
            lines.write(
                .warning, "",
                "a mail is dropped, the oldest one: more than \(MailQueue.waitingMax) wait for smtp_server")
        }
        sendNext()
    }

    private lazy var origin = Mail.Origin(host: Self.hostName, user: getuid() == 0 ? "root" : "\(getuid())")

    private static var hostName: String {
        var name = [UInt8](repeating: 0, count: 65)
        let failed = name.withUnsafeMutableBytes { $0.baseAddress.map { gethostname($0, 64) } ?? -1 }
        return failed == 0 ? String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) : "localhost"
    }

    private func sendNext() {
        if let mail = queue.next(at: Clock.now) {
            do throws(SystemError) {
                try start([mail], tries: 1) { [weak self] in self?.ended($0, $1) }
            } catch {
                ended(.unknown, error.description)
            }
        }
        if let timer { context.loop.set(timer, to: queue.deadline ?? .never) }
    }

    /// Hands all that waits to a process that outlives hasupd, by 30 s at most.
    func finish() {
        let mails = queue.takeAll()
        if let timer { context.loop.set(timer, to: .never) }
        guard !mails.isEmpty else { return }
        do throws(SystemError) {
            try start(mails, tries: UInt8(MailQueue.triesMax)) { _, _ in }
        } catch {
            lines.write(.warning, "", "\(counted(mails.count, "mail")) not sent: \(error)")
        }
    }

    /// - Parameter onEnd: gets how the process has ended, and the reason that it gives.
    private func start(
        _ mails: [Mail], tries: UInt8, onEnd: @escaping (WorkerExit, String?) -> Void
    ) throws(SystemError) {
        let host = context.host
        let order = MailOrder(generation.global.mail, origin, mails, tries: tries)
        let file = try MappedMemory.sealed(order.bytes, name: "hasup-mail")
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let ours = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        let child = try ChildProcess.spawn(
            path: "/proc/self/exe", arguments: ["hasup-mail"] + host.mailArguments.words, environment: Self.environment,
            descriptors: [theirs.number, host.mailFilter.number, file.number], on: context.loop
        ) { [weak self] pid, exit in
            let ended = self?.sending.removeValue(forKey: pid)
            if let ended { self?.read(ended) }
            onEnd(exit, ended?.reason)
        }
        sending[child.pid] = Sending(child, ours)
    }

    /// Reads what a hasup-mail has reported.
    private func read(_ sending: Sending) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        for _ in 0..<16 {
            let count = recv(sending.socket.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { break }
            let bytes = Array(buffer[1..<count])
            switch MailRole.MailReport(rawValue: buffer[0]) {
            case .sealed: sending.sandbox = Self.report(bytes)
            case .failed: sending.reason = Printable.text(String(decoding: bytes, as: UTF8.self), limit: 400)
            case nil: break
            }
        }
    }

    private static func report(_ bytes: [UInt8]) -> SandboxReport? {
        let read = bytes.withUnsafeBytes { bytes in
            Result { () throws(ByteError) in
                var reader = ByteReader(bytes)
                return try SandboxReport(from: &reader)
            }
        }
        return try? read.get()
    }

    /// The processes that run, with their reports.
    var processes: [Sending] {
        let all = sending.values.sorted { $0.child.pid < $1.child.pid }
        for one in all { read(one) }
        return all
    }

    private func ended(_ exit: WorkerExit, _ reason: String?) {
        if exit == .code(0) {
            failure = nil
            queue.sent()
        } else {
            let reason = reason ?? "hasup-mail ended with \(exit)"
            failure = reason
            let isGivenUp = queue.failed(isFinal: exit == .code(MailRole.final), at: Clock.now)
            lines.write(.warning, "", "a mail wasn't sent: \(reason)\(isGivenUp ? "" : "; it is tried again")")
        }
        sendNext()
    }

    /// Logs the counts of lines that were only counted: before the end.
    func flushRest() { lines.flushRest() }
}
