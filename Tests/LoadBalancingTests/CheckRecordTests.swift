import Base
import ConfigurationModel
import Testing

@testable import LoadBalancing

private func bytes(of record: CheckRecord) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: CheckRecord.size)
    bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { record.store(to: base) } }
    return bytes
}

private func record(from bytes: [UInt8]) -> CheckRecord? {
    bytes.withUnsafeBytes { $0.baseAddress.flatMap { CheckRecord(from: $0) } }
}

private func full() -> CheckRecord {
    var record = CheckRecord(CheckFingerprint(value: 0x0102_0304_0506_0708))
    record.state = .down
    record.reason = .statusCode
    record.detail = 503
    record.request = 3
    record.retriesLeft = 2
    record.isConfirming = true
    record.isUntried = true
    record.weight = -7
    record.duration = .microseconds(1_234)
    record.lastStart = Instant(nanoseconds: 1)
    record.lastVerdict = Instant(nanoseconds: 2)
    record.lastChange = Instant(nanoseconds: 3)
    record.nextDue = Instant(nanoseconds: 4)
    return record
}

@Suite("The page's record of a check (docs/decisions, D73)")
struct CheckRecordTests {
    @Test("what is kept is found again") func roundTrip() {
        #expect(record(from: bytes(of: full())) == full())
        let empty = CheckRecord(CheckFingerprint(value: 9))
        #expect(record(from: bytes(of: empty)) == empty)
    }

    @Test("an empty place and a torn record are unknown") func torn() {
        #expect(record(from: Array(repeating: 0, count: CheckRecord.size)) == nil)
        let whole = bytes(of: full())
        for place in whole.indices {
            var torn = whole
            torn[place] ^= 0x10
            #expect(record(from: torn) == nil, "byte \(place)")
        }
        // The first half of one write, the second of another.
        let other = bytes(of: CheckRecord(CheckFingerprint(value: 0x0102_0304_0506_0708)))
        for place in stride(from: 8, to: 64, by: 8) {
            #expect(record(from: Array(whole[..<place] + other[place...])) == nil, "torn at \(place)")
        }
    }

    @Test("a number that nobody writes is refused, whatever its checksum") func strange() {
        var strange = full()
        strange.fingerprint = CheckFingerprint(value: 0)
        #expect(record(from: bytes(of: strange)) == nil)
    }
}

@Suite("The identity of a check (docs/decisions, D72)")
struct CheckFingerprintTests {
    private func check(_ change: (inout CheckSettings) -> Void = { _ in }) -> CheckSettings {
        var settings = CheckSettings(
            kind: .tcp, endpoint: CheckEndpoint(address: IPAddress(v4: 1), port: 80, timeout: .seconds(1)),
            schedule: CheckSchedule(interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .zero))
        change(&settings)
        return settings
    }

    @Test("all that decides the verdict counts, and nothing else") func identity() {
        let first = CheckFingerprint(check())
        #expect(CheckFingerprint(check { $0.startsDown = true }) == first)
        #expect(CheckFingerprint(check { $0.logsAllFailures = true }) == first)
        #expect(CheckFingerprint(check { $0.endpoint?.port = 81 }) != first)
        #expect(CheckFingerprint(check { $0.endpoint?.firewallMark = 1 }) != first)
        #expect(CheckFingerprint(check { $0.endpoint?.localInterface = "eth0" }) != first)
        #expect(CheckFingerprint(check { $0.schedule?.retries = 1 }) != first)
        #expect(
            CheckFingerprint(
                check { $0.kind = .http(HTTPCheck(isEncrypted: false, requests: [HTTPRequest(path: "/")])) })
                != first)
    }

    @Test("starts keep their place within the interval, and two nodes have different ones") func phases() {
        let schedule = CheckSchedule(interval: .seconds(4), retries: 0, delayBeforeRetry: .zero, warmup: .seconds(4))
        var differing = 0
        for number in 1...200 {
            let fingerprint = CheckFingerprint(value: UInt64(number))
            let phase = CheckPhase(schedule, fingerprint, router: 1)
            let now = Instant(nanoseconds: 123_456_789_000)
            let first = phase.first(from: now)
            #expect(first >= now && first - now < .seconds(4))
            #expect(phase.next(from: first) == first)
            #expect(phase.next(from: first + Interval(nanoseconds: 1)) == first + .seconds(4))
            // A restart in the middle keeps it.
            #expect((phase.first(from: now + .seconds(9)) - first).nanoseconds % 4_000_000_000 == 0)
            let overdue = phase.overdue(from: now)
            #expect(overdue >= now && overdue - now < .milliseconds(500))
            let peer = CheckPhase(schedule, fingerprint, router: 2).first(from: now)
            if peer - first > .milliseconds(100) || first - peer > .milliseconds(100) { differing += 1 }
        }
        #expect(differing > 150)
    }

    @Test("starts of many checks are spread evenly") func spread() {
        let schedule = CheckSchedule(interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .seconds(1))
        var counts = [Int](repeating: 0, count: 10)
        for number in 0..<5_000 {
            let settings = check { $0.endpoint?.address = IPAddress(v4: 0x0a00_0000 + UInt32(number)) }
            let first = CheckPhase(schedule, CheckFingerprint(settings), router: 7).first(from: Instant(nanoseconds: 0))
            counts[Int(first.nanoseconds / 100_000_000)] += 1
        }
        #expect(counts.allSatisfy { (400...600).contains($0) }, "\(counts)")
    }

    @Test("warmup shorter than delay_loop: the first check begins within it") func warmup() {
        let schedule = CheckSchedule(
            interval: .seconds(10), retries: 0, delayBeforeRetry: .zero, warmup: .milliseconds(100))
        let now = Instant(nanoseconds: 5_000_000_000)
        for number in 1...50 {
            let first = CheckPhase(schedule, CheckFingerprint(value: UInt64(number)), router: 0).first(from: now)
            #expect(first >= now && first - now <= .milliseconds(100))
        }
    }

    @Test("the grid: a 256th of the shortest interval, between 0.25 and 4 ms") func grid() {
        #expect(StartGrid(shortestInterval: .seconds(1)).step == Interval(nanoseconds: 3_906_250))
        #expect(StartGrid(shortestInterval: .seconds(60)).step == .milliseconds(4))
        #expect(StartGrid(shortestInterval: .milliseconds(1)).step == .microseconds(250))
        let grid = StartGrid(shortestInterval: .seconds(60))
        #expect(grid.roundUp(Instant(nanoseconds: 4_000_001)) == Instant(nanoseconds: 8_000_000))
        #expect(grid.roundUp(Instant(nanoseconds: 8_000_000)) == Instant(nanoseconds: 8_000_000))
    }
}
