import Base
import Configuration
import ConfigurationModel
import Control
import Kernel
import Reactor
import VRRP

// The texts that operators read: one for each value, in one place.

extension Fault {
    /// A clause: what is missing. `settings` are the instance's.
    func text(_ settings: InstanceSettings?) -> String {
        switch self {
        case .configuration: "its configuration can't run"
        case .interfaceMissing(let name): "interface \(name) doesn't exist"
        case .interfaceDown(let name): "interface \(name) is down"
        case .trackedInterfaceDown(let name): "tracked interface \(name) is down or missing"
        case .trackedInterfaceUp(let name): "tracked interface \(name) is up, and `reverse` wants it down"
        case .noSourceAddress(let name): "interface \(name) has no address to send from"
        case .sourceAddressMissing(let address):
            "unicast_src_ip \(address) is on no interface, not usable yet, or a virtual one of hasup"
        case .addressInterfaceDown(let name): "interface \(name), which has virtual addresses, is down or missing"
        case .addressesUnusable(let address, let code):
            "none of its virtual addresses could be used, \(address) because "
                + UnusableAddress(address, code: code).reason(on: settings?.interface(of: address))
        case .trackerDown(let key): "\(key.title) \(key.words.isDown)"
        case .trackerUp(let key): "\(key.title) \(key.words.isUp), and `reverse` wants the contrary"
        case .fileNumber(let name, let number): "tracked file \(name) says \(number)"
        case .memberFault(let name, let group): "\(name) of sync group \(group) is in FAULT"
        }
    }
}

extension Fault {
    /// A clause: what is no longer missing.
    fileprivate var end: String {
        switch self {
        case .configuration: "its configuration can run now"
        case .interfaceMissing(let name): "interface \(name) exists now"
        case .interfaceDown(let name): "interface \(name) is up now"
        case .trackedInterfaceDown(let name): "tracked interface \(name) is up now"
        case .trackedInterfaceUp(let name): "tracked interface \(name), which has `reverse`, is down or gone now"
        case .noSourceAddress(let name): "interface \(name) has an address to send from now"
        case .sourceAddressMissing(let address): "unicast_src_ip \(address) can be used now"
        case .addressInterfaceDown(let name): "interface \(name), which has virtual addresses, is up now"
        case .addressesUnusable: "its virtual addresses are tried again"
        case .trackerDown(let key): "\(key.title) \(key.words.isUp) now"
        case .trackerUp(let key): "\(key.title), which has `reverse`, \(key.words.isDown) now"
        case .fileNumber(let name, _): "tracked file \(name) says another number now"
        case .memberFault(let name, let group): "\(name) of sync group \(group) isn't in FAULT any more"
        }
    }
}

extension TrackerKey {
    /// The tracked object, as the beginning of a clause.
    fileprivate var title: String { "tracked \(kind == .bfd ? "BFD session" : "\(kind)") \(name)" }

    /// The ends of a clause.
    fileprivate var words: (isUp: String, isDown: String) {
        switch kind {
        case .script: ("succeeds", "fails")
        case .process: ("has its quorum", "hasn't its quorum")
        case .file, .bfd: ("is up", "is down")
        }
    }
}

extension UnusableAddress {
    /// A clause: why.
    ///
    /// - Parameter interface: where it was to go; nil when that isn't known.
    func reason(on interface: String?) -> String {
        guard code != 0 else { return "another machine has it (duplicate address detection)" }
        return interface.flatMap { InterfaceAddress.refusal(code, of: address, on: $0) }
            ?? "the kernel says: \(SystemError.text(of: code))"
    }
}

extension InstanceSettings {
    /// A virtual address of this instance; nil when it has none like this.
    func virtualAddress(_ address: IPAddress) -> VirtualAddress? {
        (virtualAddresses + excludedAddresses).first { $0.prefix.address == address }
    }

    /// The interface that a virtual address goes to.
    func interface(of address: IPAddress) -> String { virtualAddress(address)?.interface ?? interface }
}

extension ForeignAddress {
    /// A sentence about such an address on a node that isn't MASTER, and what ends it.
    var sentence: String {
        if isSilent {
            return "\(prefix) is on \(interface), where no ARP announces it: perhaps that of a real server of LVS"
        }
        let whose =
            switch addedBy {
            case AddressProtocol.keepalived: "a keepalived has left it there"
            case AddressProtocol.ours: "another hasup has put it there"
            default: "hasup hasn't put it there"
            }
        return "\(prefix) is on \(interface) although this node isn't MASTER, and \(whose): two machines may have it. "
            + "Remove it (\(place.removal))\(others)"
    }

