import Base
import Configuration
import ConfigurationModel
import Control
import Glibc
import Logging
import Reactor
import Sandbox
import Supervision
import Testing
import WorkerProtocol

@testable import Supervisor

@Suite("Scripts of a previous hasupd (D40)")
final class ScriptRunnerTests {
    private let loop: EventLoop
    private let record = NotificationRecord(inherited: nil)
    private var page: StatePage?

    init() throws { loop = try EventLoop() }

    /// A process that a previous hasupd has started and noted.
    private func started(_ command: String, of instance: String = "A", output: Int32 = -1) throws -> Int32 {
        record.onMade = { [unowned self] in self.page = $0 }
        let child = try ChildProcess.spawn(
            path: "/bin/sh", arguments: ["sh", "-c", command], descriptors: [], output: output, on: loop
        ) { _, _ in }
        record.started(
            .init(pid: child.pid, startTicks: try ProcessInspection(pid: child.pid).startTicks),
            of: NotificationKey(.instance, instance))
        return child.pid
    }

    private let lines = Lines()

    private func successor(
        timeLimit: Interval = RunningScripts.limit, timeout: Interval = RunningScripts.timeout
    ) throws -> ScriptRunner {
        let lines = lines
        let page = try #require(page)
        let copy = try owned(fcntl(page.number, F_DUPFD_CLOEXEC, 3), "copy a descriptor")
        let runner = ScriptRunner(
            on: loop, log: Logger(label: "test") { _ in LineHandler(lines) }, limits: ScriptLimits(), runningMax: 4,
            timeLimit: timeLimit, timeout: timeout, inherited: try StatePage.inherited(copy, mapsAll: true),
            keep: { _ in })
        runner.adoptScripts()
        return runner
    }

    @Test("none runs for ever, though nothing waits behind it")
    func limited() throws {
        let pid = try started("sleep 600")
        defer { kill(-pid, SIGKILL) }
        let runner = try successor(timeLimit: .milliseconds(10), timeout: .milliseconds(50))
        #expect(runner.processes == [pid])
        try loop.turn { runner.isIdle }
        #expect(runner.report(of: NotificationKey(.instance, "A"))?.timedOut == 1)
        try loop.turn { kill(pid, 0) == -1 && errno == ESRCH }
    }

    /// A script with what it has started, and the descriptor at which all of them can be seen to end.
    private final class Group {
        let pid: Int32
        private let output: Descriptor

        init(_ pid: Int32, _ output: consuming Descriptor) {
            self.pid = pid
            self.output = output
        }

        deinit { kill(-pid, SIGKILL) }

        /// Whether nobody is left who could write there.
        var hasEnded: Bool {
            var byte: UInt8 = 0
            return read(output.number, &byte, 1) == 0
        }
    }

    /// It says a word when all that it starts is there.
    private func startedGroup(_ command: String) throws -> Group {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let output = Descriptor(owning: ends[0])
        let theirs = Descriptor(owning: ends[1])
        for end in ends { try #require(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
        let pid = try started(command, output: theirs.number)
        var word: [UInt8] = [0, 0, 0]
        try #require(read(output.number, &word, 3) == 3 && word == Array("on\n".utf8))
        try #require(fcntl(output.number, F_SETFL, O_NONBLOCK) == 0)
        return Group(pid, output)
    }

    private static let ignoring = "trap '' TERM; sleep 600 & trap - TERM; echo on; wait"

    @Test("what one that was told to end has started ends, too, when its time has come")
    func endsGroup() throws {
        let group = try startedGroup(Self.ignoring)
        let runner = try successor(timeLimit: .milliseconds(10), timeout: .milliseconds(50))
        try loop.turn { runner.isIdle }
        try loop.turn { group.hasEnded }
        try loop.turn { kill(group.pid, 0) == -1 && errno == ESRCH }
        #expect(runner.report(of: NotificationKey(.instance, "A"))?.timedOut == 1)
    }

    @Test("it ends at once when nobody is going to look after it")
    func endsGroupAtOnce() throws {
        let group = try startedGroup(Self.ignoring)
        let runner = try successor(timeLimit: .milliseconds(10), timeout: .seconds(600))
        try loop.turn { runner.isIdle }
        #expect(!group.hasEnded, "it has its time, and doesn't hold up what comes next")
        runner.endTerminated()
        try loop.turn { group.hasEnded }
        try loop.turn { kill(group.pid, 0) == -1 && errno == ESRCH }
    }

    @Test("one that ends in time may leave something behind")
    func leavesGroup() throws {
        let group = try startedGroup("sleep 600 & echo on")
        let runner = try successor()
        try loop.turn { runner.isIdle }
        // It is reaped after all that could be done to it.
        try loop.turn { kill(group.pid, 0) == -1 && errno == ESRCH }
        runner.endTerminated()
        #expect(kill(-group.pid, 0) == 0)
        #expect(!group.hasEnded)
        #expect(runner.report(of: NotificationKey(.instance, "A")) == nil)
    }

    @Test("how one ends is counted: it is a child of ours after an upgrade")
    func status() throws {
        let pid = try started("exit 3")
        let runner = try successor()
        #expect(runner.processes == [pid])
        try loop.turn { runner.isIdle }
        #expect(runner.report(of: NotificationKey(.instance, "A"))?.failed == 1)
    }

    @Test("how the child of a killed hasupd ends isn't known, and is no success")
    func unknownStatus() throws {
        var template = Array("/tmp/hasup-script-XXXXXX".utf8CString)
        let file = Descriptor(owning: mkstemp(&template))
        defer { unlink(template) }
        var hasEnded = false
        let parent = try ChildProcess.spawn(
            path: "/bin/sh", arguments: ["sh", "-c", "sleep 600 >/dev/null & echo $!"], descriptors: [],
            output: file.number, on: loop
        ) { _, _ in hasEnded = true }
        try loop.turn { hasEnded }
        var text = [UInt8](repeating: 0, count: 20)
        let count = pread(file.number, &text, text.count, 0)
        let pid = try #require(Int32(String(decoding: text.prefix(max(0, count - 1)), as: UTF8.self)))
        defer { kill(-parent.pid, SIGKILL) }
        record.onMade = { [unowned self] in self.page = $0 }
        record.started(
            .init(pid: pid, startTicks: try ProcessInspection(pid: pid).startTicks),
            of: NotificationKey(.instance, "A"))
        let runner = try successor()
        #expect(runner.processes == [pid])
        kill(pid, SIGKILL)
        try loop.turn { runner.isIdle }
        #expect(runner.report(of: NotificationKey(.instance, "A")) == nil)
        #expect(lines.texts == ["A: a script of the previous hasupd ended; its exit status isn't known"])
    }

    @Test("what became of scripts is forgotten when their instance has left the configuration")
    func forgotten() throws {
        for name in ["A", "B"] { _ = try started("exit 3", of: name) }
        let runner = try successor()
        try loop.turn { runner.isIdle }
        var model = ConfigurationModel()
        model.instances = [InstanceSettings(name: "B", location: SourceLocation(file: "test.conf", line: 1))]
        let image = try ConfigurationImage(
            try ConfigurationImage.make(
                canStart: true, isReadable: true, hasErrors: false, diagnostics: [], difference: [],
                model: model.encode()))
        runner.adopt(
            Generation(
                number: 2, image: image, model: try EncodedModel(image.model), diagnostics: [], acceptedAt: 0))
        #expect(runner.report(of: NotificationKey(.instance, "A")) == nil)
        #expect(runner.report(of: NotificationKey(.instance, "B"))?.failed == 1)
    }
}
