import Base
import Configuration
import VRRP

/// A machine's clock: it runs up to one percent too fast or too slow, and it stands still while a hypervisor pauses the
/// machine (docs/decisions.md, D15).
struct Clock {
    private var base: Int64
    private var origin: Int64
    private let driftPPM: Int64
    private var isStopped = false

    init(startingAt world: Int64, reading: Int64, driftPPM: Int64) {
        base = reading
        origin = world
        self.driftPPM = driftPPM
    }

    func reading(at world: Int64) -> Instant {
        if isStopped { return Instant(nanoseconds: base) }
        let elapsed = world - origin
        return Instant(nanoseconds: base + elapsed + elapsed * driftPPM / 1_000_000)
    }

    /// World time at which the clock shows this or a little more.
    func worldTime(of reading: Instant) -> Int64 {
        origin + max(0, reading.nanoseconds - base) * 1_000_000 / (1_000_000 + driftPPM) + 1_000
    }

    mutating func stop(at world: Int64) {
        base = reading(at: world).nanoseconds
        isStopped = true
    }

    mutating func resume(at world: Int64) {
        if isStopped {
            origin = world
            isStopped = false
        }
    }
}

/// What waits for a machine that doesn't run.
enum Pending {
    case frame(Frame)
    case applied(ticket: UInt64, KernelOutcome)
    case interface(InterfaceState)
    case addressRemoved(router: Int, IPAddress)
}

/// One node of the cluster: a real core, a model of its kernel, and what the world observes of it.
struct Machine {
    let number: Int
    var model: ConfigurationModel
    /// Nil while the machine is off or its daemon has been stopped.
    var node: Node?
    var clock: Clock
    var isPaused = false
    /// Whether the daemon was told to stop and hasn't been started again.
    var isStopped = false
    var inbox: [Pending] = []
    /// Counts starts: what an earlier life was still waiting for never arrives.
    var life = 0
    /// Only the newest wake-up counts.
    var wakeVersion = 0
    var interfaces: [InterfaceState]
    /// What the core has left for a successor, by record number.
    var records: [Int: InstanceRecord] = [:]
    /// Configurations before the model of which something may still be in the kernel: what hasupd hands to a successor.
    var formers: [ConfigurationModel] = []
    /// When the core died whose successor hasn't come yet.
    var heardUntil = Instant(nanoseconds: 0)
    /// The kernel does one thing after the other.
    var kernelFreeAt: Int64 = 0

    /// By virtual router.
    var states: [RouterState]
    var kernel: [Set<IPAddress>]
    /// The IPv4 addresses of all of them in the kernel's order, the network's first one first.
    var order: [IPAddress] = []
    /// Addresses that somebody else has removed: only their loss may be blamed on somebody.
    var robbed: Set<IPAddress> = []
    /// Addresses that somebody else removed and the kernel hasn't got back yet.
    var tampered: Set<IPAddress> = []
    var masterSince: [Int64]
    var announcedAt: [[IPAddress: Int64]]
    /// Model in force under the numbers that actions use at the moment.
    var actingModel: ConfigurationModel

    init(number: Int, model: ConfigurationModel, clock: Clock, routerCount: Int) {
        self.number = number
        self.model = model
        actingModel = model
        self.clock = clock
        interfaces = ["eth0", "eth1"].enumerated().map { place, name in
            var interface = InterfaceState(index: Int32(2 + place), name: name, isUsable: true)
            interface.primaryIPv4 = Scenario.address(.ipv4, host: UInt64(number + 1))
            interface.linkLocalIPv6 = Scenario.address(.ipv6, host: UInt64(number + 1))
            interface.addresses = Set([interface.primaryIPv4, interface.linkLocalIPv6].compactMap { $0 })
            return interface
        }
        states = [RouterState](repeating: .initialize, count: routerCount)
        kernel = [Set<IPAddress>](repeating: [], count: routerCount)
        masterSince = [Int64](repeating: 0, count: routerCount)
        announcedAt = [[IPAddress: Int64]](repeating: [:], count: routerCount)
    }

    /// Brings the order up to date with what is there.
    mutating func reorder() {
        let there = kernel.reduce(into: Set<IPAddress>()) { $0.formUnion($1) }
        order.removeAll { !there.contains($0) }
        order += there.subtracting(order).filter { $0.family == .ipv4 }.sorted()
    }

    /// What else the kernel removes with these addresses: all of the network with its first one.
    func siblingsLost(with removed: [IPAddress]) -> [(router: Int, address: IPAddress)] {
        guard let first = order.first, removed.contains(first) else { return [] }
        return order.filter { !removed.contains($0) }.compactMap { address in
            kernel.firstIndex { $0.contains(address) }.map { ($0, address) }
        }
    }

    /// Number of the virtual router that an instance is.
    static func router(of instance: InstanceSettings) -> Int { instance.location.line }

    func settings(of router: Int) -> InstanceSettings? {
        model.instances.first { Machine.router(of: $0) == router }
    }

    func instance(of router: Int) -> InstanceID? {
        model.instances.firstIndex { Machine.router(of: $0) == router }
    }
}