    /// A sentence about such an address on a MASTER: what follows when it yields, and what prevents that.
    ///
    /// - Parameter served: the virtual address of the instance that it is; nil when it stands beside that.
    func text(serving served: VirtualAddress?) -> String {
        let end = "isn't ours: it stays there when a peer takes over, and then two machines have it"
        let renewed = hasLifetime ? ". \(Self.renewal)" : ""
        guard let served else {
            return "\(prefix) is on \(interface), too, and \(end). Remove it (\(place.removal))\(renewed)"
        }
        let start = "\(prefix) was on \(interface) before and \(end)"
        // What has no_track isn't put back.
        return served.isUntracked
            ? "\(start). Stop hasupd, remove it (\(place.removal)) and start hasupd\(renewed)"
            : "\(start). Remove it now (\(place.removal)), and hasup puts it back as its own\(renewed)"
    }

    private static let renewal = "It has a lifetime, so another program renews it, perhaps a DHCP client"

    /// The other ways to remove it while this node isn't MASTER, behind a sentence without its end.
    private var others: String {
        let when = "when it is stopped and started (a restart under systemd goes on where it was, and doesn't)"
        switch atStart {
        case _ where hasLifetime: return ". \(Self.renewal)"
        case .stays: return ""
        case .staysUnlessAdopted: return ", or set `@hasup adopt_leftovers` in global_defs: hasupd removes it \(when)"
        case .goes: return "; hasupd removes it, too, \(when)"
        }
    }
}

extension NamedAddress {
    /// The command that removes it.
    var removal: String { "ip address del \(prefix) dev \(interface)" }
}

/// A sentence about addresses that were removed at a start or an end.
///
/// - Parameters:
///   - addresses: each with its interface: `10.0.0.1/24 from eth0`.
///   - count: how many there were; the first ones are named.
///   - whose: a clause about `it` or `them`: whose they were.
func removalText(of addresses: [String], count: Int, because whose: (_ them: String) -> String) -> String {
    "removed \(listed(addresses, of: count)): \(whose(count == 1 ? "it" : "them"))"
}

extension TransitionReason {
    var code: String {
        switch self {
        case .started: "started"
        case .addressOwner: "addressOwner"
        case .masterDown: "masterDown"
        case .masterReleased: "masterReleased"
        case .preempted: "preempted"
        case .higherPriority: "higherPriority"
        case .equalPriorityHigherAddress: "equalPriorityHigherAddress"
        case .fault: "fault"
        case .recovered: "recovered"
        case .addressRemoved: "addressRemoved"
        case .reconfigured: "reconfigured"
        case .stopped: "stopped"
        case .interrupted: "interrupted"
        case .syncGroup: "syncGroup"
        case .resigned: "resigned"
        case .notTakenOver: "notTakenOver"
        case .maintenance: "maintenance"
        case .raised: "raised"
        case .hookFailed: "hookFailed"
        case .guarded: "guarded"
        case .leaseEnded: "leaseEnded"
        }
    }
}

extension Transition {
    /// A clause: why it happened, with the numbers. `settings` are the instance's, for what is wrong with them.
    func why(_ settings: InstanceSettings?, _ context: TransitionContext = TransitionContext()) -> String {
        let other = peer.map(\.description) ?? "another router"
        let otherPriority = peerPriority.map { " with priority \($0)" } ?? ""
        switch reason {
        case .started: return "started"
        case .addressOwner: return "priority 255: it owns the addresses"
        case .masterDown:
            if let refused = context.refused, peer ?? refused.source == refused.source {
                return notHeard(refused)
            }
            guard let lastAdvertAge else { return "no master was heard" }
            let master = peer.map { "master \($0) wasn't" } ?? "no master was"
            return "\(master) heard for \(lastAdvertAge.inMilliseconds)"
        case .masterReleased: return "master \(other) released the addresses (priority 0)"
        case .preempted: return "master \(other) has a lower priority\(peerPriority.map { " (\($0))" } ?? "")"
        case .higherPriority: return "\(other) advertises\(otherPriority), ours is \(ownPriority)"
        case .equalPriorityHigherAddress:
            return "\(other) advertises with our priority (\(ownPriority)) and a higher address"
        case .fault(.configuration):
            guard let settings, !settings.faults.isEmpty else { return Fault.configuration.text(nil) }
            let place = settings.faultLocation ?? settings.location
            return "\(place.file):\(place.line): \(settings.faults.joined(separator: "; "))"
        case .fault(let fault): return fault.text(settings)
        case .recovered:
            return context.fault?.end ?? "everything that it needs is there again"
        case .addressRemoved(let address): return "address \(address) was repeatedly removed by another program"
        case .reconfigured where to == .initialize:
            return "removed from the configuration, or its interface or VRID changed"
        case .reconfigured: return "the configuration has changed"
        case .stopped: return "stopped"
        case .interrupted: return "its worker died and was replaced too late"
        case .syncGroup(let member, let group):
            return to == .master
                ? "\(member) of sync group \(group) became MASTER" : "\(member) of sync group \(group) isn't MASTER"
        case .resigned:
            return "an operator had it resign\(peer.map { ", and \($0) has taken over" } ?? "")"
        case .notTakenOver: return "it had resigned, and no other router took over"
        case .maintenance:
            return "it is in maintenance\(peer.map { ", and \($0) has taken over" } ?? "")"
        case .raised: return "an operator has raised its priority above that of \(other)\(otherPriority)"
        case .hookFailed: return "its before_master failed or took too long"
        case .guarded(let release): return release.why
        case .leaseEnded: return "it stood still for longer than its address_lease, and a peer may have taken over"
        }
    }

