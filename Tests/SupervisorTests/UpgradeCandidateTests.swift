import Base
import Glibc
import Reactor
import Supervision
import Testing

@testable import Supervisor

@Suite("The program that hasupd is to become is asked (D7)")
final class UpgradeCandidateTests {
    private let loop: EventLoop
    private let directory: String

    init() throws {
        loop = try EventLoop()
        var template = Array("/tmp/hasup-candidate-XXXXXX".utf8CString)
        directory = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit {
        unlink("\(directory)/pid")
        rmdir(directory)
    }

    /// - Parameter isStarted: when the time that it has may be over: it is while nobody looks.
    private func ask(
        _ script: String, within timeout: Interval = .seconds(60), after isStarted: () -> Bool = { true }
    ) throws -> CandidateAnswer {
        let candidate = UpgradeCandidate(path: "/bin/sh", on: loop)
        var answer: CandidateAnswer?
        candidate.ask(["-c", script], environment: ["PATH=/usr/bin:/bin"], within: timeout) { answer = $0 }
        let limit = Clock.now + .seconds(30)
        while !isStarted(), Clock.now < limit { usleep(1_000) }
        while true {
            if let answer { return answer }
            try loop.turn()
        }
    }

    @Test("of what it prints the end is kept")
    func end() throws {
        #expect(try ask("echo well; exit 3") == .ended(.code(3), "well\n"))
        let long = try ask("head -c 300000 /dev/zero | tr '\\0' x; echo; echo last")
        guard case .ended(.code(0), let text) = long else { return #expect(Bool(false), "\(long)") }
        #expect(text.hasSuffix("x\nlast\n") && text.utf8.count == 2_048)
    }

    @Test("one that prints without end is ended, and so is what it has started")
    func floods() throws {
        #expect(try ask("sleep 600 & echo $! >\(directory)/pid; yes") == .tooMuch(UpgradeCandidate.outputMax))
        try expectGone()
    }

    @Test("one that doesn't end in time is ended with what it has started")
    func late() throws {
        // The child is there before anybody looks whether the time is over: it is what the answer is about.
        let timeout = Interval.milliseconds(1)
        let answer = try ask("sleep 600 & echo $! >\(directory)/pid; wait", within: timeout) {
            FileReader.text(of: "\(self.directory)/pid").hasSuffix("\n")
        }
        #expect(answer == .late(timeout))
        try expectGone()
    }

    @Test("who holds the other side of its output open isn't waited for")
    func left() throws {
        #expect(try ask("sleep 600 & echo $! >\(directory)/pid; echo done") == .ended(.code(0), "done\n"))
        kill(try #require(Int32(FileReader.text(of: "\(directory)/pid").prefix { $0 != "\n" })), SIGKILL)
    }

    /// The one whose number was noted is gone, or a zombie of somebody's.
    private func expectGone() throws {
        let pid = try #require(Int32(FileReader.text(of: "\(directory)/pid").prefix { $0 != "\n" }))
        var isLate = false
        let timer = loop.makeTimer { isLate = true }
        loop.set(timer, to: Clock.now + .seconds(10))
        let tick = loop.makeTimer {}
        defer {
            loop.remove(timer)
            loop.remove(tick)
        }
        while !isLate {
            let state = FileReader.text(of: "/proc/\(pid)/stat").split(separator: ")").last?.dropFirst().first
            if state == nil || state == "Z" || state == "X" { return }
            loop.set(tick, to: Clock.now + .milliseconds(5))
            try loop.turn()
        }
        kill(pid, SIGKILL)
        #expect(Bool(false), "process \(pid) still lives")
    }
}
