// Simulator: `hasup-sim`: clusters of real cores with a simulated clock, network and kernel, one seed each.
// Imports: Base, ConfigurationModel, VRRP, Wire.
// Begin with Simulation.swift, a seed's run; World.swift is the event loop, Invariants.swift the promises.

import Base
import Glibc

/// `hasup-sim`: plays seeds until one breaks a promise.
@main enum Main {
    static let usage = """
        usage: hasup-sim --seed N [--trace] [--plain]
               hasup-sim --seeds COUNT [--start N] [--trace] [--plain] [--inject NAME]

        Each seed is a random cluster of real VRRP cores on a network that lies, first with faults, then in peace. An
        injection breaks something on purpose: the seeds that find it break a promise. NAME is one of
        \(FaultInjection.allCases.map(\.rawValue).joined(separator: " ")).
        Plain clusters track no scripts, processes and files, and have no sync groups.
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
            let outcome = Simulation.run(
                seed: seed, trace: options.trace, injection: options.injection, isPlain: options.isPlain)
            simulated = simulated + outcome.simulated
            events += outcome.events
            for line in outcome.trace { print(line) }
            guard !outcome.failures.isEmpty else { continue }
            broken += 1
            print("seed \(seed) breaks a promise:")
            for failure in outcome.failures { print("  \(failure)") }
            print(
                "replay: hasup-sim --seed \(seed) --trace\(options.isPlain ? " --plain" : "")\(options.injection.map { " --inject \($0.rawValue)" } ?? "")"
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

    /// Nil for anything that isn't understood.
    init?(_ arguments: some Sequence<String>) {
        var isGiven = false
        var rest = arguments.makeIterator()
        while let argument = rest.next() {
            switch argument {
            case "--trace": trace = true
            case "--plain": isPlain = true
            case "--inject":
                guard let named = rest.next().flatMap({ FaultInjection(rawValue: $0) }) else { return nil }
                injection = named
            case "--seed", "--start", "--seeds":
                guard let text = rest.next(), let number = UInt64(text) else { return nil }
                if argument == "--seeds" { count = number } else { start = number }
                if argument != "--start" { isGiven = true }
            default: return nil
            }
        }
        if !isGiven { return nil }
    }
}
