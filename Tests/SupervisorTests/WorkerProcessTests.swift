import Base
import CLinux
import Glibc
import LogOutput
import Logging
import Reactor
import Supervision
import Testing
import WorkerProtocol

@testable import Supervisor

/// An owner whose program is sleep(1), and whose first socket can't be watched.
private final class Owner: WorkerProcessOwner {
    let loop: EventLoop
    var started: [Int32] = []
    var ends = 0
    /// Whether the worker's end of its channel stays open.
    var keepsChannel = false
    private var theirs: Descriptor?

    init(_ loop: EventLoop) { self.loop = loop }

    func start(_ worker: WorkerProcess, dropsSnapshot: Bool) throws(SystemError) -> WorkerProcess.Started {
        let child = try ChildProcess.spawn(path: "/bin/sleep", arguments: ["sleep", "60"], descriptors: [], on: loop) {
            [weak worker] pid, exit in worker?.exited(pid, exit)
        }
        started.append(child.pid)
        if started.count == 1 {
            // epoll refuses a regular file.
            return .init(child: child, socket: try owned(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), "open a file"))
        }
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        theirs = Descriptor(owning: pair[1])
        if !keepsChannel { theirs = nil }
        return .init(child: child, socket: Descriptor(owning: pair[0]))
    }

    func greet(on channel: Channel, _ worker: WorkerProcess) {}
    func receive(_ frame: Frame, _ worker: WorkerProcess) throws(FrameError) {}
    func requestStop(on channel: Channel) {}
    func stamp(of worker: WorkerProcess) -> Instant? { nil }
    func report(_ text: String) {}
    func ended(_ worker: WorkerProcess) { ends += 1 }
    func finished(_ worker: WorkerProcess) {}
}

@Suite struct WorkerProcessTests {
    /// A process that can't be talked to is killed, reaped and forgotten: its end isn't taken for its successor's.
    @Test func channelThatCannotBeMade() throws {
        let loop = try EventLoop()
        let owner = Owner(loop)
        let lines = RepeatLog(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, on: loop)
        let worker = WorkerProcess("sleeper", on: loop, lines: lines, owner: owner)
        worker.handle(.start)
        let first = try #require(owner.started.first)
        #expect(worker.child == nil && worker.life.state == .waiting)
        #expect(
            worker.lastFault?.text.contains("can't be started (can't watch a descriptor") == true, "status says why")
        let limit = Clock.now + .seconds(5)
        while Clock.now < limit, kill(first, 0) == 0 || owner.started.count < 2 { try loop.turn() }
        #expect(kill(first, 0) == -1 && errno == ESRCH)
        #expect(owner.started.count == 2)
        #expect(worker.child?.pid == owner.started.last && owner.ends == 0)
        worker.child?.kill()
        while Clock.now < limit, owner.ends == 0 { try loop.turn() }
        #expect(owner.ends == 1)
        #expect(worker.lastFault?.text.hasPrefix("sleeper ended (signal 9): starting it again") == true)
    }

    /// One that hasupd replaces isn't one that another program has killed.
    @Test func itsOwnSignalIsCalledSo() throws {
        let loop = try EventLoop()
        let owner = Owner(loop)
        let lines = RepeatLog(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, on: loop)
        let worker = WorkerProcess("sleeper", on: loop, lines: lines, owner: owner)
        worker.handle(.start)
        let limit = Clock.now + .seconds(5)
        while Clock.now < limit, owner.started.count < 2 { try loop.turn() }
        worker.handle(.channelEnded("it said nonsense"))
        while Clock.now < limit, owner.ends == 0 { try loop.turn() }
        #expect(owner.ends == 1)
        #expect(worker.lastFault?.text.hasPrefix("sleeper was ended by hasupd: starting it again") == true)
    }

    /// D13: hasupd didn't run either when the worker's time was over, so that one gets its turn first.
    @Test func startBesideAPause() throws {
        let loop = try EventLoop()
        let owner = Owner(loop)
        owner.keepsChannel = true
        let lines = RepeatLog(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, on: loop)
        let worker = WorkerProcess("sleeper", on: loop, lines: lines, owner: owner)
        worker.watch(smallestAdvertInterval: nil, instanceCount: 0)
        worker.handle(.start)
        let limit = Clock.now + .seconds(10)
        while Clock.now < limit, worker.life.state != .starting { try loop.turn() }
        // The machine is paused: nobody runs.
        hasup_sleep_until((Clock.now + .milliseconds(1_200)).nanoseconds)
        try loop.turn()
        #expect(worker.life.state == .starting && owner.ends == 0)
        while Clock.now < limit, owner.ends == 0 { try loop.turn() }
        #expect(owner.ends == 1)
        #expect(worker.lastEnd?.replacement == "it wasn't ready after 1 s", "it hangs, and is found")
    }
}
