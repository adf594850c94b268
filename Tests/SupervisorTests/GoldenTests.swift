import Base
import Configuration
import ConfigurationModel
import Glibc
import Reactor
import Supervision
import Supervisor
import Testing
import VRRP
import WorkerProtocol

/// What one hasupd leaves to the next is of a form with a number (`Formats`). The bytes of each number are kept in
/// Tests/Golden as they were when it was given: whoever changes a form counts its number up and adds a file, and reads the
/// one before as well.
@Suite struct GoldenTests {
    private static let slotSize = 256
    /// The head and three slots, without their marks.
    private static let usedSize = StatePage.headSize + 3 * slotSize

    private func copy(of page: StatePage) throws -> Descriptor {
        try owned(fcntl(page.number, F_DUPFD_CLOEXEC, 3), "copy a descriptor")
    }

    private var payload: [UInt8] { (0..<SnapshotWriter.recordMax).map { UInt8($0) } }

    @Test("the page is what it was when its form got its number")
    func page() throws {
        let page = try StatePage.create()
        page.generation = 7
        page.stamp = Instant(nanoseconds: 0x0102_0304_0506_0708)
        page.lastNotification = 41
        var writer = SnapshotWriter(try StatePage(mapping: try copy(of: page)))
        writer.write(0, [1, 2, 3])
        writer.write(2, payload)
        writer.write(0, [4, 5])
        writer.mark(2, Instant(nanoseconds: 0x1112_1314_1516_1718))
        var bytes = [UInt8](repeating: 0, count: Self.usedSize)
        #expect(pread(page.number, &bytes, bytes.count, 0) == bytes.count)
        var marks = [UInt8](repeating: 0, count: 3 * 8)
        #expect(pread(page.number, &marks, marks.count, off_t(StatePage.marksOffset)) == marks.count)
        try Golden.compare(bytes + marks, "state-page-\(StatePage.formatVersion)")
    }

    @Test("each form of the page that is said to be readable is", arguments: StatePage.readableFormats)
    func pageIsReadable(version: Int) throws {
        let bytes = try Golden.bytes("state-page-\(version)")
        let old = try StatePage.create()
        #expect(pwrite(old.number, bytes, Self.usedSize, 0) == Self.usedSize)
        let marks = Array(bytes.dropFirst(Self.usedSize))
        #expect(pwrite(old.number, marks, marks.count, off_t(StatePage.marksOffset)) == 3 * 8)
        let page = try StatePage.inherited(try copy(of: old))
        #expect(page.generation == 7)
        #expect(page.stamp == Instant(nanoseconds: 0x0102_0304_0506_0708))
        #expect(page.lastNotification == 41)
        let records = try StatePage(mapping: try copy(of: page)).records
        #expect(records.map(\.number) == [0, 2, 0])
        #expect(records.map(\.bytes) == [[1, 2, 3], payload, [4, 5]])
        #expect(records.map(\.mark) == [nil, Instant(nanoseconds: 0x1112_1314_1516_1718), nil])
    }

    private let interface: InterfaceState = {
        var interface = InterfaceState(index: 2, name: "eth0", isUsable: true)
        return interface
    }()

    /// The machine's own addresses.
    private let ownAddresses = Event.addresses(
        [(IPAddress("10.0.0.5"), 24), (IPAddress("fe80::5"), 64)].compactMap { address, length in
            address.map {
                AddressChange(
                    KernelAddress(AddressKey(interfaceIndex: 2, address: $0, length: length)), isPresent: true)
            }
        }, isAfterLoss: false)

    private let model: ConfigurationModel = {
        var settings = InstanceSettings(name: "VI_1", location: SourceLocation(file: "test.conf", line: 1))
        settings.interface = "eth0"
        settings.virtualRouterID = VRID(rawValue: 20)
        settings.virtualAddresses = ["10.0.4.1/24", "10.0.4.2/24"].compactMap { text in
            Prefix(text).map { VirtualAddress(prefix: $0) }
        }
        settings.preemptDelay = .seconds(3)
        var model = ConfigurationModel()
        model.instances = [settings]
        return model
    }()

    /// A router that became MASTER half a second ago, and has announced its addresses once of several times.
    private func master() -> (node: Node, records: [[UInt8]], now: Instant) {
        var node = Node()
        var now = Instant(nanoseconds: 1_000_000_000)
        var actions: [Action] = []
        node.handle(.interface(interface), at: now, into: &actions)
        node.handle(ownAddresses, at: now, into: &actions)
        node.handle(.configure(model), at: now, into: &actions)
        let end = now + .milliseconds(4_500)
        while node.deadline <= end {
            now = max(now, node.deadline)
            var new: [Action] = []
            node.handle(.timeout, at: now, into: &new)
            for case .install(let places, let ticket) in new {
                node.handle(
                    .applied(ticket: ticket, KernelAnswer(places.map { _ in .done })), at: now, into: &actions)
            }
        }
        var records: [[UInt8]] = [[], []]
        var writer = ByteWriter()
        node.saveChanges(with: &writer) {
            records[$0] = $1
        } mark: { _, _ in
        }
        return (node, records, end)
    }

