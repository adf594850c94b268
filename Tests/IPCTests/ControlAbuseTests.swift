import Base
import Control
import Reactor
import Testing
import Varlink

/// Clients that do what they shouldn't: they are cut off with a reason, and a polite one beside them is served.
@Suite struct ControlAbuseTests {
    private func expectService(_ harness: ControlHarness, _ comment: Comment? = nil) throws {
        let polite = try harness.connect()
        polite.call("io.hasup.Version")
        #expect(try polite.reply()?.error == nil, comment)
    }

    @Test func garbage() throws {
        let harness = try ControlHarness()
        var random = SeededRandom(seed: 4)
        for _ in 0..<50 {
            let client = try harness.connect()
            client.send((0..<200).map { _ in UInt8.random(in: 1...255, using: &random) } + [0])
            #expect(try client.reply()?.error == "io.hasup.MalformedRequest")
            #expect(try client.isCutOff())
        }
        #expect(harness.counters.cutOff["malformed"] == 50)
        #expect(harness.notes.count == 50)
        #expect(harness.notes[0].hasPrefix("cut off pid "))
        try expectService(harness)
    }

    @Test func aRequestWithoutEnd() throws {
        let harness = try ControlHarness()
        let client = try harness.connect()
        let chunk = [UInt8](repeating: 0x20, count: 16 * 1024)
        #expect(
            try harness.turn {
                client.send(chunk)
                client.receive()
                return client.ended
            })
        #expect(harness.counters.cutOff["too_long"] == 1)
        try expectService(harness)
    }

    @Test func halfARequest() throws {
        let harness = try ControlHarness {
            $0.requestTime = .milliseconds(20)
            $0.sweepTime = .milliseconds(5)
        }
        let client = try harness.connect()
        client.send("{\"method\":")
        #expect(try client.isCutOff())
        #expect(harness.counters.cutOff["half_request"] == 1)
        try expectService(harness)
    }

    @Test func aRequestByteByByteHasNoMoreTimeThanOthers() throws {
        let harness = try ControlHarness {
            $0.requestTime = .milliseconds(40)
            $0.sweepTime = .milliseconds(5)
        }
        let client = try harness.connect()
        let began = Clock.now
        #expect(
            try harness.turn {
                client.send(" ")
                client.receive()
                return client.ended
            })
        #expect(harness.counters.cutOff["half_request"] == 1)
        #expect(Clock.now - began < .seconds(5))
    }

    @Test func idleClientsLeaveAfterAWhile() throws {
        let harness = try ControlHarness {
            $0.idleTime = .milliseconds(20)
            $0.sweepTime = .milliseconds(5)
        }
        let client = try harness.connect()
        #expect(try client.isCutOff())
        #expect(harness.counters.cutOff["idle"] == 1)
    }

    @Test func aClientThatAsksAndNeverReads() throws {
        let harness = try ControlHarness {
            $0.stallTime = .milliseconds(30)
            $0.sweepTime = .milliseconds(5)
        }
        let status = SampleStatus.reply(instances: 2_000)
        var slices = 0
        harness.handle = { request, responder in
            guard request.method == .status else { return responder.reply(VersionReply()) }
            responder.reply(status: status.daemon, instanceCount: status.instances.count) { index in
                slices += 1
                return status.instances[index]
            }
        }
        let client = try harness.connect()
        client.call("io.hasup.Status")
        #expect(try harness.turn { slices > 0 })
        try expectService(harness)
        #expect(try harness.turn { harness.counters.cutOff["stalled"] == 1 })
        #expect(slices < status.instances.count, "what nobody reads was encoded all the same")
        try expectService(harness)
    }

    @Test func aWatcherThatDoesntRead() throws {
        let harness = try ControlHarness { $0.queuedMax = 64 * 1024 }
        let slow = try harness.connect()
        let quick = try harness.connect()
        for client in [slow, quick] {
            client.call("io.hasup.Watch", more: true)
            #expect(try client.reply() != nil)
        }
        let event = WatchEvent("note", text: String(repeating: "x", count: 1_000), unixSeconds: 1)
        var published = 0
        #expect(
            try harness.turn {
                harness.publish(event)
                published += 1
                quick.receive()
                return harness.counters.cutOff["slow_reader"] == 1
            })
        for _ in 0..<published - 1 { #expect(try quick.reply()?.parameters["event"]?["kind"] == .string("note")) }
        #expect(!quick.ended)
        #expect(try slow.isCutOff())
    }

    @Test func aFloodOfRequests() throws {
        let harness = try ControlHarness()
        let status = SampleStatus.reply(instances: 200)
        harness.handle = { request, responder in
            guard request.method == .status else { return responder.reply(VersionReply()) }
            responder.reply(status: status.daemon, instanceCount: status.instances.count) { status.instances[$0] }
        }
        let flooders = try (0..<4).map { _ in try harness.connect() }
        let calls = Array(repeating: VarlinkCall("io.hasup.Status").encoded, count: 100).flatMap { $0 }
        for round in 0..<5 {
            let polite = try harness.connect()
            polite.call("io.hasup.Version")
            var reply: VarlinkReply?
            for flooder in flooders { flooder.send(calls) }
            reply = try polite.reply()
            for flooder in flooders { flooder.receive() }
            #expect(reply?.error == nil && reply != nil, "round \(round)")
        }
    }

    @Test func aThousandConnections() throws {
        let harness = try ControlHarness()
        var crowd: [TestClient] = []
        for _ in 0..<1_000 { crowd.append(try harness.connect()) }
        try expectService(harness, "behind a thousand idle connections")
        #expect(harness.counters.connected <= ControlLimits().clientsMax)
        #expect(try harness.turn { harness.counters.accepted >= 1_001 })
        #expect(harness.counters.cutOff["displaced"] >= 744)
        // The youngest are still there.
        let last = try #require(crowd.last)
        last.call("io.hasup.Version")
        #expect(try last.reply()?.error == nil)
    }

    @Test func whenEverybodyIsBeingServedOneMoreIsRefused() throws {
        let harness = try ControlHarness { $0.clientsMax = 2 }
        var waiting: [ControlResponder] = []
        harness.handle = { _, responder in waiting.append(responder) }
        let busy = try (0..<2).map { _ in try harness.connect() }
        for client in busy { client.call("io.hasup.Version") }
        #expect(try harness.turn { waiting.count == 2 })
        let third = try harness.connect()
        #expect(try third.reply()?.error == "io.hasup.TooManyClients")
        #expect(try third.isCutOff())
        #expect(harness.counters.refused == 1)
        for responder in waiting { responder.reply(VersionReply()) }
        for client in busy { #expect(try client.reply()?.error == nil) }
    }
}
