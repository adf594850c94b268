import Base
import Reactor
import Testing

extension EventLoop {
    /// Turns until something is so; what never comes about fails the test, and not the whole run.
    func turn(until condition: () -> Bool) throws {
        var isLate = false
        let timer = makeTimer { isLate = true }
        set(timer, to: Clock.now + .seconds(30))
        defer { remove(timer) }
        while !condition(), !isLate { try turn() }
        #expect(!isLate)
    }
}
