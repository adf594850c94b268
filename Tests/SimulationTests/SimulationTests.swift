import Base
import Testing

@testable import Simulator

/// The core in clusters: random ones, those that once broke, and proof that the checks can fail.
@Suite struct SimulationTests {
    /// Few: a debug build takes 2 s for each. `make test` runs many more by hasup-sim.
    @Test(arguments: 1...8)
    func randomClusters(_ seed: UInt64) {
        #expect(Simulation.run(seed: seed).failures.isEmpty, "replay: hasup-sim --seed \(seed) --trace")
    }

    /// Seeds that broke a promise once, in clusters of their time.
    @Test(arguments: [
        (UInt64(103), "an address whose answer nobody heard, because its process had died"),
        (283, "a withdrawal that was refused, and asked for again as MASTER"),
        (80, "a form that was written down before the kernel had it"),
        (148, "a link that went down and came up before anybody looked"),
        (778, "a secondary address that had become its network's first one when it was removed"),
        (7234, "a link whose hardware address changed while no process listened"),
        (13917, "a form that the kernel refused to take away and to add"),
        (16835, "an address on an interface that had got another name, and left the file"),
        (31095, "a stranger's address that a reload named"),
        (411_897, "a FAULT for want of an address that ends with another number of its interface"),
        (866, "an address that our own other length is in the way of, asked for by who has died"),
        (405_830, "a yielding master heard after the one that it yields to, with a short preempt_delay"),
        (434_329, "a stranger's address in place of one that isn't tracked, and that somebody took away"),
        (473_911, "a stranger's address that a reload names whose process dies at once"),
        (201_382, "a name that one interface had and another one has, both heard of at once"),
    ])
    func namedSeeds(_ seed: UInt64, _ story: String) {
        #expect(
            Simulation.run(seed: seed, isPlain: true).failures.isEmpty,
            "\(story): hasup-sim --seed \(seed) --plain --trace")
    }

    /// The same in clusters with groups, orders and hooks.
    @Test(arguments: [
        (UInt64(2577), "an order that ended one event after its router was MASTER"),
        (16411, "an order that was given while a reload waited for a hook, and was forgotten"),
        (14221, "a master that a reload brought into a group that hands over"),
        (8902, "a MASTER notified before its addresses came, behind a death and a reload without hook"),
        (7376, "a MASTER notified although the kernel had refused what it answered for first"),
        (16469, "a MASTER whose last address was another instance's, too, and was refused to that one"),
        (50198, "a before_master that failed after the faults, of a master that had told nobody of its addresses"),
    ])
    func namedSeedsOfGroups(_ seed: UInt64, _ story: String) {
        #expect(Simulation.run(seed: seed).failures.isEmpty, "\(story): hasup-sim --seed \(seed) --trace")
    }

    /// The same seed is the same story, whatever else runs.
    @Test func replays() {
        for seed in UInt64(1)...3 {
            let first = Simulation.run(seed: seed, trace: true)
            let second = Simulation.run(seed: seed, trace: true)
            #expect(first.trace == second.trace)
            #expect(first.events == second.events)
            #expect(first.trace.count > 10)
        }
    }

    /// Broken on purpose: found by the invariant that is meant for it, in a seed that comes by.
    @Test(arguments: [
        (FaultInjection.keepsPartition, UInt64(1)), (.changesVRIDs, 1), (.losesKernelAddresses, 1),
        (.ignoresNopreempt, 9), (.suppressesPriorityZero, 1), (.dropsPriorityZero, 1), (.delaysRestart, 1),
        (.undercountsNotifications, 1), (.overcountsNotifications, 2), (.dropsLedger, 19), (.dropsLedgerRecords, 1),
        (.keepsEndedLedgerRecords, 1), (.removesForeignAddresses, 10), (.skipsInstalls, 1), (.hidesDuplicates, 4),
        (.hidesForeignAddresses, 2), (.hidesMTU, 5), (.ignoresForeignRemovals, 2), (.changesLinkConstantly, 7),
        (.losesTrackerResults, 5), (.losesTrackerTable, 5), (.hidesTrackerFailures, 6), (.hidesGroups, 1),
        (.ranksMembersDifferently, 1), (.answersEarly, 1), (.forgetsOwedNotifications, 158), (.losesMaintenance, 3),
        (.losesResignations, 3), (.skipsHooks, 3), (.neverRenews, 22),
    ])
    func invariantsCanFail(_ injection: FaultInjection, _ seed: UInt64) {
        // What plain clusters don't have.
        let isPlain = ![
            .losesTrackerResults, .losesTrackerTable, .hidesTrackerFailures, .hidesGroups, .ranksMembersDifferently,
            .answersEarly, .forgetsOwedNotifications, .losesMaintenance, .losesResignations, .skipsHooks,
            .neverRenews,
        ].contains(injection)
        let failures = Simulation.run(seed: seed, injection: injection, isPlain: isPlain).failures
        #expect(failures.contains { $0.contains(injection.sign) }, "\(injection), seed \(seed): \(failures.prefix(2))")
    }

    /// Seeds that broke a promise once.
    @Test(arguments: [
        (UInt64(205), "a state that was told while IPVS was missing, of a service that was still to be swept"),
        (1975, "a sweep that was refused, and whose service had news before the next try"),
        (165, "news between the halves of a plan that sweeps"),
        (11977, "a service of somebody's that a configuration named while IPVS was missing, and the next one didn't"),
        (3323, "a plan that was half done when a full reading began"),
    ])
    func namedSeedsOfServices(_ seed: UInt64, _ story: String) {
        #expect(ServiceSimulation.run(seed: seed).failures.isEmpty, "\(story): hasup-sim --services --seed \(seed)")
    }

    @Test(arguments: 0..<5)
    func randomServices(_ part: Int) {
        for seed in UInt64(part * 10 + 1)...UInt64(part * 10 + 10) {
            let options = SimulationOptions(["--services", "--seed", "\(seed)"])
            #expect(options?.run(seed).failures.isEmpty == true, "replay: hasup-sim --services --seed \(seed) --trace")
        }
    }

    /// Broken on purpose: found by the promise that is meant for it, in one of the first seeds.
    @Test(arguments: ServiceFault.allCases)
    func promisesOfServicesCanBeBroken(_ fault: ServiceFault) {
        let isFound = (UInt64(1)...50).contains { seed in
            let outcome =
                fault.isOfChecks
                ? CheckedSimulation.run(seed: seed, fault: fault) : ServiceSimulation.run(seed: seed, fault: fault)
            return outcome.failures.contains { $0.contains(fault.sign) }
        }
        #expect(isFound)
    }

    /// Nodes with a guard: the faults of its table, one after the other. `Tests/run simulator` has more.
    @Test(arguments: [UInt64(2), 3])
    func randomGuards(_ seed: UInt64) {
        let outcome = GuardSimulation.run(seed: seed)
        #expect(outcome.failures.isEmpty, "replay: hasup-sim --guards --seed \(seed) --trace")
    }

    /// Broken on purpose: found by the promise that is meant for it, in one of the first seeds.
    @Test(arguments: GuardFault.allCases)
    func promisesOfGuardsCanBeBroken(_ fault: GuardFault) {
        let isFound = (UInt64(1)...20).contains { seed in
            GuardSimulation.run(seed: seed, fault: fault).failures.contains { $0.contains(fault.sign) }
        }
        #expect(isFound)
    }

    @Test func replaysServices() {
        let first = ServiceSimulation.run(seed: 5, trace: true)
        #expect(first.trace == ServiceSimulation.run(seed: 5, trace: true).trace && first.trace.count > 20)
    }

    @Test func arguments() {
        #expect(SimulationOptions(["--services", "--seed", "7"])?.isOfServices == true)
        #expect(SimulationOptions(["--services", "--seed", "7", "--inject", "rewrites"])?.serviceFault == .rewrites)
        #expect(SimulationOptions(["--seed", "7", "--inject", "rewrites"]) == nil)
        #expect(SimulationOptions(["--services", "--seed", "7", "--inject", "keepsPartition"]) == nil)
        #expect(SimulationOptions(["--seed", "7", "--trace"])?.start == 7)
        #expect(SimulationOptions(["--seeds", "9", "--start", "4"])?.count == 9)
        #expect(SimulationOptions([]) == nil)
        #expect(SimulationOptions(["--start", "4"]) == nil)
        #expect(SimulationOptions(["--seed"]) == nil)
        #expect(SimulationOptions(["--seed", "x"]) == nil)
        #expect(SimulationOptions(["--what"]) == nil)
    }
}