    /// There were adverts, but none that counts.
    private func notHeard(_ refused: TransitionContext.Refused) -> String {
        let age = lastAdvertAge.map { " for \($0.inMilliseconds)" }
        return "no good advert of \(peer == nil ? "a master" : "master \(refused.source)")\(age ?? ""): "
            + "those of \(refused.source) were discarded, the last one: \(refused.reason.text(refused.detail))"
    }

    /// The line of the log: instance, states, reason, peer, both priorities, age of the last good advertisement
    /// (pain point O3).
    func line(
        instance name: String, _ settings: InstanceSettings?, _ context: TransitionContext = TransitionContext()
    ) -> String {
        var numbers = ["priority \(ownPriority)"]
        if let peer { numbers.append("peer \(peer)" + (peerPriority.map { " priority \($0)" } ?? "")) }
        if let lastAdvertAge { numbers.append("last good advert \(lastAdvertAge) ago") }
        return "\(name): \(from) -> \(to): \(why(settings, context)) [\(numbers.joined(separator: ", "))]"
    }
}

extension BackupReason {
    /// A sentence: the reason why it isn't MASTER, or of which master it is a healthy backup.
    func sentence(_ status: InstanceStatus) -> String {
        let master = status.master.map(\.description) ?? "the master"
        let priority = status.masterPriority.map { " (\($0) against \(status.priority))" } ?? ""
        if let theirs = status.masterPriority, !holds(theirs, status.priority) {
            return "\(master) advertised priority \(theirs) last, and ours is now \(status.priority): "
                + "its next advert decides"
        }
        switch self {
        case .higherPriority:
            let numbers = status.masterPriority.map { " (priority \($0) > \(status.priority))" } ?? ""
            return Self.backup(of: master + numbers, status)
        case .higherAddress: return Self.backup(of: "\(master) (same priority, higher address)", status)
        case .equalPriority:
            return Self.backup(of: "\(master) (same priority; an equal router isn't preempted)", status)
        case .nopreempt:
            return "\(master) has a lower priority\(priority), and nopreempt is set"
                + Self.takeover(status)
        case .preemptDelay: return "\(master) has a lower priority\(priority), and preempt_delay isn't over"
        case .preempting: return "\(master) has a lower priority\(priority) and is about to be replaced"
        case .listening: return "no master was heard yet, still listening"
        case .startupDelay: return "vrrp_startup_delay isn't over"
        case .syncGroup:
            let others = status.heldBy.isEmpty ? "another member" : listed(status.heldBy, of: status.heldBy.count)
            let have = status.heldBy.count > 1 ? "have" : "has"
            return "no better master is heard, and \(others) of sync group \(status.syncGroup ?? "") "
                + "\(have) to be MASTER, too"
        case .resigned:
            return
                "an operator had it resign: \(master) has a lower priority\(priority), and is left alone until it falls "
                + "silent"
        case .maintenance:
            return status.master == nil
                ? "it is in maintenance, and no master is heard: the addresses are nobody's as far as it knows"
                : "it is in maintenance; backup of \(master)"
        case .guarded: return status.guardHold?.sentence ?? "its guard keeps it from being MASTER"
        case .hookFailed:
            return status.master == nil
                ? "its before_master failed or took too long, and no other master was heard: nobody has the addresses"
                : "its before_master failed or took too long: \(master) has a lower priority\(priority), and is left alone "
                    + "until it falls silent, or until `hasup takeover`"
        }
    }

