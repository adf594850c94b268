import Base
import ConfigurationModel
import LoadBalancing

/// One seed of services: a director and its table, with servers that fail, strangers that write, a kernel that refuses,
/// processes that die and configurations that change; then peace, and what must be true in it. Over and over.
struct ServiceSimulation {
    var scenario: ServiceScenario
    var bench = DirectedTable()
    let fault: ServiceFault?
    private let isTraced: Bool

    /// The configuration in effect, and its services.
    var model = ConfigurationModel()
    var definitions: [ServiceDefinition] = []
    /// False: every server is up, and nobody tells states.
    let hasChecker: Bool
    /// States as the checker has them, by number.
    var states: [ServiceState] = []
    /// Services whose state the checker hasn't told the director that runs.
    var untold: Set<Int> = []
    /// Services of others as they left them.
    var foreign: [ServiceKey: TableService] = [:]
    /// Every key that was ever configured.
    var everConfigured: Set<ServiceKey> = []
    /// Keys that were ours, and are free.
    var released: Set<ServiceKey> = []
    /// Foreign destinations that neither a start nor a reload has seen.
    var foreignPlaces: [ServiceKey: Set<DestinationKey>] = [:]
    /// Those that came after one that the director may still be at.
    var doubtfulPlaces: [ServiceKey: Set<DestinationKey>] = [:]
    var isSweeping = false
    /// Services that somebody has changed since they were read.
    var disturbed: Set<ServiceKey> = []
    /// True if the kernel has refused anything since the last peace.
    var isRefused = false

    /// Rules of the call under way.
    var rules: (ticket: UInt64, rules: CallRules)?
    private(set) var failures: [String] = []
    private(set) var trace: [String] = []
    private var events = 0
    private let began: Instant

    static func run(seed: UInt64, trace: Bool = false, fault: ServiceFault? = nil) -> SimulationResult {
        var simulation = ServiceSimulation(seed: seed, isTraced: trace, fault: fault)
        simulation.run()
        return SimulationResult(
            failures: simulation.failures, trace: simulation.trace,
            simulated: simulation.bench.now - simulation.began, events: simulation.events)
    }

    private init(seed: UInt64, isTraced: Bool, fault: ServiceFault?) {
        scenario = ServiceScenario(random: SeededRandom(seed: seed))
        self.isTraced = isTraced
        self.fault = fault
        hasChecker = !scenario.once(in: 5)
        bench.fault = fault
        began = bench.now
    }

    private mutating func run() {
        for _ in 0..<scenario.number(0...2) { addForeignService() }
        configure(scenario.model(), .start(noted: []))
        for _ in 0..<6 {
            for _ in 0..<scenario.number(5...25) where failures.isEmpty { disturb() }
            guard failures.isEmpty else { return }
            makePeace()
        }
        guard failures.isEmpty else { return }
        end()
    }

    mutating func note(_ text: String) {
        events += 1
        guard isTraced else { return }
        trace.append("\((bench.now - began).seconds)  \(text)")
    }

    mutating func fail(_ text: String) {
        failures.append(text)
        note("BROKEN: \(text)")
    }

    mutating func send(_ event: DirectorEvent) {
        bench.send(event)
        lookAtCall()
    }

    /// The rules of a new call are those of now.
    private mutating func lookAtCall() {
        guard let call = bench.call, call.ticket != rules?.ticket else { return }
        rules = (call.ticket, CallRules(call.call, self))
    }

    /// Answers the call under way; what it asks for is looked at.
    mutating func answer() {
        guard let call = bench.call, let rules = rules?.rules else { return }
        bench.table.emptied = []
        let count = bench.table.taken.count
        bench.answer()
        lookAtCall()
        let broken = rules.broken(by: bench.table, since: count, disturbed: disturbed)
        for sentence in broken + bench.failures { fail(sentence) }
        if case .readDestinations(let keys) = call.call { disturbed.subtract(keys) }
        if isTraced { note(describe(call.call)) }
    }

    private func describe(_ call: TableCall) -> String {
        switch call {
        case .survey: "read services"
        case .readDestinations(let keys): "read \(keys.map { "\($0.target)" })"
        case .write(let requests): "write \(requests.map { "\($0)" })"
        }
    }

