import Base
import VRRP
import Wire

/// The engine that keeps the locks of a cluster: a register for each group, and ways to it that can be cut.
struct LockEngine {
    /// True if it answers nobody.
    var isDead = false
    /// By machine.
    var isCut: [Bool]
    /// Parts of 1,000 messages.
    var lossPermille = 0
    private let delays: [Int64]
    private var registers: [UInt8: (revision: UInt64, value: LockValue?)] = [:]

    init(machineCount: Int, random: inout SeededRandom) {
        isCut = [Bool](repeating: false, count: machineCount)
        delays = (0..<machineCount).map { _ in Int64.random(in: 100_000...8_000_000, using: &random) }
    }

    /// The time for a message there or back; nil for one that is lost.
    func delay(_ machine: Int, _ random: inout SeededRandom) -> Int64? {
        guard !isDead, !isCut[machine] else { return nil }
        if lossPermille > 0, Int.random(in: 0..<1_000, using: &random) < lossPermille { return nil }
        return delays[machine] + Int64.random(in: 0...1_000_000, using: &random)
    }

    mutating func answer(_ request: LockRequest) -> LockAnswer {
        var (revision, value) = registers[request.group] ?? (0, nil)
        var isWritten = false
        if case .exchange(let expected, let new) = request.change, expected == revision {
            (revision, value, isWritten) = (revision + 1, new, true)
            registers[request.group] = (revision, value)
        }
        return LockAnswer(
            number: request.number, group: request.group,
            result: .register(revision: revision, value, isWritten: isWritten))
    }

    /// The node whose value a group's register has.
    func owner(of group: UInt8) -> UInt8? { registers[group]?.value?.owner }
}

extension World {
    mutating func ask(_ request: LockRequest, from machine: Int) {
        guard let delay = lockEngine?.delay(machine, &random) else { return }
        schedule(.lockRequest(request, machine: machine, life: machines[machine].life), after: delay)
    }

    /// A request has come to the engine.
    mutating func arrive(_ request: LockRequest, from machine: Int, life: Int) {
        guard lockEngine?.isDead == false, let answer = lockEngine?.answer(request),
            let delay = lockEngine?.delay(machine, &random)
        else { return }
        let sent = guardFault?.bent(answer, to: machine) ?? answer
        schedule(.lockAnswer(sent, machine: machine, life: life), after: delay)
    }
}
