import Base

/// A value that lives elsewhere: thousands of instances pay a pointer for what few of them say.
public struct Boxed<Value: Hashable & Sendable>: Hashable, Sendable {
    private final class Storage: Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }
    private let storage: Storage

    /// A value in a box.
    public init(_ value: Value) { storage = Storage(value) }
    /// What is in it.
    public var value: Value { storage.value }

    /// Boxes are equal when their values are.
    public static func == (left: Boxed, right: Boxed) -> Bool {
        left.storage === right.storage || left.value == right.value
    }
    /// Hashes the value.
    public func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

/// Switches of an instance; all are off unless the configuration or global_defs says otherwise.
public struct InstanceOptions: OptionSet, Hashable, Sendable {
    /// Bits as they are encoded.
    public let rawValue: UInt32
    /// Any bits; those without a name mean nothing.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// strict_mode.
    public static let strict = InstanceOptions(rawValue: 1 << 0)
    /// The addresses don't accept packets but neighbour discovery: no_accept, or strict mode without accept.
    public static let refusesPackets = InstanceOptions(rawValue: 1 << 1)
    /// track_src_ip: FAULT while the source address is missing.
    public static let tracksSourceAddress = InstanceOptions(rawValue: 1 << 2)
    /// promote_secondaries: the interface's sysctl is set.
    public static let promotesSecondaries = InstanceOptions(rawValue: 1 << 3)
    /// unicast_fault_no_peer: unicast without a peer is FAULT, not multicast.
    public static let faultsWithoutPeer = InstanceOptions(rawValue: 1 << 4)
    /// notify_deleted: removal by a reload tells DELETED instead of FAULT.
    public static let tellsDeletion = InstanceOptions(rawValue: 1 << 5)
    /// smtp_alert.
    public static let sendsMail = InstanceOptions(rawValue: 1 << 6)
    /// notify_priority_changes.
    public static let notifiesPriorityChanges = InstanceOptions(rawValue: 1 << 7)
    /// owner_ignore_adverts.
    public static let ownerIgnoresAdverts = InstanceOptions(rawValue: 1 << 8)
    /// vmac_xmit_base, written or forced: advertisements leave by the interface below the virtual one.
    public static let transmitsOnBase = InstanceOptions(rawValue: 1 << 9)
    /// use_vmac_addr: addresses on other interfaces get virtual MAC addresses, too.
    public static let usesVirtualMACForAddresses = InstanceOptions(rawValue: 1 << 10)
    /// linkbeat_use_polling.
    public static let pollsLink = InstanceOptions(rawValue: 1 << 11)

    static let all = InstanceOptions(rawValue: 1 << 12 - 1)
}

/// An interface that exists for one instance.
public struct VirtualLink: Hashable, Sendable {
    /// What kind.
    public enum Kind: Hashable, Sendable {
        /// use_vmac: a macvlan in private mode; nil for the virtual router's own MAC address (RFC 9568 §7.3).
        case vmac(address: MACAddress?)
        /// use_ipvlan: an L2 ipvlan.
        case ipvlan(mode: IPVLANMode, address: Prefix?)
    }
    /// How ipvlans of one interface see each other.
    public enum IPVLANMode: UInt8, Hashable, Sendable {
        case bridge = 0
        case isolated = 1
        case vepa = 2
    }
    /// What kind.
    public var kind: Kind
    /// Its name; nil for vmac_prefix and the VRID.
    public var name: String?
    /// group; nil for none.
    public var group: UInt32?
    /// netlink_notify_msg: its creation is told to listeners that expect an old message.
    public var sendsNotifyMessage = false
    /// A link with default name.
    public init(kind: Kind) { self.kind = kind }
}

/// auth_hmac: advertisements end with an HMAC-SHA256 trailer.
public struct HMACSettings: Hashable, Sendable {
    /// A key with its number.
    public struct Key: Hashable, Sendable {
        /// 1...255.
        public var id: UInt8
        /// 32 to 64 bytes.
        public var secret: [UInt8]
        /// A key.
        public init(id: UInt8, secret: [UInt8]) {
            self.id = id
            self.secret = secret
        }
    }
    /// anti_replay: what makes a message fresh.
    public enum Freshness: UInt8, Hashable, Sendable {
        /// Its time, within the window, and a rising sequence.
        case time = 0
        /// A rising sequence alone.
        case monotonic = 1
    }
    /// mode.
    public enum Mode: UInt8, Hashable, Sendable {
        /// What fails is dropped.
        case enforce = 0
        /// What fails is logged and accepted.
        case permissive = 1
        /// What arrives is verified, what leaves isn't signed.
        case receiveOnly = 2
    }
    /// key, in order; not empty, no number twice.
    public var keys: [Key] = []
    /// active_key: which one signs; one of `keys`.
    public var activeKey: UInt8 = 0
    /// time_window: allowed difference of clocks.
    public var window = Interval.seconds(5)
    /// anti_replay.
    public var freshness = Freshness.time
    /// mode.
    public var mode = Mode.enforce
    /// Nothing configured.
    public init() {}
}

/// garp_extra_if: announcements on the other interfaces of a virtual MAC address.
public struct ExtraAnnouncements: Hashable, Sendable {
    /// Period.
    public var interval: Interval
    /// all: on every interface, not only those below virtual ones.
    public var onAll: Bool
    /// A period.
    public init(interval: Interval, onAll: Bool = false) {
        self.interval = interval
        self.onAll = onAll
    }
}

/// What few instances say.
public struct UncommonSettings: Hashable, Sendable {
    /// vrf: sockets are bound to this device.
    public var vrf: String?
    /// use_vmac or use_ipvlan.
    public var link: VirtualLink?
    /// auth_hmac.
    public var hmac: HMACSettings?
    /// auth_pass with `auth_type AH`: key of the Authentication Header's HMAC-MD5-96 (RFC 2403), padded with NUL to
    /// 16 bytes.
    public var headerKey: [UInt8]?
    /// garp_extra_if.
    public var extraAnnouncements: ExtraAnnouncements?
    /// timer_expired_backup: after a late timer, an advertisement of at least this priority makes it BACKUP.
    public var lateTimerPriority: Priority?
    /// kernel_rx_buf_size, in bytes.
    public var receiveBuffer: Int?
    /// Where the first of the instance's faults is.
    public var faultLocation: SourceLocation?
    /// Nothing said.
    public init() {}
}

extension InstanceSettings {
    /// Where the first of `faults` is; nil without one.
    public var faultLocation: SourceLocation? {
        get { uncommon?.value.faultLocation }
        set {
            guard newValue != faultLocation else { return }
            var settings = uncommon?.value ?? UncommonSettings()
            settings.faultLocation = newValue
            uncommon = settings == UncommonSettings() ? nil : Boxed(settings)
        }
    }
}
