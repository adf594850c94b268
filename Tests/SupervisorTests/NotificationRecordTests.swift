import Base
import Configuration
import ConfigurationModel
import Glibc
import Reactor
import Supervision
import Testing
import WorkerProtocol

@testable import Supervisor

@Suite("Notifications that a hasupd leaves to its successor (D40)")
final class NotificationRecordTests {
    private var page: StatePage?
    private var failures: [String] = []

    private func record() -> NotificationRecord {
        let record = NotificationRecord(inherited: nil)
        record.onMade = { [unowned self] in self.page = $0 }
        record.onFailure = { [unowned self] in self.failures.append($0) }
        return record
    }

    /// What a successor finds, whenever the one before was killed.
    private func successor() throws -> NotificationRecord {
        let page = try #require(page)
        let copy = try owned(fcntl(page.number, F_DUPFD_CLOEXEC, 3), "copy a descriptor")
        return NotificationRecord(inherited: try StatePage.inherited(copy, mapsAll: true))
    }

    private func pending(
        _ name: String, _ sequence: UInt64, _ trigger: NotifyTrigger = .master, scripts count: Int = 1
    ) -> PendingNotification {
        var settings = InstanceSettings(name: name, location: SourceLocation(file: "test.conf", line: 1))
        settings.scripts = (0..<count).map { NotifyScript(trigger: trigger, arguments: ["/bin/\($0)"]) }
        var pending = PendingNotification(
            of: .init(.instance, name), sequence: sequence, trigger: trigger, priority: 100)
        pending.findCommands(in: settings.scripts, GlobalSettings())
        return pending
    }

    /// Begins its next script.
    private func begin(_ notification: inout PendingNotification, in record: NotificationRecord) {
        _ = notification.takeCommand()
        record.begin(notification)
    }

    private func begin(_ notification: PendingNotification, in record: NotificationRecord) {
        var notification = notification
        begin(&notification, in: record)
    }

    @Test("what waits is found, until it is begun")
    func waiting() throws {
        let before = record()
        before.keep(pending("A", 4))
        before.keep(pending("B", 7, .fault))
        let found = try successor()
        #expect(found.all.map(\.key.name) == ["A", "B"])
        #expect(found.all.map(\.pending.first?.trigger) == [.master, .fault])
        #expect(found.resumeCount(page: 6) == 7, "killed between the record and the page")
        #expect(found.resumeCount(page: 9) == 9)
        begin(pending("B", 7, .fault), in: before)
        #expect(try successor().all.map(\.key.name) == ["A"])
        begin(pending("A", 4), in: before)
        #expect(try successor().all.isEmpty)
    }

    @Test("a later run of the same instance takes the place of the one before")
    func folded() throws {
        let before = record()
        before.keep(pending("A", 4))
        before.keep(pending("A", 5, .backup))
        #expect(try successor().all.map(\.pending.first?.sequence) == [5])
        begin(pending("A", 5, .backup), in: before)
        #expect(try successor().all.isEmpty, "the one before doesn't come back")
    }

    @Test("a sync group's doesn't take the place of that of an instance with its name")
    func group() throws {
        let before = record()
        before.keep(pending("A", 4))
        var group = PendingNotification(of: .init(.group, "A"), sequence: 5, trigger: .stop, priority: 0)
        group.findCommands(in: [NotifyScript(trigger: .any, arguments: ["/g"])], GlobalSettings())
        before.keep(group)
        #expect(try successor().all.map(\.key) == [.init(.instance, "A"), .init(.group, "A")])
        begin(group, in: before)
        #expect(try successor().all.map(\.key) == [.init(.instance, "A")])
    }

    @Test("an event waits behind a state and leaves it alone; a newer state takes the place of both")
    func events() throws {
        func pendings(_ name: String = "A") throws -> [NotifyTrigger] {
            try successor().all.first { $0.key.name == name }?.pending.map(\.trigger) ?? []
        }
        let before = record()
        before.keep(pending("A", 4))
        before.keep(pending("A", 5, .receivedLowerPriority))
        before.keep(pending("A", 6, .reclaimed))
        before.keep(pending("A", 7, .receivedLowerPriority))
        #expect(try pendings() == [.master, .reclaimed, .receivedLowerPriority])
        #expect(try successor().resumeCount(page: 6) == 7)
        before.keep(pending("A", 8, .backupPriority, scripts: 0))
        #expect(try pendings() == [.master, .reclaimed, .receivedLowerPriority], "one without a script is nothing")
        begin(pending("A", 6, .reclaimed), in: before)
        #expect(try pendings() == [.master, .receivedLowerPriority])
        before.keep(pending("A", 9, .backup))
        #expect(try pendings() == [.backup])
    }

