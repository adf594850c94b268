import Base
import Configuration
import VRRP
import Wire

/// Something that will happen at a time of the world's own clock.
enum WorldEvent {
    case wake(machine: Int, version: Int)
    case frame(Frame, to: Int)
    case kernelDone(machine: Int, life: Int, router: Int?, addresses: [IPAddress], isInstall: Bool, ticket: UInt64)
    case disturb(Disturbance)
    case revive(machine: Int, life: Int)
    case undo(Disturbance, life: Int)
}

/// The cluster, its network and its clock, which jumps from event to event. Nothing here is random but by the seed.
struct World {
    let scenario: Scenario
    var random: SeededRandom
    var network: Network
    var machines: [Machine]
    var now: Int64 = 0
    var trace: Trace
    var invariants: Invariants
    var eventCount = 0
    /// Whether faults are on.
    var isDisturbed = false
    /// When a machine last left MASTER, by virtual router.
    var lastYield: [Int64]
    private let sabotage: Sabotage?
    private var queue = EventQueue()
    private var actions: [Action] = []
    private var record = ByteWriter()

    init(scenario: Scenario, random: SeededRandom, trace: Trace, sabotage: Sabotage?) {
        var random = random
        self.sabotage = sabotage
        self.scenario = scenario
        network = Network(machineCount: scenario.machineCount, random: &random)
        self.trace = trace
        lastYield = [Int64](repeating: 0, count: scenario.routers.count)
        invariants = Invariants(routerCount: scenario.routers.count, machineCount: scenario.machineCount)
        machines = scenario.models.enumerated().map { number, model in
            let clock = Clock(
                startingAt: 0, reading: Int64.random(in: 0...1_000_000_000_000, using: &random),
                driftPPM: Int64.random(in: -10_000...10_000, using: &random))
            return Machine(number: number, model: model, clock: clock, routerCount: scenario.routers.count)
        }
        self.random = random
    }

    mutating func schedule(_ event: WorldEvent, after delay: Int64) { queue.push(event, at: now + max(0, delay)) }

    /// Runs until this time of the world.
    mutating func run(until end: Int64) {
        while let (time, event) = queue.pop(before: end) {
            now = time
            eventCount += 1
            happen(event)
        }
        now = end
    }

    private mutating func happen(_ event: WorldEvent) {
        switch event {
        case .wake(let machine, let version):
            guard machines[machine].wakeVersion == version, !machines[machine].isPaused else { return }
            give(machine, .timeout)
        case .frame(let frame, let to):
            guard machines[to].interfaces[0].isUsable, !isLost(frame) else { return }
            deliver(.frame(frame), to: to)
        case .kernelDone(let machine, let life, let router, let addresses, let isInstall, let ticket):
            guard machines[machine].life == life else { return }
            if isDisturbed, Int.random(in: 0..<50, using: &random) == 0 {
                deliver(.applied(ticket: ticket, .failed("the kernel's mood")), to: machine)
                return
            }
            machines[machine].tampered.subtract(addresses)
            if isInstall { machines[machine].robbed.subtract(addresses) }
            let lost = isInstall ? [] : siblingsLost(machine, with: addresses)
            for number in scenario.routers.indices where number == router ?? number {
                if isInstall {
                    machines[machine].kernel[number].formUnion(addresses)
                } else {
                    machines[machine].kernel[number].subtract(addresses)
                }
            }
            machines[machine].reorder()
            // The news and the answer come by different ways.
            let newsIsFirst = !lost.isEmpty && Bool.random(using: &random)
            if newsIsFirst { tellLost(machine, lost) }
            deliver(.applied(ticket: ticket, .done), to: machine)
            if !newsIsFirst { tellLost(machine, lost) }
        case .disturb(let disturbance): begin(disturbance)
        case .revive(let machine, let life):
            if machines[machine].life == life { revive(machine) }
        case .undo(let disturbance, let life): end(disturbance, life: life)
        }
    }

    /// A priority 0 that a sabotage lets nobody hear; it is the third byte in both versions.
    private func isLost(_ frame: Frame) -> Bool {
        sabotage == .hearsNoRelease && !isDisturbed && frame.bytes.count > 2 && frame.bytes[2] == 0
    }

