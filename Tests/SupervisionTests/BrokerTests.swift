import Base
import Configuration
import Testing

@testable import Supervision

private struct Instances: InstanceSource {
    var list: [InstanceSettings]
    var instanceCount: Int { list.count }
    func instance(at index: Int) -> InstanceSettings? { list.indices.contains(index) ? list[index] : nil }
}

private func instance(_ name: String, interface: String = "eth0") -> InstanceSettings {
    var settings = InstanceSettings(name: name, location: SourceLocation(file: "x", line: 1))
    settings.interface = interface
    settings.scripts = [
        NotifyScript(trigger: .any, arguments: ["/any", "extra"]),
        NotifyScript(trigger: .master, arguments: ["/master", "a b"]),
    ]
    return settings
}

@Suite("The broker rule (architecture §1): a worker names things, it never describes them")
struct BrokerTests {
    @Test("a socket is that of the instance's interface, family and group")
    func socket() throws {
        var unicast = instance("B", interface: "eth1")
        unicast.unicastPeers = [UnicastPeer(address: IPAddress(v4: 0x0a00_0002))]
        var broker = Broker(generation: 7, source: Instances(list: [instance("A"), unicast]))
        #expect(
            try broker.socket(generation: 7, instance: 0)
                == SocketPlan(interface: "eth0", family: .ipv4, group: IPAddress(v4: 0xe000_0012)))
        #expect(
            try broker.socket(generation: 7, instance: 1) == SocketPlan(interface: "eth1", family: .ipv4, group: nil))
    }

    @Test("a socket that a worker hasn't taken yet isn't opened again, whichever instance it asks for")
    func pendingSockets() throws {
        var broker = Broker(
            generation: 7,
            source: Instances(list: [instance("A"), instance("B"), instance("C", interface: "eth1")]))
        let plan = try broker.socket(generation: 7, instance: 0)
        #expect(throws: Refusal.pendingSocket("eth0")) { try broker.socket(generation: 7, instance: 0) }
        #expect(throws: Refusal.pendingSocket("eth0")) { try broker.socket(generation: 7, instance: 1) }
        #expect(try broker.socket(generation: 7, instance: 2).interface == "eth1")
        broker.workerHasTakenAll()
        #expect(try broker.socket(generation: 7, instance: 1) == plan)
        _ = broker.workerStarted(hasSnapshot: true)
        #expect(try broker.socket(generation: 7, instance: 0) == plan, "its successor was sent nothing yet")
    }

    @Test("what isn't in the configuration is refused")
    func refusals() {
        var broker = Broker(generation: 7, source: Instances(list: [instance("A"), instance("B", interface: "")]))
        #expect(throws: Refusal.instance(2)) { try broker.socket(generation: 7, instance: 2) }
        #expect(throws: Refusal.instance(.max)) { try broker.socket(generation: 7, instance: .max) }
        #expect(throws: Refusal.generation(8)) { try broker.socket(generation: 8, instance: 0) }
        #expect(throws: Refusal.generation(6)) { try broker.socket(generation: 6, instance: 0) }
        #expect(throws: Refusal.faultyInstance("B")) { try broker.socket(generation: 7, instance: 1) }
        for trigger: UInt8 in [0, 5, 6, 255] {
            #expect(throws: Refusal.trigger(trigger)) {
                try broker.scripts(generation: 7, instance: 0, sequence: 1, trigger: trigger, priority: 1)
            }
        }
    }

    @Test("scripts: the moment's first, then the generic one with INSTANCE NAME STATE PRIORITY (behaviours §6)")
    func scripts() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A")]))
        let run = try broker.scripts(generation: 1, instance: 0, sequence: 1, trigger: 1, priority: 150)
        #expect(
            run.scripts.map(\.arguments) == [["/master", "a b"], ["/any", "extra", "INSTANCE", "A", "MASTER", "150"]])
        let backup = try broker.scripts(generation: 1, instance: 0, sequence: 2, trigger: 2, priority: 150)
        #expect(backup.scripts.map(\.arguments) == [["/any", "extra", "INSTANCE", "A", "BACKUP", "150"]])
    }

    @Test("D12: a notification is started once; a successor counts on, without a snapshot from 1 again")
    func repeated() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A")]))
        _ = try broker.scripts(generation: 1, instance: 0, sequence: 5, trigger: 1, priority: 1)
        for old: UInt64 in [0, 1, 5] {
            #expect(throws: Refusal.repeated(old)) {
                try broker.scripts(generation: 1, instance: 0, sequence: old, trigger: 1, priority: 1)
            }
        }
        _ = broker.workerStarted(hasSnapshot: true)
        #expect(broker.lastNotification == 5)
        #expect(throws: Refusal.repeated(5)) {
            try broker.scripts(generation: 1, instance: 0, sequence: 5, trigger: 1, priority: 1)
        }
        let countsAnew = broker.workerStarted(hasSnapshot: false)
        #expect(countsAnew, "whoever knows numbers has to be told")
        _ = try broker.scripts(generation: 1, instance: 0, sequence: 1, trigger: 1, priority: 1)
    }

    @Test(
        "a hostile worker can't count to the end of all numbers, so that no successor is heard",
        arguments: [1 << 20 + 1, 1 << 62, .max])
    func leaps(number: UInt64) throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A")]))
        #expect(throws: Refusal.leap(number)) {
            try broker.scripts(generation: 1, instance: 0, sequence: number, trigger: 1, priority: 1)
        }
        #expect(broker.lastNotification == 0)
        _ = try broker.scripts(generation: 1, instance: 0, sequence: 1 << 20, trigger: 1, priority: 1)
    }

    @Test("nor step by step: the last numbers are nobody's")
    func numbersEnd() throws {
        let end = Broker<Instances>.notificationsEnd
        var broker = Broker(
            generation: 1, source: Instances(list: [instance("A")]), lastNotification: end - 2)
        _ = try broker.scripts(generation: 1, instance: 0, sequence: end - 1, trigger: 1, priority: 1)
        #expect(throws: Refusal.leap(end)) {
            try broker.scripts(generation: 1, instance: 0, sequence: end, trigger: 1, priority: 1)
        }
        #expect(broker.lastNotification == end - 1)
    }

    @Test("while a reload is under way, both generations have their own instances")
    func counts() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A"), instance("B")]))
        broker.advance(to: 2, source: Instances(list: [instance("A")]))
        #expect(try broker.instanceCount(of: 1) == 2)
        #expect(try broker.instanceCount(of: 2) == 1)
        broker.configured()
        #expect(throws: Refusal.generation(1)) { try broker.instanceCount(of: 1) }
    }

    @Test("D10: the broker of another hasupd goes on counting, too")
    func inherited() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A")]), lastNotification: 5)
        _ = broker.workerStarted(hasSnapshot: true)
        #expect(throws: Refusal.repeated(5)) {
            try broker.scripts(generation: 1, instance: 0, sequence: 5, trigger: 1, priority: 1)
        }
        _ = try broker.scripts(generation: 1, instance: 0, sequence: 6, trigger: 1, priority: 1)
        #expect(broker.lastNotification == 6)
    }

    @Test("requests of the generation before are served until the worker runs the new one")
    func generations() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("old")]))
        broker.advance(to: 2, source: Instances(list: [instance("new")]))
        #expect(try broker.instance(0, generation: 1).name == "old")
        #expect(try broker.instance(0, generation: 2).name == "new")
        broker.configured()
        #expect(throws: Refusal.generation(1)) { try broker.instance(0, generation: 1) }
    }
}

