import Glibc
import IPC
import Reactor
import Testing

@testable import Supervisor

@Suite("D26: the history's file")
struct HistoryTests {
    private let loop: EventLoop
    private let folder = "/tmp/hasup-history-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    init() throws {
        loop = try EventLoop()
        mkdir(folder, 0o700)
    }

    private func removeFolder() {
        unlink("\(folder)/history")
        rmdir(folder)
    }

    private func add(_ numbers: Range<Int>, to history: History) throws {
        for number in numbers { history.add { WatchEvent("test", text: "\(number)", unixSeconds: 0) } }
        var isWritten = false
        history.whenWritten { isWritten = true }
        while !isWritten { try loop.turn() }
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
        let history = History(directory: folder, on: loop)
        for start in stride(from: 0, to: count, by: 500) { try add(start..<min(count, start + 500), to: history) }
        let expected = (max(0, count - History.eventsMax)..<count).map { "\($0)" }
        #expect(try texts(history) == expected)
        #expect(try texts(History(directory: folder, on: loop)) == expected)
    }

    @Test("whoever asks is answered when what came before is written, and waits for nothing that came after")
    func order() throws {
        defer { removeFolder() }
        let history = History(directory: folder, on: loop)
        var answers: [[String]] = []
        history.whenWritten { answers.append([]) }
        #expect(answers == [[]])
        for number in 0..<100 { history.add { WatchEvent("test", text: "\(number)", unixSeconds: 0) } }
        var seen = 0
        history.whenWritten { seen = (try? texts(history).count) ?? -1 }
        var isLate = false
        for number in 100..<900 { history.add { WatchEvent("test", text: "\(number)", unixSeconds: 0) } }
        history.whenWritten { isLate = true }
        while seen == 0 { try loop.turn() }
        #expect(seen >= 100 && seen < 200 && !isLate)
        while !isLate { try loop.turn() }
        #expect(try texts(history).count == 900)
    }
}