    // MARK: Networks

    /// Takes away what goes with these addresses. - Returns: what the machine is to be told of.
    mutating func siblingsLost(_ machine: Int, with removed: [IPAddress]) -> [(router: Int, address: IPAddress)] {
        guard scenario.prefixLength < 32 else { return [] }
        machines[machine].reorder()
        let lost = machines[machine].siblingsLost(with: removed)
        for (router, address) in lost {
            machines[machine].kernel[router].remove(address)
            machines[machine].tampered.insert(address)
        }
        return lost
    }

    mutating func tellLost(_ machine: Int, _ lost: [(router: Int, address: IPAddress)]) {
        for (router, address) in lost { deliver(.addressRemoved(router: router, address), to: machine) }
    }

    // MARK: Machines

    /// - Parameter told: what it is told instead of its configuration; nil for that.
    mutating func start(_ machine: Int, told: ConfigurationModel? = nil) {
        machines[machine].life += 1
        machines[machine].node = Node()
        machines[machine].records = [:]
        machines[machine].inbox = []
        machines[machine].isPaused = false
        machines[machine].isStopped = false
        machines[machine].clock.resume(at: now)
        machines[machine].kernelFreeAt = now
        // What an earlier life left is removed before a packet is sent or judged (docs/decisions.md, D14).
        for router in scenario.routers.indices { machines[machine].kernel[router] = [] }
        machines[machine].actingModel = machines[machine].model
        for interface in machines[machine].interfaces { give(machine, .interface(interface)) }
        give(machine, .configure(told ?? machines[machine].model))
    }

    /// Power off: the kernel's addresses are gone too.
    mutating func crash(_ machine: Int) {
        machines[machine].life += 1
        machines[machine].node = nil
        machines[machine].inbox = []
        machines[machine].isPaused = false
        machines[machine].clock.resume(at: now)
        for router in scenario.routers.indices {
            machines[machine].kernel[router] = []
            change(machine, router, to: .initialize, "off")
        }
    }

    /// The process dies and another goes on with what it has left: the machine, its kernel and its addresses stay.
    mutating func kill(_ machine: Int, gap: Int64) {
        guard machines[machine].node != nil, !machines[machine].isPaused, !machines[machine].isStopped else { return }
        machines[machine].life += 1
        machines[machine].node = nil
        machines[machine].heardUntil = machines[machine].clock.reading(at: now)
        trace.note(now, machine, "killed for \(Interval(nanoseconds: gap))")
        schedule(.revive(machine: machine, life: machines[machine].life), after: gap)
    }

    private mutating func revive(_ machine: Int) {
        let records = machines[machine].records
        let last = invariants.lastNotification[machine]
        var snapshot = NodeSnapshot(
            instances: records.keys.sorted().filter { $0 > 0 }.compactMap { records[$0] }, node: records[0]?.bytes,
            heardUntil: machines[machine].heardUntil, lastNotification: sabotage?.counted(last) ?? last)
        let model = machines[machine].model
        // What a worker removes before a packet is sent or judged, and nothing else (docs/decisions.md, D14).
        let leftBehind = LeftBehind(
            model, formers: machines[machine].formers, claimed: snapshot.masters(of: model))
        for router in scenario.routers.indices {
            machines[machine].kernel[router] = machines[machine].kernel[router].filter {
                !leftBehind.contains($0, on: "eth0")
            }
            for address in machines[machine].kernel[router] { snapshot.addresses["eth0", default: [:]][address] = true }
        }
        machines[machine].node = Node()
        machines[machine].kernelFreeAt = now
        machines[machine].actingModel = model
        invariants.continues(machine, life: machines[machine].life)
        for interface in machines[machine].interfaces { give(machine, .interface(interface)) }
        give(machine, .resume(model, snapshot))
    }

    /// What the core has changed goes where its successor finds it.
    private mutating func keep(_ machine: Int) {
        var records = machines[machine].records
        machines[machine].node?.saveChanges(with: &record) {
            records[$0] = InstanceRecord($1)
        } mark: {
            records[$0]?.nextAdvert = $1
        }
        let count = machines[machine].model.instances.count
        if records.count > count + 1 { records = records.filter { $0.key <= count } }
        machines[machine].records = records
    }

