import Base
import Configuration
import ConfigurationModel
import Control
import Glibc
import Logging
import Reactor
import Testing
import VRRP
import Varlink

@testable import Supervisor

@Suite("What observations cost the log and the history (pain point O3)")
final class ObservationLogTests {
    private let lines = Lines()
    private let folder = "/tmp/hasup-observations-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    private let history: History
    private let log: ObservationLog
    private var events: [WatchEvent] = []
    private let settings = InstanceSettings(name: "VI_1", location: SourceLocation(file: "a.conf", line: 1))

    init() throws {
        mkdir(folder, 0o700)
        history = History(directory: folder)
        log = ObservationLog(
            log: Logger(label: "test") { [lines] _ in LineHandler(lines) }, history: history, on: try EventLoop())
        log.onEvent = { [unowned self] in self.events.append($0()) }
    }

    deinit {
        unlink("\(folder)/history")
        rmdir(folder)
    }

    /// p20: each bad packet comes from another source.
    @Test("a line a minute for each reason, whatever senders there are: their addresses are theirs to choose")
    func senders() throws {
        let reasons: [DiscardReason] = [.unknownVRID, .checksum, .length]
        for number in UInt32(1)...300 {
            let source = IPAddress(v4: 10 << 24 | number)
            for reason in reasons {
                log.add(.discarded(nil, reason, source: source, detail: number), nil, wallNanoseconds: 0)
            }
        }
        #expect(events.count == 900, "who watches sees each")
        #expect(lines.texts.count == reasons.count)
        #expect(lines.texts.first == "packet from 10.0.0.1 discarded: no instance here has VRID 1")
        log.flushRest()
        #expect(lines.texts.count == 2 * reasons.count)
        #expect(
            lines.texts.contains(
                "packet from 10.0.0.1 or others discarded: wrong checksum (299 more like this within a minute)"
            )
        )
    }

    @Test("packets that are wrong in the same way are one kind for each instance, whoever sends them")
    func packets() {
        let senders = [IPAddress("10.0.0.8"), IPAddress("10.0.0.9")].compactMap { $0 }
        #expect(senders.count == 2)
        let instances = ["VI_1", "VI_2"].map {
            InstanceSettings(name: $0, location: SourceLocation(file: "a.conf", line: 1))
        }
        for detail in 1...50 as ClosedRange<UInt32> {
            for (sender, settings) in senders.flatMap({ sender in instances.map { (sender, $0) } }) {
                log.add(.discarded(0, .hopLimit, source: sender, detail: detail), settings, wallNanoseconds: 0)
                log.add(.accepted(0, .equalPriority, source: sender), settings, wallNanoseconds: 0)
            }
        }
        #expect(lines.texts.count == 4)
    }

    private func transition(_ priority: UInt8) -> Observation {
        .transition(
            Transition(
                instance: 0, from: .backup, to: .master, reason: .masterDown, peer: nil, peerPriority: nil,
                ownPriority: Priority(rawValue: priority), lastAdvertAge: nil))
    }

    @Test("each transition is a line, an event and an entry of the history, at once and in its order")
    func transitions() throws {
        for number in UInt8(1)...200 {
            log.add(transition(number), settings, wallNanoseconds: Int64(number) * 1_000_000_000)
        }
        #expect(lines.texts.count == 200)
        #expect(lines.texts.last == "VI_1: BACKUP -> MASTER: no master was heard [priority 200]")
        #expect(events.map(\.unixSeconds) == (1...200).map(Double.init))
        let (text, count) = history.text()
        #expect(count == 200)
        let times = try text.split(separator: 0x0a).map { try WatchEvent(parsing: $0).unixSeconds }
        #expect(times == events.map(\.unixSeconds))
    }

    @Test("a hostile worker's transitions are bounded, for the log and for who reads the history")
    func floods() {
        for _ in 0..<700 { log.add(transition(100), settings, wallNanoseconds: 0) }
        #expect(lines.texts.count == 600 && events.count == 600)
        log.flushRest()
        #expect(
            lines.texts.last
                == "VI_1: too many transitions: further ones aren't logged one by one (100 more like this within a minute)"
        )
        for number in 0..<20 {
            let other = InstanceSettings(name: "V\(number)", location: settings.location)
            for _ in 0..<600 { log.add(transition(100), other, wallNanoseconds: 0) }
        }
        #expect(events.count == 10_000)
        log.flushRest()
        #expect(
            lines.texts.contains { $0.hasPrefix("V19: too many transitions: further ones aren't logged one by one (") })
    }

    @Test("transitions have their lines, events and entries, however many other kinds of lines repeat")
    func transitionsAmongOthers() {
        let instances = (0..<1_100).map {
            InstanceSettings(name: "V\($0)", location: SourceLocation(file: "a.conf", line: 1))
        }
        let source = IPAddress(v4: 10 << 24 | 1)
        for settings in instances {
            log.add(.discarded(0, .authenticationFailure, source: source, detail: 0), settings, wallNanoseconds: 0)
        }
        events = []
        for settings in instances { log.add(transition(100), settings, wallNanoseconds: 0) }
        #expect(events.count == instances.count && history.text().count == 1_000)
        #expect(lines.texts.count { $0.contains("BACKUP -> MASTER") } == instances.count)
    }

    @Test("an instance that there isn't is told, and is no event")
    func unknownInstance() {
        log.add(transition(100), nil, wallNanoseconds: 0)
        #expect(lines.texts == ["hasup-vrrp: it reported an unknown instance"] && events.isEmpty)
    }
}
