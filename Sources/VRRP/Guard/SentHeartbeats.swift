import Base

/// The times at which our last frames were sent, by their numbers: an echo says which one came back.
struct SentHeartbeats: Hashable, Sendable {
    /// Frames that are remembered: at least those of a timeout, which an echo must be younger than to count.
    private static let most = 128

    private(set) var last: UInt64
    private var times: [Instant] = []

    /// - Parameter last: the number of the last frame that a predecessor may have sent.
    init(after last: UInt64) { self.last = last }

    /// Notes that a frame is sent. - Returns: its number.
    mutating func next(at now: Instant) -> UInt64 {
        last += 1
        times.append(now)
        if times.count > Self.most { times.removeFirst(times.count - Self.most) }
        return last
    }

    /// Returns the time at which the frame of this number was sent; nil if that is too long ago, or was never.
    func time(of number: UInt64) -> Instant? {
        guard number <= last, last - number < UInt64(times.count) else { return nil }
        return times[times.count - 1 - Int(last - number)]
    }
}
