import Base
import Configuration
import ConfigurationModel
import VRRP

/// Observations before a transition that explain it better than the transition does.
struct TransitionContext {
    /// An advert that was discarded.
    struct Refused {
        var reason: DiscardReason
        var source: IPAddress
        /// As `Observation.discarded` explains it.
        var detail: UInt32
    }

    /// The last advert that came while no master was heard.
    var refused: Refused?
    /// The fault that a transition out of FAULT ends.
    var fault: Fault?
}

/// The contexts of the last transitions, by the names of instances.
struct TransitionContexts {
    /// Names that are remembered: reloads may bring new ones for ever.
    private static let namesMax = 16_384

    private struct Memory {
        var refused: (advert: TransitionContext.Refused, wallNanoseconds: Int64)?
        var fault: Fault?
        var last = TransitionContext()
    }

    private var memories: [String: Memory] = [:]

    /// Takes an observation in. - Returns: the context of a transition.
    mutating func add(_ observation: Observation, _ settings: InstanceSettings, at wallNanoseconds: Int64)
        -> TransitionContext
    {
        switch observation {
        case .discarded(_, let reason, let source, let detail):
            // An advert that is discarded because the instance doesn't run doesn't explain why it heard none.
            guard reason != .notRunning else { break }
            remember(settings.name) {
                $0.refused = (
                    TransitionContext.Refused(reason: reason, source: source, detail: detail), wallNanoseconds
                )
            }
        case .transition(let transition), .earlier(let transition, _):
            let context = context(of: transition, settings, at: wallNanoseconds)
            var fault: Fault?
            if case .fault(let found) = transition.reason { fault = found }
            guard memories[settings.name] != nil || fault != nil else { break }
            remember(settings.name) {
                $0.last = context
                $0.fault = fault
                $0.refused = nil
            }
            return context
        case .accepted, .stalled, .kernelFailure, .addressRemoved, .addressWaits, .foreignAddressFound,
            .foreignAddressGone,
            .addressesStay, .staleAddressesRemoved, .addressesUnadvertised, .rivalMaster, .priorityChanged, .order,
            .takeoverHeld, .clusterNode, .proxyFound,
            .clusterReferences:
            break
        }
        return TransitionContext()
    }

    /// The number of instances with a context.
    var count: Int { memories.count }

    /// The context of this instance's last transition.
    func last(of name: String) -> TransitionContext { memories[name]?.last ?? TransitionContext() }

    private mutating func remember(_ name: String, _ change: (inout Memory) -> Void) {
        if memories.count >= Self.namesMax, memories[name] == nil { memories = [:] }
        change(&memories[name, default: Memory()])
    }

    private func context(
        of transition: Transition, _ settings: InstanceSettings, at wallNanoseconds: Int64
    ) -> TransitionContext {
        guard let memory = memories[settings.name] else { return TransitionContext() }
        switch transition.reason {
        case .masterDown:
            guard let refused = memory.refused else { return TransitionContext() }
            // Reported once a second at most, so the last one may be that much older.
            let wait = settings.advertInterval * Int64(settings.downTimerAdverts + 1) + .seconds(1)
            let age = wallNanoseconds - refused.wallNanoseconds
            return TransitionContext(refused: age >= 0 && age <= wait.nanoseconds ? refused.advert : nil)
        case .recovered: return TransitionContext(fault: memory.fault)
        default: return TransitionContext()
        }
    }
}
