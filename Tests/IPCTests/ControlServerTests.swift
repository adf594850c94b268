import Base
import Control
import Glibc
import Reactor
import Testing
import Varlink

@Suite struct ControlServerTests {
    @Test func answersNowLaterAndInSlices() throws {
        let harness = try ControlHarness()
        let status = SampleStatus.reply(instances: 1_000)
        var waiting: [ControlResponder] = []
        harness.handle = { request, responder in
            switch request.method {
            case .status:
                responder.reply(status: status.daemon, instanceCount: status.instances.count) { status.instances[$0] }
            case .reload: waiting.append(responder)
            default:
                var reply = VersionReply()
                reply.version = "7"
                responder.reply(reply)
            }
        }
        let client = try harness.connect()
        client.call("io.hasup.Version")
        #expect(try client.reply()?.parameters["version"] == .string("7"))
        client.call("io.hasup.Status")
        let reply = try #require(try client.reply())
        #expect(try StatusReply(parsing: reply.parameters.encoded) == status)
        #expect(!reply.continues && reply.error == nil)
        client.call("io.hasup.Reload")
        #expect(try harness.turn { waiting.count == 1 })
        waiting[0].reply(ReloadReply())
        #expect(try client.reply()?.parameters["result"]?["ok"] == .bool(false))
        waiting[0].reply(ReloadReply())
        client.call("org.varlink.service.GetInfo")
        #expect(try client.reply()?.parameters["version"] == .string("1.2"))
        #expect(harness.counters.calls == 4)
        #expect(harness.notes.isEmpty)
    }

    @Test func noInstanceAtAll() throws {
        let harness = try ControlHarness()
        harness.handle = { _, responder in
            responder.reply(status: SampleStatus.daemon, instanceCount: 0) { _ in nil }
        }
        let client = try harness.connect()
        client.call("io.hasup.Status")
        #expect(try client.reply()?.parameters["instances"] == .array([]))
    }

