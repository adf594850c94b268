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

    /// Gives an instance hooks.
    mutating func addHooks(to settings: inout InstanceSettings) {
        guard isOn, random.next() % 2 == 0 else { return }
        var extra = settings.extra?.value ?? ExtraSettings()
        extra.hooks.hasBeforeMaster = random.next() % 2 == 0
        extra.hooks.hasBeforeRelease = random.next() % 2 == 0
        extra.hooks.timeout = .seconds(Int64.random(in: 1...3, using: &random))
        extra.hooks.failure = random.next() % 2 == 0 ? .yield : .proceed
        settings.extra = OutOfLine(extra)
    }

    mutating func order(_ kind: OperatorOrder.Kind, _ router: Int, until: Instant) -> OperatorOrder {
        lastNumber += 1
        return OperatorOrder(
            kind, NotificationKey(.instance, "VI_\(router)"), number: lastNumber,
            until: kind == .raised ? until : .never)
    }
}

/// A hook of a virtual router of a machine.
struct HookOfMachine: Hashable {
    var hook: Hook
    var router: Int
}

/// A run of a hook.
struct HookRun {
    var number: UInt64
    /// Nil while it runs.
    var succeeded: Bool?
}

extension World {
    /// The longest time that a hook takes in peace.
    static let quietHookMax = Interval.milliseconds(200)
    /// The longest time that one may take.
    static let hookMax = Interval.seconds(4)

    // MARK: Orders

    /// An operator gives an order, or ends the one that there is.
    mutating func order(_ machine: Int, _ router: Int, _ kind: OperatorOrder.Kind?) {
        trace.note(now, machine, "VI_\(router): order \(kind.map { "\($0)" } ?? "none")")
        let until = machines[machine].clock.reading(at: now) + .seconds(10)
        machines[machine].orders[router] = kind.map { operators.order($0, router, until: until) }
        guard machines[machine].node != nil, !machines[machine].isPaused else { return }
        machines[machine].toldOrders = machines[machine].orders.mapValues(\.kind)
        give(machine, .orders(orders(of: machine)))
    }

    /// What a core is given.
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
        let there = Set(machines[machine].model.instances.map(Machine.router))
        machines[machine].orders = machines[machine].orders.filter { there.contains($0.key) }
        give(machine, .orderTable(orders(of: machine)))
    }

    /// The configuration that is given now brings the table along.
    mutating func noteOrderTable(_ machine: Int) {
        machines[machine].toldOrders = machines[machine].orders.mapValues(\.kind)
    }

    mutating func endOrder(_ machine: Int, _ number: UInt64, _ outcome: OrderOutcome) {
        trace.note(now, machine, "order \(number): \(outcome)")
        guard let (router, order) = machines[machine].orders.first(where: { $0.value.number == number }) else { return }
        if !outcome.fits(order.kind) { invariants.fail(now, "machine \(machine) reports \(outcome) of \(order.kind)") }
        guard outcome.ends(order.kind) else { return }
        machines[machine].orders[router] = nil
        machines[machine].toldOrders[router] = nil
    }

    /// All orders end.
    mutating func endOrders(_ machine: Int) {
        guard operators.isOn else { return }
        machines[machine].orders = [:]
        machines[machine].toldOrders = [:]
        give(machine, .orders([]))
    }

    // MARK: Hooks

    /// A core asks for a hook. One that was asked for before isn't run again.
    mutating func run(_ request: HookRequest, of machine: Int) {
        guard case .instance(let id) = request.subject else { return }
        let settings = machines[machine].actingModel.instances[id]
        let key = HookOfMachine(hook: request.hook, router: Machine.router(of: settings))
        if let known = machines[machine].hookRuns[key], known.number == request.number {
            guard let succeeded = known.succeeded else { return }
            return schedule(.hookEnd(machine: machine, key, request.number, succeeded, settings.name), after: 0)
        }
        machines[machine].hookRuns[key] = HookRun(number: request.number)
        let longest = isDisturbed ? settings.hooks.timeout.nanoseconds * 13 / 10 : Self.quietHookMax.nanoseconds
        let time = Int64.random(in: 0...longest, using: &operators.random)
        let succeeded = !isDisturbed || operators.random.next() % 4 > 0
        schedule(.hookEnd(machine: machine, key, request.number, succeeded, settings.name), after: time)
    }

    mutating func endHook(
        _ machine: Int, _ key: HookOfMachine, _ number: UInt64, _ succeeded: Bool, _ name: String
    ) {
        guard machines[machine].hookRuns[key]?.number == number else { return }
        machines[machine].hookRuns[key]?.succeeded = succeeded
        trace.note(now, machine, "\(name): \(key.hook.keyword) \(succeeded ? "succeeds" : "fails")")
        let end = HookEnd(key.hook, of: NotificationKey(.instance, name), number: number, succeeded: succeeded)
        deliver(.hookEnd(end), to: machine)
    }

    /// A hook's end reaches a core.
    mutating func giveHookEnd(_ machine: Int, _ end: HookEnd) {
        let instance = machines[machine].actingModel.instances.first { $0.name == end.subject.name }
        if let instance, end.hook == .beforeMaster, end.succeeded || instance.hooks.failure == .proceed {
            let router = Machine.router(of: instance)
            let key = HookOfMachine(hook: .beforeMaster, router: router)
            // That of an earlier mastership doesn't count.
            if machines[machine].hookRuns[key]?.number == end.number { machines[machine].isHookOver[router] = true }
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

    func mayHaveAddresses(_ settings: InstanceSettings, _ machine: Int) -> Bool {
        let router = Machine.router(of: settings)
        guard settings.hooks.hasBeforeMaster, !machines[machine].isHookOver[router] else { return true }
        // Clocks are up to one percent wrong.
        let time = now - machines[machine].masterSince[router]
        return settings.hooks.failure == .proceed && machines[machine].states[router] == .master
            && time >= settings.hooks.timeout.nanoseconds * 98 / 100
    }

    /// In maintenance never MASTER, but for the time of handing over; resigned neither, as long as another is heard.
    mutating func checkOrders(_ machine: Int) {
        guard !machines[machine].toldOrders.isEmpty, !machines[machine].isStopped, let node = machines[machine].node,
            !machines[machine].isBeginning
        else { return }
        let reading = machines[machine].clock.reading(at: now)
        for (id, settings) in machines[machine].actingModel.instances.enumerated() {
            let kind = machines[machine].toldOrders[Machine.router(of: settings)]
            guard kind == .maintenance || kind == .resigned, let status = node.status(of: id, at: reading),
                status.state == .master, !status.isResigning, status.awaitedHook != .beforeRelease
            else { continue }
            let why = kind == .resigned ? "resigned" : "in maintenance"
            invariants.fail(now, "machine \(machine) is MASTER of \(settings.name), which it shouldn't: \(why)")
        }
    }

    /// A resigned router claims when the master has fallen silent, or left.
    mutating func checkClaim(_ transition: Transition, _ settings: InstanceSettings, of machine: Int) {
        let router = Machine.router(of: settings)
        guard transition.to == .master, machines[machine].toldOrders[router] == .resigned,
            transition.reason != .masterReleased, let age = transition.lastAdvertAge
        else { return }
        let silence = scenario.routers[router].interval * Int64(settings.downTimerAdverts)
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
