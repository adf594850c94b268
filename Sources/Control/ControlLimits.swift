import Base

/// Limits of a client; beyond, it is cut off or has to wait, and no other client is affected.
package struct ControlLimits: Sendable {
    /// Clients at a time. One more pushes out the one that has been idle longest.
    package var clientsMax = 256
    /// Clients that stream at a time.
    package var streamsMax = 32
    /// Clients accepted in one turn.
    package var acceptedPerTurnMax = 32
    /// Bytes of one request.
    package var requestMax = ControlInterface.requestMax
    /// Bytes that wait for a client which doesn't read, in a stream or a reply in one piece.
    package var queuedMax = 4 * 1024 * 1024
    /// A reply made in slices is continued when fewer bytes than this wait.
    package var sliceThreshold = 64 * 1024
    /// A request must be complete this long after its first byte.
    package var requestTime = Interval.seconds(10)
    /// A client without a request is kept for this long.
    package var idleTime = Interval.seconds(60)
    /// A client must take a byte of what waits for it within this time.
    package var stallTime = Interval.seconds(10)
    /// Period of the checks of these three.
    package var sweepTime = Interval.seconds(1)
    /// Work in one turn of the loop (docs/decisions, D6).
    package var workPerTurn = Interval.microseconds(500)
    /// Work that clients may cause at once after a quiet time.
    package var workBurst = Interval.milliseconds(20)
    /// Clients get one part of the process's time in so many, for long.
    package var workShare: Int64 = 4
    /// Pause after the process ran out of descriptors.
    package var acceptPause = Interval.milliseconds(100)

    /// The daemon's limits.
    package init() {}
}