    /// True if it is still so. It was found at the master's last advert; a reload or a tracker may have changed our
    /// priority since.
    private func holds(_ theirs: Priority, _ ours: Priority) -> Bool {
        switch self {
        case .higherPriority: theirs > ours
        case .higherAddress, .equalPriority: theirs == ours
        case .resigned: theirs <= ours
        case .nopreempt, .preemptDelay, .preempting: theirs < ours
        case .listening, .startupDelay, .syncGroup, .maintenance, .hookFailed, .guarded: true
        }
    }

    private static func backup(of master: String, _ status: InstanceStatus) -> String {
        "backup of \(master)" + takeover(status)
    }

    /// The time at which it becomes MASTER if nothing more is heard.
    private static func takeover(_ status: InstanceStatus) -> String {
        guard let heard = status.lastAdvertAge, let takeover = status.takeover else { return "" }
        let milliseconds = heard.nanoseconds / 1_000_000 + takeover.nanoseconds / 1_000_000
        let time =
            milliseconds < 1_000 ? "\(milliseconds) ms" : "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
        return "; takes over \(time) after its last advert"
    }
}

extension Observation {
    var instance: InstanceID? {
        switch self {
        case .transition(let transition), .earlier(let transition, _): transition.instance
        case .discarded(let instance, _, _, _): instance
        case .accepted(let instance, _, _), .kernelFailure(let instance, _), .addressRemoved(let instance, _, _):
            instance
        case .addressWaits(let instance, _, _), .foreignAddressFound(let instance, _),
            .foreignAddressGone(let instance, _):
            instance
        case .addressesStay(let instance, _, _), .addressesUnadvertised(let instance, _): instance
        case .rivalMaster(let instance, _, _), .priorityChanged(let instance, _, _): instance
        case .takeoverHeld(let instance, _): instance
        case .stalled, .staleAddressesRemoved, .order, .clusterNode: nil
        }
    }

    /// A sentence: what a MASTER that has ended leaves, and why that matters.
    private static func stay(_ addresses: [NamedAddress], _ count: Int) -> String {
        let list = listed(addresses.map { "\($0.prefix) on \($0.interface)" }, of: count)
        let removal = addresses.first?.removal ?? ""
        return count == 1
            ? "\(list) stays: it was there before and isn't ours. If a peer is MASTER now, two machines have it: \(removal)"
            : "\(list) stay: they were there before and aren't ours. If a peer is MASTER now, two machines have them: "
                + "\(removal), and so on"
    }

    /// A clause: why an address isn't set, and when it will be.
    static func missingInterface(_ name: String) -> String { "no such interface; it is set when \(name) appears" }

    /// The line of the log; `settings` are the instance's, nil for the daemon's own.
    func line(_ settings: InstanceSettings?, _ context: TransitionContext = TransitionContext()) -> String {
        line(instance: settings?.name ?? "", settings, context)
    }

    /// A line that stands for all that differ only in the sender of a packet and in its numbers.
    func lineForAll(_ settings: InstanceSettings?) -> String {
        line(instance: settings?.name ?? "", settings, TransitionContext(), " or others")
    }

