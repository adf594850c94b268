import Base

/// An address that is asked for on an interface's link.
struct ProbeQuestion: Hashable, Sendable {
    var interfaceIndex: Int32
    var address: IPAddress
}

/// The questions before a claim: who answers for an address that is to be ours (docs/decisions, D108).
struct AddressProbe: Hashable, Sendable {
    /// An answer is waited for so long.
    static let answerTime = Interval.milliseconds(50)
    /// Questions and their answers are good for so long.
    static let proofTime = Interval.milliseconds(250)
    /// From one question to the next while somebody answers: at first short, because a master that was alive a moment ago may
    /// have answered; it doubles up to the longest.
    static let firstPeriod = Interval.milliseconds(100)
    static let longestPeriod = Interval.seconds(1)
    /// Addresses that are asked for at most: the first one of each instance.
    static let addressesMax = 16

    /// Addresses of the group.
    private(set) var wanted: [ProbeQuestion] = []
    /// Addresses of the first one's network that nobody needs to have: who answers for all of them answers for anything.
    private(set) var decoys: [ProbeQuestion] = []
    private(set) var askedAt: Instant?
    private var answers: [ProbeQuestion: Set<MACAddress>] = [:]
    /// Since when another machine answers.
    private(set) var heldSince: Instant?
    private var period = Self.firstPeriod

    /// Begins anew. - Returns: the questions.
    mutating func ask(_ wanted: [ProbeQuestion], prefixLength: Int, seed: UInt64, at now: Instant) -> [ProbeQuestion] {
        self.wanted = wanted
        decoys = Self.decoys(of: wanted, prefixLength: prefixLength, seed: seed)
        answers = [:]
        if heldSince != nil { period = min(period * 2, Self.longestPeriod) }
        askedAt = now
        return wanted + decoys
    }

    /// Two random addresses of the first one's network.
    private static func decoys(of wanted: [ProbeQuestion], prefixLength: Int, seed: UInt64) -> [ProbeQuestion] {
        guard let first = wanted.first else { return [] }
        var random = SeededRandom(seed: seed)
        // Virtual addresses are often written without a length: the network has more than that one.
        let hostBits = min(24, first.address.family.bitCount - prefixLength)
        let bits = max(8, hostBits)
        var found: [ProbeQuestion] = []
        for _ in 0..<8 where found.count < 2 {
            let host = random.next() & ((1 << UInt64(bits)) - 1)
            let low = first.address.low & ~((1 << UInt64(bits)) - 1) | host
            let address =
                first.address.family == .ipv4
                ? IPAddress(v4: UInt32(truncatingIfNeeded: low)) : IPAddress(v6High: first.address.high, low: low)
            let question = ProbeQuestion(interfaceIndex: first.interfaceIndex, address: address)
            // Neither the network's first address nor its last.
            guard host != 0, host != (1 << UInt64(bits)) - 1, !wanted.contains(where: { $0.address == address }),
                !found.contains(question)
            else { continue }
            found.append(question)
        }
        return found
    }

    /// Takes in an answer. - Returns: false if it wasn't asked for.
    mutating func answered(_ question: ProbeQuestion, by machine: MACAddress) -> Bool {
        guard wanted.contains(question) || decoys.contains(question) else { return false }
        // A few are enough: others may send any number.
        if answers[question, default: []].count < 8 { answers[question, default: []].insert(machine) }
        return true
    }

    /// Machines that answer for anything (proxy ARP): their answers don't count.
    var proxies: Set<MACAddress> {
        guard let first = decoys.first.flatMap({ answers[$0] }) else { return [] }
        return decoys.dropFirst().reduce(first) { $0.intersection(answers[$1] ?? []) }
    }

    /// The address that another machine has, and the machine.
    var foreign: (address: IPAddress, machine: MACAddress)? {
        let proxies = proxies
        for question in wanted {
            let machines = (answers[question] ?? []).subtracting(proxies)
            if let machine = machines.min(by: { $0.description < $1.description }) { return (question.address, machine) }
        }
        return nil
    }

    /// True if it was asked, and everybody had the time to answer.
    func isOver(at now: Instant) -> Bool { askedAt.map { now - $0 >= Self.answerTime } ?? false }

    /// True if it has to be asked now, for a claim for which all else is decided.
    func isDue(at now: Instant) -> Bool {
        guard let askedAt else { return true }
        return now - askedAt >= (heldSince == nil ? Self.proofTime : period)
    }

    mutating func noteOutcome(at now: Instant) {
        guard isOver(at: now) else { return }
        if foreign == nil {
            heldSince = nil
            period = Self.firstPeriod
        } else if heldSince == nil {
            heldSince = now
        }
    }

    /// Nothing is claimed: what was answered is forgotten, and since when.
    mutating func forget() { self = AddressProbe() }

    /// The next time at which something of it is decided or asked.
    var deadline: Instant {
        guard let askedAt else { return .never }
        return askedAt + (heldSince == nil ? Self.answerTime : period)
    }
}
