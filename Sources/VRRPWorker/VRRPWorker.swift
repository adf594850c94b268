// VRRPWorker: the role `hasup-vrrp`, the shell around VRRP: sockets, netlink, messages; no decisions.
// Imports: what Package.swift lists.
// Begin with VRRPWorker.swift: `runVRRPWorker` is the role; then the drawing in Worker.swift.

import Authentication
import Base
import CLinux
import ConfigurationModel
import Glibc
import Kernel
import Reactor
import Sandbox
import VRRP
import WorkerProtocol

/// Packets that come faster than this in the long run are read together. A timer's turn reads what has come before it
/// judges, so no election ends differently.
private let moderation = Interval.microseconds(250)

/// Sockets that thousands of interfaces need: one for each family and group.
private let descriptorsMax: UInt64 = 65_536

/// The role `hasup-vrrp`, in the order that decides who could do what when (docs/decisions, D1): seal, and only
/// then read. Descriptor 3 is hasupd, 4 the compiled system call filter. Returns an exit status of sysexits(3).
package func runVRRPWorker(arguments: [String]) -> Int32 {
    guard let options = SandboxArguments(words: arguments) else { return 64 }

    do throws(SystemError) {
        // The loop's own descriptors bring no input; after the seal none can be made.
        let loop = try EventLoop()
        loop.moderation = moderation
        var session: Session?
        let orders = try Signals([SIGTERM], on: loop) { _ in session?.terminate() }

        // 1. Scheduling and memory, which need privilege and no input; then the whole drop. From here on there is
        //    CAP_NET_ADMIN and nothing else, no file can be opened and no socket made.
        var plan = SandboxPlan(
            options, capabilities: [.netAdmin], filter: 4, landlock: .nothing, descriptorsMax: descriptorsMax)
        // The second thread goes before ordinary programs: an address that waits for them is a takeover that does.
        plan.realtime = RealtimePlan(
            priority: options.realtimePriority, niceness: options.realtimePriority == nil ? nil : -20, fuse: .long)
        plan.startsThread = true
        let report = seal(as: plan)
        close(4)

        // 2. The first bytes that are read are hasupd's.
        session = try Session(on: loop, report, refusal: report.refusal(for: options))
        try loop.run()
        withExtendedLifetime((session, orders)) {}
        return 0
    } catch {
        StandardError.writeLine("hasup-vrrp: \(error)")
        return 71
    }
}

/// The conversation with hasupd: hello first, then a worker that does what is said.
private final class Session {
    private let loop: EventLoop
    private var channel: Channel?
    private var worker: Worker?
    /// The results of trackers that have come of the table so far.
    private var trackerTable: [TrackerState] = []
    /// The orders that have come so far of those in effect now, and of those in effect with the next configuration.
    private var orders: (now: [OperatorOrder], next: [OperatorOrder]) = ([], [])
    private var previousModels: [ConfigurationModel] = []
    /// The keys that have come for the next configuration, by the cluster's place.
    private var keys: [UInt8: KeyFile] = [:]
    /// hasupd's statements about the page of addresses.
    private var isFirst = false
    private var mayAdopt = false

    /// - Parameter refusal: why it isn't to work; nil when it is.
    init(on loop: EventLoop, _ report: AppliedSandbox, refusal: String?) throws(SystemError) {
        self.loop = loop
        let channel = try Channel(
            Descriptor(owning: 3), on: loop,
            onFrame: { [unowned self] frame throws(FrameError) in try self.receive(frame) },
            onEnd: { [unowned self] end in
                guard let worker = self.worker else { exit(75) }
                worker.supervisorGone(end.description)
            })
        self.channel = channel
        let seal = SandboxReport(
            shortfalls: report.shortfalls, isConfined: report.isConfined, isFiltered: report.isFiltered,
            isDumpable: report.isDumpable, workingDirectory: report.workingDirectory ?? "")
        VRRPToSupervisor.hello(version: workerProtocolVersion, seal).send(on: channel)
        if let refusal {
            VRRPToSupervisor.log(.error, refusal).send(on: channel)
            exit(77)
        }
    }

