import Base
import ConfigurationModel
import VRRP

/// Something that will happen at a time of the world's own clock.
enum WorldEvent {
    case wake(machine: Int, version: Int)
    case frame(LANFrame, to: Int)
    case heartbeat(HeartbeatOnPath, to: Int)
    /// The kernel does its first request.
    case work(machine: Int, life: Int)
    case answer(machine: Int, life: Int, ticket: UInt64, KernelAnswer)
    case notifications(machine: Int, life: Int)
    /// Duplicate address detection is over.
    case detected(machine: Int, AddressKey, addedAt: Int64)
    case revive(machine: Int, life: Int)
    /// The lifetime of an address may be over.
    case leaseEnd(machine: Int, AddressKey)
    /// The daemon of this life has been dead for longer than its leases.
    case leasesOver(machine: Int, life: Int)
    /// A hook has ended.
    case hookEnd(machine: Int, HookOfMachine, Bool)
    case undo(Disturbance, life: Int)
    /// A daemon that has started has looked at all that it tracks.
    case firstResults(machine: Int, start: Int)
}

/// The cluster, its network and its clock, which jumps from event to event. Nothing here is random but by the seed.
struct World {
    let scenario: Scenario
    var random: SeededRandom
    var network: LAN
    /// By path of the guard; none without one.
    var heartbeats: [LAN] = []
    var guardFault: GuardFault?
    /// One release script in so many is killed; nil for none.
    var releaseFailures: Int?
    var machines: [Machine]
    var now: Int64 = 0
    var trace: Trace
    var invariants: Invariants
    var eventCount = 0
    /// True if faults are on.
    var isDisturbed = false
    /// The time at which a machine last left MASTER, by virtual router.
    var lastYield: [Int64]
    let injection: FaultInjection?
    var tracked: TrackedObjects
    var groups: GroupPlan
    var operators: Operators
    private var queue = EventQueue()
    private var actions: [Action] = []
    private var record = ByteWriter()

    init(
        scenario: Scenario, random: SeededRandom, trace: Trace, injection: FaultInjection?, tracked: TrackedObjects,
        groups: GroupPlan, operators: Operators
    ) {
        var random = random
        self.tracked = tracked
        self.groups = groups
        self.operators = operators
        self.injection = injection
        self.scenario = scenario
        network = LAN(machineCount: scenario.machineCount, random: &random)
        self.trace = trace
        lastYield = [Int64](repeating: 0, count: scenario.routers.count)
        invariants = Invariants(routerCount: scenario.routers.count, machineCount: scenario.machineCount)
        machines = scenario.models.enumerated().map { number, model in
            let clock = MachineClock(
                startingAt: 0, reading: Int64.random(in: 0...1_000_000_000_000, using: &random),
                driftPPM: Int64.random(in: -10_000...10_000, using: &random))
            return Machine(
                number: number, model: model, clock: clock, kernel: scenario.kernel(of: number, &random),
                routerCount: scenario.routers.count)
        }
        self.random = random
    }

    mutating func schedule(_ event: WorldEvent, after delay: Int64) { queue.push(event, at: now + max(0, delay)) }

