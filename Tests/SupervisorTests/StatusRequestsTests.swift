import Base
import ConfigurationModel
import Reactor
import Testing
import WorkerProtocol

@testable import Supervisor

/// Requests for the status: one at a time, of which one at most resets counters.
@Suite struct StatusRequestsTests {
    @Test func oneResetAtATime() throws {
        let loop = try EventLoop()
        var sent: [CounterReset] = []
        var completed: [Int] = []
        let requests = StatusRequests(on: loop) { _, reset in
            sent.append(reset)
            return true
        }
        func add(_ number: Int, _ reset: CounterReset) {
            requests.add(resetting: reset) { _ in completed.append(number) }
        }
        add(0, .none)
        for (number, reset) in [CounterReset.none, .instance("a"), .none, .all, .instance("b")].enumerated() {
            add(number + 1, reset)
        }
        #expect(sent == [.none] && completed.isEmpty)
        let generation = try Self.generation()
        let expected: [(next: CounterReset, completed: [Int])] = [
            (.instance("a"), [0]), (.all, [0, 1, 2, 3]), (.instance("b"), [0, 1, 2, 3, 4]),
            (.instance("b"), [0, 1, 2, 3, 4, 5]),
        ]
        for (next, done) in expected {
            try requests.receive(UInt32(sent.count), generation, [7], isLast: true) { [] }
            #expect(sent.last == next && completed == done)
        }
        #expect(sent.count == 4)
    }

    private static func generation() throws -> Generation {
        let image = try ConfigurationImage(
            try ConfigurationImage.make(
                canStart: true, isReadable: true, hasErrors: false, diagnostics: [], difference: [],
                model: ConfigurationModel().encode()))
        return Generation(
            number: 1, image: image, model: try EncodedModel(image.model), diagnostics: [], acceptedAt: 0)
    }

    @Test(arguments: [.none, .all, .instance("web"), .instance("")] as [CounterReset])
    func theFrame(reset: CounterReset) throws {
        var writer = ByteWriter()
        reset.encode(into: &writer)
        let again = try writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let again = try CounterReset(decoding: &reader)
            try reader.finish()
            return again
        }
        #expect(again == reset)
    }
}
