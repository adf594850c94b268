import Base
import Testing

@testable import Supervision

@Suite("When a tracked file is read (behaviours §8)")
struct FileReadingScheduleTests {
    private func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: 1_000_000_000) + .milliseconds(milliseconds)
    }
    private let watched = FileReading(number: 5)

    @Test("at first, and then only when something has changed")
    func quiet() {
        var schedule = FileReadingSchedule()
        #expect(schedule.changed(at: at(0)) == [.read])
        #expect(schedule.ended(watched, at: at(1)) == [.report(5, detail: "")])
        #expect(schedule.deadline == .never)
        #expect(schedule.changed(at: at(100)) == [.read])
        #expect(schedule.ended(watched, at: at(101)) == [])
        #expect(schedule.changed(at: at(200)) == [.read])
        #expect(schedule.ended(FileReading(number: 0, detail: "gone"), at: at(201)) == [.report(0, detail: "gone")])
    }

    @Test("never twice at once; a change while it is read has it read again")
    func stale() {
        var schedule = FileReadingSchedule()
        #expect(schedule.changed(at: at(0)) == [.read])
        #expect(schedule.changed(at: at(1)) == [])
        #expect(schedule.changed(at: at(2)) == [])
        #expect(schedule.ended(watched, at: at(30)) == [.report(5, detail: "")])
        #expect(schedule.deadline == at(30))
        #expect(schedule.due(at: at(30)) == [.read])
        #expect(schedule.ended(FileReading(number: 6), at: at(31)) == [.report(6, detail: "")])
        #expect(schedule.deadline == .never)
    }

    @Test("one that is written without pause isn't read without pause, and its last state is read")
    func storm() {
        var schedule = FileReadingSchedule()
        var readings = 0
        var now = at(0)
        while now < at(1_000) {
            let steps = schedule.changed(at: now) + schedule.due(at: now)
            if steps.contains(.read) {
                readings += 1
                _ = schedule.ended(watched, at: now)
            }
            now = now + .microseconds(100)
        }
        #expect(readings == 100)
        #expect(schedule.deadline < at(1_010))
        #expect(schedule.due(at: schedule.deadline) == [.read])
    }

    @Test("where changes aren't reported, each second")
    func silentFileSystem() {
        var schedule = FileReadingSchedule()
        #expect(schedule.changed(at: at(0)) == [.read])
        _ = schedule.ended(FileReading(number: 5, isWatched: false), at: at(3))
        #expect(schedule.deadline == at(1_000))
        #expect(schedule.due(at: at(999)) == [])
        #expect(schedule.due(at: at(1_000)) == [.read])
        #expect(schedule.ended(FileReading(number: 6, isWatched: false), at: at(1_001)) == [.report(6, detail: "")])
        #expect(schedule.changed(at: at(1_100)) == [.read])
        _ = schedule.ended(watched, at: at(1_101))
        #expect(schedule.deadline == .never)
    }

    @Test("no answer is told once; what is known stays, and a file of which nothing is known counts as unreadable")
    func noAnswer() {
        var schedule = FileReadingSchedule(.number(5))
        #expect(schedule.changed(at: at(0)) == [.read])
        #expect(schedule.due(at: at(1_999)) == [])
        #expect(schedule.due(at: at(2_000)) == [.reportSilence])
        #expect(schedule.deadline == .never)
        #expect(schedule.changed(at: at(3_000)) == [])
        #expect(schedule.result == .number(5))
        #expect(schedule.ended(watched, at: at(9_000)) == [.reportAnswer])
        #expect(schedule.due(at: schedule.deadline) == [.read])

        var unknown = FileReadingSchedule()
        #expect(unknown.changed(at: at(0)) == [.read])
        #expect(unknown.due(at: at(2_000)) == [.reportSilence, .report(0, detail: "its file system doesn't answer")])
        #expect(unknown.ended(watched, at: at(9_000)) == [.reportAnswer, .report(5, detail: "")])
    }

    @Test("a reading that nobody knows the end of is repeated a second later, and changes nothing")
    func lostReading() {
        var schedule = FileReadingSchedule(.number(5))
        #expect(schedule.changed(at: at(0)) == [.read])
        #expect(schedule.ended(nil, at: at(1)) == [])
        #expect(schedule.result == .number(5))
        #expect(schedule.due(at: at(1_000)) == [.read])
    }

    @Test("a successor that finds the same number reports nothing (D45)")
    func successor() {
        var schedule = FileReadingSchedule(.number(5))
        #expect(schedule.changed(at: at(0)) == [.read])
        #expect(schedule.ended(watched, at: at(1)) == [])
    }
}