@Suite("Notify scripts (S1)")
struct NotificationQueueTests {
    private let now = Instant(nanoseconds: 1_000_000_000)

    @Test("instances that rest are forgotten, a part of them at a time")
    func resting() {
        var queue = NotificationQueue<Int>()
        for run in 0..<200 {
            queue.add(run, of: "\(run)", scripts: 1, at: now)
            #expect(queue.next(at: now) == run)
            queue.ended(of: "\(run)", at: now)
        }
        #expect(queue.isIdle)
        let later = now + .seconds(60)
        #expect(queue.next(at: later) == nil)
        #expect(queue.deadline <= later, "one question doesn't look at all of them")
        for _ in 0..<3 { #expect(queue.next(at: later) == nil) }
        #expect(queue.deadline == .never && queue.instanceCount == 0)
        queue.add(7, of: "0", scripts: 1, at: later)
        #expect(queue.next(at: later) == 7)
    }

    @Test("one run of an instance at a time, and only the last of those that wait")
    func order() {
        var queue = NotificationQueue<Int>()
        for run in 1...4 { queue.add(run, of: "A", scripts: run == 1 ? 2 : 1, at: now) }
        #expect(queue.skipped(of: "A") == 3, "nothing has been started yet")
        #expect(queue.next(at: now) == 4)
        queue.add(5, of: "A", scripts: 2, at: now)
        #expect(queue.next(at: now) == nil)
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 5)
        queue.ended(of: "A", at: now)
        queue.add(6, of: "A", scripts: 1, at: now)
        #expect(queue.next(at: now) == nil, "the second script of the fifth run still runs")
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 6)
        #expect(!queue.isIdle)
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == nil && queue.isIdle)
        #expect(queue.skipped(of: "A") == 3)
    }

    @Test("instances don't wait for each other")
    func independent() {
        var queue = NotificationQueue<Int>()
        queue.add(1, of: "A", scripts: 1, at: now)
        queue.add(2, of: "B", scripts: 1, at: now)
        #expect(queue.next(at: now) == 1)
        #expect(queue.next(at: now) == 2)
        #expect(queue.skipped(of: "A") == 0)
    }

    @Test("only so many scripts at once, and first come, first served")
    func bounded() {
        var queue = NotificationQueue<Int>(runningMax: 2)
        for run in 0..<5 { queue.add(run, of: "\(run)", scripts: 1, at: now) }
        #expect(queue.next(at: now) == 0 && queue.next(at: now) == 1 && queue.next(at: now) == nil)
        queue.add(12, of: "2", scripts: 1, at: now)
        queue.ended(of: "1", at: now)
        #expect(queue.next(at: now) == 12, "the newer run of the same instance took its place")
        #expect(queue.skipped(of: "2") == 1)
        for ended in ["0", "2"] { queue.ended(of: ended, at: now) }
        #expect(queue.next(at: now) == 3 && queue.next(at: now) == 4 && queue.next(at: now) == nil)
        for ended in ["3", "4", "4", "none"] { queue.ended(of: ended, at: now) }
        #expect(queue.isIdle)
    }

    @Test("what a former hasupd has started is waited for, and counts")
    func adopted() {
        var queue = NotificationQueue<Int>(runningMax: 3)
        queue.adopt(scripts: 2, of: "A")
        #expect(!queue.isIdle)
        queue.add(1, of: "A", scripts: 1, at: now)
        queue.add(2, of: "B", scripts: 1, at: now)
        queue.add(3, of: "C", scripts: 1, at: now)
        #expect(queue.unbegun == [1, 2, 3])
        #expect(queue.next(at: now) == 2 && queue.next(at: now) == nil)
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 3 && queue.next(at: now) == nil, "another one of A's still runs")
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 1)
        #expect(queue.unbegun.isEmpty)
    }

    @Test("a transition without scripts is nothing to wait for")
    func noScripts() {
        var queue = NotificationQueue<Int>()
        queue.add(1, of: "A", scripts: 0, at: now)
        #expect(queue.next(at: now) == nil && queue.isIdle)
        queue.ended(of: "A", at: now)
        #expect(queue.isIdle)
    }

    @Test("a transition without scripts takes away what waits: it isn't true any more")
    func givenUp() {
        var queue = NotificationQueue<Int>(runningMax: 1)
        queue.add(1, of: "A", scripts: 1, at: now)
        #expect(queue.next(at: now) == 1)
        queue.add(2, of: "A", scripts: 1, at: now)
        var isGivenUp = queue.add(3, of: "A", scripts: 0, at: now)
        #expect(isGivenUp)
        isGivenUp = queue.add(4, of: "A", scripts: 0, at: now)
        #expect(!isGivenUp, "nothing waits any more")
        #expect(queue.skipped(of: "A") == 1 && queue.unbegun.isEmpty && !queue.isIdle)
        // Also of those that wait for room only, and without a gap in what follows.
        for (run, name) in ["B", "C", "D"].enumerated() { queue.add(10 + run, of: name, scripts: 1, at: now) }
        for (run, name) in [(20, "B"), (21, "C")] { queue.add(run, of: name, scripts: 0, at: now) }
        #expect(queue.skipped(of: "B") == 1 && queue.skipped(of: "C") == 1)
        queue.add(22, of: "C", scripts: 1, at: now)
        queue.ended(of: "A", at: now)
        for (name, run) in [("C", 22), ("D", 12)] {
            #expect(queue.next(at: now) == run)
            #expect(queue.next(at: now) == nil)
            queue.ended(of: name, at: now)
        }
        #expect(queue.next(at: now) == nil && queue.isIdle)
        // What was given up has cost nothing, and the line is used again, and forgotten.
        queue.add(23, of: "B", scripts: 1, at: now)
        #expect(queue.next(at: now) == 23)
        queue.ended(of: "B", at: now)
        for _ in 0..<2 { #expect(queue.next(at: now + .seconds(60)) == nil) }
        #expect(queue.instanceCount == 0)
    }

    @Test("what waits for its time is taken away, too")
    func givenUpBeforeItsTime() {
        var queue = NotificationQueue<Int>()
        for run in 0..<NotificationQueue<Int>.burst {
            queue.add(Int(run), of: "A", scripts: 1, at: now)
            #expect(queue.next(at: now) == Int(run))
            queue.ended(of: "A", at: now)
        }
        queue.add(11, of: "A", scripts: 1, at: now)
        #expect(queue.next(at: now) == nil && !queue.isIdle)
        queue.add(12, of: "A", scripts: 0, at: now)
        #expect(queue.isIdle && queue.next(at: now + .seconds(1)) == nil)
        #expect(queue.skippedCount == 1)
        queue.forgetSkipped { $0 == "A" }
        #expect(queue.skippedCount == 0 && queue.skipped(of: "A") == 0)
        #expect(queue.next(at: now + .seconds(60)) == nil && queue.instanceCount == 0)
    }

    @Test("a script that takes too long is told to end, and then ended")
    func tooLong() {
        var scripts = RunningScripts()
        let begin = Instant(nanoseconds: 0)
        scripts.started(7, at: begin)
        scripts.started(8, at: begin + .seconds(1))
        #expect(scripts.deadline == begin + .seconds(60))
        #expect(scripts.due(at: begin + .seconds(59)).isEmpty)
        var measures = scripts.due(at: begin + .seconds(60))
        #expect(measures == [.terminate(7)])
        measures = scripts.due(at: begin + .seconds(60))
        #expect(measures.isEmpty, "once")
        measures = scripts.due(at: begin + .seconds(65))
        #expect(measures == [.kill(7), .terminate(8)])
        measures = scripts.due(at: begin + .seconds(69))
        #expect(measures.isEmpty)
        var wasTold = scripts.ended(8)
        #expect(wasTold)
        #expect(scripts.deadline == .never)
        wasTold = scripts.ended(7)
        #expect(wasTold && scripts.isEmpty)
        scripts.started(9, at: begin)
        wasTold = scripts.ended(9)
        #expect(!wasTold)
    }
}

