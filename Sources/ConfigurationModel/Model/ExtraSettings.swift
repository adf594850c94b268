import Base

/// A value stored out of line: thousands of instances pay a pointer for what few of them say.
package struct OutOfLine<Value: Hashable & Sendable>: Hashable, Sendable {
    private final class Storage: Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }
    private let storage: Storage

    package init(_ value: Value) { storage = Storage(value) }
    package var value: Value { storage.value }

    package static func == (left: OutOfLine, right: OutOfLine) -> Bool {
        left.storage === right.storage || left.value == right.value
    }
    package func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

/// Switches of an instance; all are off unless the configuration or global_defs says otherwise.
package struct InstanceOptions: FlagSet {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// strict_mode.
    package static let strict = InstanceOptions(rawValue: 1 << 0)
    /// The addresses don't accept packets but neighbour discovery: no_accept, or strict mode without accept.
    package static let refusesPackets = InstanceOptions(rawValue: 1 << 1)
    /// track_src_ip: FAULT while the source address is missing.
    package static let tracksSourceAddress = InstanceOptions(rawValue: 1 << 2)
    /// promote_secondaries: the interface's sysctl is set.
    package static let promotesSecondaries = InstanceOptions(rawValue: 1 << 3)
    /// unicast_fault_no_peer: unicast without a peer is FAULT, not multicast.
    package static let faultsWithoutPeer = InstanceOptions(rawValue: 1 << 4)
    /// notify_deleted: removal by a reload tells DELETED instead of FAULT.
    package static let tellsDeletion = InstanceOptions(rawValue: 1 << 5)
    /// smtp_alert.
    package static let sendsMail = InstanceOptions(rawValue: 1 << 6)
    /// notify_priority_changes.
    package static let notifiesPriorityChanges = InstanceOptions(rawValue: 1 << 7)
    /// owner_ignore_adverts.
    package static let ownerIgnoresAdverts = InstanceOptions(rawValue: 1 << 8)
    /// vmac_xmit_base, written or forced: advertisements leave by the interface below the virtual one.
    package static let transmitsOnBase = InstanceOptions(rawValue: 1 << 9)
    /// use_vmac_addr: addresses on other interfaces get virtual MAC addresses, too.
    package static let usesVirtualMACForAddresses = InstanceOptions(rawValue: 1 << 10)
    /// linkbeat_use_polling.
    package static let pollsLink = InstanceOptions(rawValue: 1 << 11)

    package static let all = InstanceOptions(rawValue: 1 << 12 - 1)
    package static let words: [(flag: InstanceOptions, word: String)] = [
        (.strict, "strict_mode"), (.refusesPackets, "no_accept"), (.tracksSourceAddress, "track_src_ip"),
        (.promotesSecondaries, "promote_secondaries"), (.faultsWithoutPeer, "unicast_fault_no_peer"),
        (.tellsDeletion, "notify_deleted"), (.sendsMail, "smtp_alert"),
        (.notifiesPriorityChanges, "notify_priority_changes"), (.ownerIgnoresAdverts, "owner_ignore_adverts"),
        (.transmitsOnBase, "vmac_xmit_base"), (.usesVirtualMACForAddresses, "use_vmac_addr"),
        (.pollsLink, "linkbeat_use_polling"),
    ]
}

/// An interface that exists for one instance.
package struct VirtualLink: Record {
    package enum Kind: Choice {
        /// use_vmac: a macvlan in private mode; nil for the virtual router's own MAC address (RFC 9568 §7.3).
        case vmac(address: MACAddress?)
        /// use_ipvlan: an L2 ipvlan.
        case ipvlan(mode: IPVLANMode, address: Prefix?)

        package static let cases: [Self] = [.vmac(address: nil), .ipvlan(mode: .bridge, address: nil)]
        package var number: UInt8 { if case .vmac = self { 0 } else { 1 } }
        package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
            switch self {
            case .vmac(var address):
                fields.word("use_vmac")
                try fields.field("", &address)
                self = .vmac(address: address)
            case .ipvlan(var mode, var address):
                fields.word("use_ipvlan")
                try fields.field("", &mode)
                try fields.field("", &address)
                self = .ipvlan(mode: mode, address: address)
            }
        }
    }
    /// The traffic between ipvlans of one interface.
    package enum IPVLANMode: UInt8, FieldValue {
        case bridge = 0
        case isolated = 1
        case vepa = 2
    }
    package var kind: Kind
    /// Its name; nil for vmac_prefix and the VRID.
    package var name: String?
    /// group; nil for none.
    package var group: UInt32?
    /// netlink_notify_msg: its creation is told to listeners that expect an old message.
    package var sendsNotifyMessage = false
    package init(kind: Kind) { self.kind = kind }

    package init() { self.init(kind: .vmac(address: nil)) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &kind)
        try fields.field("", &name)
        try fields.field("group", &group)
        try fields.field("netlink_notify_msg", &sendsNotifyMessage)
    }
}