    /// SIGTERM: hands over and withdraws.
    mutating func stop(_ machine: Int) {
        guard machines[machine].node != nil, !machines[machine].isPaused else { return }
        machines[machine].isStopped = true
        give(machine, .stop)
    }

    mutating func pause(_ machine: Int, stopsClock: Bool) {
        guard machines[machine].node != nil, !machines[machine].isPaused else { return }
        machines[machine].isPaused = true
        if stopsClock { machines[machine].clock.stop(at: now) }
        trace.note(now, machine, "paused\(stopsClock ? " with its clock" : "")")
    }

    /// Everything that waits is read before any timer fires.
    mutating func resume(_ machine: Int) {
        guard machines[machine].isPaused else { return }
        machines[machine].isPaused = false
        machines[machine].clock.resume(at: now)
        trace.note(now, machine, "resumed")
        let waiting = machines[machine].inbox
        machines[machine].inbox = []
        for pending in waiting { deliver(pending, to: machine) }
        give(machine, .timeout)
    }

    mutating func deliver(_ pending: Pending, to machine: Int) {
        guard machines[machine].node != nil else { return }
        if machines[machine].isPaused {
            // A socket's buffer ends somewhere.
            if machines[machine].inbox.count < 500 { machines[machine].inbox.append(pending) }
            return
        }
        switch pending {
        case .frame(let frame):
            let information = PacketInformation(
                interfaceIndex: machines[machine].interfaces[0].index, source: frame.source,
                destination: frame.destination, hopLimit: frame.hopLimit, payloadLength: frame.bytes.count)
            frame.bytes.withUnsafeBytes { give(machine, .packet(information, $0)) }
        case .applied(let ticket, let outcome): give(machine, .applied(ticket: ticket, outcome))
        case .interface(let state): give(machine, .interface(state))
        case .addressRemoved(let router, let address):
            guard let instance = machines[machine].instance(of: router) else { return }
            give(machine, .addressRemoved(instance: instance, address))
        }
    }

    mutating func give(_ machine: Int, _ event: Event) {
        guard machines[machine].node != nil else { return }
        let reading = machines[machine].clock.reading(at: now)
        actions.removeAll(keepingCapacity: true)
        machines[machine].node?.handle(event, at: reading, into: &actions)
        let done = actions
        keep(machine)
        if machines[machine].node?.owesWithdrawals == false { machines[machine].formers = [] }
        for action in done { perform(action, of: machine) }
        let deadline = machines[machine].node?.deadline ?? .never
        machines[machine].wakeVersion += 1
        guard deadline != .never else { return }
        let lateness = Int64.random(in: 0...100_000, using: &random)
        let due = machines[machine].clock.worldTime(of: deadline) - now
        schedule(.wake(machine: machine, version: machines[machine].wakeVersion), after: max(due, 0) + lateness)
    }

    // MARK: Actions

    private mutating func perform(_ action: Action, of machine: Int) {
        func router(_ instance: InstanceID) -> Int {
            Machine.router(of: machines[machine].actingModel.instances[instance])
        }
        switch action {
        case .advertise(let instance, let advertised):
            transmit(machines[machine].actingModel.instances[instance], advertised, from: machine)
        case .install(let instance, let addresses, let ticket):
            work(machine, router(instance), addresses, isInstall: true, ticket)
        case .withdraw(let instance, let addresses, let ticket):
            work(machine, router(instance), addresses, isInstall: false, ticket)
        case .withdrawLeftover(let addresses, let ticket):
            work(machine, nil, addresses, isInstall: false, ticket)
        case .announce(let instance, let address):
            let number = router(instance)
            machines[machine].announcedAt[number][address.prefix.address] = now
            let has = machines[machine].kernel[number].union(machines[machine].tampered)
            if !has.contains(address.prefix.address) {
                invariants.fail(now, "machine \(machine) announces \(address.prefix.address) without having it")
            }
        case .notify(let notification):
            invariants.notified(machine, life: machines[machine].life, notification.sequence, at: now)
        case .observe(.addressRemoved(_, let address)): blame(machine, for: address)
        case .observe(.transition(let transition)):
            if case .addressRemoved(let address) = transition.reason { blame(machine, for: address) }
            change(machine, router(transition.instance), to: transition.to, "\(transition.reason)")
        case .observe(.stalled(let late)): trace.note(now, machine, "acts \(late) too late")
        case .observe: break
        case .renumber: machines[machine].actingModel = machines[machine].model
        }
    }

