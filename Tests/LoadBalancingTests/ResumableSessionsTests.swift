import Base
import Testing

@testable import LoadBalancing

@Suite("TLS sessions of checks (docs/decisions, D81)")
struct ResumableSessionsTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    @Test("a full handshake once a minute, also while every one in between is a success")
    func life() {
        var sessions = ResumableSessions<Int>()
        #expect(sessions.session(of: 1, for: "a", at: start) == nil)
        sessions.keep(0, of: 1, for: "a", at: start)
        for second in Int64(1)..<60 {
            #expect(sessions.session(of: 1, for: "a", at: start + .seconds(second)) == Int(second) - 1)
            sessions.keep(Int(second), of: 1, for: "a", at: start + .seconds(second))
        }
        #expect(sessions.session(of: 1, for: "a", at: start + .seconds(60)) == nil)
        sessions.keep(99, of: 1, for: "a", at: start + .seconds(60))
        #expect(sessions.session(of: 1, for: "a", at: start + .seconds(119)) == 99)
        #expect(sessions.session(of: 1, for: "a", at: start + .seconds(120)) == nil)
    }

    @Test("a full handshake after each failure, and where the server offers no session")
    func failures() {
        var sessions = ResumableSessions<Int>()
        sessions.keep(1, of: 1, for: nil, at: start)
        sessions.keep(2, of: 2, for: nil, at: start)
        sessions.forget(1)
        #expect(sessions.session(of: 1, for: nil, at: start) == nil)
        #expect(sessions.session(of: 2, for: nil, at: start) == 2)
        sessions.keep(nil, of: 2, for: nil, at: start)
        #expect(sessions.session(of: 2, for: nil, at: start) == nil)
    }

    @Test("a session belongs to the name that was sent") func names() {
        var sessions = ResumableSessions<Int>()
        sessions.keep(1, of: 1, for: "a", at: start)
        #expect(sessions.session(of: 1, for: "b", at: start) == nil)
        #expect(sessions.session(of: 1, for: nil, at: start) == nil)
        sessions.keep(2, of: 1, for: "b", at: start)
        #expect(sessions.session(of: 1, for: "a", at: start) == 1)
        sessions.forgetAll()
        #expect(sessions.session(of: 1, for: "a", at: start) == nil)
    }
}
