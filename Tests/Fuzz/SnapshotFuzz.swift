import Base
import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Reactor
import VRRPWorker
import WorkerProtocol

@testable import VRRP

/// What a worker leaves in the state page, read and resumed by its successor.
///
/// Byte 0: bit 0 version 3, bit 1 the addresses are there, bit 2 a reload has changed the instance meanwhile. Bytes 1, 2:
/// milliseconds between death and successor. Then pieces of a byte that says what it is, one of length and the content: 0
/// the node's record, 1 and 2 an instance's behind the right beginning, 3 a record of nobody's, 5 and 6 a mark of an
/// instance's, others bytes anywhere.
enum SnapshotFuzz: FuzzTarget {
    private static let head = 3
    private static let markKind: UInt8 = 4
    private static let born = Instant(nanoseconds: 100_000_000_000)
    private static let died = Instant(nanoseconds: 120_000_000_000)

    static func seeds() -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for mode in UInt8(0)..<8 {
            for wait: Int64 in [1, 3_000, 20_000] {
                var actions: [Action] = []
                var node = started(model(mode), at: Instant(nanoseconds: died.nanoseconds - wait * 1_000_000))
                run(&node, until: died, &actions)
                var seed: [UInt8] = [mode, 0, 1]
                var writer = ByteWriter()
                node.saveChanges(with: &writer) { number, record in
                    let content = number == 0 ? record : Array(record.dropFirst(9))
                    seed += [UInt8(number), UInt8(content.count)] + content
                } mark: { number, moment in
                    let bytes = withUnsafeBytes(of: moment.nanoseconds.littleEndian) { [UInt8]($0) }
                    seed += [markKind + UInt8(number), UInt8(bytes.count)] + bytes
                }
                seeds.append(seed)
                seed[1] = 40
                seeds.append(seed + [9, 3, 1, 2, 3])
            }
        }
        return seeds
    }

    private static func model(_ mode: UInt8, isReloaded: Bool = false) -> ConfigurationModel {
        var model = ConfigurationModel()
        for number in UInt32(1)...2 {
            var settings = InstanceSettings(name: "A\(number)", location: SourceLocation(file: "fuzz.conf", line: 1))
            settings.interface = "eth0"
            settings.virtualRouterID = VRID(rawValue: UInt8(number))
            settings.version = mode & 1 != 0 ? .v3 : .v2
            let addresses = isReloaded ? 1 : number
            settings.virtualAddresses = (0..<addresses).map {
                VirtualAddress(prefix: Prefix(host: IPAddress(v4: 0x0a00_0400 + number * 16 + $0)))
            }
            settings.announcements.refresh = .seconds(4)
            settings.preemptDelay = number == 2 ? .seconds(3) : .zero
            model.instances.append(settings)
        }
        return model
    }

    private static let interface = InterfaceState(index: 2, name: "eth0", isUsable: true)

    /// What a MASTER of all of it would have left.
    private static func records(of model: ConfigurationModel) -> [AddressRecord] {
        var node = started(model, at: Instant(nanoseconds: 1_000_000_000))
        var actions: [Action] = []
        run(&node, until: Instant(nanoseconds: 30_000_000_000), &actions)
        var records: [AddressRecord] = []
        node.saveLedger { if let record = $1 { records.append(record) } }
        return records
    }

    private static func started(_ model: ConfigurationModel, at now: Instant) -> Node {
        var node = Node()
        var actions: [Action] = []
        node.handle(.interface(interface), at: now, into: &actions)
        node.handle(ownAddresses, at: now, into: &actions)
        node.handle(.configure(model), at: now, into: &actions)
        return node
    }

    /// Lets time go by, with a kernel that does what it is asked.
    private static func run(_ node: inout Node, until end: Instant, _ actions: inout [Action]) {
        var now = end
        for _ in 0..<400 where node.deadline <= end {
            now = node.deadline
            node.handle(.timeout, at: now, into: &actions)
            for action in actions {
                switch action {
                case .install(let places, let ticket):
                    node.handle(
                        .applied(ticket: ticket, KernelAnswer(places.map { _ in .done })), at: now, into: &actions)
                case .withdraw(let keys, _, let ticket):
                    node.handle(
                        .applied(ticket: ticket, KernelAnswer(keys.map { _ in .done })), at: now, into: &actions)
                default: break
                }
            }
            actions.removeAll(keepingCapacity: true)
        }
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= head else { return }
        let mode = input[0]
        let now = died + .milliseconds(Int64(input[1]) << 8 | Int64(input[2]))
        let model = model(mode, isReloaded: mode & 4 != 0)
        guard let page = try? wholePage() else { return }
        fill(page, from: input, model)
        var snapshot = snapshot(of: page)
        // The page of addresses holds anything, too.
        var records = stride(from: head, to: max(head, input.count - AddressRecord.size), by: 7).compactMap {
            AddressRecord(UnsafeRawBufferPointer(rebasing: input[$0..<$0 + AddressRecord.size]), slot: $0)
        }
        if mode & 2 != 0 { records += Self.records(of: model) }
        let evidence = StaleAddresses.Evidence(records: records, claimed: snapshot.masters(of: model))
        let kernel = mode & 8 != 0 ? records.map { KernelAddress($0.key) } : []
        snapshot.ledger = StaleAddresses(model, previous: [], kernel: kernel, interfaces: [2: "eth0"], evidence).staying
        // Nobody is taken for a MASTER for longer than its peers would wait.
        let longest = model.instances.map { $0.advertInterval * 4 }.max() ?? .zero
        for deadline in snapshot.masterDeadlines(of: model, at: now).values { precondition(deadline <= now + longest) }
        _ = snapshot.masters(of: model)

        var actions: [Action] = []
        var node = Node()
        node.handle(.interface(interface), at: now, into: &actions)
        node.handle(ownAddresses, at: now, into: &actions)
        node.handle(.resume(model, snapshot), at: now, into: &actions)
        // Whatever was in the page, something is to be done before the longest interval that there is has gone by.
        precondition(node.deadline <= now + .seconds(200), "a successor waits for ever")
        run(&node, until: now + .seconds(2), &actions)

        // What it leaves itself is a snapshot again.
        var record = ByteWriter()
        var writer = SnapshotWriter(page)
        node.saveChanges(with: &record) {
            writer.write($0, $1)
        } mark: {
            writer.mark($0, $1)
        }
        var heir = Node()
        actions = []
        heir.handle(.interface(interface), at: now + .seconds(2), into: &actions)
        heir.handle(.resume(model, self.snapshot(of: page)), at: now + .seconds(2), into: &actions)
        precondition(heir.resumption.fresh == 0, "a successor's own record isn't one")
    }

    private static func wholePage() throws -> StatePage {
        let page = try StatePage.create()
        return try StatePage(mapping: try owned(fcntl(page.number, F_DUPFD_CLOEXEC, 3), "copy a descriptor"))
    }

    private static func snapshot(of page: StatePage) -> NodeSnapshot {
        let records = page.records
        return NodeSnapshot(
            instances: records.compactMap(InstanceRecord.init), node: records.last { $0.number == 0 }?.bytes,
            heardUntil: page.stamp, lastNotification: page.lastNotification)
    }

    private static func fill(_ page: StatePage, from input: UnsafeRawBufferPointer, _ model: ConfigurationModel) {
        page.stamp = died
        var writer = SnapshotWriter(page)
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: input[head...]))
        while let kind = try? reader.readUInt8(), let length = try? reader.readUInt8(),
            let content = try? reader.readBytes(min(Int(length), reader.remaining))
        {
            switch kind {
            case 0: writer.write(0, content)
            case 1, 2:
                var record = ByteWriter()
                record.write(RecordHead.version)
                record.write(model.instances[Int(kind) - 1].identity.fingerprint)
                record.write(content)
                writer.write(Int(kind), record.bytes)
            case 3: writer.write(Int(length), content)
            case markKind + 1, markKind + 2:
                let number = content.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                writer.mark(Int(kind - markKind), Instant(nanoseconds: Int64(truncatingIfNeeded: number)))
            default:
                let place = (Int(kind) << 6) % StatePage.headSize + (Int(kind) & 7) * 512
                _ = pwrite(page.number, content, content.count, off_t(place))
            }
        }
    }
}