    mutating func settle() {
        while bench.call != nil, failures.isEmpty { answer() }
    }

    /// Lets time pass as `DirectedTable.pass` does, with a look at each call.
    mutating func pass(_ interval: Interval) {
        let end = bench.now + interval
        settle()
        while bench.director.deadline <= end, failures.isEmpty {
            bench.now = max(bench.now, bench.director.deadline)
            send(.timeout)
            settle()
        }
        bench.now = end
    }

    // MARK: - Peace

    /// The table as it has to be.
    var wanted: [ServiceKey: TableService] {
        var services = WantedTable(definitions, states: states.map(Optional.some)).services
        for (key, places) in foreignPlaces.merging(doubtfulPlaces, uniquingKeysWith: { $0.union($1) }) {
            for place in places {
                guard let actual = bench.table.services[key]?.destinations[place] else { continue }
                services[key]?.destinations[place] = actual
            }
        }
        return services.merging(foreign) { ours, _ in ours }
    }

    private mutating func makePeace() {
        note("peace")
        bench.table.missing = nil
        bench.table.refusals = []
        bench.table.refuses = { _ in nil }
        settle()
        tellAll()
        // Two readings; what was refused is tried again after 10 s at most.
        pass(isRefused ? .seconds(25) : .seconds(3))
        (isRefused, isSweeping) = (false, false)
        compare("after peace")
        released = everConfigured.subtracting(definitions.flatMap(\.keys)).subtracting(bench.table.services.keys)
        guard failures.isEmpty else { return }
        let count = bench.table.taken.count
        pass(.seconds(3))
        expectNoWrites(since: count, "at rest")
        beQuiet()
    }

    private mutating func compare(_ when: String) {
        let wanted = wanted
        guard bench.table.services != wanted else { return }
        for key in Set(wanted.keys).union(bench.table.services.keys).sorted()
        where bench.table.services[key] != wanted[key] {
            let actual = bench.table.services[key]
            return fail(
                "\(key.target) isn't what is wanted \(when): \(TableDifference(key, from: actual, to: wanted[key]).changes)"
            )
        }
    }

    /// - Parameter swept: what a reload or a start may remove.
    private mutating func expectNoWrites(
        since count: Int, _ when: String, swept: [ServiceKey: Set<DestinationKey>] = [:]
    ) {
        let writes = bench.table.taken[count...].filter { request in
            guard case .removeDestination(let key, let place) = request else { return true }
            return swept[key]?.contains(place) != true
        }
        if let first = writes.first { fail("the director writes \(when): \(first)") }
    }

    /// Nothing has changed: a reload, a restart, an upgrade or a death write nothing.
    private mutating func beQuiet() {
        let count = bench.table.taken.count
        let swept = foreignPlaces.merging(doubtfulPlaces, uniquingKeysWith: { $0.union($1) })
        let story: String
        switch scenario.number(0...3) {
        case 0:
            story = "at an unchanged reload"
            configure(model, .reload)
        case 1:
            story = "at a reload of nothing new"
            sweep()
            send(.reload)
        case 2:
            story = "at an upgrade"
            bench.kill()
            rules = nil
            configure(model, .resume(noted: bench.file.sorted()))
        default:
            story = "at a restart"
            bench.kill()
            rules = nil
            configure(model, .start(noted: bench.file.sorted()))
        }
        note(story)
        if fault == .rewrites, let key = bench.table.services.keys.min(), let service = bench.table.services[key] {
            _ = bench.table.take(.editService(key, service.settings))
        }
        settle()
        tellAll()
        pass(.seconds(3))
        expectNoWrites(since: count, story, swept: swept)
        isSweeping = false
        compare(story)
    }

    /// The end removes what is ours.
    private mutating func end() {
        settle()
        send(.stop(keepsServices: false))
        while bench.call != nil { bench.answer() }
        if !bench.isStopped { fail("the director doesn't stop") }
        if bench.table.services != foreign { fail("a service of ours isn't what is wanted after the end") }
    }
}
