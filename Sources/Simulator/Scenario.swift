import Base
import ConfigurationModel
import VRRP

/// A random cluster: who is configured how. Everything here follows from the seed.
struct Scenario {
    /// One virtual router of the cluster, as all its machines agree on it.
    struct VirtualRouterPlan {
        var version: VRRPVersion
        var family: AddressFamily
        var interval: Interval
        var isUnicast: Bool
        var addresses: [VirtualAddress]
    }

    var machineCount: Int
    var routers: [VirtualRouterPlan]
    /// Length of the virtual IPv4 addresses' prefix. Below 32 they are one network to the kernel, which removes it with
    /// its first address (promote_secondaries=0).
    private(set) var prefixLength = 32
    /// Length of the machines' own IPv4 addresses: with 16 they may share a network with the virtual ones.
    private let ownLength: Int
    /// True if kernels keep marks, and promote secondary addresses.
    private let keepsMarks: Bool
    private let promotes: Bool
    /// The configuration of each machine; instance order is the routers' order.
    var models: [ConfigurationModel]

    init(random: inout SeededRandom) {
        machineCount = Int.random(in: 2...5, using: &random)
        routers = (0..<Int.random(in: 1...4, using: &random)).map { Self.router($0, &random) }
        models = []
        ownLength = Int.random(in: 0..<4, using: &random) == 0 ? 16 : 24
        keepsMarks = Int.random(in: 0..<3, using: &random) > 0
        promotes = Int.random(in: 0..<4, using: &random) == 0
        // Half of the clusters have a mix of preemption modes, the others one for all.
        for machine in 0..<machineCount {
            var model = ConfigurationModel()
            if Int.random(in: 0..<4, using: &random) == 0 {
                model.global.startupDelay = .milliseconds(Int64.random(in: 1...4_000, using: &random))
            }
            if Int.random(in: 0..<3, using: &random) == 0 { model.global.garpInterval = .microseconds(500) }
            model.global.adoptsLeftovers = Int.random(in: 0..<4, using: &random) == 0
            for number in routers.indices {
                model.instances.append(instance(number, machine: machine, &random))
            }
            models.append(model)
        }
        // At most one owner per virtual router: two are a misconfiguration with rules of its own.
        for number in routers.indices where Int.random(in: 0..<5, using: &random) == 0 {
            let owner = Int.random(in: 0..<machineCount, using: &random)
            models[owner].instances[number].priority = .owner
            models[owner].instances[number].nopreempt = false
            models[owner].instances[number].preemptDelay = .zero
        }
    }

    /// Puts all virtual IPv4 addresses into one network.
    mutating func shareNetwork() {
        prefixLength = 16
        for machine in models.indices {
            for place in models[machine].instances.indices {
                let addresses = models[machine].instances[place].virtualAddresses
                models[machine].instances[place].virtualAddresses = addresses.map { address in
                    var shared = virtual(address.prefix.address)
                    shared.duplicateAddressDetection = address.duplicateAddressDetection
                    return shared
                }
            }
        }
    }

    /// A machine's kernel before anything is added.
    func kernel(of machine: Int, _ random: inout SeededRandom) -> Kernel {
        let links = (0...1).map { place in
            let families: [AddressFamily] = [.ipv4, .ipv6]
            let own = families.compactMap { family in
                let host = UInt64(machine + 1) + (place == 0 ? 0 : 0x10_0000)
                return Prefix(
                    address: Self.address(family, host: host), length: family == .ipv4 ? ownLength : 64)
            }
            var state = InterfaceState(index: Int32(2 + place), name: "eth\(place)", isUsable: true)
            state.mtu = Self.mtu
            state.hardwareAddress = MACAddress(bits: UInt64(machine * 2 + place + 1) | 1 << 41)
            return KernelLink(state: state, own: own)
        }
        var kernel = Kernel(links: links, keepsMarks: keepsMarks, promotes: promotes)
        kernel.restart(at: 0)
        return kernel
    }

    /// True if machines' own addresses may be in one network with virtual ones.
    var sharesOwnNetwork: Bool { ownLength == prefixLength && !promotes }

    /// The MTU of a link, unless a fault makes it smaller.
    static let mtu: UInt32 = 1_500

