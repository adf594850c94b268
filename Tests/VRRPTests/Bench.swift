import Base
import ConfigurationModel
import Testing
import VRRP
import Wire

func address(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(v4: 0) }

func virtual(_ text: String) -> VirtualAddress {
    VirtualAddress(prefix: Prefix(text) ?? Prefix(host: address(text)))
}

/// A node on a bench: a clock that is advanced by hand, a kernel that answers at once, and what came out.
struct Bench {
    static let own = address("10.0.0.5")
    static let lower = address("10.0.0.1")
    static let higher = address("10.0.0.9")

    var node = Node()
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What came out since `take` was last called.
    var actions: [Action] = []
    var model = ConfigurationModel()
    var eth0 = Bench.interface("eth0", 2)
    /// Whether `install` and `withdraw` are answered at once, and their news told.
    var kernelAnswers = true
    /// Whether the news of what the kernel has done are told.
    var kernelTells = true

    static func interface(_ name: String, _ index: Int32) -> InterfaceState {
        var interface = InterfaceState(index: index, name: name, isUsable: true)
        interface.mtu = 1_500
        return interface
    }

    /// An address on an interface, as the kernel tells of it: `10.0.0.5/24`.
    static func kernelAddress(
        _ text: String, on index: Int32 = 2, by mark: UInt8 = 0, flags: KernelAddress.Flags = []
    ) -> KernelAddress {
        let prefix = Prefix(text) ?? Prefix(host: VRRPTests.address(text))
        return KernelAddress(
            AddressKey(interfaceIndex: index, address: prefix.address, length: UInt8(prefix.length)), addedBy: mark,
            flags: flags)
    }

    /// The node's own addresses.
    static let ownAddresses = [
        kernelAddress("10.0.0.5/24"), kernelAddress("fe80::5/64"), kernelAddress("10.1.0.5/24", on: 3),
    ]

    /// One instance with keepalived's defaults: version 2, priority 100, VRID 20, 10.0.4.1 on eth0.
    static func settings(_ change: (inout InstanceSettings) -> Void = { _ in }) -> InstanceSettings {
        var settings = InstanceSettings(name: "VI_1", location: SourceLocation(file: "test.conf", line: 1))
        settings.interface = "eth0"
        settings.virtualRouterID = VRID(rawValue: 20)
        settings.virtualAddresses = [virtual("10.0.4.1/24")]
        change(&settings)
        return settings
    }

    /// A bench that runs this instance.
    ///
    /// - Parameter table: results of tracked objects at its start.
    init(
        global: GlobalSettings = GlobalSettings(), table: [TrackerState] = [],
        _ change: (inout InstanceSettings) -> Void = { _ in }
    ) {
        handle(.trackerTable(table))
        model.global = global
        model.instances = [Self.settings(change)]
        handle(.interface(eth0))
        handle(.interface(Self.interface("eth1", 3)))
        tell(Self.ownAddresses)
        handle(.configure(model))
    }

    /// A bench without configuration.
    init(empty: Void) {}

    mutating func handle(_ event: Event) {
        var new: [Action] = []
        node.handle(event, at: now, into: &new)
        actions += new
        guard kernelAnswers else { return }
        for action in new { answer(action) }
    }

    /// The kernel does what an action asks for, answers, and tells.
    mutating func answer(_ action: Action, _ results: [AddressResult]? = nil, sentence: String = "") {
        switch action {
        case .install(let places, let ticket):
            let results = results ?? places.map { _ in .done }
            handle(.applied(ticket: ticket, KernelAnswer(results, sentence: sentence)))
            let added = zip(places, results).filter { $1 == .done }.map {
                KernelAddress(
                    $0.0.key, scope: $0.0.address.scope, addedBy: AddressProtocol.ours,
                    flags: $0.0.lease == nil ? [] : .limited)
            }
            if kernelTells, !added.isEmpty { tell(added) }
        case .withdraw(let keys, _, let ticket):
            let results = results ?? keys.map { _ in .done }
            handle(.applied(ticket: ticket, KernelAnswer(results, sentence: sentence)))
            let gone = zip(keys, results).filter { $1 == .done }.map { KernelAddress($0.0) }
            if kernelTells, !gone.isEmpty { tell(gone, isPresent: false) }
        case .renew(let places, _, let ticket):
            handle(.applied(ticket: ticket, KernelAnswer(results ?? places.map { _ in .done }, sentence: sentence)))
        default: break
        }
    }