    private func line(
        instance name: String, _ settings: InstanceSettings?, _ context: TransitionContext, _ orOthers: String = ""
    ) -> String {
        switch self {
        case .transition(let transition): transition.line(instance: name, settings, context)
        case .earlier(let transition, _): transition.line(instance: name, settings, context) + ", reported late"
        case .discarded(let instance, let reason, let source, let detail):
            (instance == nil ? "" : "\(name): ")
                + "packet from \(source)\(orOthers) discarded: \(reason.text(detail))"
        case .accepted(_, let remark, let source): "\(name): \(source)\(orOthers): \(remark.text)"
        case .stalled(let interval):
            "stalled \(interval.nanoseconds / 1_000_000) ms: this node didn't run; packets that came meanwhile were read first"
        case .kernelFailure(_, let sentence): "\(name): \(sentence)"
        case .takeoverHeld(_, let hold):
            hold.kind == .notReleased ? "\(name): \(hold.sentence)" : "\(name): doesn't become MASTER: \(hold.sentence)"
        case .clusterNode(let node, let cluster, let isHeard):
            "cluster \(cluster): \(node) \(isHeard ? "is heard by heartbeats" : "isn't heard by heartbeats any more")"
        case .addressRemoved(_, let address, 1):
            "\(name): address \(address) was removed by another program; it is put back"
        case .addressRemoved(_, let address, let count):
            "\(name): \(count) addresses, \(address) among them, were removed by another program; they are put back"
        case .addressWaits(_, let prefix, let interface):
            "\(name): address \(prefix) dev \(interface): \(Self.missingInterface(interface))"
        case .foreignAddressFound(_, let stranger): "\(name): \(stranger.sentence)"
        case .foreignAddressGone(_, let address): "\(name): \(address.prefix) isn't on \(address.interface) any more"
        case .addressesStay(_, let addresses, let count): "\(name): \(Self.stay(addresses, count))"
        case .staleAddressesRemoved(let addresses, let count, let mark):
            removalText(of: addresses.map { "\($0.prefix) from \($0.interface)" }, count: count) { them in
                mark == AddressProtocol.keepalived
                    ? "a keepalived had left \(them) there (its mark)"
                    : "no program's mark is on \(them), and adopt_leftovers is set"
            }
        case .addressesUnadvertised(_, 0): "\(name): all its addresses are advertised again"
        case .addressesUnadvertised(_, let count):
            "\(name): "
                + InstanceReport.unadvertised(
                    count, of: settings?.virtualAddresses.count ?? count, on: settings?.interface ?? "")
        case .rivalMaster(_, let source, let sign): "\(name): probably two masters: \(sign.sentence(of: source))"
        // Orders.swift has the words: it knows whose the order is.
        case .order(let number, let outcome): "order \(number): \(outcome)"
        case .priorityChanged(_, let former, let priority): "\(name): priority \(former) -> \(priority)"
        }
    }
}

extension RivalMaster.Sign {
    /// A clause: what another router does while this one is MASTER.
    func sentence(of source: IPAddress) -> String {
        switch self {
        case .lowerPriority(let priority):
            "\(source) advertises, too, and doesn't yield to our priority (its own is \(priority)): "
                + "it doesn't receive our adverts, or discards them"
        case .discarded(let reason, let detail):
            "\(source) advertises, too, and its adverts are discarded: \(reason.text(detail))"
        }
    }

    var code: String {
        switch self {
        case .lowerPriority: "lowerPriority"
        case .discarded(let reason, _): reason.name
        }
    }
}

extension DiscardReason {
    /// A clause: what was wrong with the packet; `detail` as `Observation.discarded` explains it.
    func text(_ detail: UInt32) -> String {
        switch self {
        case .length: "wrong length (\(detail) bytes)"
        case .hopLimit: "TTL \(detail), which isn't 255 or within the peer's limits"
        case .version: "version \(detail), which isn't the configured one"
        case .type: "type \(detail), which isn't 1 (advertisement)"
        case .checksum: "wrong checksum"
        case .checksumOtherForm:
            "checksum right only in the other form of version 3 (with or without pseudo-header): "
                + "set v3_checksum_as_v2 alike on all routers"
        case .authenticationType: "authentication type \(detail), which isn't the configured one"
        case .authenticationFailure: "wrong password"
        case .interval: "advert_int \(Interval.centiseconds(Int64(detail))), which isn't ours (version 2)"
        case .unknownVRID: "no instance here has VRID \(detail)"
        case .destination: "received by unicast, but multicast is configured (or vice versa)"
        case .source: "the sender isn't a configured unicast_peer"
        case .badSource: "impossible source address"
        case .own:
            "our own source address: if it isn't an echo of our adverts, give each router its own mcast_src_ip "
                + "or unicast_src_ip"
        case .notRunning: "the instance isn't running"
        case .noAddress: "no address in it"
        case .otherVRID: "an address of this instance under VRID \(detail): virtual_router_id differs"
        case .carp:
            "CARP (OpenBSD, FreeBSD, pfSense), another protocol with VRRP's number: give its vhid or this "
                + "instance's virtual_router_id another number: both mean the same MAC address"
        case .unknownAuthenticationType: "authentication type \(detail), which RFC 2338 doesn't have"
        case .authenticationTrailer: "signed (auth_hmac of keepalived), which hasup doesn't support"
        }
    }
}

extension Anomaly {
    /// A clause: what is unusual about a packet that was accepted.
    var text: String {
        switch self {
        case .addressListMismatch: "it advertises other addresses than ours: compare virtual_ipaddress"
        case .intervalAdopted: "it advertises another interval, which is adopted (version 3)"
        case .equalPriority: "peer has our priority: give the routers different ones"
        }
    }
}