@Suite("Reload (D18, R3)")
struct ReloadMachineTests {
    @Test("read, apply, answer")
    func accepted() {
        var machine = ReloadMachine()
        #expect(machine.handle(.requested(1)) == [.read])
        #expect(machine.handle(.read(accepted: true)) == [.apply])
        #expect(machine.handle(.configured) == [.answer([1], .runs)])
        #expect(machine.state == .idle)
    }

    @Test("a refused configuration is never applied")
    func refused() {
        var machine = ReloadMachine()
        _ = machine.handle(.requested(1))
        #expect(machine.handle(.read(accepted: false)) == [.answer([1], .refused)])
        #expect(machine.handle(.configured).isEmpty)
    }

    @Test("requests that come meanwhile are served by the next reading, together")
    func queued() {
        var machine = ReloadMachine()
        _ = machine.handle(.requested(1))
        #expect(machine.handle(.requested(2)).isEmpty)
        #expect(machine.handle(.requested(0)).isEmpty)
        #expect(machine.handle(.read(accepted: false)) == [.answer([1], .refused), .read])
        #expect(machine.handle(.read(accepted: true)) == [.apply])
        #expect(machine.handle(.configured) == [.answer([2], .runs)])
    }

    @Test("a preview is read and answered, and never applied")
    func preview() {
        var machine = ReloadMachine()
        #expect(machine.handle(.previewRequested(1)) == [.readForPreview])
        #expect(machine.handle(.previewRequested(2)).isEmpty)
        #expect(machine.handle(.read(accepted: true)) == [.answerPreview([1]), .readForPreview])
        #expect(machine.handle(.configured).isEmpty)
        #expect(machine.handle(.read(accepted: false)) == [.answerPreview([2])])
        #expect(machine.state == .idle)
    }