    /// The settings with `address_lease`.
    static func lease(_ seconds: Int) -> OutOfLine<ExtraSettings> {
        var extra = ExtraSettings()
        extra.addressLease = seconds
        return OutOfLine(extra)
    }

    /// Tells that addresses have come, or are gone.
    mutating func tell(_ addresses: [KernelAddress], isPresent: Bool = true, isAfterLoss: Bool = false) {
        handle(
            .addresses(addresses.map { AddressChange($0, isPresent: isPresent) }, isAfterLoss: isAfterLoss))
    }

    /// Somebody removes addresses: `10.0.4.1/24`.
    mutating func remove(_ texts: [String], on index: Int32 = 2) {
        tell(texts.map { Self.kernelAddress($0, on: index) }, isPresent: false)
    }

    /// The questions to the kernel that were taken last.
    static func questions(_ actions: [Action]) -> [Action] {
        actions.filter {
            switch $0 {
            case .install, .withdraw: true
            default: false
            }
        }
    }

    /// Lets time pass; every timer fires exactly on time.
    mutating func advance(_ interval: Interval) {
        let end = now + interval
        while node.deadline <= end {
            now = max(now, node.deadline)
            handle(.timeout)
        }
        now = end
    }

    /// Lets time pass without running: a stopped process.
    mutating func stall(_ interval: Interval) { now = now + interval }

    mutating func take() -> [Action] {
        defer { actions = [] }
        return actions
    }

    /// New results of tracked objects.
    mutating func track(_ states: TrackerState...) { handle(.trackers(states)) }

    func status(_ instance: Int = 0) -> InstanceStatus {
        node.status(of: instance, at: now) ?? InstanceStatus(priority: .release, advertInterval: .zero)
    }

    var state: RouterState { status().state }

    /// Remaining time of the master-down timer.
    var remaining: Interval { status().takeover ?? (.never - now) }

    /// Gives a packet as it would come from a peer with our configuration.
    mutating func receive(
        _ priority: UInt8, for instance: Int = 0, from source: IPAddress = Bench.lower, hopLimit: UInt8? = 255,
        destination: IPAddress? = nil,
        _ change: (inout Advertisement) -> Void = { _ in }, bend: (inout [UInt8]) -> Void = { _ in }
    ) {
        let settings = model.instances[instance]
        guard let virtualRouterID = settings.virtualRouterID else { return }
        var advertisement = Advertisement(
            version: settings.version, virtualRouterID: virtualRouterID, priority: Priority(rawValue: priority),
            interval: settings.advertInterval, addresses: settings.virtualAddresses.map(\.prefix.address),
            password: settings.password)
        change(&advertisement)
        let to = destination ?? (settings.isUnicast ? Bench.own : settings.multicastGroup)
        var bytes = advertisement.encode(source: source, destination: to)
        bend(&bytes)
        give(bytes, from: source, to: to, hopLimit: hopLimit)
    }

    mutating func give(
        _ bytes: [UInt8], from source: IPAddress, to destination: IPAddress, hopLimit: UInt8? = 255,
        payloadLength: Int? = nil
    ) {
        let information = PacketInformation(
            interfaceIndex: eth0.index, source: source, destination: destination, hopLimit: hopLimit,
            payloadLength: payloadLength ?? bytes.count)
        bytes.withUnsafeBytes { handle(.packet(information, $0)) }
    }

    mutating func reload(_ change: (inout ConfigurationModel) -> Void) {
        change(&model)
        handle(.configure(model))
    }

    /// A bench whose instance is MASTER, with nothing left to read.
    static func master(_ change: (inout InstanceSettings) -> Void = { _ in }) -> Bench {
        var bench = Bench(change)
        bench.advance(.seconds(5))
        _ = bench.take()
        return bench
    }
}

