import Base
import ConfigurationModel
import VRRP

/// Orders of operators, and hooks. Random by numbers of their own, so that a seed without them plays as it did before they
/// were in the world.
struct Operators {
    /// True if operators of this seed give orders, and instances have hooks.
    let isOn: Bool
    var random: SeededRandom
    private var lastNumber: UInt64 = 0

    init(seed: UInt64, isPlain: Bool) {
        random = SeededRandom(seed: seed &* 0x9e37_79b9_7f4a_7c15 &+ 49)
        let choice = random.next()
        isOn = !isPlain && choice % 2 == 0
    }

    /// Some hooks.
    mutating func hooks() -> HookSettings {
        var hooks = HookSettings()
        guard isOn, random.next() % 2 == 0 else { return hooks }
        hooks.hasBeforeMaster = random.next() % 2 == 0
        hooks.hasBeforeRelease = random.next() % 2 == 0
        hooks.timeout = .seconds(Int64.random(in: 1...3, using: &random))
        hooks.failure = random.next() % 2 == 0 ? .yield : .proceed
        return hooks
    }

    /// Gives an instance hooks.
    mutating func addHooks(to settings: inout InstanceSettings) {
        let hooks = hooks()
        guard hooks != HookSettings() else { return }
        var extra = settings.extra?.value ?? ExtraSettings()
        extra.hooks = hooks
        settings.extra = OutOfLine(extra)
    }

    mutating func order(_ kind: OperatorOrder.Kind, _ subject: NotificationKey, until: Instant) -> OperatorOrder {
        lastNumber += 1
        return OperatorOrder(kind, subject, number: lastNumber, until: kind == .raised ? until : .never)
    }
}

/// A run of a hook of a machine.
struct HookOfMachine: Hashable {
    var hook: Hook
    var subject: NotificationKey
    var number: UInt64
}

extension ConfigurationModel {
    /// The sync group of an instance.
    func group(of id: InstanceID) -> SyncGroup? { shared.syncGroups.first { $0.members.contains(id) } }

    /// The subject of an operator's order that moves an instance.
    func subject(of id: InstanceID) -> NotificationKey {
        group(of: id).map { NotificationKey(.group, $0.name) } ?? NotificationKey(.instance, instances[id].name)
    }
}

extension Machine {
    /// The subject of an order to a virtual router of its file.
    func subject(of router: Int) -> NotificationKey? {
        model.instances.firstIndex { Self.router(of: $0) == router }.map(model.subject)
    }

    /// The before_masters that a virtual router waits for, by their owners.
    func beforeMasters(of router: Int) -> Set<NotificationKey.Kind> {
        guard let id = actingModel.instances.firstIndex(where: { Self.router(of: $0) == router }) else { return [] }
        var kinds: Set<NotificationKey.Kind> = []
        if actingModel.instances[id].hooks.hasBeforeMaster { kinds.insert(.instance) }
        if actingModel.group(of: id)?.hooks.hasBeforeMaster == true { kinds.insert(.group) }
        return kinds
    }
}

extension World {
    /// The longest time that a hook takes in peace.
    static let quietHookMax = Interval.milliseconds(200)
    /// The longest time that one may take.
    static let hookMax = Interval.seconds(4)

    // MARK: Orders

    /// An operator gives an order, or ends the one that there is.
    mutating func order(_ machine: Int, _ router: Int, _ kind: OperatorOrder.Kind?) {
        guard let subject = machines[machine].subject(of: router) else { return }
        trace.note(now, machine, "\(subject): order \(kind.map { "\($0)" } ?? "none")")
        let until = machines[machine].clock.reading(at: now) + .seconds(10)
        machines[machine].orders[subject] = kind.map { operators.order($0, subject, until: until) }
        guard machines[machine].node != nil, !machines[machine].isPaused else { return }
        machines[machine].toldOrders = machines[machine].orders
        give(machine, .orders(orders(of: machine)))
    }

    /// The orders that a core is given.
    private func orders(of machine: Int) -> [OperatorOrder] {
        machines[machine].orders.sorted { $0.key < $1.key }.map(\.value).filter { order in
            switch injection {
            case .losesMaintenance: order.kind != .maintenance
            case .losesResignations: order.kind != .resigned
            default: true
            }
        }
    }

