import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Testing

@testable import Supervisor

@Suite("Tracked processes (behaviours §8, pain point C5)", .serialized)
final class ProcessWatcherTests {
    private let loop: EventLoop
    private let folder: String
    /// A program with a name of its own.
    private let program: String
    private var results: [TrackerVerdict] = []
    private var lines: [String] = []
    private var watcher: ProcessWatcher?
    private var children: [Int32] = []

    init() throws {
        loop = try EventLoop()
        var template = Array("/tmp/hasup-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        program = "t\(folder.suffix(6))"
        #expect(system("cp /bin/sleep \(folder)/\(program)") == 0)
    }

    deinit {
        for child in children { end(child) }
        _ = system("rm -rf \(folder)")
    }

    private func start(_ word: String = "600") throws -> Int32 {
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("\(folder)/\(program)"), strdup(word), nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { for argument in arguments { free(argument) } }
        let pid = try checked(hasup_spawn("\(folder)/\(program)", &arguments, &environment, [], 0), "start a process")
        children.append(pid)
        return pid
    }

    private func end(_ pid: Int32) {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
        children.removeAll { $0 == pid }
    }

    private func track(_ change: (inout TrackProcess) -> Void = { _ in }) {
        var process = TrackProcess(name: "p", process: program)
        change(&process)
        // The others tell how many there are, whatever becomes of the first one.
        var definitions = [Tracked(number: 0, definition: process, verdict: TrackerVerdict())]
        for number in 1...3 {
            var counted = TrackProcess(name: "\(number)", process: program)
            counted.quorum = number
            definitions.append(Tracked(number: UInt32(number), definition: counted, verdict: TrackerVerdict()))
        }
        watcher?.configure(definitions)
    }

    private var count: Int { (1...3).prefix { counted[UInt32($0)] == .up }.count }
    private var counted: [UInt32: TrackerResult] = [:]

    private func watch(reports: consuming Descriptor? = nil) {
        watcher = ProcessWatcher(
            reports: reports, on: loop,
            onVerdict: { [unowned self] number, verdict in
                if number == 0 { self.results.append(verdict) } else { self.counted[number] = verdict.result }
            },
            log: { [unowned self] in self.lines.append($0) })
    }

    @Test("without reports all processes are looked at each second, which is told once; an end is seen at once")
    func lists() throws {
        watch()
        track()
        try loop.turn { results.map(\.result) == [.down] }
        #expect(results.last?.detail == "0 processes, at least 1 wanted")
        let first = try start()
        try loop.turn { results.map(\.result) == [.down, .up] }
        let second = try start()
        try loop.turn { count == 2 }
        end(second)
        try loop.turn { count == 1 }
        end(first)
        try loop.turn { results.map(\.result) == [.down, .up, .down] }
        #expect(lines == ["tracked processes are looked for each second: the kernel doesn't report them here"])
    }

    @Test("a zombie doesn't count")
    func zombies() throws {
        watch()
        let pid = try start()
        track()
        try loop.turn { results.map(\.result) == [.up] }
        kill(pid, SIGKILL)
        try loop.turn { results.map(\.result) == [.up, .down] }
        // It is still in the list.
        #expect(kill(pid, 0) == 0)
        track { $0.quorumMaximum = 5 }
        try loop.turn { results.count == 3 }
        #expect(results.map(\.result) == [.up, .down, .down])
    }

    @Test("by parameters, and by the path with full_command")
    func commandLines() throws {
        watch()
        let first = try start("601")
        track { $0.parameters = ["601"] }
        try loop.turn { results.map(\.result) == [.down] }
        track {
            $0.process = "\(self.folder)/\(self.program)"
            $0.parameters = ["601"]
        }
        try loop.turn { results.map(\.result) == [.down, .up] }
        track {
            $0.process = "\(self.folder)/\(self.program)"
            $0.usesFullCommand = true
            $0.quorum = 2
        }
        try loop.turn { results.map(\.result) == [.down, .up, .down] }
        #expect(results.last?.detail == "1 process, at least 2 wanted")
        _ = try start("602")
        try loop.turn { results.count == 4 }
        #expect(results.last?.result == .up)
        end(first)
        try loop.turn { results.count == 5 }
    }

    @Test("delays: a restart that is quicker than terminate_delay changes nothing")
    func delays() throws {
        watch()
        let pid = try start()
        track { $0.terminateDelay = .seconds(3) }
        try loop.turn { results.map(\.result) == [.up] }
        end(pid)
        try loop.turn { count == 0 }
        let next = try start()
        try loop.turn { count == 1 }
        #expect(results.map(\.result) == [.up])
        track { $0.terminateDelay = .milliseconds(20) }
        try loop.turn { count == 1 && results.count == 2 }
        let killed = Clock.now
        end(next)
        try loop.turn { results.last?.result == .down }
        #expect(Clock.now - killed >= .milliseconds(20))
    }

    /// False where the kernel doesn't report processes: in another network, user or pid namespace than the first one.
    private static let hasReports: Bool = {
        do throws(SystemError) {
            _ = try ProcessConnector.open(.init())
            return true
        } catch { return false }
    }()

    @Test("with reports, beginnings are seen at once, also of a child that is only forked", .enabled(if: hasReports))
    func reports() throws {
        watch(reports: try ProcessConnector.open(.init()))
        track()
        try loop.turn { results.map(\.result) == [.down] }
        let first = try start()
        try loop.turn { results.last?.result == .up }
        end(first)
        try loop.turn { results.map(\.result) == [.down, .up, .down] }
        #expect(lines.isEmpty)

        // A shell is called like the file that it is until its child executes something.
        #expect(system("cp /bin/sh \(folder)/\(program) && mkfifo \(folder)/f") == 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = [
            strdup(program), strdup("-c"), strdup("(read x < \(folder)/f) & (read x < \(folder)/f) & wait"), nil,
        ]
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { for argument in arguments { free(argument) } }
        let shell = try checked(hasup_spawn("\(folder)/\(program)", &arguments, &environment, [], 0), "start a shell")
        defer { kill(-shell, SIGKILL) }
        children.append(shell)
        try loop.turn { count == 3 }
    }

    @Test("reports that were lost lead to a look at all processes", .enabled(if: hasReports))
    func lostReports() throws {
        var size = BufferSettings.Size()
        size.bytes = 1
        watch(reports: try ProcessConnector.open(size))
        track()
        try loop.turn { results.map(\.result) == [.down] }
        // Nobody reads meanwhile.
        #expect(system("for i in $(seq 200); do /bin/true; done") == 0)
        _ = try start()
        try loop.turn { results.last?.result == .up }
        #expect(lines == ["reports about processes were lost: all of them are looked at"])
    }
}
