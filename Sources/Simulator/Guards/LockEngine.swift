import Base
import VRRP
import Wire

/// A request to the engine, or its answer, on its way.
struct LockMessage {
    enum Content {
        case request(LockRequest)
        case answer(LockAnswer)
    }

    var machine: Int
    /// The machine's daemon that has asked.
    var life: Int
    var content: Content
}

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
        let message = LockMessage(machine: machine, life: machines[machine].life, content: .request(request))
        if let delay = lockEngine?.delay(machine, &random) { schedule(.lock(message), after: delay) }
    }

    /// A request has come to the engine, or an answer to a machine.
    mutating func arrive(_ message: LockMessage) {
        switch message.content {
        case .request(let request):
            guard lockEngine?.isDead == false, let answer = lockEngine?.answer(request),
                let delay = lockEngine?.delay(message.machine, &random)
            else { return }
            var back = message
            back.content = .answer(guardFault?.bent(answer, to: message.machine) ?? answer)
            schedule(.lock(back), after: delay)
        case .answer(let answer):
            guard machines[message.machine].life == message.life else { return }
            deliver(.lockAnswer(answer), to: message.machine)
        }
    }
}
