import Base
import CLinux
import Configuration
import Glibc
import Logging
import Reactor
import Supervision

/// A script with everything that is needed to run it.
struct ScriptCommand {
    var arguments: [String]
    var user: String?
    var group: String?
    var supplementaryGroups: Bool
    var isSecurityEnabled: Bool

    init(_ script: NotifyScript, global: GlobalSettings) {
        let identity = script.identity ?? global.scriptUser
        arguments = script.arguments
        user = identity?.user
        group = identity?.group
        supplementaryGroups = identity?.supplementaryGroups ?? false
        isSecurityEnabled = global.scriptSecurity
    }
}

/// Runs notify scripts as their users, each in a process group of its own, one transition of an instance at a time.
final class ScriptRunner {
    private struct Queued {
        var run: ScriptRun
        var global: GlobalSettings
    }

    private let loop: EventLoop
    private let log: Logger
    private var queue = NotificationQueue<Queued>()
    private var children: [Int32: ChildProcess] = [:]
    /// Called when nothing runs or waits any more.
    var onIdle: (() -> Void)?

    init(on loop: EventLoop, log: Logger) {
        self.loop = loop
        self.log = log
    }

    /// Transitions of an instance whose scripts were skipped because a later one had overtaken them.
    func skipped(_ instance: String) -> Int { queue.skipped(of: instance) }
    /// Whether nothing runs or waits.
    var isIdle: Bool { children.isEmpty && queue.isIdle }

    func add(_ run: ScriptRun, global: GlobalSettings) {
        let queued = Queued(run: run, global: global)
        if let next = queue.add(queued, of: run.instance, scripts: run.scripts.count) { start(next) }
    }

    private func start(_ queued: Queued) {
        for script in queued.run.scripts {
            let command = ScriptCommand(script, global: queued.global)
            let instance = queued.run.instance
            let name = command.arguments.first ?? "?"
            do throws(SystemError) {
                let child = try ChildProcess.spawn(
                    path: "/proc/self/exe", arguments: ExecRole.arguments(for: command),
                    environment: Self.environment, descriptors: [], on: loop
                ) { [weak self] pid, exit in
                    self?.ended(pid, exit, script: name, instance: instance)
                }
                children[child.pid] = child
                log.debug("\(instance): started \(name) (pid \(child.pid))")
            } catch {
                log.error("\(instance): can't start \(name): \(error)")
                finish(instance)
            }
        }
    }

    private func ended(_ pid: Int32, _ exit: WorkerExit, script: String, instance: String) {
        children[pid] = nil
        switch exit {
        case .code(0): break
        case .code(ExecRole.refused):
            log.error("\(instance): script \(script) was refused: see the line before")
        case .code(ExecRole.notExecutable):
            log.error("\(instance): script \(script) can't be executed: see the line before")
        case .code, .signal:
            log.warning("\(instance): script \(script) ended with \(exit)")
        }
        finish(instance)
        if isIdle { onIdle?() }
    }

    private func finish(_ instance: String) {
        guard let next = queue.ended(of: instance) else { return }
        queue.started(of: instance, scripts: next.run.scripts.count)
        start(next)
    }

    /// hasupd's own environment without what changes how programs are loaded or shells split words (behaviours §5).
    static let environment: [String] = {
        var result: [String] = []
        var entry = environ
        while let text = entry.pointee {
            let line = String(cString: text)
            let name = line.prefix { $0 != "=" }
            if name != "IFS", !name.hasPrefix("LD_"), name != "NOTIFY_SOCKET", name != "LISTEN_FDS" {
                result.append(line)
            }
            entry += 1
        }
        return result
    }()
}
