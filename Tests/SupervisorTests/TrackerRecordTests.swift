import Base
import ConfigurationModel
import Glibc
import Reactor
import Supervision
import Testing
import WorkerProtocol

@testable import Supervisor

@Suite("Results that a hasupd leaves to its successor (D45)")
final class TrackerRecordTests {
    private var page: StatePage?
    private let now = Instant(nanoseconds: 1_000_000_000_000)

    private func record() -> TrackerRecord {
        let record = TrackerRecord(inherited: nil, now: now)
        record.onMade = { [unowned self] in self.page = $0 }
        return record
    }

    /// What a successor finds, whenever the one before was killed.
    private func successor(at now: Instant? = nil) throws -> TrackerRecord {
        let page = try #require(page)
        let copy = try owned(fcntl(page.number, F_DUPFD_CLOEXEC, 3), "copy a descriptor")
        return TrackerRecord(inherited: try StatePage.inherited(copy, mapsAll: true), now: now ?? self.now)
    }

    private func script(_ name: String) -> TrackedObject {
        TrackedObject(TrackScript(name: name, command: .run(["/bin/c"])), global: GlobalSettings())
    }

    @Test("each verdict is found from the moment on at which it was taken")
    func verdicts() throws {
        let before = record()
        #expect(page == nil, "nothing is kept where nothing is tracked")
        let down = TrackerVerdict(.down, count: 3, detail: "exit status 1")
        for number in 0..<300 { _ = before.take(TrackerVerdict(.up), on: script("s\(number)"), at: now) }
        _ = before.take(down, on: script("s7"), at: now)
        let found = try successor()
        #expect(found.table.verdict(on: script("s7")) == down)
        #expect((0..<300).count { found.table.result(of: script("s\($0)")) == .up } == 299)
    }

    @Test("what has left the configuration leaves room for others, over several hasupds")
    func room() throws {
        var last = record()
        for round in 0..<5 {
            let objects = (0..<10).map { script("\(round) \($0)") }
            for object in objects { _ = last.take(TrackerVerdict(.up), on: object, at: now) }
            last.keep(only: objects)
            last = try successor()
            #expect(objects.allSatisfy { last.table.result(of: $0) == .up })
            #expect(last.table.result(of: script("\(round - 1) 0")) == .none)
        }
        let page = try #require(page)
        let copy = try owned(fcntl(page.number, F_DUPFD_CLOEXEC, 3), "copy a descriptor")
        #expect(try StatePage(mapping: copy).records.allSatisfy { $0.number <= 20 })
    }

    @Test("a hasup-track that may have left runs is known until its successor works")
    func processes() throws {
        let before = record()
        let all = (2..<20).map { ProcessIdentity(pid: $0, startTicks: UInt64($0)) }
        before.started(all[0])
        #expect(try successor().processes == [all[0]])
        before.started(all[1])
        #expect(try successor().processes == [all[0], all[1]])
        before.works()
        #expect(try successor().processes == [all[1]])
        before.forgetNewest()
        #expect(try successor().processes.isEmpty)
        for process in all { before.started(process) }
        #expect(try successor().processes == all.suffix(8))
    }

    @Test("a time to come is none that a state can have begun at")
    func future() throws {
        let before = record()
        _ = before.take(TrackerVerdict(.up), on: script("a"), at: now)
        let earlier = now - .seconds(5)
        #expect(try successor(at: earlier).table.entry(of: script("a"))?.since == earlier)
    }
}
