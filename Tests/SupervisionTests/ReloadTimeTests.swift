import Base
import Testing

@testable import Supervision

/// 2026-11-26 12:00:00 UTC.
private let noon: Int64 = 1_795_694_400

/// Central European time: one hour ahead, two between the last Sundays of March and October of 2026, at 01:00 UTC.
private func berlin(_ moment: Int64) -> Int64 {
    (1_774_746_000..<1_792_890_000).contains(moment) ? 7_200 : 3_600
}

private func time(_ text: String) throws -> ReloadTime { try ReloadTime(Array(text.utf8)) }

@Suite struct ReloadTimeTests {
    @Test(
        arguments: [
            // Time of day, UTC: later today, at this very second (so tomorrow), earlier (so tomorrow).
            ("12:00:01Z", noon, noon + 1), ("12:00:00Z", noon, noon + 86_400), ("11:59:59Z", noon, noon + 86_399),
            ("00:00:00Z", noon, noon + 43_200), ("23:59:59Z\nrest", noon, noon + 43_199),
            // Local time: 13:00 in Berlin in winter.
            ("13:00:01", noon, noon + 1), ("00:30:00", noon, noon + 41_400),
            // Days.
            ("2026-11-26 12:00:05Z", noon, noon + 5), ("2026-11-26T12:00:05Z", noon, noon + 5),
            ("26-11-26 12:00:05Z", noon, noon + 5), ("26-11-26T13:00:05", noon, noon + 5),
            ("2026-12-26 12:00:00Z", noon, noon + 30 * 86_400), ("2028-02-29 12:00:00Z", noon, noon + 460 * 86_400),
            ("2026-11-26 12:00:00Z", noon, nil), ("2026-11-25 23:00:00", noon, nil), ("1970-01-01 00:00:00Z", -1, 0),
            // Summer time, and a century's leap day.
            ("2026-07-01 12:00:00", noon - 200 * 86_400, 1_782_900_000),
            ("2000-03-01 00:00:00Z", 0, 951_868_800), ("2100-03-01 00:00:00Z", 0, 4_107_542_400),
            // 02:30 is left out on 29 March 2026: an hour later by the new clock.
            ("2026-03-29 02:30:00", noon - 300 * 86_400, 1_774_747_800),
            // 02:30 comes twice on 25 October 2026: the first one.
            ("2026-10-25 02:30:00", noon - 300 * 86_400, 1_792_888_200),
            // Every day across both changes: 23 and 25 hours.
            ("12:00:00", 1_774_695_600, 1_774_695_600 + 23 * 3_600),
            ("12:00:00", 1_792_836_000, 1_792_836_000 + 25 * 3_600),
        ] as [(String, Int64, Int64?)])
    func next(_ text: String, _ now: Int64, _ wanted: Int64?) throws {
        #expect(try time(text).next(after: now, offset: berlin) == wanted)
    }

    @Test(arguments: [
        "", "Z", "12", "12:00", "24:00:00", "12:60:00", "12:00:60", " 12:00:00", "12:00:00 ", "12:00:00z", "1:2:3",
        "12-00-00", "-1:00:00", "2026-11-26", "2026-11-26  12:00:00", "2026/11/26 12:00:00", "226-11-26 12:00:00",
        "2026-13-01 12:00:00", "2026-00-01 12:00:00", "2026-02-29 12:00:00", "2026-04-31 12:00:00",
        "2026-11-00 12:00:00", "1969-12-31 00:00:00", "12026-11-26 12:00:00", "2026-11-26t12:00:00",
        "2026-1-2 12:00:00",
        "2026-11-26 12:00:00+01", "12:00:00\r", "1²:00:00", "0012:00:00", "tomorrow", "2026-11-26 0012:00:00",
    ])
    func malformed(_ text: String) {
        #expect(throws: ReloadTime.Malformed.self) { try time(text) }
    }

    @Test func everyTextOfNineteenBytesIsReadWithoutATrap() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<20_000 {
            let alphabet = Array("0123456789-:: TZ\n".utf8)
            let count = Int(random.next() % 24)
            let bytes = (0..<count).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            if let time = try? ReloadTime(bytes), let next = time.next(after: noon, offset: berlin) {
                #expect(next > noon)
            }
        }
    }
}

@Suite struct ReloadScheduleTests {
    private static func bytes(_ text: String) -> ReloadTimeFile { .bytes(Array(text.utf8)) }

