import Base
import Configuration
import Glibc
import IPC
import Logging
import Reactor
import Sandbox
import Supervision
import Testing

@testable import Supervisor

@Suite("Scripts of a former hasupd (D40)")
final class ScriptRunnerTests {
    private let loop: EventLoop
    private let record = NotificationRecord(inherited: nil)
    private var page: StatePage?

    init() throws { loop = try EventLoop() }

    /// A process that a former hasupd has started and noted.
    private func started(_ command: String, of instance: String = "A") throws -> Int32 {
        record.onMade = { [unowned self] in self.page = $0 }
        let child = try ChildProcess.spawn(
            path: "/bin/sh", arguments: ["sh", "-c", command], descriptors: [], on: loop
        ) { _, _ in }
        record.runs(.init(pid: child.pid, startTicks: try ProcessInspection(pid: child.pid).startTicks), of: instance)
        return child.pid
    }

    private let lines = Lines()

    private func successor(timeLimit: Interval = RunningScripts.limit) throws -> ScriptRunner {
        let lines = lines
        let page = try #require(page)
        let copy = try owned(fcntl(page.number, F_DUPFD_CLOEXEC, 3), "copy a descriptor")
        let runner = ScriptRunner(
            on: loop, log: Logger(label: "test") { _ in LineHandler(lines) }, limits: ScriptLimits(),
            runningMax: 4, timeLimit: timeLimit, inherited: try StatePage.inherited(copy, mapsAll: true),
            keep: { _ in })
        runner.adoptScripts()
        return runner
    }

    private func wait(for condition: () -> Bool) throws {
        var isLate = false
        let timer = loop.makeTimer { isLate = true }
        loop.set(timer, to: Clock.now + .seconds(30))
        defer { loop.remove(timer) }
        while !condition(), !isLate { try loop.turn() }
        #expect(!isLate)
    }

    @Test("none runs for ever, though nothing waits behind it")
    func limited() throws {
        let pid = try started("sleep 600")
        defer { kill(-pid, SIGKILL) }
        let runner = try successor(timeLimit: .milliseconds(10))
        #expect(runner.processes == [pid])
        try wait { runner.isIdle }
        #expect(runner.report(of: "A")?.timedOut == 1)
        try wait { kill(pid, 0) == -1 && errno == ESRCH }
    }

    @Test("how one ends is counted: it is a child of ours after an upgrade")
    func status() throws {
        let pid = try started("exit 3")
        let runner = try successor()
        #expect(runner.processes == [pid])
        try wait { runner.isIdle }
        #expect(runner.report(of: "A")?.failed == 1)
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
        try wait { hasEnded }
        var text = [UInt8](repeating: 0, count: 20)
        let count = pread(file.number, &text, text.count, 0)
        let pid = try #require(Int32(String(decoding: text.prefix(max(0, count - 1)), as: UTF8.self)))
        defer { kill(-parent.pid, SIGKILL) }
        record.onMade = { [unowned self] in self.page = $0 }
        record.runs(.init(pid: pid, startTicks: try ProcessInspection(pid: pid).startTicks), of: "A")
        let runner = try successor()
        #expect(runner.processes == [pid])
        kill(pid, SIGKILL)
        try wait { runner.isIdle }
        #expect(runner.report(of: "A") == nil)
        #expect(lines.texts == ["A: a script of the former hasupd has ended; how isn't known"])
    }

    @Test("what became of scripts is forgotten when their instance has left the configuration")
    func forgotten() throws {
        for name in ["A", "B"] { _ = try started("exit 3", of: name) }
        let runner = try successor()
        try wait { runner.isIdle }
        var model = ConfigurationModel()
        model.instances = [InstanceSettings(name: "B", location: SourceLocation(file: "test.conf", line: 1))]
        let image = try ConfigurationImage(
            try ConfigurationImage.make(
                canStart: true, isReadable: true, hasErrors: false, diagnostics: [], difference: [],
                model: model.encode()))
        runner.adopt(
            Generation(
                number: 2, image: image, model: try EncodedModel(image.model), diagnostics: [], acceptedAt: 0))
        #expect(runner.report(of: "A") == nil)
        #expect(runner.report(of: "B")?.failed == 1)
    }
}
