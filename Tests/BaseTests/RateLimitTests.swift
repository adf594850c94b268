import Base
import Testing

@Suite struct RateLimitTests {
    @Test func oneInAPeriod() {
        var limit = RateLimit(period: .seconds(1))
        var now = Instant(nanoseconds: 0)
        #expect(limit.admits(at: now))
        #expect(!limit.admits(at: now))
        now = now + .milliseconds(999)
        #expect(!limit.admits(at: now))
        // What isn't admitted doesn't begin the period anew.
        now = now + .milliseconds(1)
        #expect(limit.admits(at: now))
        #expect(!limit.admits(at: now + .milliseconds(999)))
    }
}