    @Test("a reload that comes during a preview is done before the next preview, and the other way round")
    func previewAndReload() {
        var machine = ReloadMachine()
        _ = machine.handle(.previewRequested(1))
        #expect(machine.handle(.previewRequested(2)).isEmpty)
        #expect(machine.handle(.requested(3)).isEmpty)
        #expect(machine.handle(.read(accepted: true)) == [.answerPreview([1]), .read])
        #expect(machine.handle(.previewRequested(4)).isEmpty)
        #expect(machine.handle(.read(accepted: true)) == [.apply])
        #expect(machine.handle(.configured) == [.answer([3], .runs), .readForPreview])
        #expect(machine.handle(.read(accepted: true)) == [.answerPreview([2, 4])])
        #expect(machine.state == .idle)
    }

    @Test("a worker that doesn't take the configuration is replaced, and its successor ends the reload")
    func timeout() {
        var machine = ReloadMachine()
        _ = machine.handle(.requested(1))
        _ = machine.handle(.read(accepted: true))
        #expect(machine.handle(.timeout) == [.replaceWorker])
        #expect(machine.handle(.workerEnded).isEmpty)
        #expect(machine.handle(.configured) == [.answer([1], .runs)])
    }

    @Test("a worker that dies before it runs the new configuration is followed to its successor")
    func workerDies() {
        var machine = ReloadMachine()
        _ = machine.handle(.requested(1))
        _ = machine.handle(.read(accepted: true))
        #expect(machine.handle(.workerEnded).isEmpty)
        #expect(machine.state == .applying)
        #expect(machine.handle(.configured) == [.answer([1], .runs)])
    }