    /// The table that a worker is given before each configuration. What isn't in the file any more has no order.
    mutating func giveOrderTable(_ machine: Int) {
        guard operators.isOn else { return }
        let there = Set(machines[machine].model.instances.indices.map(machines[machine].model.subject))
        machines[machine].orders = machines[machine].orders.filter { there.contains($0.key) }
        give(machine, .orderTable(orders(of: machine)))
    }

    /// The configuration that is given now brings the table along.
    mutating func noteOrderTable(_ machine: Int) {
        machines[machine].toldOrders = machines[machine].orders
    }

    mutating func endOrder(_ machine: Int, _ number: UInt64, _ outcome: OrderOutcome) {
        trace.note(now, machine, "order \(number): \(outcome)")
        // While it stood still it may have been given another one.
        if let (subject, told) = machines[machine].toldOrders.first(where: { $0.value.number == number }),
            outcome.ends(told.kind)
        {
            machines[machine].toldOrders[subject] = nil
        }
        guard let (subject, order) = machines[machine].orders.first(where: { $0.value.number == number }) else {
            return
        }
        if !outcome.fits(order.kind) { invariants.fail(now, "machine \(machine) reports \(outcome) of \(order.kind)") }
        guard outcome.ends(order.kind) else { return }
        machines[machine].orders[subject] = nil
    }

    /// All orders end.
    mutating func endOrders(_ machine: Int) {
        guard operators.isOn else { return }
        machines[machine].orders = [:]
        machines[machine].toldOrders = [:]
        give(machine, .orders([]))
    }

    /// The order that a core was given about an instance.
    func toldOrder(of settings: InstanceSettings, _ machine: Int) -> OperatorOrder.Kind? {
        let model = machines[machine].actingModel
        guard !machines[machine].toldOrders.isEmpty,
            let id = model.instances.firstIndex(where: { $0.name == settings.name })
        else { return nil }
        return machines[machine].toldOrders[model.subject(of: id)]?.kind
    }

    // MARK: Hooks

    /// A core asks for a hook. One that was asked for before isn't run again.
    mutating func run(_ request: HookRequest, of machine: Int) {
        let model = machines[machine].actingModel
        let (subject, hooks): (NotificationKey, HookSettings)
        switch request.subject {
        case .instance(let id):
            (subject, hooks) = (NotificationKey(.instance, model.instances[id].name), model.instances[id].hooks)
        case .group(let place):
            let group = model.shared.syncGroups[place]
            (subject, hooks) = (NotificationKey(.group, group.name), group.hooks)
        case .guarded(let cluster, let group): return runRelease(request, cluster, group, of: machine)
        }
        let key = HookOfMachine(hook: request.hook, subject: subject, number: request.number)
        if request.isVoid {
            machines[machine].hookRuns[key] = nil
            return
        }
        if let known = machines[machine].hookRuns[key] {
            guard let succeeded = known else { return }
            return schedule(.hookEnd(machine: machine, key, succeeded), after: 0)
        }
        machines[machine].hookRuns[key] = .some(nil)
        let longest = isDisturbed ? hooks.timeout.nanoseconds * 13 / 10 : Self.quietHookMax.nanoseconds
        let time = Int64.random(in: 0...longest, using: &operators.random)
        let succeeded = !isDisturbed || operators.random.next() % 4 > 0
        schedule(.hookEnd(machine: machine, key, succeeded), after: time)
    }

    mutating func endHook(_ machine: Int, _ key: HookOfMachine, _ succeeded: Bool) {
        guard machines[machine].hookRuns[key] != nil else { return }
        machines[machine].hookRuns[key] = succeeded
        trace.note(now, machine, "\(key.subject): \(key.hook.keyword) \(succeeded ? "succeeds" : "fails")")
        deliver(
            .hookEnd(HookEnd(key.hook, of: key.subject, number: key.number, succeeded: succeeded)), to: machine)
    }

    /// A hook's end reaches a core.
    mutating func giveHookEnd(_ machine: Int, _ end: HookEnd) {
        let model = machines[machine].actingModel
        for (id, settings) in model.instances.enumerated() where end.hook == .beforeMaster {
            let group = model.group(of: id)
            let isOwn = end.subject.kind == .instance
            guard end.subject.name == (isOwn ? settings.name : group?.name) else { continue }
            let failure = isOwn ? settings.hooks.failure : group?.hooks.failure
            let router = Machine.router(of: settings)
            // That of an earlier mastership doesn't count.
            let began = machines[machine].masterReading[router]
            if end.number == UInt64(bitPattern: began.nanoseconds), end.succeeded || failure == .proceed {
                machines[machine].pendingHooks[router].remove(end.subject.kind)
            }
        }
        give(machine, .hookEnded(end))
    }

