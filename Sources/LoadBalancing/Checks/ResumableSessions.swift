import Base

/// TLS sessions by check and server name. One is gone on with after a success only, and for a minute only: a changed
/// certificate is to be seen, and who has failed proves all of itself (docs/decisions, D81).
package struct ResumableSessions<Session> {
    /// Time after which a handshake is a full one again.
    package static var life: Interval { .seconds(60) }

    private struct KeptSession {
        var session: Session
        /// Time of the last full handshake, or before it.
        var began: Instant
    }

    private var kept: [Int: [String: KeptSession]] = [:]

    package init() {}

    /// The session that the next connection goes on with; nil when its handshake is to be a full one.
    package mutating func session(of check: Int, for name: String?, at now: Instant) -> Session? {
        guard let known = kept[check]?[name ?? ""] else { return nil }
        guard now - known.began < Self.life else {
            kept[check]?[name ?? ""] = nil
            return nil
        }
        return known.session
    }

    /// Keeps what a success has left; nil when the server doesn't offer to go on.
    package mutating func keep(_ session: Session?, of check: Int, for name: String?, at now: Instant) {
        guard let session else { return forget(check) }
        let began = kept[check]?[name ?? ""]?.began ?? now
        kept[check, default: [:]][name ?? ""] = KeptSession(session: session, began: began)
    }

    /// A failure, or the check is gone.
    package mutating func forget(_ check: Int) { kept[check] = nil }
    package mutating func forgetAll() { kept = [:] }
}