    @Test("a configuration that no worker comes to run is taken back, and the next reload counts anew")
    func rollsBack() {
        var machine = ReloadMachine()
        for request in 1...2 as ClosedRange<UInt64> {
            _ = machine.handle(.requested(request))
            _ = machine.handle(.read(accepted: true))
            for _ in 1..<ReloadMachine.workersMax { #expect(machine.handle(.workerEnded).isEmpty) }
            #expect(machine.handle(.workerEnded) == [.rollBack, .answer([request], .failed)])
            #expect(machine.state == .idle)
            #expect(machine.handle(.configured).isEmpty)
        }
    }

    /// A worker that notifies without end: after the burst two runs a second, and always the last that was told.
    @Test func floods() {
        var queue = NotificationQueue<Int>()
        var started: [(at: Int64, run: Int)] = []
        var number = 0
        for millisecond in Int64(0)..<30_000 {
            let now = Instant(nanoseconds: 1_000_000_000_000 + millisecond * 1_000_000)
            for _ in 0..<3 {
                number += 1
                queue.add(number, of: "A", scripts: 1, at: now)
            }
            while let run = queue.next(at: now) {
                #expect(run == number, "an older state was told")
                started.append((millisecond, run))
                queue.ended(of: "A", at: now)
            }
        }
        #expect(started.count == 10 + 59, "\(started.map(\.at))")
        #expect(queue.skipped(of: "A") + started.count + 1 == number)
        // The flood is over; its last state is told, and it isn't idle before.
        #expect(!queue.isIdle)
        #expect(queue.deadline != .never)
        let end = queue.deadline
        #expect(queue.next(at: end - Interval(nanoseconds: 1)) == nil)
        #expect(queue.next(at: end) == number)
        queue.ended(of: "A", at: end)
        // What is left to do is to forget that it has had its burst.
        #expect(queue.isIdle && queue.next(at: end) == nil && queue.deadline == end + .milliseconds(5_000))
        // Others don't wait for it, and after a rest it has all of its burst again.
        queue.add(-1, of: "B", scripts: 1, at: end)
        #expect(queue.next(at: end) == -1)
        let later = end + Interval.seconds(10)
        for run in 1...10 {
            queue.add(run, of: "A", scripts: 1, at: later)
            #expect(queue.next(at: later) == run)
            queue.ended(of: "A", at: later)
        }
        // One more waits, unless nobody is left who could tell of another.
        queue.add(11, of: "A", scripts: 1, at: later)
        #expect(queue.next(at: later) == nil)
        queue.hurry(at: later)
        #expect(queue.next(at: later) == 11)
    }
}
