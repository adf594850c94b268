import Control
import Glibc
import Testing
import Varlink

@testable import Supervisor

@Suite("D26: the history's file")
struct HistoryTests {
    private let folder = "/tmp/hasup-history-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    init() {
        mkdir(folder, 0o700)
    }

    private func removeFolder() {
        unlink("\(folder)/history")
        rmdir(folder)
    }

    private func add(_ numbers: Range<Int>, to history: History) {
        for number in numbers { history.add(WatchEvent("test", text: "\(number)", unixSeconds: 0)) }
    }

    private func texts(_ history: History) throws -> [String] {
        let (text, count) = history.text()
        let lines = text.split(separator: 0x0a, omittingEmptySubsequences: false)
        #expect(lines.count == count + 1 && lines.last?.isEmpty ?? false)
        return try lines.dropLast().map { try WatchEvent(parsing: $0).text }
    }

    @Test(
        "the newest thousand are told, whatever the file still holds, and after another start",
        arguments: [
            3, 999, 1_000, 1_001, 1_999, 2_000, 2_001, 4_500,
        ])
    func newest(count: Int) throws {
        defer { removeFolder() }
        let history = History(directory: folder)
        add(0..<count, to: history)
        let expected = (max(0, count - History.eventsMax)..<count).map { "\($0)" }
        #expect(try texts(history) == expected)
        #expect(try texts(History(directory: folder)) == expected)
    }

    @Test("long events take the place of older ones; the newest are told, after another start, too")
    func longEvents() throws {
        defer { removeFolder() }
        let history = History(directory: folder)
        let long = String(repeating: "x", count: 6_000)
        for start in stride(from: 0, to: 1_900, by: 100) {
            for number in start..<start + 100 {
                history.add(WatchEvent("test", text: "\(number) \(long)", unixSeconds: 0))
            }
            add(0..<1, to: history)
            let told = try texts(history)
            #expect(told.count >= 600 || told.count == start / 100 + start + 101)
            #expect(told.suffix(2).first?.hasPrefix("\(start + 99) ") == true)
            var status = stat()
            #expect(stat("\(folder)/history", &status) == 0 && status.st_size < 9 << 20)
        }
        let again = try texts(History(directory: folder))
        #expect(try again == texts(history) && again.count >= 600)
    }

    @Test("of a reload of hundreds of addresses what fits is kept")
    func longReload() throws {
        var report = ReloadReport()
        report.changed = (0..<30).map { "VI_\($0)" }
        report.changes = report.changed.map { name in
            var setting = SettingChange()
            setting.text = String(repeating: "10.0.0.1/24 ", count: 200)
            (setting.old, setting.new) = (setting.text, setting.text)
            var change = InstanceChange()
            (change.name, change.settings) = (name, [setting])
            return change
        }
        let line = History.line(WatchEvent(report, wallNanoseconds: 0))
        #expect(line.count < 8 << 10)
        let kept = try #require(try WatchEvent(parsing: line.dropLast()).reload)
        #expect(kept.changes.count + kept.changed.count + kept.changesOmitted == 60 && kept.changesOmitted > 0)
    }
}