    @Test("a run that was begun in part goes on where it was")
    func partly() throws {
        let before = record()
        var whole = pending("A", 4, scripts: 3)
        before.keep(whole)
        begin(&whole, in: before)
        var rest = try #require(try successor().all.first?.pending.first)
        #expect(rest.begun == 1 && rest.commands.isEmpty)
        var settings = InstanceSettings(name: "A", location: SourceLocation(file: "test.conf", line: 1))
        settings.scripts = (0..<3).map { NotifyScript(trigger: .master, arguments: ["/bin/\($0)"]) }
        rest.findCommands(in: settings.scripts, GlobalSettings())
        #expect(rest.commands.map(\.arguments) == [["/bin/1"], ["/bin/2"]])
        let second = try successor()
        begin(&rest, in: second)
        #expect(try successor().all.first?.pending.first?.begun == 2)
        begin(&rest, in: second)
        #expect(try successor().all.isEmpty)
    }

    @Test("one that was begun before numbers are forgotten has none either")
    func begunAfterReset() throws {
        let before = record()
        var whole = pending("A", 4, scripts: 2)
        before.keep(whole)
        before.resetSequence()
        begin(&whole, in: before)
        #expect(try successor().all.first?.pending.first?.sequence == 0)
    }

    @Test("what runs is found, beside what waits behind it")
    func running() throws {
        let before = record()
        let first = pending("A", 4)
        before.keep(first)
        begin(first, in: before)
        before.started(.init(pid: 77, startTicks: 1_234), of: .init(.instance, "A"))
        before.keep(pending("A", 5, .fault))
        var kept = try #require(try successor().all.first)
        #expect(kept.running == [.init(pid: 77, startTicks: 1_234)] && kept.pending.first?.sequence == 5)
        before.ended(77, of: .init(.instance, "A"))
        kept = try #require(try successor().all.first)
        #expect(kept.running.isEmpty && kept.pending.first?.sequence == 5)
    }

    @Test("records are used again, and a successor's successor finds what was left")
    func again() throws {
        var record = record()
        for round in 0..<200 {
            let name = "I\(round)"
            record.keep(pending(name, UInt64(round + 1)))
            if round % 3 == 0 { record = try successor() }
            #expect(try successor().all.map(\.key.name) == [name])
            begin(pending(name, 0), in: record)
        }
        #expect(try #require(page).records.count <= 2, "one line, and the one before")
    }

    @Test("numbers of before mean nothing when workers count from 1 again")
    func anew() throws {
        let before = record()
        before.keep(pending("A", 4))
        before.resetSequence()
        #expect(before.resumeCount(page: 0) == 0)
        #expect(try successor().resumeCount(page: 0) == 0)
        #expect(try successor().all.count == 1)
    }

    @Test("and so it is when there is no page")
    func noPage() throws {
        record().keep(pending("A", 4))
        let found = try successor()
        #expect(found.resumeCount(page: nil) == 0)
        #expect(found.all.map(\.pending.first?.sequence) == [0])
        #expect(try successor().resumeCount(page: 1) == 1)
    }

    @Test("what doesn't fit is told, or left out as far as it is only of use to somebody who waits")
    func tooLong() throws {
        let before = record()
        before.keep(pending(String(repeating: "x", count: 300), 1))
        #expect(failures.count == 1)
        let many = pending("A", 2)
        before.keep(many)
        for pid in 100..<200 as Range<Int32> {
            before.started(.init(pid: pid, startTicks: 1 << 40), of: .init(.instance, "A"))
        }
        let kept = try #require(try successor().all.first)
        #expect(kept.pending.first?.sequence == 2 && kept.running.count > 10)
        begin(many, in: before)
        #expect(try successor().all.first?.pending.isEmpty ?? true)
        #expect(failures.count == 1)
    }

    @Test("bytes that nobody has written are nothing")
    func garbage() throws {
        let page = try StatePage.create(mapsAll: true)
        self.page = page
        var writer = SnapshotWriter(page)
        writer.write(0, [9, 9, 9])
        writer.write(1, [])
        writer.write(2, [UInt8](repeating: 255, count: SnapshotWriter.recordMax))
        let found = try successor()
        #expect(found.all.isEmpty)
        found.keep(pending("A", 1))
        #expect(try successor().all.count == 1)
    }
}
