import CLinux
import Glibc
import Reactor
import Supervision

/// A script that runs, in a process group of its own.
final class ScriptProcess {
    let child: ChildProcess
    let name: String
    /// The socket for the reason why `hasup-exec` doesn't become the script; nil for a script that the predecessor has started.
    private let complaints: Descriptor?

    private init(_ child: ChildProcess, name: String, complaints: consuming Descriptor? = nil) {
        self.child = child
        self.name = name
        self.complaints = complaints
    }

    /// A script that the predecessor has started.
    convenience init(adopted child: ChildProcess) { self.init(child, name: "of the previous hasupd") }

    /// Starts it, as its user. - Throws: `SystemError`.
    static func start(
        _ command: ScriptCommand, _ limits: ScriptLimits, on loop: EventLoop,
        onExit: @escaping (Int32, WorkerExit) -> Void
    ) throws(SystemError) -> ScriptProcess {
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let complaints = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        let child = try ChildProcess.spawn(
            path: "/proc/self/exe", arguments: ExecRole.arguments(for: command, limits),
            environment: ExecRole.environment, descriptors: [theirs.number], on: loop, onExit: onExit)
        return ScriptProcess(child, name: command.name, complaints: complaints)
    }

    /// The failure that its end stands for.
    struct Failure {
        /// A clause.
        let text: String
        /// True if it was refused, and didn't run.
        let isRefused: Bool
    }

    /// Returns the failure that this end stands for; nil for success, and for an end that isn't known.
    func failure(_ exit: WorkerExit) -> Failure? {
        switch exit {
        case .code(0), .unknown: return nil
        case .code(ExecRole.refused), .code(ExecRole.notExecutable):
            // The script itself may end like that, too: then there is no complaint.
            let reason = complaint
            return Failure(
                text: reason ?? "ended with \(exit)", isRefused: exit == .code(ExecRole.refused) && reason != nil)
        case .code, .signal: return Failure(text: "ended with \(exit)", isRefused: false)
        }
    }

    /// At most a line's worth.
    private var complaint: String? {
        switch complaints {
        case .none: return nil
        case .some(let complaints):
            var buffer = [UInt8](repeating: 0, count: 512)
            let count = recv(complaints.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            return count > 0 ? String(decoding: buffer[0..<count], as: UTF8.self) : nil
        }
    }
}

extension ScriptCommand {
    /// The program as it was written.
    var name: String { arguments.first ?? "?" }
}