    /// True if something with this chance happens.
    mutating func happens(oneIn count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

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
            guard machines[to].lan.isUsable, !isLost(frame) else { return }
            deliver(.frame(frame), to: to)
        case .heartbeat(let beat, let to): deliver(.heartbeat(beat), to: to)
        case .work(let machine, let life):
            if machines[machine].life == life { work(machine) }
        case .answer(let machine, let life, let ticket, let answer):
            guard machines[machine].life == life else { return }
            deliver(.applied(ticket: ticket, answer), to: machine)
        case .notifications(let machine, let life):
            if machines[machine].life == life, !machines[machine].isPaused { deliverNotifications(machine) }
        case .detected(let machine, let key, let addedAt): endDetection(machine, key, addedAt: addedAt)
        case .revive(let machine, let life):
            if machines[machine].life == life { revive(machine) }
        case .leaseEnd(let machine, let key): endLease(machine, key)
        case .leasesOver(let machine, let life): if machines[machine].life == life { checkLeasesOver(machine) }
        case .hookEnd(let machine, let key, let succeeded): endHook(machine, key, succeeded)
        case .undo(let disturbance, let life): end(disturbance, life: life)
        case .firstResults(let machine, let start):
            if machines[machine].starts == start { giveFirstResults(machine) }
        }
    }

    /// A priority 0 that an injected fault lets nobody hear; it is the third byte in both versions.
    private func isLost(_ frame: LANFrame) -> Bool {
        injection == .dropsPriorityZero && !isDisturbed && frame.bytes.count > 2 && frame.bytes[2] == 0
    }

    // MARK: Events for cores

    mutating func deliver(_ pending: Pending, to machine: Int) {
        guard machines[machine].node != nil else { return }
        if machines[machine].isPaused {
            // A socket's buffer ends somewhere.
            switch pending {
            case .frame, .heartbeat: if machines[machine].inbox.count >= 500 { return }
            case .applied, .results, .hookEnd: break
            }
            machines[machine].inbox.append(pending)
            return
        }
        switch pending {
        case .frame(let frame):
            let information = PacketInformation(
                interfaceIndex: machines[machine].lan.index, source: frame.source, destination: frame.destination,
                hopLimit: frame.hopLimit, payloadLength: frame.bytes.count)
            frame.bytes.withUnsafeBytes { give(machine, .packet(information, $0)) }
        case .heartbeat(let beat): if let event = event(of: beat) { give(machine, event) }
        case .applied(let ticket, let answer):
            machines[machine].answersUnderWay -= 1
            give(machine, .applied(ticket: ticket, answer))
        case .results(let states): giveResults(machine, states)
        case .hookEnd(let end): giveHookEnd(machine, end)
        }
    }

    mutating func give(_ machine: Int, _ event: Event) {
        guard machines[machine].node != nil else { return }
        let reading = machines[machine].clock.reading(at: now)
        actions.removeAll(keepingCapacity: true)
        machines[machine].node?.handle(injection?.bent(event) ?? event, at: reading, into: &actions)
        let done = actions
        keep(machine)
        if !machines[machine].isBeginning, !event.isTable, !machines[machine].awaitsConfiguration,
            machines[machine].node?.owesWithdrawals == false
        {
            machines[machine].previousModels = []
        }
        for action in done { perform(action, of: machine) }
        checkPromises(machine)
        checkGroups(machine)
        if operators.isOn {
            checkOrders(machine)
            configureIfReady(machine)
        }
        switch event {
        case .packet, .timeout, .heartbeat, .trackerTable, .orderTable: break
        default: if tracked.isOn { checkTracked(machine) }
        }
        let deadline = machines[machine].node?.deadline ?? .never
        machines[machine].wakeVersion += 1
        guard deadline != .never else { return }
        let lateness = Int64.random(in: 0...100_000, using: &random)
        let due = machines[machine].clock.worldTime(of: deadline) - now
        schedule(.wake(machine: machine, version: machines[machine].wakeVersion), after: max(due, 0) + lateness)
    }

    /// Keeps what the core has changed where its successor finds it.
    private mutating func keep(_ machine: Int) {
        // Taken out and put back: a copy for each event would be most of the work.
        var records: [Int: InstanceRecord] = [:]
        swap(&records, &machines[machine].records)
        machines[machine].node?.saveChanges(with: &record) {
            records[$0] = InstanceRecord($1)
        } mark: {
            records[$0]?.nextAdvert = $1
        }
        let model = machines[machine].awaitsConfiguration ? machines[machine].actingModel : machines[machine].model
        let count = model.instances.count
        if records.count > count + 1 { records = records.filter { $0.key <= count } }
        swap(&records, &machines[machine].records)
        var changes: [(Int, AddressRecord?)] = []
        machines[machine].node?.saveLedger { changes.append(($0, $1)) }
        for (slot, record) in changes {
            if record == nil, injection == .keepsEndedLedgerRecords { continue }
            if record != nil, injection == .dropsLedgerRecords { continue }
            machines[machine].ledger[slot] = record?.bytes
            machines[machine].ledgerKeys[slot] = record?.key
        }
    }

    mutating func change(_ machine: Int, _ router: Int, to state: RouterState, _ reason: String) {
        let before = machines[machine].states[router]
        guard before != state else { return }
        machines[machine].states[router] = state
        machines[machine].checkedRevision = -1
        if state == .master {
            machines[machine].masterSince[router] = now
            machines[machine].masterReading[router] = machines[machine].clock.reading(at: now)
            machines[machine].pendingHooks[router] = machines[machine].beforeMasters(of: router)
            // Who takes mastership back runs the group's hook again, and the other members do the same.
            if reason != "\(TransitionReason.notTakenOver)" { joinHooks(machine, router) }
        }
        if before == .master {
            // Who waits for its before_master has told nobody of an address.
            if machines[machine].pendingHooks[router].isEmpty { lastYield[router] = now }
            if state == .fault { invariants.gaveUp(machine, router, at: now) }
        }
        trace.transition(now, machine, router, from: before, to: state, reason)
        let masters = machines.count { $0.states[router] == .master }
        invariants.changed(router, masters: masters, at: now)
    }
}

extension World {
    /// Has a member that joins a group of MASTERs wait for the group's hook with them, or not at all.
    private mutating func joinHooks(_ machine: Int, _ router: Int) {
        guard let companion = companion(of: router, machine) else { return }
        if machines[machine].pendingHooks[companion].contains(.group) {
            machines[machine].masterSince[router] = machines[machine].masterSince[companion]
            machines[machine].masterReading[router] = machines[machine].masterReading[companion]
        } else {
            machines[machine].pendingHooks[router].remove(.group)
        }
    }

    /// Another member of a virtual router's group that is MASTER; nil without one.
    private func companion(of router: Int, _ machine: Int) -> Int? {
        let model = machines[machine].actingModel
        guard let id = model.instances.firstIndex(where: { Machine.router(of: $0) == router }),
            let group = model.group(of: id)
        else { return nil }
        return group.members.map { Machine.router(of: model.instances[$0]) }.first {
            $0 != router && machines[machine].states[$0] == .master
        }
    }

    /// True if the group's before_master has run for a mastership that a virtual router joins.
    func joinsBehindHook(_ router: Int, _ machine: Int) -> Bool {
        companion(of: router, machine).map { !machines[machine].pendingHooks[$0].contains(.group) } ?? false
    }
}

extension Event {
    /// True for what comes before a configuration, which the core hasn't heard of yet.
    fileprivate var isTable: Bool {
        switch self {
        case .trackerTable, .orderTable, .prepare: true
        default: false
        }
    }
}