    /// Scope of the addresses of other programs, to tell them from ours.
    static let foreignScope: UInt8 = 200

    /// A virtual address of this cluster.
    func virtual(_ address: IPAddress) -> VirtualAddress {
        let shared = address.family == .ipv4 ? Prefix(address: address, length: prefixLength) : nil
        return VirtualAddress(prefix: shared ?? Prefix(host: address))
    }

    private static func router(_ number: Int, _ random: inout SeededRandom) -> VirtualRouterPlan {
        let version: VRRPVersion = Bool.random(using: &random) ? .v2 : .v3
        let family: AddressFamily = version == .v3 && Bool.random(using: &random) ? .ipv6 : .ipv4
        let interval: Interval =
            switch version {
            case .v2: .seconds(Int64.random(in: 1...3, using: &random))
            case .v3: .centiseconds([5, 10, 25, 50, 100, 300].randomElement(using: &random) ?? 100)
            }
        let detects = family == .ipv6 && Int.random(in: 0..<3, using: &random) == 0
        let addresses = (0..<Int.random(in: 1...3, using: &random)).map { index in
            var address = VirtualAddress(
                prefix: Prefix(host: address(family, host: 1_000 + UInt64(number * 100 + index))))
            address.duplicateAddressDetection = detects
            return address
        }
        return VirtualRouterPlan(
            version: version, family: family, interval: interval,
            isUnicast: Int.random(in: 0..<4, using: &random) == 0, addresses: addresses)
    }

    private func instance(_ number: Int, machine: Int, _ random: inout SeededRandom) -> InstanceSettings {
        let plan = routers[number]
        var settings = InstanceSettings(name: "VI_\(number)", location: SourceLocation(file: "seed", line: number))
        settings.interface = "eth0"
        settings.family = plan.family
        settings.virtualRouterID = VRID(rawValue: UInt8(number + 1))
        settings.version = plan.version
        settings.advertInterval = plan.interval
        // Version 3 lets every router have an interval of its own; the others learn it.
        if plan.version == .v3, Int.random(in: 0..<4, using: &random) == 0 {
            settings.advertInterval = plan.interval * 2
        }
        settings.priority = Priority(rawValue: [1, 50, 100, 100, 150, 200, 254].randomElement(using: &random) ?? 100)
        settings.virtualAddresses = plan.addresses
        settings.multicastGroup = plan.family == .ipv4 ? settings.multicastGroup : Self.group6
        if plan.isUnicast {
            settings.sourceAddress = Self.address(plan.family, host: UInt64(machine + 1))
            settings.unicastPeers = (0..<machineCount).filter { $0 != machine }.map {
                UnicastPeer(address: Self.address(plan.family, host: UInt64($0 + 1)))
            }
        }
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: settings.nopreempt = true
        case 2: settings.preemptDelay = .milliseconds(Int64.random(in: 1...8_000, using: &random))
        default: break
        }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: settings.trackedInterfaces = [TrackedInterface(name: "eth1")]
        case 1:
            settings.trackedInterfaces = [
                TrackedInterface(name: "eth1", weight: Int.random(in: -120...120, using: &random))
            ]
        default: break
        }
        if Int.random(in: 0..<6, using: &random) == 0 { settings.lowerPriorityNoAdvert = true }
        if Int.random(in: 0..<4, using: &random) == 0 { settings.announcements.refresh = .seconds(7) }
        settings.announcements.delay = .seconds(Int64.random(in: 0...5, using: &random))
        return settings
    }

    static let group6 = IPAddress(v6High: 0xff02_0000_0000_0000, low: 0x12)

    /// Address of a host on the virtual LAN.
    static func address(_ family: AddressFamily, host: UInt64) -> IPAddress {
        switch family {
        case .ipv4: IPAddress(v4: 0x0a00_0000 | UInt32(truncatingIfNeeded: host))
        case .ipv6: IPAddress(v6High: 0xfe80_0000_0000_0000, low: host)
        }
    }

    /// The largest of a value over all instances of one virtual router.
    func largest(_ router: Int, _ value: (InstanceSettings) -> Interval) -> Interval {
        models.flatMap(\.instances).filter { $0.name == "VI_\(router)" }.map(value).max() ?? .zero
    }
}
