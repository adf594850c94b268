import Base
import ConfigurationModel

/// The times of a cluster's guard (docs/decisions, D107): what follows from its settings, and nothing else.
///
/// Clocks differ by 1 %: what takes a node some time may take 1.01 / 0.99 of it on the clock of another.
package struct GuardTimes: Hashable, Sendable {
    /// From one heartbeat to the next (h).
    package let interval: Interval
    /// The same on the slowest path: it may be the one that is left.
    private let slowestInterval: Interval
    /// Silence after which a node may be replaced, before what confirms it is added (T).
    package let timeout: Interval
    /// The longest time that letting go takes: the kernel's work, then the release script (w).
    package let releaseTime: Interval
    /// The longest time for which a MASTER that has to let go still has its addresses, from the moment at which the fault
    /// began (Z). Frames announce it.
    package let stayBound: Interval

    /// The longest time that the kernel has taken to remove addresses, with a margin (D5, D111).
    package static let kernelTime = Interval.milliseconds(100)
    /// Room for what a confirmation has to outlast besides: packets on their way, turns of event loops.
    package static let margin = Interval.milliseconds(10)

    package init(_ cluster: ClusterSettings) {
        interval = cluster.interval
        slowestInterval = cluster.slowestInterval
        timeout = cluster.timeout
        releaseTime = Self.kernelTime + (cluster.release?.timeout ?? .zero)
        let patience = cluster.timeout / 2
        var noticed = Interval.zero
        if let references = cluster.references {
            noticed = references.interval * Int64(references.losses) + references.timeout
        }
        if cluster.hasHeartbeats { noticed = max(noticed, patience) }
        if let lock = cluster.lock, lock.mode == .smart, cluster.releasesWithoutLock {
            noticed = max(noticed, patience + lock.requestTimeout)
        }
        stayBound = noticed + releaseTime
    }

    /// The time for which a MASTER relies on the last frame of its own that came back (T/2).
    package var patience: Interval { timeout / 2 }

    /// c1: added to the master-down interval, so that it outlasts a MASTER that sent its last advert just before the
    /// fault.
    ///
    /// - Parameters:
    ///   - adverts: down_timer_adverts.
    ///   - leastSkew: the skew of the highest priority with which this node may claim.
    ///   - peerBound: the bound that the node announced which is to be replaced.
    package func masterDownConfirmation(
        advertInterval: Interval, adverts: Int, leastSkew: Interval, peerBound: Interval = .zero
    ) -> Interval {
        confirmation(
            sign: advertInterval, waited: advertInterval * Int64(max(1, adverts)) + leastSkew, peerBound: peerBound)
    }

    /// c1 of an instance.
    package func masterDownConfirmation(of instance: InstanceSettings, peerBound: Interval = .zero) -> Interval {
        masterDownConfirmation(
            advertInterval: instance.advertInterval, adverts: instance.downTimerAdverts, leastSkew: instance.leastSkew,
            peerBound: peerBound)
    }

    /// c2: added to the timeout, so that it outlasts a MASTER that was heard for the last time just before the fault.
    package func silenceConfirmation(peerBound: Interval = .zero) -> Interval {
        confirmation(sign: slowestInterval, waited: timeout, peerBound: peerBound)
    }

    /// T + c2: the silence after which a node may be replaced.
    package func silence(peerBound: Interval = .zero) -> Interval {
        timeout + silenceConfirmation(peerBound: peerBound)
    }

    /// The time that is missing when this much was waited since the last sign of life.
    ///
    /// - Parameter sign: from one sign to the next: the fault came so long after the last one at most.
    private func confirmation(sign: Interval, waited: Interval, peerBound: Interval) -> Interval {
        max(.zero, Self.onAnotherClock(max(stayBound, peerBound) + sign) - waited + Self.margin)
    }

    /// The same length on a clock that is 2 % faster.
    private static func onAnotherClock(_ time: Interval) -> Interval {
        Interval(nanoseconds: time.nanoseconds + (time.nanoseconds * 202 + 9_999) / 10_000)
    }
}

extension LockSettings {
    /// The time in which an answer to one request counts (D114).
    package var requestTimeout: Interval { ttl / 10 }
}

extension ClusterSettings {
    /// True if a MASTER that is alone and can't have the lock lets go, at least when its references are of no use.
    package var releasesWithoutLock: Bool {
        switch lock?.unreachable {
        case .release: true
        case .auto: references == nil
        case .stay, nil: false
        }
    }
}

extension InstanceSettings {
    /// The skew of the highest priority that the instance can have.
    package var leastSkew: Interval {
        let rises = trackers.contains { $0.weight != 0 } || trackedInterfaces.contains { $0.weight != 0 }
        // What is tracked doesn't make anybody an owner.
        let highest = rises && priority != .owner ? Priority(rawValue: Priority.owner.rawValue - 1) : priority
        return ElectionTimes.skew(version, highest, masterInterval: advertInterval)
    }
}
