import Base
import ConfigurationModel
import Supervision

// startup_script and shutdown_script, around the work of the workers. A restart that goes on with a worker's state is neither
// a start nor a stop.
extension Daemon {
    /// - Parameter completion: called when it has ended, or at once when there is none. Not when hasupd is to end by then.
    func runStartupScript(_ completion: @escaping () -> Void) {
        guard let script = generation.global.daemon.startupScript else { return completion() }
        service.notify(.starting(within: script.timeout + Shutdown.endTimeout + .seconds(5)))
        run(script, "startup_script") { [unowned self] in
            if self.isStopping { self.scriptsEnded() } else { completion() }
        }
    }

    /// - Parameter completion: called when it has ended.
    func runShutdownScript(_ completion: @escaping () -> Void) {
        guard let script = generation.global.daemon.shutdownScript else { return completion() }
        run(script, "shutdown_script", completion)
    }

    private func run(_ script: DaemonScript, _ name: String, _ completion: @escaping () -> Void) {
        lifecycleScript = LifecycleScript.start(
            script, name, generation.global, scripts.limits, on: loop, log: log, completion)
    }
}

extension DaemonSettings {
    /// The time limits of a shutdown.
    var shutdownLimits: ShutdownLimits {
        ShutdownLimits(total: childWaitTime, shutdownScript: shutdownScript?.timeout)
    }
}
