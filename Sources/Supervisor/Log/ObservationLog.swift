import Base
import ConfigurationModel
import Control
import LogOutput
import Logging
import Reactor
import VRRP

/// The worker's observations: lines of the log, and events for `Watch` and for the history. All of them are written in
/// the turn in which they come: a frame holds few enough (`VRRPToSupervisor.entriesMax`). What repeats is a line a minute
/// with its count (pain point O3).
final class ObservationLog {
    /// Transitions in a minute that are written one by one, of one instance and of all: each is worth its line, unless the
    /// worker is hostile.
    private static let transitionsOfOneMax = 600
    private static let transitionsMax = 10_000

    private let lines: RepeatLog
    /// The lines of transitions. Their kinds are instances, which the configuration bounds; others' kinds don't displace
    /// them.
    private let transitions: RepeatLog
    private let history: History
    /// The context of the last transition of each instance.
    private(set) var contexts = TransitionContexts()
    /// Called with each event, for `Watch`.
    var onEvent: ((() -> WatchEvent) -> Void)?

    init(log: Logger, history: History, on loop: EventLoop) {
        self.history = history
        lines = RepeatLog(log, on: loop)
        transitions = RepeatLog(log, on: loop, kindsMax: .max, linesMax: Self.transitionsMax)
    }

    /// Writes an observation.
    ///
    /// - Parameter settings: the instance's; nil for what isn't about one.
    func add(_ observation: Observation, _ settings: InstanceSettings?, wallNanoseconds: Int64) {
        guard observation.instance == nil || settings != nil else {
            lines.write(.warning, "hasup-vrrp", "it reported an unknown instance")
            return
        }
        let context =
            settings.map { contexts.add(observation, $0, at: wallNanoseconds) } ?? TransitionContext()
        let isNew = write(observation, settings, context)
        // A line of the log stands for packets that repeat, but `Watch` sends each; transitions are bounded everywhere.
        if observation.isTransition, !isNew { return }
        let event = { WatchEvent(observation, settings, context, wallNanoseconds: wallNanoseconds) }
        onEvent?(event)
        if observation.isHistory { history.add(event()) }
    }

    /// Writes the counts of what was left out: before the end.
    func flushRest() {
        transitions.flushRest()
        lines.flushRest()
    }

    /// Writes a line. - Returns: false if it was counted instead.
    private func write(_ observation: Observation, _ settings: InstanceSettings?, _ context: TransitionContext) -> Bool
    {
        let line = observation.line(settings, context)
        let instance = settings?.name ?? ""
        func emit(_ level: Logger.Level, kind: String? = nil, folded: String? = nil) -> Bool {
            lines.write(level, "", line, kind: kind, folded: folded)
        }
        switch observation {
        case .transition(let transition), .earlier(let transition, _):
            return transitions.write(
                transition.to == .fault ? .warning : .notice, "", line, kind: instance,
                folded: "\(instance): too many transitions: further ones aren't logged one by one",
                burst: Self.transitionsOfOneMax)
        case .addressRemoved(_, let address, _): return emit(.warning, kind: "\(instance) \(address) removed")
        case .foreignAddressFound(_, let stranger): return emit(stranger.isSilent ? .notice : .warning)
        case .foreignAddressGone, .addressesUnadvertised(_, 0): return emit(.notice)
        case .stalled, .addressWaits, .kernelFailure, .addressesStay, .staleAddressesRemoved, .addressesUnadvertised:
            return emit(.warning)
        // What is in a packet, the address of its sender too, is the sender's to choose.
        case .discarded(_, let reason, _, _):
            return emit(.warning, kind: "\(instance) \(reason.name)", folded: observation.lineForAll(settings))
        case .accepted(_, let anomaly, _):
            return emit(.warning, kind: "\(instance) \(anomaly.name)", folded: observation.lineForAll(settings))
        case .rivalMaster(_, let source, let sign):
            return emit(.warning, kind: "\(instance) rival \(sign.code) \(source)")
        case .takeoverHeld: return emit(.warning)
        case .clusterNode(_, _, let isHeard): return emit(isHeard ? .notice : .warning)
        case .proxyFound: return emit(.warning)
        case .clusterReferences(_, let isLost): return emit(isLost ? .warning : .notice)
        case .priorityChanged: return emit(.notice, kind: "\(instance) priority")
        // Orders.swift reports it.
        case .order: return false
        }
    }
}

extension Observation {
    fileprivate var isTransition: Bool {
        switch self {
        case .transition, .earlier: true
        default: false
        }
    }
}
