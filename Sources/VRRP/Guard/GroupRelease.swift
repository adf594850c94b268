import Base
import ConfigurationModel
import Wire

/// The release of a guarded group that has left MASTER, where its cluster has a release script (docs/decisions, D111). Other
/// nodes are told that the addresses are there until it is over.
struct GroupRelease: Hashable, Sendable {
    enum ReleasePhase: UInt8, Hashable, Sendable, CaseIterable {
        /// It is over, or hasn't begun.
        case none = 0
        /// The kernel hasn't answered for all addresses yet.
        case withdraws
        /// The script runs.
        case runs
        /// The script's time is over, and its end isn't known yet.
        case isLate
        /// The script was killed, or couldn't be started: the group counts as not released until it is MASTER here again.
        case failed
    }

    var phase = ReleasePhase.none
    /// The script's run. A successor asks for the same one.
    var number: UInt64 = 0
    /// The end of its time.
    var until = Instant.never
    /// True if this process has asked for the run.
    var isAsked = false
    /// True if the last script was killed or couldn't be started. Who is MASTER again then isn't asked for a hand-over any
    /// more: the next one would only break the service once more. Orders and faults release it as ever.
    var hasFailed = false

    /// True if others have to wait.
    var isOpen: Bool { phase != .none }
    /// True if a stop waits for it.
    var isUnderWay: Bool { phase == .withdraws || phase == .runs }
    /// True if this node mustn't become MASTER before the script has ended.
    var keepsFromClaiming: Bool { isUnderWay || phase == .isLate }
    /// The next time at which it is to be looked at.
    var deadline: Instant { phase == .runs ? until : .never }

    /// The reason for which the group isn't MASTER here, or needs an operator.
    func hold(of node: String, wantsMaster: Bool) -> GuardHold? {
        switch phase {
        case .none: nil
        case .withdraws, .runs: wantsMaster ? GuardHold(.ownRelease, node: node, until: deadline) : nil
        case .isLate, .failed: GuardHold(.notReleased, node: node)
        }
    }
}

extension GroupRelease {
    /// Writes what a successor goes on with.
    func encode(into writer: inout ByteWriter) {
        writer.write(phase.rawValue)
        writer.write(number)
    }

    /// Reads what a predecessor has left. The end of one that was late may be known by now.
    init(from reader: inout ByteReader) throws(ByteError) {
        guard let phase = ReleasePhase(rawValue: try reader.readUInt8()) else { throw .invalid }
        self.phase = phase == .isLate ? .runs : phase
        number = try reader.readUInt64()
    }
}

extension ClusterGuard {
    var ownName: String { name(of: own) }

    /// True if another node that is heard claims the group.
    func isClaimedElsewhere(_ group: Int, at now: Instant) -> Bool {
        others.contains { node in
            peers[node].isHeard(within: settings.timeout, at: now)
                && peers[node].standing(of: group)?.flags.contains(.claims) == true
        }
    }
}

extension NodeGuards {
    /// The release of an instance's group; nil without a guard.
    func release(of id: InstanceID) -> GroupRelease? {
        places[id].map { clusters[$0.cluster].groups[$0.group].release }
    }

    /// The longest time that letting go of an instance may take; zero without a guard.
    func releaseTime(of id: InstanceID) -> Interval {
        places[id].map { clusters[$0.cluster].times.releaseTime } ?? .zero
    }

    /// True while a stop has to wait.
    var awaitsReleases: Bool { clusters.contains { $0.groups.contains { $0.release.isUnderWay } } }
}

extension Node {
    /// Follows a group from MASTER to its release: the kernel, then the script.
    mutating func followRelease(_ place: Int, of number: Int, at now: Instant, into actions: inout [Action]) {
        var release = context.guards.clusters[number].groups[place].release
        let former = release
        if let script = context.guards.clusters[number].settings.release {
            let members = context.guards.clusters[number].groups[place].members
            if members.contains(where: { routers[$0].state == .master }) {
                release = GroupRelease()
                release.hasFailed = former.hasFailed
            } else {
                if context.guards.clusters[number].groups[place].wasMaster {
                    release.phase = .withdraws
                    release.isAsked = false
                }
                if release.phase == .withdraws, !members.contains(where: awaitsKernel) {
                    release.phase = .runs
                    release.number = UInt64(bitPattern: now.nanoseconds)
                }
                if release.phase == .runs, !release.isAsked {
                    release.isAsked = true
                    release.until = now + script.timeout + GuardTimes.margin
                    let cluster = context.guards.clusters[number].place
                    actions.append(
                        .runHook(
                            HookRequest(.release, of: .guarded(cluster: cluster, group: place), number: release.number))
                    )
                }
                if release.phase == .runs, release.until <= now { release.phase = .isLate }
                // Nobody runs it.
                if release.isUnderWay, !context.guards.runsScripts { release.phase = .failed }
                if release.phase == .isLate || release.phase == .failed { release.hasFailed = true }
            }
        } else {
            release = GroupRelease()
        }
        guard release != former else { return }
        context.guards.clusters[number].groups[place].release = release
        changed.isNodeChanged = true
    }

    /// True while the kernel hasn't answered for an address of a router that isn't MASTER any more.
    private func awaitsKernel(_ id: InstanceID) -> Bool {
        guard context.ledger.count(of: id) > 0 else { return false }
        return context.ledger.keys(of: id).contains { context.ledger[$0]?.phase == .withdrawing }
    }

    /// A release script has ended, or couldn't be started. That of an earlier release changes nothing.
    mutating func releaseScriptEnded(_ end: HookEnd, at now: Instant, into actions: inout [Action]) {
        for number in context.guards.clusters.indices {
            for place in context.guards.clusters[number].groups.indices {
                let group = context.guards.clusters[number].groups[place]
                guard group.name == end.subject.name, group.release.isOpen, group.release.number == end.number,
                    group.release.phase != .withdraws
                else { continue }
                changed.isNodeChanged = true
                guard end.succeeded else {
                    context.guards.clusters[number].groups[place].release.phase = .failed
                    context.guards.clusters[number].groups[place].release.hasFailed = true
                    for id in group.members { changed.add(id) }
                    continue
                }
                context.guards.clusters[number].groups[place].release = GroupRelease()
                // Who waits for it goes first: our own timer may be over, too.
                guard context.guards.clusters[number].isClaimedElsewhere(place, at: now) else { continue }
                for id in group.members where routers[id].state == .backup {
                    changed.add(id)
                    routers[id].waitAnew(at: now, &context)
                }
            }
        }
    }
}
