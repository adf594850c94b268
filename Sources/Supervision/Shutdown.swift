import Base

/// Events that a shutdown of hasupd depends on.
package enum ShutdownEvent: Hashable, Sendable {
    /// hasupd is to hand over and end, for this reason.
    case stop(String, ShutdownLimits)
    /// hasupd is to end, and its successor is to go on with its state.
    case park
    /// The checker was started.
    case checkerStarted
    /// The VRRP worker is gone for good.
    case vrrpFinished
    /// The checker is gone for good.
    case checkerFinished
    /// No script runs or waits, no FIFO has a reader, and no virtual server is in IPVS.
    case scriptsFinished
    /// shutdown_script has ended, or was ended.
    case shutdownScriptFinished
    /// The time of the last action is over.
    case timeout
}

/// The time limits of a shutdown by the configuration.
package struct ShutdownLimits: Hashable, Sendable {
    /// child_wait_time: the time for workers, scripts and readers together, with that of hooks; nil when it isn't written.
    package var total: Interval?
    /// The time of shutdown_script, which comes after that; nil without one.
    package var shutdownScript: Interval?
    /// The time of before_releases, which workers wait for: it is added to child_wait_time.
    package var hooks: Interval

    package init(total: Interval? = nil, shutdownScript: Interval? = nil, hooks: Interval = .zero) {
        self.total = total.map { $0 + hooks }
        self.shutdownScript = shutdownScript
        self.hooks = hooks
    }

    /// The time after which workers are killed. However short the whole is, they get to hand over.
    package var workers: Interval {
        min(max(.seconds(1), total.map { $0 - hooks } ?? .seconds(3600)), WorkerLife.stopLimit) + hooks
    }

    /// The longest time that a shutdown takes, and a second.
    package var longest: Interval {
        let children = max(workers, total ?? workers + Shutdown.scriptTimeout + Shutdown.endTimeout)
        return children + (shutdownScript.map { $0 + Shutdown.endTimeout } ?? .zero) + .seconds(1)
    }
}

/// Steps of a shutdown.
package enum ShutdownAction: Hashable, Sendable {
    /// Ask the workers to hand over and end, for this reason; kill them after this time.
    case stopWorkers(String, within: Interval)
    /// Leave the VRRP worker in its grace.
    case leaveWorkers
    /// Take the virtual servers out of IPVS: the checker, which knows their states, has ended. `scriptsFinished` waits for
    /// that, too.
    case removeServices
    /// Start the scripts that still wait, and let FIFOs' readers come to their end. `scriptsFinished` follows, or after
    /// this time `timeout`.
    case finishScripts(within: Interval)
    /// Send SIGTERM to scripts and readers. `scriptsFinished` follows, or after this time `timeout`.
    case terminateScripts(within: Interval)
    /// Send SIGKILL to them.
    case killScripts
    /// Run shutdown_script. `shutdownScriptFinished` follows.
    case runShutdownScript
    /// End the loop.
    case end
}

package enum ShutdownPhase: Hashable, Sendable {
    case running
    case parked
    case stoppingWorkers
    case finishingScripts
    case terminatingScripts
    case runningShutdownScript
    case ended
}

/// The shutdown of hasupd: first its workers end, then the scripts of their last notifications and the readers of FIFOs,
/// then shutdown_script runs.
package struct Shutdown: Sendable {
    /// Time for scripts and readers after the workers have ended, when child_wait_time isn't written.
    package static let scriptTimeout = Interval.seconds(5)
    /// Time for what has got SIGTERM.
    package static let endTimeout = Interval.seconds(1)

    package private(set) var phase = ShutdownPhase.running
    private var isVRRPFinished = false
    private var isCheckerFinished = true
    private var limits = ShutdownLimits()
    private var beganAt = Instant(nanoseconds: 0)

    package init() {}

    /// Applies an event. The actions are to be performed in order.
    package mutating func handle(_ event: ShutdownEvent, at now: Instant) -> [ShutdownAction] {
        switch event {
        case .stop(let reason, let limits):
            // It overrides a park that came in the same turn: the loop hasn't ended yet.
            guard phase == .running || phase == .parked else { return [] }
            phase = .stoppingWorkers
            self.limits = limits
            beganAt = now
            return [.stopWorkers(reason, within: limits.workers)]
        case .park:
            guard phase == .running else { return [] }
            phase = .parked
            return [.leaveWorkers, .end]
        case .checkerStarted:
            isCheckerFinished = false
            return []
        case .vrrpFinished:
            isVRRPFinished = true
            return finishScripts(at: now)
        case .checkerFinished:
            isCheckerFinished = true
            return finishScripts(at: now)
        case .scriptsFinished:
            guard phase == .finishingScripts || phase == .terminatingScripts else { return [] }
            return runShutdownScript()
        case .timeout:
            switch phase {
            case .finishingScripts:
                phase = .terminatingScripts
                return [.terminateScripts(within: remaining(at: now) ?? Self.endTimeout)]
            case .terminatingScripts: return [.killScripts] + runShutdownScript()
            default: return []
            }
        case .shutdownScriptFinished:
            guard phase == .runningShutdownScript else { return [] }
            phase = .ended
            return [.end]
        }
    }

    private mutating func finishScripts(at now: Instant) -> [ShutdownAction] {
        guard phase == .stoppingWorkers, isVRRPFinished, isCheckerFinished else { return [] }
        phase = .finishingScripts
        let limit = remaining(at: now).map { max(.zero, $0 - Self.endTimeout) }
        return [.removeServices, .finishScripts(within: limit ?? Self.scriptTimeout)]
    }

    /// The rest of child_wait_time.
    private func remaining(at now: Instant) -> Interval? {
        limits.total.map { max(.zero, beganAt + $0 - now) }
    }

    private mutating func runShutdownScript() -> [ShutdownAction] {
        guard limits.shutdownScript != nil else {
            phase = .ended
            return [.end]
        }
        phase = .runningShutdownScript
        return [.runShutdownScript]
    }
}
