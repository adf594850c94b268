import Base

/// Promises, checked while the world runs. A virtual router may have two masters, or none, only before its time has
/// come, and afterwards only as long as its limit says.
struct Invariants {
    private(set) var failures: [String] = []
    /// The number of masters by virtual router.
    private var masters: [Int]
    private var manySince: [Int64?]
    private var noneSince: [Int64?]
    private(set) var transitions: [Int]
    private(set) var lastNotification: [UInt64]
    private var notificationLife: [Int]
    /// The times at which each machine gave up being MASTER, by virtual router, since `countsFaults`.
    private(set) var gaveUpAt: [[[Int64]]]
    var countsFaults = false

    /// From here on (world time, by virtual router) two masters may last for `manyMax` at most.
    var manyFrom: [Int64]
    var manyMax: [Int64]
    /// From here on there may be no master for `noneMax` at most.
    var noneFrom: [Int64]
    var noneMax: [Int64]

    init(routerCount: Int, machineCount: Int) {
        masters = [Int](repeating: 0, count: routerCount)
        manySince = [Int64?](repeating: nil, count: routerCount)
        noneSince = [Int64?](repeating: 0, count: routerCount)
        transitions = [Int](repeating: 0, count: routerCount)
        lastNotification = [UInt64](repeating: 0, count: machineCount)
        notificationLife = [Int](repeating: 0, count: machineCount)
        gaveUpAt = [[[Int64]]](
            repeating: [[Int64]](repeating: [], count: routerCount), count: machineCount)
        manyFrom = [Int64](repeating: .max, count: routerCount)
        manyMax = [Int64](repeating: 0, count: routerCount)
        noneFrom = [Int64](repeating: .max, count: routerCount)
        noneMax = [Int64](repeating: 0, count: routerCount)
    }

    mutating func fail(_ now: Int64, _ sentence: String) {
        // The first few are enough; a broken run could make millions.
        if failures.count < 20 { failures.append("at \(Interval(nanoseconds: now)): \(sentence)") }
    }

    /// Some machine's state changed; this router has so many masters now.
    mutating func changed(_ router: Int, masters count: Int, at now: Int64) {
        transitions[router] += 1
        check(router, at: now)
        masters[router] = count
        manySince[router] = count > 1 ? manySince[router] ?? now : nil
        noneSince[router] = count == 0 ? noneSince[router] ?? now : nil
    }

    mutating func gaveUp(_ machine: Int, _ router: Int, at now: Int64) {
        if countsFaults { gaveUpAt[machine][router].append(now) }
    }

    /// Checks what has lasted until now.
    mutating func check(_ router: Int, at now: Int64) {
        if let since = manySince[router] {
            let length = now - max(since, manyFrom[router])
            if now > manyFrom[router], length > manyMax[router] {
                fail(now, "VI_\(router) has had \(masters[router]) masters for \(Interval(nanoseconds: length))")
                manySince[router] = now
            }
        }
        if let since = noneSince[router] {
            let length = now - max(since, noneFrom[router])
            if now > noneFrom[router], length > noneMax[router] {
                fail(now, "VI_\(router) has had no master for \(Interval(nanoseconds: length))")
                noneSince[router] = now
            }
        }
    }

    /// A successor goes on counting.
    mutating func continues(_ machine: Int, life: Int) { notificationLife[machine] = life }

    /// Notifications of one life count up without a gap.
    mutating func notified(_ machine: Int, life: Int, _ sequence: UInt64, at now: Int64) {
        let expected = notificationLife[machine] == life ? lastNotification[machine] + 1 : 1
        if sequence != expected { fail(now, "machine \(machine) notifies \(sequence) after \(expected - 1)") }
        notificationLife[machine] = life
        lastNotification[machine] = sequence
    }
}
