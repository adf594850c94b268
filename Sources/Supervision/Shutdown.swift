import Base

/// Events that a shutdown of hasupd depends on.
package enum ShutdownEvent: Hashable, Sendable {
    /// hasupd is to hand over and end, for this reason.
    case stop(String)
    /// hasupd is to end, and its successor is to go on with its state.
    case park
    /// The checker was started.
    case checkerStarted
    /// The VRRP worker is gone for good.
    case vrrpFinished
    /// The checker is gone for good.
    case checkerFinished
    /// No script runs or waits.
    case scriptsFinished
    /// The scripts' time is over.
    case timeout
}

/// Steps of a shutdown.
package enum ShutdownAction: Hashable, Sendable {
    /// Ask the workers to hand over and end, for this reason.
    case stopWorkers(String)
    /// Leave the VRRP worker in its grace.
    case leaveWorkers
    /// Start the scripts that still wait. `scriptsFinished` follows, or after this time `timeout`.
    case finishScripts(within: Interval)
    /// End the loop.
    case end
}

package enum ShutdownPhase: Hashable, Sendable {
    case running
    case parked
    case stoppingWorkers
    case finishingScripts
    case ended
}

/// The shutdown of hasupd: first its workers end, then the scripts of their last notifications.
package struct Shutdown: Sendable {
    /// Time for the scripts after the workers have ended (behaviours §4).
    package static let scriptTimeout = Interval.seconds(1)

    package private(set) var phase = ShutdownPhase.running
    private var isVRRPFinished = false
    private var isCheckerFinished = true

    package init() {}

    /// Applies an event. The actions are to be performed in order.
    package mutating func handle(_ event: ShutdownEvent) -> [ShutdownAction] {
        switch event {
        case .stop(let reason):
            // It overrides a park that came in the same turn: the loop hasn't ended yet.
            guard phase == .running || phase == .parked else { return [] }
            phase = .stoppingWorkers
            return [.stopWorkers(reason)]
        case .park:
            guard phase == .running else { return [] }
            phase = .parked
            return [.leaveWorkers, .end]
        case .checkerStarted:
            isCheckerFinished = false
            return []
        case .vrrpFinished:
            isVRRPFinished = true
            return finishScripts()
        case .checkerFinished:
            isCheckerFinished = true
            return finishScripts()
        case .scriptsFinished, .timeout:
            guard phase == .finishingScripts else { return [] }
            phase = .ended
            return [.end]
        }
    }

    private mutating func finishScripts() -> [ShutdownAction] {
        guard phase == .stoppingWorkers, isVRRPFinished, isCheckerFinished else { return [] }
        phase = .finishingScripts
        return [.finishScripts(within: Self.scriptTimeout)]
    }
}
