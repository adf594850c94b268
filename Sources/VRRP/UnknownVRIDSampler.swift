import Base

/// Limits the packets of unknown VRIDs that are looked into: to compare what they list with thousands of own addresses
/// takes a while, and whoever sends them may send as many as he likes.
///
/// Some of each period are, and periods differ in length, or of senders that keep in step with them always the same ones
/// would be. It isn't carried over to a successor, which begins with a new period.
struct UnknownVRIDSampler {
    /// Packets that are looked into in a period …
    static let most = 20
    /// … which lasts so long, and up to a second longer.
    private static let shortest = Interval.milliseconds(500)

    private var end = Instant(nanoseconds: .min)
    private var left = 0
    private var random = SeededRandom(seed: 112)

    /// True if one more may be looked into.
    mutating func admits(at now: Instant) -> Bool {
        if now >= end {
            end = now + Self.shortest + .milliseconds(Int64.random(in: 0...1_000, using: &random))
            left = Self.most
        }
        guard left > 0 else { return false }
        left -= 1
        return true
    }
}
