import Base
import Glibc
import Logging
import Reactor

/// Checks each second that the run directory, the control socket and the file of the locks are in place. A loss is logged
/// and shown by status; SIGHUP makes what is missing anew.
final class RunDirectoryMonitor {
    private static let period = Interval.seconds(1)

    private let context: DaemonContext
    private let socket: ControlSocket
    private let locks: VirtualRouterLocks?
    private var timer: Timer?
    /// Losses that the last check found.
    private var losses: [String] = []
    /// The reason that what is missing can't be made anew, sentences.
    private var restoreFailure: String?

    init(_ context: DaemonContext, _ socket: ControlSocket, _ locks: VirtualRouterLocks?) {
        self.context = context
        self.socket = socket
        self.locks = locks
        timer = context.loop.makeTimer { [unowned self] in
            self.check()
            self.start()
        }
    }

    func start() {
        if let timer { context.loop.set(timer, to: Clock.now + Self.period) }
    }

    func stop() {
        if let timer { context.loop.set(timer, to: .never) }
    }

    var problems: [String] { [missing, locks?.problem].compactMap { $0 } }

    /// Logs losses that the check before didn't find.
    func check() {
        let found = problems
        for problem in found where !losses.contains(problem) { context.log.error("\(problem)") }
        losses = found
    }

    /// Sentences on what is missing in the run directory, with a remedy; nil when all is in place.
    private var missing: String? {
        var sentences: [String] = []
        if !context.directory.isInPlace {
            sentences.append(
                "The run directory \(context.paths.runDirectory) was removed: history and the state for the next start "
                    + "aren't saved.")
        }
        if !socket.isInPlace { sentences.append("The control socket was removed or replaced: `hasup` can't connect.") }
        guard !sentences.isEmpty else { return nil }
        sentences.append(restoreFailure ?? "`kill -HUP \(getpid())` creates what is missing.")
        return sentences.joined(separator: " ")
    }

    /// The sentences on a run directory without which the next hasupd couldn't start; nil when it is in place.
    var missingDirectory: String? { context.directory.isInPlace ? nil : missing }

    /// Makes the run directory and the control socket anew where they are missing. Returns false when nothing was, or when
    /// that failed.
    ///
    /// - Parameter refill: writes the files of a new run directory.
    func restore(refill: () -> Void) -> Bool {
        restoreFailure = nil
        guard missing != nil else { return false }
        var failures: [String] = []
        if !context.directory.isInPlace {
            do throws(StartError) {
                try context.directory.restore()
                context.paths.enterRunDirectory()
                refill()
            } catch {
                failures.append("It can't be created: \(error.message.asSentence) Restart hasupd.")
            }
        }
        if !socket.isInPlace {
            do throws(SystemError) { try socket.restore() } catch {
                failures.append("It can't be created: \(error).")
            }
        }
        restoreFailure = failures.isEmpty ? nil : failures.joined(separator: " ")
        check()
        return failures.isEmpty
    }

    /// Gives the run directory to the operators' group again: a command of the unit may have run, for which systemd has
    /// taken it back.
    func readmitOperators() {
        if let group = context.host.operatorGroup { context.directory.readmit(group) }
    }
}
