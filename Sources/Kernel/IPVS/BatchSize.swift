import Base

/// The number of requests that go into one send: so many as take about a millisecond, by the time that the last ones took
/// (docs/decisions, D66). All of a send is done under a lock that other families of generic netlink share.
struct BatchSize: Hashable {
    static let maximum = 64
    private static let target = Interval.milliseconds(1)
    /// For requests that may each take as long as many others.
    static let cautious = 1
    static let usual = 8

    private(set) var count = usual

    /// Begins anew, because what took that time was of another kind.
    mutating func begin(with count: Int) { self.count = count }

    /// The last batch took this time.
    mutating func took(_ duration: Interval, requests: Int) {
        let each = max(1, duration.nanoseconds / Int64(max(1, requests)))
        count = Int(min(Int64(Self.maximum), max(1, Self.target.nanoseconds / each)))
    }
}