    @Test func callsInOnePieceAreAnsweredInOrder() throws {
        let harness = try ControlHarness()
        var count = 0
        harness.handle = { _, responder in
            count += 1
            var reply = VersionReply()
            reply.version = "\(count)"
            responder.reply(reply)
        }
        let client = try harness.connect()
        let calls = Array(repeating: VarlinkCall("io.hasup.Version").encoded, count: 200).flatMap { $0 }
        client.send(calls + VarlinkCall("io.hasup.Nothing").encoded)
        for number in 1...200 { #expect(try client.reply()?.parameters["version"] == .string("\(number)")) }
        #expect(try client.reply()?.error == "org.varlink.service.MethodNotFound")
    }

    @Test func onewayIsDoneWithoutAReplyEvenIfTheClientLeaves() throws {
        let harness = try ControlHarness()
        var methods: [ControlMethod] = []
        harness.handle = { request, responder in
            methods.append(request.method)
            responder.reply(VersionReply())
        }
        let client = try harness.connect()
        client.call("io.hasup.Version", oneway: true)
        client.call("io.hasup.Instances")
        #expect(try client.reply()?.error == nil)
        #expect(methods == [.version, .instances])
        do {
            let leaving = try harness.connect()
            leaving.call("io.hasup.Reload", oneway: true)
        }
        #expect(try harness.turn { methods.last == .reload && harness.counters.connected == 1 })
    }

    @Test("oneway has no answer at all, however it is made", arguments: ControlMethod.allCases)
    func onewayWritesNothing(method: ControlMethod) throws {
        let harness = try ControlHarness()
        let status = SampleStatus.reply(instances: 100)
        harness.handle = { request, responder in
            switch request.method {
            case .status:
                responder.reply(status: status.daemon, instanceCount: status.instances.count) { status.instances[$0] }
            case .history: responder.reply(history: [], count: 0)
            case .upgrade: responder.fail(ControlInterface.unavailable("no"))
            default: responder.reply(VersionReply())
            }
        }
        let client = try harness.connect()
        client.call(method.fullName, oneway: true)
        client.call("org.varlink.service.GetInfo")
        #expect(try client.reply()?.parameters["vendor"] == .string("hasup"), "the first bytes are the second answer")
    }

    @Test func aHalfClosedClientStillGetsItsAnswer() throws {
        let harness = try ControlHarness()
        let client = try harness.connect()
        client.call("io.hasup.Version")
        client.shutdownWriting()
        #expect(try client.reply() != nil)
        #expect(try client.isCutOff())
        #expect(harness.notes.isEmpty)
    }

    @Test func aForgottenRequestIsAnsweredWithAnError() throws {
        let harness = try ControlHarness()
        harness.handle = { _, _ in }
        let client = try harness.connect()
        client.call("io.hasup.Version")
        #expect(try client.reply()?.error == "io.hasup.Unavailable")
    }

    @Test func anAnswerForAClientThatLeftGoesNowhere() throws {
        let harness = try ControlHarness()
        var waiting: ControlResponder?
        harness.handle = { _, responder in waiting = responder }
        do {
            let client = try harness.connect()
            client.call("io.hasup.Reload")
            #expect(try harness.turn { waiting != nil })
            #expect(waiting?.isAwaited == true)
        }
        #expect(try harness.turn { harness.counters.connected == 0 })
        #expect(waiting?.isAwaited == false)
        waiting?.reply(ReloadReply())
    }

    @Test func wrongCallsAreAnsweredAndTheConnectionGoesOn() throws {
        let harness = try ControlHarness()
        let client = try harness.connect()
        let calls: [(String, String)] = [
            (#"{"method":"io.hasup.SetServer"}"#, "org.varlink.service.MethodNotFound"),
            (#"{"method":"io.other.Status"}"#, "org.varlink.service.InterfaceNotFound"),
            (#"{"method":"io.hasup.Status","parameters":{"x":1}}"#, "org.varlink.service.InvalidParameter"),
            (#"{"method":"io.hasup.Reload","parameters":{"dry_run":1}}"#, "org.varlink.service.InvalidParameter"),
            (#"{"method":"io.hasup.Status","parameters":{"dry_run":true}}"#, "org.varlink.service.InvalidParameter"),
            (#"{"method":"io.hasup.Watch"}"#, "org.varlink.service.ExpectedMore"),
            (#"{"method":"io.hasup.Status","upgrade":true}"#, "org.varlink.service.MethodNotImplemented"),
        ]
        for (call, error) in calls {
            client.send(call + "\0")
            #expect(try client.reply()?.error == error)
        }
        client.call("io.hasup.Version")
        #expect(try client.reply()?.error == nil)
        #expect(harness.counters.failedCalls == 7)
    }

    @Test func aReloadMayBeADryRun() throws {
        let harness = try ControlHarness()
        var isDryRun: [Bool] = []
        harness.handle = { request, responder in
            isDryRun.append(request.dryRun)
            responder.reply(ReloadReply())
        }
        let client = try harness.connect()
        for parameters in ["{}", #"{"dry_run":true}"#, #"{"dry_run":null}"#, #"{"dry_run":false}"#] {
            client.send(#"{"method":"io.hasup.Reload","parameters":\#(parameters)}"# + "\0")
            #expect(try client.reply()?.error == nil)
        }
        #expect(isDryRun == [false, true, false, false])
    }

    @Test func whoMayDoWhat() throws {
        let harness = try ControlHarness()
        harness.access = { peer in
            #expect(peer.uid == getuid() && peer.pid == getpid())
            return .read
        }
        let client = try harness.connect()
        client.call("io.hasup.Reload")
        #expect(try client.reply()?.error == "org.varlink.service.PermissionDenied")
        client.call("io.hasup.Status")
        #expect(try client.reply()?.error == nil)
        harness.access = { _ in .refused }
        let refused = try harness.connect()
        #expect(try refused.isCutOff())
        #expect(harness.counters.refused == 1)
    }

    @Test func policy() {
        let policy = ControlPolicy(refusedUsers: [997], daemonUser: 500, operatorGroup: 42)
        #expect(policy.access(of: ControlPeer(pid: 1, uid: 0, gid: 0)) == .change)
        #expect(policy.access(of: ControlPeer(pid: 1, uid: 500, gid: 1)) == .change)
        #expect(policy.access(of: ControlPeer(pid: 1, uid: 1000, gid: 42)) == .change)
        #expect(policy.access(of: ControlPeer(pid: 1, uid: 1000, gid: 1000, groups: [7, 42])) == .change)
        #expect(policy.access(of: ControlPeer(pid: 1, uid: 1000, gid: 1000, groups: [7])) == .read)
        #expect(policy.access(of: ControlPeer(pid: 1, uid: 997, gid: 42)) == .refused)
        let unprivileged = ControlPolicy(refusedUsers: [500], daemonUser: 500, operatorGroup: nil)
        #expect(unprivileged.access(of: ControlPeer(pid: 1, uid: 500, gid: 1)) == .change)
    }

    @Test func watchersGetEveryEventAndOthersDont() throws {
        let harness = try ControlHarness()
        let watchers = try (0..<3).map { _ in try harness.connect() }
        for watcher in watchers {
            watcher.call("io.hasup.Watch", more: true)
            let first = try #require(try watcher.reply())
            #expect(first.continues && first.parameters["event"]?["kind"] == .string("watching"))
        }
        for number in 0..<500 { harness.publish(WatchEvent("note", text: "\(number)", unixSeconds: 1.5)) }
        for watcher in watchers {
            for number in 0..<500 {
                #expect(try watcher.reply()?.parameters["event"]?["text"] == .string("\(number)"))
            }
        }
    }

    @Test func tooManyStreamsAreRefused() throws {
        let harness = try ControlHarness { $0.streamsMax = 1 }
        let first = try harness.connect()
        first.call("io.hasup.Watch", more: true)
        #expect(try first.reply()?.error == nil)
        let second = try harness.connect()
        second.call("io.hasup.Watch", more: true)
        #expect(try second.reply()?.error == "io.hasup.TooManyClients")
    }
}