    @Test("records are what they were when their form got its number")
    func records() throws {
        let records = master().records
        try Golden.compare(records[0], "node-record-\(NodeSnapshot.formatVersion)")
        try Golden.compare(records[1], "instance-record-\(NodeSnapshot.formatVersion)")
    }

    @Test("and are read in each form that is said to be: a MASTER goes on", arguments: NodeSnapshot.readableFormats)
    func recordsAreReadable(version: Int) throws {
        let (before, _, now) = master()
        var snapshot = NodeSnapshot(
            instances: [InstanceRecord(try Golden.bytes("instance-record-\(version)"))],
            node: try Golden.bytes("node-record-\(version)"), heardUntil: now, lastNotification: 1)
        var leaving = before
        leaving.saveLedger { if let record = $1 { snapshot.ledger.append(record) } }
        var node = Node()
        var actions: [Action] = []
        node.handle(.interface(interface), at: now, into: &actions)
        node.handle(ownAddresses, at: now, into: &actions)
        node.handle(
            .addresses(
                snapshot.ledger.map { AddressChange(KernelAddress($0.key), isPresent: true) }, isAfterLoss: false),
            at: now, into: &actions)
        node.handle(.resume(model, snapshot), at: now, into: &actions)
        #expect(node.resumption.masters == 1)
        #expect(node.resumption.fresh == 0)
        #expect(node.deadline == before.deadline, "the next advertisement is due when it was")
    }

    @Test("a place in the page of addresses is what it was when its form got its number")
    func addresses() throws {
        var node = master().node
        var slots: [Int: [UInt8]] = [:]
        node.saveLedger { slots[$0] = $1?.bytes }
        let bytes = slots.keys.sorted().flatMap { slots[$0] ?? [] }
        #expect(bytes.count == 2 * AddressPage.slotSize)
        try Golden.compare(bytes, "addresses-\(AddressPage.formatVersion)")
    }

    private let kept: KeptScripts = {
        let key = NotificationKey(.group, "VG_1")
        var kept = KeptScripts(of: key)
        for (sequence, trigger) in [(300, .fault), (301, .reclaimed)] as [(UInt64, NotifyTrigger)] {
            var pending = PendingNotification(of: key, sequence: sequence, trigger: trigger, priority: 150, begun: 1)
            let script = NotifyScript(trigger: trigger, arguments: ["/bin/true"])
            pending.findCommands(in: [script, script], GlobalSettings())
            kept.keep(pending)
        }
        kept.running = [.init(pid: 4_321, startTicks: 0x0102_0304_0506)]
        return kept
    }()

    @Test("what is still to be told of an instance is what it was when its form got its number")
    func notifications() throws {
        try Golden.compare(kept.bytes, "notifications-\(KeptScripts.formatVersion)")
    }

    @Test("each form of it that is said to be readable is", arguments: KeptScripts.readableFormats)
    func notificationsAreReadable(version: Int) throws {
        #expect(KeptScripts(try Golden.bytes("notifications-\(version)")) == kept)
    }

    private let result = TrackerTable.Entry(
        fingerprint: 0x0102_0304_0506_0708,
        verdict: TrackerVerdict(.number(-5), streak: 1, count: 3, detail: "exit status 1"),
        since: Instant(nanoseconds: 0x1112_1314_1516_1718))
    private let trackProcesses = [ProcessIdentity(pid: 4_321, startTicks: 7), ProcessIdentity(pid: 5, startTicks: 8)]

    @Test("what is known of tracked objects is what it was when its form got its number")
    func trackers() throws {
        let bytes = result.bytes + TrackerTable.bytes(of: trackProcesses)
        try Golden.compare(bytes, "trackers-\(TrackerTable.formatVersion)")
    }

    @Test("each form of that that is said to be readable is", arguments: TrackerTable.readableFormats)
    func trackersAreReadable(version: Int) throws {
        let bytes = try Golden.bytes("trackers-\(version)")
        let size = result.bytes.count
        #expect(TrackerTable.Entry(Array(bytes.prefix(size))) == result)
        #expect(TrackerTable.processes(in: Array(bytes.dropFirst(size))) == trackProcesses)
    }
}
