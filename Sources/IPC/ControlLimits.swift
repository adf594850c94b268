import Base

/// What a client may take; beyond, it is cut off or has to wait, and nobody else notices.
public struct ControlLimits: Sendable {
    /// Clients at a time. One more pushes out the one that has been idle longest.
    public var clientsMax = 256
    /// Clients that stream at a time.
    public var streamsMax = 32
    /// Clients accepted in one turn.
    public var acceptedPerTurnMax = 32
    /// Bytes of one request.
    public var requestMax = ControlInterface.requestMax
    /// Bytes that wait for a client which doesn't read, in a stream or a reply in one piece.
    public var queuedMax = 4 * 1024 * 1024
    /// A reply made in slices is continued when fewer bytes than this wait.
    public var sliceThreshold = 64 * 1024
    /// A request must be complete this long after its first byte.
    public var requestTime = Interval.seconds(10)
    /// A client without a request is kept for this long.
    public var idleTime = Interval.seconds(60)
    /// A client must take a byte of what waits for it within this time.
    public var stallTime = Interval.seconds(10)
    /// How often the three are looked at.
    public var sweepTime = Interval.seconds(1)
    /// Work in one turn of the loop (docs/decisions.md, D6).
    public var workPerTurn = Interval.microseconds(500)
    /// Work that may be done at once after a quiet time …
    public var workBurst = Interval.milliseconds(20)
    /// … and the part of the time that is spent here for long: one n-th.
    public var workShare: Int64 = 4
    /// Pause after the process ran out of descriptors.
    public var acceptPause = Interval.milliseconds(100)

    /// The daemon's limits.
    public init() {}
}