    private mutating func blame(_ machine: Int, for address: IPAddress) {
        guard !machines[machine].robbed.contains(address) else { return }
        invariants.fail(now, "machine \(machine) says that somebody has removed \(address), and nobody has")
    }

    private mutating func work(
        _ machine: Int, _ router: Int?, _ addresses: [VirtualAddress], isInstall: Bool, _ ticket: UInt64
    ) {
        let slow = Int.random(in: 0..<20, using: &random) == 0
        let takes = Int64.random(in: 20_000...(slow ? 80_000_000 : 400_000), using: &random)
        let done = max(now, machines[machine].kernelFreeAt) + takes
        machines[machine].kernelFreeAt = done
        schedule(
            .kernelDone(
                machine: machine, life: machines[machine].life, router: router,
                addresses: addresses.map(\.prefix.address), isInstall: isInstall, ticket: ticket), after: done - now)
    }

    private mutating func transmit(_ settings: InstanceSettings, _ advertised: Advertised, from machine: Int) {
        guard let virtualRouterID = settings.virtualRouterID, machines[machine].interfaces[0].isUsable else { return }
        let state = machines[machine].states[Machine.router(of: settings)]
        if state == .fault || state == .initialize { invariants.fail(now, "machine \(machine) sends in \(state)") }
        let advertisement = Advertisement(
            version: settings.version, virtualRouterID: virtualRouterID, priority: advertised.priority,
            interval: settings.advertInterval, addresses: settings.virtualAddresses.map(\.prefix.address),
            password: settings.password, checksumWithoutPseudoHeader: settings.checksumWithoutPseudoHeader)
        if sabotage == .sendsNoRelease, !isDisturbed, advertised.priority == .release { return }
        let destinations = settings.isUnicast ? settings.unicastPeers.map(\.address) : [settings.multicastGroup]
        for destination in destinations {
            let frame = Frame(
                from: machine, source: advertised.source, destination: destination, hopLimit: 255,
                bytes: advertisement.encode(source: advertised.source, destination: destination))
            for other in machines.indices where other != machine {
                let isAddressee =
                    destination.isMulticast
                    || destination == Scenario.address(settings.family, host: UInt64(other + 1))
                guard isAddressee else { continue }
                for delay in network.deliveries(from: machine, to: other, at: now, random: &random) {
                    schedule(.frame(frame, to: other), after: delay)
                }
            }
        }
    }

    mutating func change(_ machine: Int, _ router: Int, to state: RouterState, _ reason: String) {
        let before = machines[machine].states[router]
        guard before != state else { return }
        machines[machine].states[router] = state
        if state == .master { machines[machine].masterSince[router] = now }
        if before == .master { lastYield[router] = now }
        trace.transition(now, machine, router, from: before, to: state, reason)
        let masters = machines.count { $0.states[router] == .master }
        invariants.changed(router, masters: masters, at: now)
    }
}

/// Events by time, and by the order in which they were made for equal times.
struct EventQueue {
    private var heap: [(time: Int64, order: UInt64, event: WorldEvent)] = []
    private var order: UInt64 = 0

    mutating func push(_ event: WorldEvent, at time: Int64) {
        order += 1
        heap.append((time, order, event))
        var child = heap.count - 1
        while child > 0, isEarlier(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop(before end: Int64) -> (Int64, WorldEvent)? {
        guard let first = heap.first, first.time < end else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var best = 2 * parent + 1
            guard best < heap.count else { break }
            if best + 1 < heap.count, isEarlier(best + 1, best) { best += 1 }
            guard isEarlier(best, parent) else { break }
            heap.swapAt(best, parent)
            parent = best
        }
        return (first.time, first.event)
    }

    private func isEarlier(_ left: Int, _ right: Int) -> Bool {
        (heap[left].time, heap[left].order) < (heap[right].time, heap[right].order)
    }
}
