import Base
import LogOutput
import Testing

@Suite("At most one line a minute for what repeats (pain point O3)")
struct RepeatLimiterTests {
    private let start = Instant(nanoseconds: 5_000_000_000)

    @Test("the first occurrence is told, the following 999 are counted and told once")
    func counts() {
        var limiter = RepeatLimiter<String>()
        #expect(limiter.deadline == .never)
        #expect(limiter.admits("checksum", at: start) == true)
        let repeated = (1..<1_000).count { limiter.admits("checksum", at: start + .milliseconds(Int64($0))) }
        #expect(repeated == 0)
        #expect(limiter.deadline == start + .seconds(60))
        #expect(limiter.due(at: start + .seconds(59)).isEmpty)
        let told = limiter.due(at: start + .seconds(60))
        #expect(told.map(\.key) == ["checksum"] && told.map(\.count) == [999])
    }

    @Test("after a quiet minute it is told at once again")
    func forgets() {
        var limiter = RepeatLimiter<String>()
        #expect(limiter.admits("ttl", at: start) == true)
        #expect(limiter.due(at: start + .seconds(60)).isEmpty)
        #expect(limiter.admits("ttl", at: start + .seconds(61)) == true)
    }

    @Test("a burst is told at once, in each period")
    func bursts() {
        var limiter = RepeatLimiter<String>()
        let first = (0..<10).count { limiter.admits("transition", at: start + .milliseconds(Int64($0)), burst: 4) }
        #expect(first == 4)
        let told = limiter.due(at: start + .seconds(60))
        #expect(told.map(\.count) == [6])
        // The line with the count is one of them.
        let second = (0..<10).count { _ in limiter.admits("transition", at: start + .seconds(61), burst: 4) }
        #expect(second == 3)
    }

    @Test("keys don't disturb each other, and a flood of new ones is bounded")
    func bounded() {
        var limiter = RepeatLimiter<Int>(keysMax: 10)
        let told = (0..<1_000).count { limiter.admits($0, at: start) }
        #expect(told == 10)
        let surplus = limiter.takeSurplus()
        #expect(surplus == 990)
        let afterwards = limiter.takeSurplus()
        #expect(afterwards == 0)
    }
}
