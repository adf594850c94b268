import Base
import ConfigurationModel
import Glibc
import Logging
import Reactor
import Supervision

/// startup_script or shutdown_script: one run, which is ended when its time is over. As in keepalived its failure is told
/// and changes nothing.
final class LifecycleScript {
    /// The keyword.
    private let name: String
    private let loop: EventLoop
    private let log: Logger
    private var script: ScriptProcess?
    private var running: RunningScripts
    private var timer: Timer?
    private var completion: (() -> Void)?

    private init(_ name: String, _ limit: Interval, on loop: EventLoop, log: Logger) {
        self.name = name
        self.loop = loop
        self.log = log
        running = RunningScripts(limit: limit, timeout: Shutdown.endTimeout)
        timer = loop.makeTimer { [unowned self] in self.checkTime() }
    }

    deinit { if let timer { loop.remove(timer) } }

    /// Starts it. The completion is called once: when it has ended, or can't be started.
    static func start(
        _ script: DaemonScript, _ name: String, _ global: GlobalSettings, _ limits: ScriptLimits, on loop: EventLoop,
        log: Logger, _ completion: @escaping () -> Void
    ) -> LifecycleScript {
        let run = LifecycleScript(name, script.timeout, on: loop, log: log)
        let command = ScriptCommand(
            NotifyScript(trigger: .any, arguments: script.arguments, identity: script.identity), global: global)
        do throws(SystemError) {
            let process = try ScriptProcess.start(command, limits, on: loop) { [weak run] pid, exit in
                run?.ended(pid, exit)
            }
            process.child.isKept = true
            run.script = process
            run.completion = completion
            run.running.started(process.child.pid, at: loop.now)
            run.checkTime()
            log.notice("\(name): \(command.name) runs (pid \(process.child.pid))")
        } catch {
            log.error("\(name): can't start \(command.name): \(error)")
            completion()
        }
        return run
    }

    var isRunning: Bool { script != nil }

    /// Asks it to end before its time.
    func terminate() {
        for measure in running.terminateAll(at: loop.now) { take(measure) }
        checkTime()
    }

    private func ended(_ pid: Int32, _ exit: WorkerExit) {
        guard let script else { return }
        let wasTooLong = running.ended(pid, keepsNumber: false)
        // What it has started may go on, unless its time was over.
        if wasTooLong { script.child.killGroup() }
        script.child.reap()
        self.script = nil
        if let failure = script.failure(exit), !wasTooLong { log.error("\(name): \(script.name): \(failure.text)") }
        if let timer { loop.set(timer, to: .never) }
        let completion = self.completion
        self.completion = nil
        completion?()
    }

    private func checkTime() {
        for measure in running.due(at: loop.now) { take(measure) }
        if let timer { loop.set(timer, to: running.deadline) }
    }

    private func take(_ measure: RunningScripts.Measure) {
        guard let script else { return }
        switch measure {
        case .terminate(let group):
            log.error("\(name): \(script.name) is still running: sending SIGTERM")
            kill(-group, SIGTERM)
        case .kill(let group):
            log.error("\(name): \(script.name) is still running after SIGTERM: sending SIGKILL")
            kill(-group, SIGKILL)
        }
    }
}