extension [Action] {
    /// Priorities advertised, in order.
    var adverts: [UInt8] {
        compactMap { if case .advertise(_, let said) = $0 { said.priority.rawValue } else { nil } }
    }

    var announced: [IPAddress] {
        compactMap { if case .announce(_, let what) = $0 { what.prefix.address } else { nil } }
    }

    var notified: [NotifyTrigger] {
        compactMap { if case .notify(let notification) = $0 { notification.trigger } else { nil } }
    }

    /// Notifications in words: `0 MASTER`, and `G0 MASTER` of a group.
    var told: [String] {
        compactMap {
            guard case .notify(let notification) = $0 else { return nil }
            return switch notification.subject {
            case .instance(let id): "\(id) \(notification.trigger.word)"
            case .group(let place): "G\(place) \(notification.trigger.word)"
            }
        }
    }

    /// Advertisements with the instances that they are of: `0: 100`.
    var advertsByInstance: [String] {
        compactMap { if case .advertise(let id, let said) = $0 { "\(id): \(said.priority)" } else { nil } }
    }

    var installed: [[IPAddress]] {
        compactMap { if case .install(let list, _) = $0 { list.map(\.key.address) } else { nil } }
    }

    var withdrawn: [[IPAddress]] {
        compactMap { if case .withdraw(let list, _, _) = $0 { list.map(\.address) } else { nil } }
    }

    /// Renewals: the addresses with their leases, such as `10.0.4.1 3`.
    var renewed: [[String]] {
        compactMap {
            guard case .renew(let list, _, _) = $0 else { return nil }
            return list.map { "\($0.key.address) \($0.lease.map(String.init) ?? "endless")" }
        }
    }

    /// How many addresses each telling says that somebody has removed.
    var removals: [Int] {
        compactMap { if case .observe(.addressRemoved(_, _, let count)) = $0 { count } else { nil } }
    }

    var strangers: [ForeignAddress] {
        compactMap { if case .observe(.foreignAddressFound(_, let stranger)) = $0 { stranger } else { nil } }
    }

    /// Strangers that were told and are gone.
    var gone: [NamedAddress] {
        compactMap { if case .observe(.foreignAddressGone(_, let address)) = $0 { address } else { nil } }
    }

    /// What was told to stay behind a MASTER, each time.
    var staying: [[NamedAddress]] {
        compactMap { if case .observe(.addressesStay(_, let addresses, _)) = $0 { addresses } else { nil } }
    }

    /// How many addresses aren't advertised, each time that it was told.
    var unadvertised: [Int] {
        compactMap { if case .observe(.addressesUnadvertised(_, let count)) = $0 { count } else { nil } }
    }

    var transitions: [Transition] {
        compactMap { if case .observe(.transition(let transition)) = $0 { transition } else { nil } }
    }

    var reasons: [TransitionReason] { transitions.map(\.reason) }

    var stalls: [Interval] { compactMap { if case .observe(.stalled(let late)) = $0 { late } else { nil } } }

    var remarks: [Anomaly] {
        compactMap { if case .observe(.accepted(_, let remark, _)) = $0 { remark } else { nil } }
    }

    /// Changes of the priority: from, to.
    var priorities: [[UInt8]] {
        compactMap {
            if case .observe(.priorityChanged(_, let a, let b)) = $0 { [a.rawValue, b.rawValue] } else { nil }
        }
    }

    /// Other masters that were told of, in order.
    var rivals: [IPAddress] {
        compactMap { if case .observe(.rivalMaster(_, let source, _)) = $0 { source } else { nil } }
    }

    var discards: [DiscardReason] {
        compactMap { if case .observe(.discarded(_, let reason, _, _)) = $0 { reason } else { nil } }
    }
}

extension InstanceStatus {
    func discarded(_ reason: DiscardReason) -> UInt64 { counters.discarded[reason.rawValue] }
    func remarks(_ remark: Anomaly) -> UInt64 { counters.remarks[remark.rawValue] }
}