    /// SIGTERM: one that no hasupd is connected to hands over at once instead of after its grace, because another
    /// hasupd is about to start. Any other ends as by default, and its successor goes on.
    func terminate() {
        guard let worker, channel?.isOpen == false else { exit(128 + SIGTERM) }
        worker.stop()
    }

    private func receive(_ frame: Frame) throws(FrameError) {
        let message = try SupervisorToVRRP(frame)
        if case .hello(let version, let generation, let lastNotification, let grace, let isFirst, let mayAdopt) =
            message
        {
            guard version == workerProtocolVersion else { throw .version(version) }
            guard worker == nil else { throw .unexpected("a second hello") }
            (self.isFirst, self.mayAdopt) = (isFirst, mayAdopt)
            return begin(generation, lastNotification, grace, frame)
        }
        if case .previousGeneration = message {
            guard worker == nil, previousModels.count < previousGenerationsMax else {
                throw .unexpected("one more previous configuration")
            }
            return notePrevious(try frame.descriptors.take(0))
        }
        if case .clusterKeys(let cluster) = message { return try takeKeys(of: cluster, frame) }
        if case .trackers(let isTable, let bytes) = message { return try takeTrackers(isTable, bytes, frame) }
        if case .orders(let isOfNext, let bytes) = message { return try takeOrders(isOfNext, bytes, frame) }
        guard let worker else { throw .unexpected("a message before hello") }
        switch message {
        case .hello, .previousGeneration, .clusterKeys, .trackers, .orders: throw .unexpected("a second hello")
        case .configure(let generation): try configure(worker, generation, frame.descriptors.take(0))
        case .socket: worker.adoptSocket(try frame.descriptors.take(0), request: frame.header.correlation)
        case .socketRefused(let reason): worker.socketRefused(reason, request: frame.header.correlation)
        case .hookEnded(let bytes):
            for end in try decode(bytes, frame, { reader throws(ByteError) in try HookEnd(decoding: &reader) }) {
                worker.handle(.hookEnded(end))
            }
        case .status(let reset): worker.reportStatus(frame.header.correlation, resetting: reset)
        case .stop: worker.stop()
        }
    }

    /// hasupd has checked them; what can't be used counts as missing.
    private func takeKeys(of cluster: UInt8, _ frame: Frame) throws(FrameError) {
        guard let memory = try? MappedMemory(sealed: try frame.descriptors.take(0)),
            let file = try? KeyFile(memory.bytes)
        else { throw .payload(frame.header.type) }
        keys[cluster] = file
    }

    private func takeTrackers(_ isTable: Bool, _ bytes: [UInt8], _ frame: Frame) throws(FrameError) {
        let states = try decode(bytes, frame) { reader throws(ByteError) in try TrackerState(decoding: &reader) }
        guard isTable else {
            guard let worker else { throw .unexpected("a tracker's result before hello") }
            return worker.handle(.trackers(states))
        }
        trackerTable += states
        guard !frame.header.hasMore else { return }
        // Before hello it waits for the worker.
        guard let worker else { return }
        worker.handle(.trackerTable(trackerTable))
        trackerTable = []
    }

    private func takeOrders(_ isOfNext: Bool, _ bytes: [UInt8], _ frame: Frame) throws(FrameError) {
        let part = try decode(bytes, frame) { reader throws(ByteError) in try OperatorOrder(decoding: &reader) }
        if isOfNext { orders.next += part } else { orders.now += part }
        guard !frame.header.hasMore else { return }
        // Before hello they wait for the worker.
        guard let worker else { return }
        if isOfNext {
            worker.handle(.orderTable(orders.next))
            orders.next = []
        } else {
            worker.handle(.orders(orders.now))
            orders.now = []
        }
    }