/// auth_hmac: advertisements end with an HMAC-SHA256 trailer.
package struct HMACSettings: Record {
    /// A key with its number.
    package struct Key: Record {
        /// 1...255.
        package var id: UInt8
        /// 32 to 64 bytes.
        package var secret: [UInt8]
        package init(id: UInt8, secret: [UInt8]) {
            self.id = id
            self.secret = secret
        }

        package init() { self.init(id: 0, secret: []) }
        package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
            try fields.field("", &id)
            try fields.unlisted(&secret)
        }
    }
    /// anti_replay: what makes a message fresh.
    package enum Freshness: UInt8, FieldValue {
        /// Its time, within the window, and a rising sequence.
        case time = 0
        /// A rising sequence alone.
        case monotonic = 1
    }
    package enum Mode: UInt8, FieldValue {
        /// A message that fails is discarded.
        case enforce = 0
        /// A message that fails is logged and accepted.
        case permissive = 1
        /// Received messages are verified, sent ones aren't signed.
        case receiveOnly = 2
    }
    /// key, in order; not empty, no number twice.
    package var keys: [Key] = []
    /// active_key: which one signs; one of `keys`.
    package var activeKey: UInt8 = 0
    /// time_window: allowed difference of clocks.
    package var window = Interval.seconds(5)
    package var freshness = Freshness.time
    package var mode = Mode.enforce
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.list("key", &keys)
        try fields.field("active_key", &activeKey)
        try fields.field("time_window", &window)
        try fields.field("anti_replay", &freshness)
        try fields.field("mode", &mode)
        try fields.require(keys.contains { $0.id == activeKey })
        try fields.require(keys.allSatisfy { Limits.hmacKey.contains($0.secret.count) })
    }
}

/// garp_extra_if: announcements on the other interfaces of a virtual MAC address.
package struct ExtraAnnouncements: Record {
    package var interval: Interval
    /// all: on every interface, not only those below virtual ones.
    package var onAll: Bool
    package init(interval: Interval, onAll: Bool = false) {
        self.interval = interval
        self.onAll = onAll
    }

    package init() { self.init(interval: .zero) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("all", &onAll)
        try fields.field("", &interval)
    }
}

/// Settings that few instances have.
package struct ExtraSettings: Record {
    /// vrf: sockets are bound to this device.
    package var vrf: String?
    /// use_vmac or use_ipvlan.
    package var link: VirtualLink?
    package var hmac: HMACSettings?
    /// auth_pass with `auth_type AH`: key of the Authentication Header's HMAC-MD5-96 (RFC 2403), padded with NUL to
    /// 16 bytes.
    package var headerKey: [UInt8]?
    package var extraAnnouncements: ExtraAnnouncements?
    /// timer_expired_backup: after a late timer, an advertisement of at least this priority makes it BACKUP.
    package var lateTimerPriority: Priority?
    /// kernel_rx_buf_size, in bytes.
    package var receiveBuffer: Int?
    package var hooks = HookSettings()
    /// address_lease, in seconds; nil for addresses without a lifetime.
    package var addressLease: Int?
    /// The place of the first of the instance's faults.
    package var faultLocation: SourceLocation?
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("vrf", &vrf)
        try fields.field("virtual link", &link)
        try fields.secret("auth_hmac", &hmac)
        try fields.secret("auth_pass of AH", &headerKey)
        try fields.require(headerKey?.count ?? 16 == 16)
        try fields.field("garp_extra_if", &extraAnnouncements)
        try fields.field("timer_expired_backup", &lateTimerPriority)
        try fields.field("kernel_rx_buf_size", &receiveBuffer, in: Limits.buffer)
        try fields.part(&hooks)
        try fields.field("address_lease", &addressLease, in: Limits.addressLease)
        try fields.unlisted(&faultLocation)
    }
}

extension InstanceSettings {
    package var hooks: HookSettings { extra?.value.hooks ?? HookSettings() }

    /// address_lease: its addresses' lifetime in the kernel, in seconds; nil for no end.
    package var addressLease: Int? { extra?.value.addressLease }

    /// The place of the first of `faults`; nil without one.
    package var faultLocation: SourceLocation? {
        get { extra?.value.faultLocation }
        set {
            guard newValue != faultLocation else { return }
            var settings = extra?.value ?? ExtraSettings()
            settings.faultLocation = newValue
            extra = settings == ExtraSettings() ? nil : OutOfLine(settings)
        }
    }
}
