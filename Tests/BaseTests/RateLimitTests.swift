import Base
import Testing

@Suite struct RateLimitTests {
    /// What isn't admitted doesn't begin the period anew.
    @Test func oneInAPeriod() {
        var limit = RateLimit(period: .seconds(1))
        let admitted = [0, 1, 999, 1_000, 1_001, 1_999, 5_000].filter {
            limit.admits(at: Instant(nanoseconds: $0 * 1_000_000))
        }
        #expect(admitted == [0, 1_000, 5_000])
    }
}
