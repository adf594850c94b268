// Simulator: `hasup-sim`: clusters of real cores with a simulated clock, network and kernel, one seed each.
// Imports: Base, ConfigurationModel, LoadBalancing, VRRP, Wire.
// Begin with Simulation.swift, a seed's run; World.swift is the event loop, Invariants.swift the promises.

import Base
import Glibc

/// `hasup-sim`: plays seeds until one breaks a promise.
@main enum Main {
    static let usage = """
        usage: hasup-sim --seed N [--trace] [--plain]
               hasup-sim --seeds COUNT [--start N] [--trace] [--plain] [--inject NAME]
               hasup-sim --guards [--seed N | --seeds COUNT] [--start N] [--trace] [--inject NAME]
               hasup-sim --services [--seed N | --seeds COUNT] [--start N] [--trace] [--inject NAME]

        Each seed is a random cluster of real VRRP cores on a network that lies, first with faults, then in peace. An
        injection breaks something on purpose: the seeds that find it break a promise. NAME is one of
        \(FaultInjection.allCases.map(\.rawValue).joined(separator: " ")).
        Plain clusters track no scripts, processes and files, and have no sync groups.
        With --services each odd seed is a director and IPVS's table: other programs write, the kernel refuses; each even seed has
        a checker, too, whose servers fail. NAME is one of \(ServiceFault.allCases.map(\.rawValue).joined(separator: " ")).
        With --guards each seed is two or three nodes with a guard. NAME is one of
        \(GuardFault.allCases.map(\.rawValue).joined(separator: " ")).
        Exit status: 0 when every promise held, 1 when a seed broke one, 64 for wrong arguments.
        """

    static func main() {
        guard let options = SimulationOptions(CommandLine.arguments.dropFirst()) else {
            print(usage)
            exit(64)
        }
        let began = seconds()
        var simulated = Interval.zero
        var events = 0
        var broken = 0
        for offset in 0..<options.count {
            let seed = options.start &+ offset
            let outcome = options.run(seed)
            simulated = simulated + outcome.simulated
            events += outcome.events
            for line in outcome.trace { print(line) }
            guard !outcome.failures.isEmpty else { continue }
            broken += 1
            print("seed \(seed) breaks a promise:")
            for failure in outcome.failures { print("  \(failure)") }
            print(
                "replay: hasup-sim --seed \(seed) --trace\(options.words)"
            )
        }
        let hours = Int(simulated.seconds / 3_600)
        print(
            "\(options.count) seeds, \(broken) broken, \(hours) simulated hours, \(events) events, "
                + "\(Int(seconds() - began)) seconds")
        exit(broken == 0 ? 0 : 1)
    }

    private static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

struct SimulationOptions {
    var start: UInt64 = 1
    var count: UInt64 = 1
    var trace = false
    var isPlain = false
    var injection: FaultInjection?
    var isOfServices = false
    var isOfGuards = false
    var guardFault: GuardFault?
    var serviceFault: ServiceFault?

    /// Nil for anything that isn't understood.
    init?(_ arguments: some Sequence<String>) {
        var isGiven = false
        var rest = arguments.makeIterator()
        while let argument = rest.next() {
            switch argument {
            case "--trace": trace = true
            case "--plain": isPlain = true
            case "--inject":
                guard let name = rest.next() else { return nil }
                injection = FaultInjection(rawValue: name)
                serviceFault = ServiceFault(rawValue: name)
                guardFault = GuardFault(rawValue: name)
                guard injection != nil || serviceFault != nil || guardFault != nil else { return nil }
            case "--services": isOfServices = true
            case "--guards": isOfGuards = true
            case "--seed", "--start", "--seeds":
                guard let text = rest.next(), let number = UInt64(text) else { return nil }
                if argument == "--seeds" { count = number } else { start = number }
                if argument != "--start" { isGiven = true }
            default: return nil
            }
        }
        // Each world has faults of its own.
        guard isGiven, isOfServices == (serviceFault != nil) || serviceFault == nil,
            isOfGuards == (guardFault != nil) || guardFault == nil,
            !(isOfServices || isOfGuards) || injection == nil && !isPlain, !(isOfServices && isOfGuards)
        else { return nil }
    }

    func run(_ seed: UInt64) -> SimulationResult {
        if isOfGuards { return GuardSimulation.run(seed: seed, trace: trace, fault: guardFault) }
        guard isOfServices else {
            return Simulation.run(seed: seed, trace: trace, injection: injection, isPlain: isPlain)
        }
        // Every other seed has a checker.
        let hasChecker = serviceFault?.isOfChecks ?? (seed % 2 == 0)
        return hasChecker
            ? CheckedSimulation.run(seed: seed, trace: trace, fault: serviceFault)
            : ServiceSimulation.run(seed: seed, trace: trace, fault: serviceFault)
    }

    /// The words on the command line of a replay, apart from the seed.
    var words: String {
        let inject =
            (injection?.rawValue ?? serviceFault?.rawValue ?? guardFault?.rawValue).map { " --inject \($0)" } ?? ""
        return (isOfServices ? " --services" : "") + (isOfGuards ? " --guards" : "") + (isPlain ? " --plain" : "")
            + inject
    }
}
