import Base
import Reactor
import Supervision
import VRRP
import WorkerProtocol

/// The VRRP worker's news of tracked objects (docs/decisions, D45): all results before each configuration, and new ones at
/// once, in one message for all of a turn.
final class TrackerFeed {
    /// Results in one frame: a name has 512 bytes at most.
    private static let countMax = 100
    /// Time after which a worker that doesn't read is tried again.
    private static let pause = Interval.milliseconds(10)

    private let loop: EventLoop
    private let table: () -> TrackerTable
    private let receiver: () -> (channel: Channel, generation: Generation)?
    /// Objects whose results the worker is still to be told.
    private var changed: Set<UInt64> = []
    private var timer: Timer?

    /// - Parameter receiver: the worker's channel, if there is one, and the newest configuration that it was given.
    init(
        on loop: EventLoop, table: @escaping () -> TrackerTable,
        receiver: @escaping () -> (channel: Channel, generation: Generation)?
    ) {
        self.loop = loop
        self.table = table
        self.receiver = receiver
        timer = loop.makeTimer { [unowned self] in self.sendChanged() }
    }

    /// The result of an object has changed.
    func add(_ object: TrackedObject) {
        if changed.isEmpty, let timer { loop.set(timer, to: loop.now) }
        changed.insert(object.fingerprint)
    }

    /// Sends the results of all objects of a configuration, before that.
    func sendTable(of generation: Generation, on channel: Channel) {
        send(generation.trackedObjects, isTable: true, on: channel)
    }

    private func sendChanged() {
        // The next worker is given all of them.
        guard let (channel, generation) = receiver() else { return changed = [] }
        // A worker that doesn't read isn't sent more and more.
        guard channel.isSent else {
            if let timer { loop.set(timer, to: loop.now + Self.pause) }
            return
        }
        // By names of the configuration that it was given: a definition that has changed since has no result there.
        let objects = generation.trackedObjects.filter { changed.contains($0.fingerprint) }
        changed = []
        if !objects.isEmpty { send(objects, isTable: false, on: channel) }
    }

    private func send(_ objects: [TrackedObject], isTable: Bool, on channel: Channel) {
        let table = table()
        var rest = objects[...]
        repeat {
            let part = rest.prefix(Self.countMax)
            rest = rest.dropFirst(part.count)
            var writer = ByteWriter()
            for object in part {
                TrackerState(TrackerKey(object.kind, object.name), table.result(of: object)).encode(into: &writer)
            }
            SupervisorToVRRP.trackers(isTable: isTable, writer.bytes).send(on: channel, hasMore: !rest.isEmpty)
        } while !rest.isEmpty
    }
}
