import Base
import ConfigurationModel
import Wire

extension ClusterGuard {
    /// True if too few reference addresses answer: this node may be cut off, so it claims nothing (docs/decisions, D108).
    var isCutOff: Bool { references?.isLost ?? false }

    /// Since when what isn't heard is silence: before, our own ears weren't proved (D106 (3)).
    var earsBackAt: Instant { references?.backAt ?? Instant(nanoseconds: .min) }

    /// Says why a MASTER whose references are lost lets go: a node that is ready reaches them, or it is alone and `on_lost`
    /// is release (D109). Where nobody reaches them nobody moves.
    func releaseForReferences(_ group: Int, at now: Instant) -> GuardRelease? {
        guard let references, references.isLost else { return nil }
        let heard = others.filter { peers[$0].isHeard(within: times.patience, at: now) }
        if let failed = references.lostBetween {
            for node in heard {
                guard let standing = peers[node].standing(of: group), standing.flags.contains(.ready),
                    hasReached(node, after: failed.first, before: failed.last)
                else { continue }
                return .referencesLost(node: name(of: node))
            }
        }
        return heard.isEmpty && references.settings.onLost == .release ? .referencesLost(node: nil) : nil
    }

    /// True if a node got an answer to a request that it sent between two of ours that failed: the references were there, and
    /// it is our way to them that has failed.
    private func hasReached(_ node: Int, after first: Instant, before last: Instant) -> Bool {
        let peer = peers[node]
        guard case .answered(let age) = peer.references, let heardAt = peer.lifeSignAt else { return false }
        // The frame was on its way for a round trip at most, and says whole milliseconds, up to one more (D106 (4)).
        let roundTrip = peer.paths.compactMap(\.roundTrip).max() ?? .zero
        let (latest, earliest) = (heardAt - age + .milliseconds(1), heardAt - age - roundTrip)
        return first < earliest && latest < last
    }

    /// Says whether a claim waits for answers of references, all else being decided; nil without references or with answers.
    func awaitsReferences(at now: Instant) -> Bool { references.map { !$0.isProved(at: now) } ?? false }

    /// True if the group's addresses are asked for before a claim. A living master of a lower priority, which is replaced by
    /// adverts alone, has them.
    func isProbed(_ state: GroupState) -> Bool {
        guard settings.probe != .off else { return false }
        return settings.hasHeartbeats || !state.preempts
    }

    /// Says that a foreign machine has an address of a group; nil if none has, or was waited for long enough.
    func hold(for probe: AddressProbe, at now: Instant) -> GuardHold? {
        guard let foreign = probe.foreign, let since = probe.heldSince else { return nil }
        var hold = GuardHold(.addressAnswers)
        hold.address = foreign.address
        hold.machine = foreign.machine
        if case .holdFor(let time) = settings.probe { hold.until = since + time }
        return now < hold.until ? hold : nil
    }
}