    // MARK: Promises

    /// Addresses come only after before_master or its deadline.
    mutating func checkHooks(_ machine: Int, before places: [PlacedAddress]) {
        guard operators.isOn else { return }
        for place in places {
            let whose = machines[machine].actingModel.instances.filter { settings in
                settings.allAddresses.contains { $0.prefix.address == place.key.address }
            }
            guard !whose.isEmpty, !whose.contains(where: { mayHaveAddresses($0, machine) }) else { continue }
            invariants.fail(
                now, "machine \(machine) takes \(place.key.address) before its before_master has ended")
        }
    }

    /// True if no before_master keeps the addresses of a virtual router away any more.
    ///
    /// - Parameter percent: how much of a hook's time has to be over for one that is late. Clocks are up to one percent
    ///   wrong, both ways.
    func mayHaveAddresses(_ settings: InstanceSettings, _ machine: Int, after percent: Int64 = 98) -> Bool {
        let router = Machine.router(of: settings)
        var configured = machines[machine].beforeMasters(of: router)
        let isMaster = machines[machine].states[router] == .master
        if !isMaster, joinsBehindHook(router, machine) { configured.remove(.group) }
        let pending = isMaster ? configured.intersection(machines[machine].pendingHooks[router]) : configured
        guard !pending.isEmpty else { return true }
        let model = machines[machine].actingModel
        guard isMaster, let id = model.instances.firstIndex(where: { $0.name == settings.name }) else { return false }
        let hooks = pending.map { $0 == .instance ? settings.hooks : model.group(of: id)?.hooks ?? HookSettings() }
        let time = (machines[machine].clock.reading(at: now) - machines[machine].masterReading[router]).nanoseconds
        return hooks.allSatisfy { $0.failure == .proceed && time >= $0.timeout.nanoseconds * percent / 100 }
    }

    /// In maintenance never MASTER, but for the time of handing over; resigned neither, as long as another is heard.
    mutating func checkOrders(_ machine: Int) {
        guard !machines[machine].toldOrders.isEmpty, !machines[machine].isStopped, let node = machines[machine].node,
            !machines[machine].isBeginning
        else { return }
        let reading = machines[machine].clock.reading(at: now)
        for (id, settings) in machines[machine].actingModel.instances.enumerated() {
            let kind = toldOrder(of: settings, machine)
            guard kind == .maintenance || kind == .resigned, let status = node.status(of: id, at: reading),
                status.state == .master, !status.isResigning, status.awaitedHook != .beforeRelease
            else { continue }
            let why = kind == .resigned ? "resigned" : "in maintenance"
            invariants.fail(now, "machine \(machine) is MASTER of \(settings.name), which it shouldn't: \(why)")
        }
    }

    /// A resigned router claims when the master has fallen silent, or left.
    mutating func checkClaim(_ transition: Transition, _ settings: InstanceSettings, of machine: Int) {
        guard transition.to == .master, toldOrder(of: settings, machine) == .resigned,
            transition.reason != .masterReleased, let age = transition.lastAdvertAge
        else { return }
        // It wanted to be MASTER before, and the last member of its group has decided.
        if case .syncGroup = transition.reason { return }
        let silence = scenario.routers[Machine.router(of: settings)].interval * Int64(settings.downTimerAdverts)
        if age < silence {
            invariants.fail(
                now,
                "machine \(machine) is MASTER of \(settings.name), which it shouldn't: a master was heard \(age) ago")
        }
    }
}

extension Disturbance {
    /// An operator's order, or its end.
    static func randomOrder(_ scenario: Scenario, _ operators: inout Operators) -> Disturbance {
        let kinds: [OperatorOrder.Kind?] = [.resigned, .maintenance, .raised, nil]
        return .order(
            machine: Int.random(in: 0..<scenario.machineCount, using: &operators.random),
            router: Int.random(in: 0..<scenario.routers.count, using: &operators.random),
            kinds.randomElement(using: &operators.random) ?? nil)
    }
}