    private static func after(_ seconds: Double) -> Int64 { noon * 1_000_000_000 + Int64(seconds * 1e9) }

    @Test func aTimeIsWaitedForInPartsAndTheFileGoes() {
        var schedule = ReloadSchedule(repeats: false)
        #expect(schedule.look(at: Self.bytes("12:01:10Z"), now: noon, offset: berlin) == .scheduled(noon + 70))
        #expect(schedule.look(at: Self.bytes("12:01:10Z\n"), now: noon, offset: berlin) == .none)
        #expect(schedule.step(nanoseconds: Self.after(0), offset: berlin) == .wait(.seconds(30)))
        #expect(schedule.step(nanoseconds: Self.after(69.25), offset: berlin) == .wait(.milliseconds(750)))
        #expect(schedule.step(nanoseconds: Self.after(70), offset: berlin) == .reload(removesFile: true))
        #expect(schedule.due == nil)
        #expect(schedule.step(nanoseconds: Self.after(71), offset: berlin) == .idle)
    }

    @Test func aRepeatedTimeComesAgainAndADayDoesNot() {
        var daily = ReloadSchedule(repeats: true)
        _ = daily.look(at: Self.bytes("12:00:10Z"), now: noon, offset: berlin)
        #expect(daily.step(nanoseconds: Self.after(10.5), offset: berlin) == .reload(removesFile: false))
        #expect(daily.due == noon + 86_410)
        var once = ReloadSchedule(repeats: true)
        _ = once.look(at: Self.bytes("2026-11-26 12:00:10Z"), now: noon, offset: berlin)
        #expect(once.step(nanoseconds: Self.after(10), offset: berlin) == .reload(removesFile: true))
        #expect(once.due == nil)
    }

    @Test func aFileThatGoesCancelsAndAnotherOneReplaces() {
        var schedule = ReloadSchedule(repeats: false)
        #expect(schedule.look(at: .absent, now: noon, offset: berlin) == .none)
        _ = schedule.look(at: Self.bytes("12:00:10Z"), now: noon, offset: berlin)
        #expect(schedule.look(at: Self.bytes("12:00:20Z"), now: noon, offset: berlin) == .scheduled(noon + 20))
        #expect(schedule.look(at: .absent, now: noon, offset: berlin) == .cancelled)
        #expect(schedule.step(nanoseconds: Self.after(30), offset: berlin) == .idle)
    }

    @Test func badContentIsToldOnceAndChangesNothing() {
        var schedule = ReloadSchedule(repeats: false)
        _ = schedule.look(at: Self.bytes("12:00:10Z"), now: noon, offset: berlin)
        guard case .refused(let reason) = schedule.look(at: Self.bytes("noon"), now: noon, offset: berlin) else {
            Issue.record("it was taken")
            return
        }
        #expect(reason.contains("HH:MM:SS"))
        #expect(schedule.refusal == reason)
        #expect(schedule.look(at: Self.bytes("one"), now: noon, offset: berlin) == .none)
        #expect(schedule.due == noon + 10)
        #expect(
            schedule.look(at: .unreadable("it is a folder"), now: noon, offset: berlin) == .refused("it is a folder"))
        #expect(schedule.look(at: Self.bytes("12:00:10Z"), now: noon, offset: berlin) == .none)
        #expect(schedule.refusal == nil)
    }

    @Test func aDayThatHasPassedIsNeitherScheduledNorAnError() {
        var schedule = ReloadSchedule(repeats: false)
        _ = schedule.look(at: Self.bytes("12:00:10Z"), now: noon, offset: berlin)
        #expect(schedule.look(at: Self.bytes("2026-11-26 11:59:00Z"), now: noon, offset: berlin) == .passed)
        #expect(schedule.due == nil && schedule.refusal == nil)
        #expect(schedule.step(nanoseconds: Self.after(86_400), offset: berlin) == .idle)
    }

    @Test func aClockThatIsSetIsFollowed() {
        var schedule = ReloadSchedule(repeats: false)
        _ = schedule.look(at: Self.bytes("12:00:10Z"), now: noon, offset: berlin)
        // Put back by a day: the time comes a day earlier than it seemed.
        #expect(schedule.step(nanoseconds: Self.after(-86_400), offset: berlin) == .wait(.seconds(10)))
        #expect(schedule.due == noon - 86_390)
        // Put forward over it.
        #expect(schedule.step(nanoseconds: Self.after(3_600), offset: berlin) == .reload(removesFile: true))
    }
}
