import Base
import CLinux
import Glibc
import Reactor
import Supervision
import Testing

@testable import Supervisor

@Suite("The worker of a hasupd that was killed (D10)")
final class WorkerRecordTests {
    private let directory: String
    private let loop: EventLoop
    private var exit: WorkerExit?

    init() throws {
        var template = Array("/tmp/hasup-record-XXXXXX".utf8CString)
        directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        loop = try EventLoop()
    }

    deinit {
        WorkerRecord(directory: directory).clear()
        rmdir(directory)
    }

    /// A process of this role that sleeps. posix_spawn comes back a moment before the kernel shows the arguments.
    private func sleeper(_ role: String) throws -> ChildProcess {
        let child = try ChildProcess.spawn(
            path: "/bin/sleep", arguments: [role, "600"], descriptors: [], on: loop
        ) { [unowned self] _, exit in self.exit = exit }
        while WorkerRecord.role(of: child.pid).isEmpty { sched_yield() }
        return child
    }

    /// Waits for the end of the process; one that doesn't end fails the test and not the whole run.
    private func waitForExit() throws {
        var isLate = false
        let timer = loop.makeTimer { isLate = true }
        loop.set(timer, to: Clock.now + .seconds(10))
        while exit == nil, !isLate { try loop.turn() }
        #expect(!isLate)
    }

    @Test("the end of a child is told before it is reaped, and it doesn't stay a zombie (D42)")
    func reaped() throws {
        let child = try sleeper(WorkerRecord.role)
        child.kill()
        try waitForExit()
        #expect(hasup_exit_status(child.pid) == SIGKILL, "its successor may start before the kernel frees it")
        var isLate = false
        let timer = loop.makeTimer { isLate = true }
        loop.set(timer, to: Clock.now + .seconds(10))
        while hasup_exit_status(child.pid) != -ECHILD, !isLate { try loop.turn() }
        #expect(!isLate)
    }

    @Test("one that is noted and lives is ended, once")
    func ends() throws {
        let record = WorkerRecord(directory: directory)
        let child = try sleeper(WorkerRecord.role)
        try record.save(child.pid, deaths: 1)
        let ended = try record.endWorker(handsOver: false)
        #expect(
            ended
                == RecordedWorker(pid: child.pid, supervisor: getpid(), wasEnded: true))
        child.kill()
        try waitForExit()
        #expect(exit == .signal(SIGKILL))
        let again = try record.endWorker(handsOver: false)
        #expect(again == RecordedWorker(pid: child.pid, supervisor: getpid()))
        record.clear()
        let cleared = try record.endWorker(handsOver: false)
        #expect(cleared == nil, "a clean stop leaves no trace of a death")
    }

    @Test("one that nobody goes on with is asked to hand over first")
    func handsOver() throws {
        let record = WorkerRecord(directory: directory)
        let child = try sleeper(WorkerRecord.role)
        try record.save(child.pid, deaths: 1)
        let ended = try record.endWorker(handsOver: true)
        #expect(ended?.handedOver == true)
        #expect(ended?.wasEnded == true)
        try waitForExit()
        #expect(exit == .signal(SIGTERM))
    }

    @Test("another process with its number lives on: started at another time, or no worker", arguments: [true, false])
    func othersLive(isWorker: Bool) throws {
        let record = WorkerRecord(directory: directory)
        let child = try sleeper(isWorker ? WorkerRecord.role : "sleep")
        if isWorker {
            let file = try #require(fopen(directory + "/vrrp-worker", "w"))
            fputs("\(child.pid) 1\n", file)
            fclose(file)
        } else {
            try record.save(child.pid, deaths: 1)
        }
        let ended = try record.endWorker(handsOver: false)
        #expect(ended?.wasEnded == false)
        #expect(kill(child.pid, 0) == 0)
        child.kill()
        try waitForExit()
    }

    @Test(
        "deaths of hasupd with a snapshot are counted on, those of one that has become another program aren't",
        arguments: [("3", 3), ("0", 0), ("", 0), ("-1", 0), ("x", 0), ("9223372036854775807", 99)])
    func deaths(word: String, counted: Int) throws {
        let record = WorkerRecord(directory: directory)
        let file = try #require(fopen(directory + "/vrrp-worker", "w"))
        fputs("\(Int32.max) 1 1 \(word)\n", file)
        fclose(file)
        let former = try record.endWorker(handsOver: false)
        #expect(former?.deathsWithSnapshot == counted)
        try record.save(getpid(), deaths: 3)
        let same = try record.endWorker(handsOver: false)
        #expect(same?.deathsWithSnapshot == 2)
    }

    @Test(
        "without a note, or with rubbish in it, there is nothing to end",
        arguments: ["", "x", "1 1", "-4 5", "9 9 9 9 9"])
    func rubbish(text: String) throws {
        let record = WorkerRecord(directory: directory)
        if !text.isEmpty {
            let file = try #require(fopen(directory + "/vrrp-worker", "w"))
            fputs(text, file)
            fclose(file)
        }
        let ended = try record.endWorker(handsOver: false)
        #expect(ended == nil)
    }

    @Test("what has become of the former hasupd, for the history")
    func sentences() {
        let killed = RecordedWorker(pid: 12, supervisor: 11, wasEnded: true)
        #expect(
            killed.sentence(isPassedOn: false)
                == "the former hasupd (pid 11) was killed; its VRRP worker (pid 12) was ended")
        #expect(killed.sentence(isPassedOn: true)?.contains("resumes from the state of its VRRP worker") == true)
        let gone = RecordedWorker(pid: 12, supervisor: 0)
        #expect(gone.sentence(isPassedOn: false)?.contains("is gone as well") == true)
        #expect(gone.endSentence.hasSuffix("of a hasupd that is gone"))
        let own = RecordedWorker(pid: 12, supervisor: getpid()).endSentence
        #expect(own == "ended the VRRP worker (pid 12) of this process before the upgrade")
        #expect(RecordedWorker(pid: 12, supervisor: getpid()).sentence(isPassedOn: true) == nil, "an upgrade")
    }
}