    /// Reads values that stand one after the other.
    private func decode<Value>(
        _ bytes: [UInt8], _ frame: Frame, _ value: (inout ByteReader) throws(ByteError) -> Value
    ) throws(FrameError) -> [Value] {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(ByteError) in
                var reader = ByteReader(bytes)
                var values: [Value] = []
                while reader.remaining > 0 { values.append(try value(&reader)) }
                return values
            }
        }
        guard case .success(let values) = result else { throw .payload(frame.header.type) }
        return values
    }

    private func notePrevious(_ image: consuming Descriptor) {
        guard let channel else { return }
        do throws(ImageError) {
            previousModels.append(try Self.model(from: image))
        } catch {
            VRRPToSupervisor.log(.error, "a previous configuration can't be used: \(error)").send(on: channel)
        }
    }

    /// Everything that was handed over becomes a worker. What can't be used ends the process: hasupd starts another.
    private func begin(_ generation: UInt64, _ lastNotification: UInt64, _ grace: Interval, _ frame: Frame) {
        guard let channel else { return }
        do {
            let passed = frame.descriptors
            let page = try StatePage(mapping: try passed.take(0))
            // From now on an older worker that still lives ends by itself before it sends, and `hasup-withdraw` leaves
            // the addresses to us (docs/decisions, D9).
            page.generation &+= 1
            let image = try passed.take(1)
            let connection = try RouteConnection(try passed.take(2))
            let monitor = LinkMonitor(try passed.take(3))
            let frames = try passed.take(4)
            let addresses = try AddressPage(mapping: try passed.take(5))

            let model = try Self.model(from: image)
            var predecessor = Predecessor(page, lastNotification: lastNotification)
            monitor.beginReload()
            let snapshot = try connection.snapshot()
            // Addresses that a predecessor has left go before anything is sent or judged, except what a MASTER goes on
            // with (docs/decisions, D12, D14).
            let evidence = StaleAddresses.Evidence(
                records: isFirst ? nil : addresses.records, claimed: predecessor.claims(in: model), mayAdopt: mayAdopt)
            let removal = try StaleAddressRemoval(
                model, previous: previousModels, evidence, snapshot, through: connection)
            let (stale, stuck) = (removal.addresses, removal.stuck)
            let ended = Set(stale.leaving).subtracting(stuck).union(stale.unused)
            for record in ended { if let slot = record.slot { addresses.write(nil, at: Int(slot)) } }
            previousModels = []
            predecessor.note(stale.staying)

            // The notifications of what has just gone are older than any request of the core.
            var hasOverflown = false
            try monitor.drain { if $0 == .overflow { hasOverflown = true } }
            let links = try LinkWatcher(monitor, on: loop)
            let effects = try AddressEffects(try NetlinkThread(connection), on: loop)
            try ResourceLimits.noMoreThreads()
            effects.onSnapshot = { [unowned links] in links.reload($0) }
            let worker = try Worker(
                loop: loop, channel: channel, page: page, addresses: addresses, links: links, effects: effects,
                frames: frames, grace: grace, predecessor: predecessor)
            self.worker = worker
            links.onOverflow = { [unowned effects, unowned worker] in
                worker.notificationsLost()
                effects.readAll()
            }
            worker.handle(.trackerTable(trackerTable))
            trackerTable = []
            worker.handle(.orderTable(orders.next))
            orders.next = []
            links.reload(snapshot)
            if hasOverflown { links.beginReload() }
            if !stuck.isEmpty { worker.handle(.staleAddresses(stuck)) }
            for removal in stale.removals(except: stuck) { worker.reports.add(removal, generation: generation) }
            links.onDrained = { [unowned worker] in worker.linksChanged() }
            worker.configure(model, keys, generation: generation)
            keys = [:]
        } catch {
            VRRPToSupervisor.log(.error, "can't start: \(error)").send(on: channel)
            exit(71)
        }
    }

    private func configure(_ worker: Worker, _ generation: UInt64, _ image: consuming Descriptor) {
        worker.lengthenFuse()
        do throws(ImageError) {
            worker.configure(try Self.model(from: image), keys, generation: generation)
            keys = [:]
        } catch {
            worker.log(.error, "generation \(generation) can't be used: \(error)")
        }
    }

    private static func model(from descriptor: consuming Descriptor) throws(ImageError) -> ConfigurationModel {
        let image = try ConfigurationImage(descriptor)
        do throws(ByteError) {
            return try EncodedModel(image.model).decode()
        } catch {
            throw .malformed(error)
        }
    }
}
