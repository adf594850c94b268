import Base
import VRRP

/// A frame on the virtual LAN: a VRRP PDU and what the IP header says.
struct LANFrame {
    var from: Int
    var source: IPAddress
    var destination: IPAddress
    var hopLimit: UInt8
    var bytes: [UInt8]
}

/// The virtual LAN: loses, delays, doubles and overtakes frames, and cuts directed pairs, all by the seed's numbers.
struct LAN {
    /// Longest delay of a frame while no fault is on.
    static let quietDelayMax = Interval.microseconds(2_200)

    /// The time by which, in nanoseconds, a frame that is overtaken arrives.
    static let detourMax: Int64 = 300_000_000

    private let machineCount: Int
    private let baseDelay: [Int64]
    private var cuts: [Bool]
    /// The arrival of the last frame of each directed pair: frames overtake each other only while that fault is on.
    private var lastArrival: [Int64]
    /// Parts of 1,000 frames.
    var lossPermille = 0
    var duplicatePermille = 0
    var reorderPermille = 0

    init(machineCount: Int, random: inout SeededRandom) {
        self.machineCount = machineCount
        baseDelay = (0..<machineCount * machineCount).map { _ in Int64.random(in: 50_000...2_000_000, using: &random) }
        cuts = [Bool](repeating: false, count: machineCount * machineCount)
        lastArrival = [Int64](repeating: 0, count: machineCount * machineCount)
    }

    func isCut(from: Int, to: Int) -> Bool { cuts[from * machineCount + to] }

    mutating func setCut(_ isCut: Bool, from: Int, to: Int) { cuts[from * machineCount + to] = isCut }

    /// No cut, no loss, nothing doubled or overtaken.
    mutating func heal() {
        cuts = [Bool](repeating: false, count: cuts.count)
        lossPermille = 0
        duplicatePermille = 0
        reorderPermille = 0
    }

    /// Delays, in nanoseconds, after which copies of a frame arrive; none when it's lost.
    mutating func deliveries(from: Int, to: Int, at now: Int64, random: inout SeededRandom) -> [Int64] {
        if isCut(from: from, to: to) || chance(lossPermille, &random) { return [] }
        var delays = [delay(from, to, &random)]
        if chance(duplicatePermille, &random) { delays.append(delay(from, to, &random)) }
        guard reorderPermille == 0 else { return delays }
        let pair = from * machineCount + to
        // A detour of before doesn't hold up what comes after it.
        let isRecent = lastArrival[pair] - now < Self.quietDelayMax.nanoseconds
        delays = delays.map { isRecent ? max($0, lastArrival[pair] - now) : $0 }
        lastArrival[pair] = now + (delays.max() ?? 0)
        return delays
    }

    private func delay(_ from: Int, _ to: Int, _ random: inout SeededRandom) -> Int64 {
        let jitter = Int64.random(in: 0...200_000, using: &random)
        let detour = chance(reorderPermille, &random) ? Int64.random(in: 0...Self.detourMax, using: &random) : 0
        return baseDelay[from * machineCount + to] + jitter + detour
    }

    private func chance(_ permille: Int, _ random: inout SeededRandom) -> Bool {
        permille > 0 && Int.random(in: 0..<1_000, using: &random) < permille
    }
}
