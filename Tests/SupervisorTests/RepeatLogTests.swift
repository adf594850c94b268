import Base
import Configuration
import ConfigurationModel
import LogOutput
import Logging
import Reactor
import Testing
import VRRP

@testable import Supervisor

@Suite("What repeats is told at once, and then once a minute with its count (pain point O3)")
struct RepeatLogTests {
    private let lines = Lines()
    private let loop: EventLoop

    init() throws { loop = try EventLoop() }

    private func repeatLog(period: Interval = .seconds(60)) -> RepeatLog {
        let lines = lines
        return RepeatLog(Logger(label: "test") { _ in LineHandler(lines) }, on: loop, period: period)
    }

    @Test("the first of a kind is written, and the others are counted when the time is over")
    func counts() throws {
        let log = repeatLog(period: .milliseconds(1))
        for number in 1...100 {
            log.write(.info, "control socket", "cut off pid \(number)", kind: "cut off pid \(number)".withoutNumbers)
        }
        #expect(lines.texts == ["control socket: cut off pid 1"])
        while lines.texts.count == 1 { try loop.turn() }
        #expect(lines.texts.last == "control socket: cut off pid 1 (99 more like this within a minute)")
    }

    @Test("what was true of the first one only isn't said of all")
    func folded() throws {
        let log = repeatLog(period: .milliseconds(1))
        for wait in 1...4 {
            log.write(.error, "", "died: again in \(wait) s", kind: "died", folded: "died: again later")
        }
        #expect(lines.texts == ["died: again in 1 s"])
        while lines.texts.count == 1 { try loop.turn() }
        #expect(lines.texts.last == "died: again later (3 more like this within a minute)")
    }

    @Test("before the end what was left out is told, though its minute isn't over, and once")
    func rest() {
        let log = repeatLog()
        for number in 0..<40 { for _ in 1...3 { log.write(.info, "", "kind \(number)", kind: "\(number) kind") } }
        #expect(lines.texts.count == 40)
        log.flushRest()
        #expect(lines.texts.count == 80)
        #expect(
            lines.texts.suffix(40).allSatisfy {
                $0.hasPrefix("kind ") && $0.hasSuffix(" (2 more like this within a minute)")
            })
        log.flushRest()
        #expect(lines.texts.count == 80)
    }

    @Test("other kinds, subjects and levels are lines of their own")
    func kinds() {
        let log = repeatLog()
        log.write(.warning, "a", "x")
        log.write(.warning, "b", "x")
        log.write(.error, "a", "x")
        log.write(.warning, "a", "y")
        log.write(.warning, "a", "x")
        #expect(lines.texts.count == 4)
    }

    @Test("a worker that says something new each time is bounded, and so is what is kept of it")
    func flood() throws {
        let log = repeatLog(period: .milliseconds(1))
        let long = String(repeating: "a", count: 10_000)
        for number in 1...5_000 { log.write(.error, "hasup-vrrp", "\(number)\(long)") }
        #expect(lines.texts.count == 1_024)
        while lines.texts.count == 1_024 { try loop.turn() }
        #expect(lines.texts.last == "3976 lines left out: too many kinds within a minute")
    }

    @Test("a character of ten thousand bytes is cut like any other text")
    func oneLongCharacter() throws {
        let log = repeatLog(period: .milliseconds(1))
        let long = "a" + String(repeating: "\u{301}", count: 5_000)
        for _ in 1...2 { log.write(.error, "hasup-vrrp", long) }
        while lines.texts.count == 1 { try loop.turn() }
        #expect(lines.texts.last.map { $0.utf8.count < 400 } == true)
    }

    @Test("a burst of a kind is written, what comes after it is counted, and the next minute has one again")
    func burst() throws {
        let log = repeatLog(period: .milliseconds(1))
        var written = 0
        for number in 1...5 {
            if log.write(.info, "", "\(number)", kind: "n", folded: "more", burst: 3) { written += 1 }
        }
        #expect(written == 3 && lines.texts == ["1", "2", "3"])
        while lines.texts.count == 3 { try loop.turn() }
        #expect(lines.texts.last == "more (2 more like this within a minute)")
    }
}

/// Lines that were logged.
final class Lines: @unchecked Sendable {
    // Safe: a test logs from one thread.
    var texts: [String] = []
}

struct LineHandler: LogHandler {
    let lines: Lines
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]

    init(_ lines: Lines) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.texts.append("\(event.message)") }
}
