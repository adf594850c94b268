import Base
import Configuration
import ConfigurationModel
import Glibc
import Reactor
import Supervision
import Testing
import VRRP
import WorkerProtocol

@testable import Supervisor

/// One instance with a script for each of its states.
private struct Instances: InstanceSource {
    var clusters: [ClusterSettings] = []
    let global = GlobalSettings()
    let instanceCount = 1

    func instance(at index: Int) -> InstanceSettings? {
        guard index == 0 else { return nil }
        var settings = InstanceSettings(name: "A", location: SourceLocation(file: "test.conf", line: 1))
        settings.scripts = [NotifyScript(trigger: .any, arguments: ["/bin/true"])]
        return settings
    }

    func group(at index: Int) -> SyncGroup? { nil }
}

@Suite("A notification is in the record before it is in the page (D40)")
struct NotificationOrderTests {
    private let page: StatePage
    private var broker: Broker<Instances>

    init() throws {
        page = try StatePage.create()
        broker = Broker(generation: 1, source: Instances(), lastNotification: 0)
        _ = broker.workerStarted(hasSnapshot: true)
    }

    private func notification(_ sequence: UInt64) -> Notification {
        Notification(sequence: sequence, subject: .instance(0), trigger: .master, priority: .standard)
    }

    @Test("a hasupd that is killed when it has kept one hasn't noted it yet, and its successor has it once")
    mutating func keptFirst() throws {
        let record = NotificationRecord(inherited: nil)
        var memory: StatePage?
        record.onMade = { memory = $0 }
        var seen: [UInt64] = []
        for sequence in 1...3 as ClosedRange<UInt64> {
            _ = try broker.take(notification(sequence), generation: 1, notingIn: page) { pending in
                seen.append(page.lastNotification)
                record.keep(pending)
            }
            #expect(page.lastNotification == sequence)
        }
        #expect(seen == [0, 1, 2], "while it was kept, the page said that it hadn't come")

        // Killed between the two: what the page doesn't say, the record does.
        let number = try #require(memory).number
        let copy = try owned(fcntl(number, F_DUPFD_CLOEXEC, 3), "copy a descriptor")
        let successor = NotificationRecord(inherited: try StatePage.inherited(copy, mapsAll: true))
        #expect(successor.all.map(\.pending.first?.sequence) == [3])
        #expect(successor.resumeCount(page: seen.last) == 3)
    }

    @Test("what is refused is neither kept nor noted")
    mutating func refused() throws {
        _ = try broker.take(notification(1), generation: 1, notingIn: page) { _ in }
        var kept = 0
        for (sequence, generation) in [(1, 1), (2, 9), (1 << 40, 1)] as [(UInt64, UInt64)] {
            #expect(throws: Refusal.self) {
                _ = try broker.take(notification(sequence), generation: generation, notingIn: page) { _ in kept += 1 }
            }
        }
        #expect(kept == 0 && page.lastNotification == 1)
    }
}
