import Base
import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Kernel
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import VRRP
import Varlink
import WorkerProtocol

/// Effects of the VRRP worker that concern the rest of hasupd.
protocol VRRPSupervisionDelegate: AnyObject {
    /// The worker runs this generation.
    func configured(_ generation: UInt64)
    /// The worker has observed something. The number of the instance belongs to the generation.
    func observed(_ observation: Observation, generation: UInt64)
    /// Runs scripts. When this returns, they are kept for a successor.
    func add(_ notification: PendingNotification)
    /// The operators' orders that are in effect with a generation.
    func orders(for generation: Generation) -> [OperatorOrder]
    /// Runs a hook under this number, unless it was run; `tell` follows.
    func run(_ hook: HookCommand, number: UInt64)
    /// Ends the run of this number, or doesn't begin it.
    func drop(_ hook: HookKey, number: UInt64)
    /// No worker repeats this notification any more: it goes into FIFOs.
    func noted(_ notification: PendingNotification)
    /// Notifications are numbered from 1 again.
    func resetNotificationSequence()
    /// Something happened to the worker, for the history.
    func report(_ text: String)
    /// The kernel has nothing any more that only generations before this one name.
    func cleared(_ generation: UInt64)
    /// Workers keep their state for successors in this page from now on.
    func keep(_ page: StatePage)
    /// The keys of clusters for a successor of hasupd; nil for none.
    func keep(keys: MappedMemory?)
    /// Returns the file of the addresses that workers have set, and whether it is new.
    /// - Throws: `SystemError` when there is none and none can be made.
    func keepAddresses() throws(SystemError) -> (file: AddressFile, isNew: Bool)
    /// The results of what is tracked.
    var trackerTable: TrackerTable { get }
    /// The worker is gone, another one follows.
    func vrrpEnded()
    /// The worker is gone for good.
    func vrrpFinished()
}

/// The state that a former hasupd has left for the VRRP worker.
struct SavedWorkerState {
    /// Nil to begin with an empty one.
    let page: StatePage?
    /// Times that hasupd died with that page.
    let deathsWithSnapshot: Int
    /// The number of the last notification.
    let lastNotification: UInt64
    let keys: MappedMemory?
}

/// hasupd's side of the VRRP worker: starts it, passes it descriptors and configurations, performs its requests, and
/// requests its status.
final class VRRPSupervision: WorkerProcessOwner {
    private let context: DaemonContext
    let lines: RepeatLog
    let workerRecord: WorkerRecord
    unowned let delegate: any VRRPSupervisionDelegate
    private(set) var broker: Broker<Generation>
    private(set) var worker: WorkerProcess?
    private var page: StatePage
    /// The addresses that workers have set: the same file for all of them, also for one that gets a new page.
    private var addresses: AddressFile
    /// True until a worker has run its configuration since that file was made.
    private var isFirst: Bool
    /// True if a former hasupd has left a page that no worker has ever had: it had no instance.
    private let isUnused: Bool
    /// True until a worker has run its configuration since hasupd was started anew without a keepalived beside it.
    private var mayAdopt: Bool
    /// The packet socket of all workers, so that none closes its last descriptor when it dies: that waits for the kernel's
    /// RCU, 8 to 16 ms (docs/decisions, D39). It receives nothing, and is restored or replaced for each worker.
    private var packetSocket: Descriptor
    /// Nor does it close those for questions.
    let questionSockets = QuestionSocketStore()
    /// Generations before the newest one of which addresses may still be in the kernel, until a worker reports that none
    /// are. Their images go to the next worker, and to the process that removes stale addresses.
    private(set) var previousGenerations: [Generation] = []
    /// True as long as the page is a former hasupd's and no worker has resumed from it.
    private var isInherited: Bool
    private let clusterKeys: ClusterKeys
    private let staleAddresses: StaleAddressGuard
    private var statusRequests: StatusRequests?
    /// The newest generation that this worker runs.
    private var configuredGeneration: UInt64 = 0
    /// Deaths with the page, as the record has them.
    var recordedDeaths = 0
    private var survivalTimer: Timer?
    private var idleTimer: Timer?
    private var trackerFeed: TrackerFeed?
    /// True after this worker has reported its resumption. A second report is refused: each is an entry of the history.
    private var hasResumed = false
    /// Packets that no instance matched, by `DiscardReason.rawValue`, as the worker last reported them.
    private(set) var discardedWithoutInstance: [UInt64] = []
    /// The other nodes of clusters, as the worker last reported them.
    private(set) var clusterNodes = ClusterNodes()
    /// The last worker's report on its sandbox.
    private(set) var sandboxReport = SandboxReport()

    init(
        _ context: DaemonContext, _ generation: Generation, _ saved: SavedWorkerState, _ record: WorkerRecord,
        delegate: any VRRPSupervisionDelegate
    ) throws(SystemError) {
        let (loop, host) = (context.loop, context.host)
        self.context = context
        lines = RepeatLog(context.log, on: loop)
        workerRecord = record
        self.delegate = delegate
        broker = Broker(
            generation: generation.number, source: generation, lastNotification: saved.lastNotification)
        clusterKeys = ClusterKeys(legacy: saved.keys)
        isUnused = saved.page?.generation == 0
        isInherited = saved.page != nil && !isUnused
        if let inherited = saved.page { page = inherited } else { page = try StatePage.create() }
        (addresses, isFirst) = try delegate.keepAddresses()
        mayAdopt = context.isAlone && isFirst && saved.page == nil
        packetSocket = try owned(hasup_frame_socket(), "open a packet socket")
        staleAddresses = StaleAddressGuard(
            on: loop, lines: lines, seal: host.sandboxArguments, filter: host.withdrawFilter.number)
        statusRequests = StatusRequests(on: loop) { [unowned self] in self.sendStatusRequest($0, $1) }
        survivalTimer = loop.makeTimer { [unowned self] in self.snapshotSurvived() }
        idleTimer = loop.makeTimer { [unowned self] in self.configuredWithoutWorker() }
        trackerFeed = TrackerFeed(on: loop, table: { [unowned delegate] in delegate.trackerTable }) { [unowned self] in
            self.worker?.channel.map { ($0, self.broker.source) }
        }
        let worker = WorkerProcess(
            "hasup-vrrp", on: loop, lines: lines,
            deathsWithSnapshot: saved.page == nil ? 0 : saved.deathsWithSnapshot, owner: self)
        worker.watch(
            smallestAdvertInterval: generation.model.smallestAdvertInterval, instanceCount: generation.instanceCount)
        self.worker = worker
        clusterKeys.onFailure = { [unowned self] in self.lines.write(.error, "", $0) }
        clusterKeys.read(for: generation)
    }

    func start() {
        delegate.keep(page)
        delegate.keep(keys: clusterKeys.legacy)
        // Its addresses have had no owner since the last worker ended.
        if isInherited { staleAddresses.workerEnded(page, addresses, broker.source, previous: previousGenerations) }
        begin()
    }

    /// True as long as no worker was needed: there has been no instance, and no former hasupd has left anything.
    var isIdle: Bool { worker?.life.state == .down }

    /// Starts the worker when there is something for it to do.
    private func begin() {
        if broker.source.instanceCount > 0 || !isFirst && !isUnused {
            worker?.handle(.start)
        } else if let idleTimer {
            // In another turn, as a worker would say it.
            context.loop.set(idleTimer, to: Clock.now)
        }
    }

    private func configuredWithoutWorker() {
        guard isIdle else { return }
        broker.configured()
        previousGenerations = []
        delegate.configured(broker.generation)
        delegate.cleared(broker.generation)
    }

    /// The reason that no further generation can be given now, a sentence without its end.
    var obstacle: String? {
        previousGenerations.count < previousGenerationsMax
            ? nil
            : "the VRRP worker hasn't removed yet what \(previousGenerations.count) reloads have taken away: hasupd's log says why"
    }

    /// Gives a new generation to the worker. `configured` follows, or `vrrpEnded`.
    func apply(_ generation: Generation) {
        let before = broker.source
        previousGenerations.removeAll { $0.image === generation.image }
        if before.image !== generation.image { previousGenerations.append(before) }
        broker.advance(to: generation.number, source: generation)
        worker?.watch(
            smallestAdvertInterval: generation.model.smallestAdvertInterval, instanceCount: generation.instanceCount)
        clusterKeys.read(for: generation)
        delegate.keep(keys: clusterKeys.legacy)
        if isIdle { return begin() }
        guard let channel = worker?.channel else { return }
        checkDelivery(on: channel)
        clusterKeys.send(on: channel)
        trackerFeed?.sendTable(of: generation, on: channel)
        sendOrders(with: generation, on: channel)
        SupervisorToVRRP.configure(generation: generation.number)
            .send(on: channel, descriptors: [generation.partNumber])
    }

    /// Applies a changed vrrp_rt_priority to the worker that runs, and to hasupd.
    func applyPriority() {
        let generation = broker.source
        do throws(SystemError) {
            if let pid = worker?.child?.pid { try Realtime.schedule(process: pid, priority: generation.workerPriority) }
            try Realtime.schedule(priority: generation.supervisorPriority, resetsOnFork: true)
        } catch {
            context.log.warning(
                "vrrp_rt_priority \(generation.workerPriority) takes effect when the VRRP worker starts again: \(error)"
            )
        }
    }

    /// Replaces the worker, for this reason.
    func replace(_ reason: String) { worker?.handle(.channelEnded(reason)) }

    // MARK: WorkerProcessOwner

    func start(_ worker: WorkerProcess, dropsSnapshot: Bool) throws(SystemError) -> WorkerProcess.Started {
        staleAddresses.successorStarts()
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let ours = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        if dropsSnapshot {
            lines.write(
                .error, "hasup-vrrp", "it or hasupd repeatedly died early: the next one starts without a snapshot")
            page = try StatePage.create()
            isInherited = false
            delegate.keep(page)
        }
        let kept = try delegate.keepAddresses()
        if kept.isNew {
            lines.write(
                .error, "hasup-vrrp",
                "the list of the addresses that it has set can't be read any more: the next one starts with an empty list"
            )
            addresses = kept.file
            isFirst = true
        }
        if broker.workerStarted(hasSnapshot: !dropsSnapshot) { delegate.resetNotificationSequence() }
        var sandbox = context.host.sandboxArguments
        sandbox.realtimePriority = context.host.permittedPriority(broker.source.workerPriority)
        let child = try ChildProcess.spawn(
            path: "/proc/self/exe", arguments: [WorkerRecord.role] + sandbox.words,
            descriptors: [theirs.number, context.host.workerFilter.number], on: context.loop
        ) { [weak worker] pid, exit in worker?.exited(pid, exit) }
        // Before its hello: until then it does nothing, so no worker runs that isn't recorded.
        record(child.pid, deaths: dropsSnapshot ? 1 : worker.life.deathsWithSnapshot + 1)
        return WorkerProcess.Started(child: child, socket: ours)
    }

    func greet(on channel: Channel, _ worker: WorkerProcess) {
        do throws(SystemError) {
            let commands = try owned(hasup_route_socket(0), "open an rtnetlink socket")
            let notifications = try owned(hasup_route_socket(LinkMonitor.groups), "open an rtnetlink socket")
            if hasup_frame_socket_restore(packetSocket.number) < 0 {
                packetSocket = try owned(hasup_frame_socket(), "open a packet socket")
            }
            for previous in previousGenerations.suffix(previousGenerationsMax) {
                SupervisorToVRRP.previousGeneration.send(on: channel, descriptors: [previous.partNumber])
            }
            clusterKeys.send(on: channel)
            trackerFeed?.sendTable(of: broker.source, on: channel)
            sendOrders(with: broker.source, on: channel)
            SupervisorToVRRP.hello(
                version: workerProtocolVersion, generation: broker.generation,
                lastNotification: broker.lastNotification, grace: context.options.grace, isFirst: isFirst,
                mayAdopt: mayAdopt
            ).send(
                on: channel,
                descriptors: [
                    page.number, broker.source.partNumber, commands.number, notifications.number, packetSocket.number,
                    addresses.number,
                ])
        } catch {
            lines.write(.error, "hasup-vrrp", "can't set up the worker: \(error)")
            worker.handle(.channelEnded(error.description))
        }
    }

    func stamp(of worker: WorkerProcess) -> Instant? { page.stamp }

    func requestStop(on channel: Channel) { SupervisorToVRRP.stop.send(on: channel) }

    func ended(_ worker: WorkerProcess) {
        statusRequests?.workerEnded()
        if worker.life.state != .stopping {
            staleAddresses.workerEnded(page, addresses, broker.source, previous: previousGenerations)
        }
        delegate.vrrpEnded()
    }

    func report(_ text: String) { delegate.report(text) }

    func finished(_ worker: WorkerProcess) { delegate.vrrpFinished() }

    func receive(_ frame: Frame, _ worker: WorkerProcess) throws(FrameError) {
        let message = try VRRPToSupervisor(frame)
        if case .hello = message {} else { try worker.requireHello() }
        switch message {
        case .hello(let version, let report):
            try worker.hello(version: version)
            configuredGeneration = 0
            hasResumed = false
            sandboxReport = report
            for sentence in report.shortfalls { lines.write(.notice, "hasup-vrrp", sentence) }
        case .configured(let generation):
            guard generation <= broker.generation else { throw .unexpected("a generation that doesn't exist") }
            guard generation > configuredGeneration else { throw .unexpected("a generation that it runs already") }
            configuredGeneration = generation
            (isFirst, mayAdopt) = (false, false)
            if generation == broker.generation {
                broker.configured()
                questionSockets.keep(onlyOf: broker.source)
            }
            if worker.life.state == .starting {
                worker.ready()
                recordWork(worker)
                if let survivalTimer { context.loop.set(survivalTimer, to: Clock.now + Self.survivalTime) }
            }
            staleAddresses.workerRuns()
            delegate.configured(generation)
        case .resumed(let masters, let others, let late, let fresh):
            guard !hasResumed else { throw .unexpected("a second resumption") }
            hasResumed = true
            logResumption(masters, others, late, fresh, worker)
        case .cleared(let generation):
            guard generation <= broker.generation else { throw .unexpected("a generation that doesn't exist") }
            previousGenerations.removeAll { $0.number < generation }
            delegate.cleared(generation)
        case .worked:
            worker.handle(.worked)
            recordWork(worker)
        case .openSocket, .openHeartbeatSocket, .openReferenceSocket, .openQuestionSocket:
            openSocket(message, frame.header.correlation, worker)
        case .notify(let generation, let bytes):
            let notifications = try decodeList(frame, bytes) { reader throws(ByteError) in
                try Notification(from: &reader)
            }
            for notification in notifications { take(notification, generation: generation) }
        case .hooks(let generation, let bytes):
            let requests = try decodeList(frame, bytes) { reader throws(ByteError) in
                try HookRequest(from: &reader)
            }
            for request in requests { run(request, generation: generation) }
        case .observations(let generation, let bytes):
            let longest = VRRPToSupervisor.observationBytesMax
            let observations = try decodeList(frame, bytes, atMost: longest) { reader throws(ByteError) in
                try Observation(from: &reader)
            }
            for observation in observations { delegate.observed(observation, generation: generation) }
        case .discarded(let counts): discardedWithoutInstance = counts
        case .clusterNode(let bytes):
            clusterNodes.add(
                try decode(frame, bytes) { reader throws(ByteError) in try ClusterNodeReport(decoding: &reader) })
        case .status(let generation, let bytes):
            try receiveStatus(frame, generation, bytes)
        case .log(let level, let text):
            // A compromised worker must not fill the disk.
            lines.write(level.loggerLevel, "hasup-vrrp", text)
        case .stopped: break
        }
    }

    private func logResumption(
        _ masters: UInt32, _ others: UInt32, _ late: UInt32, _ fresh: UInt32, _ worker: WorkerProcess
    ) {
        let resumed = "\(counted(Int(masters), "master")), \(counted(Int(others), "backup"))"
        var text: String
        if let end = worker.lastEnd {
            text = "hasup-vrrp \(end.sentence): replaced, resumed \(resumed), \(end.gap(until: Clock.now))"
        } else if isInherited {
            text = "continues for the former hasupd: resumed \(resumed)"
        } else {
            return
        }
        isInherited = false
        if late > 0 { text += "; \(late) too late to stay MASTER" }
        if fresh > 0 { text += "; \(fresh) started in INIT" }
        if worker.lastEnd == nil { delegate.report("hasupd \(text)") } else { worker.recovered(text) }
        // Logged or only counted as its end was.
        lines.write(.notice, "", text, kind: "resumed: \(worker.lastEnd?.sentence.withoutNumbers ?? "")")
    }

    /// Decodes a list of at most `VRRPToSupervisor.entriesMax` entries.
    private func decodeList<Entry>(
        _ frame: Frame, _ bytes: [UInt8], atMost longest: Int = .max,
        _ entry: (inout ByteReader) throws(ByteError) -> Entry
    ) throws(FrameError) -> [Entry] {
        try decode(frame, bytes) { reader throws(ByteError) in
            guard reader.remaining <= longest else { throw ByteError.invalid }
            var found: [Entry] = []
            while reader.remaining > 0 {
                guard found.count < VRRPToSupervisor.entriesMax else { throw ByteError.invalid }
                found.append(try entry(&reader))
            }
            return found
        }
    }

    private func decode<Value>(
        _ frame: Frame, _ bytes: [UInt8], _ body: (inout ByteReader) throws(ByteError) -> Value
    ) throws(FrameError) -> Value {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(ByteError) in
                var reader = ByteReader(bytes)
                let value = try body(&reader)
                try reader.finish()
                return value
            }
        }
        guard case .success(let value) = result else { throw .payload(frame.header.type) }
        return value
    }

    // MARK: The broker

    private func take(_ notification: Notification, generation: UInt64) {
        do throws(Refusal) {
            let taken = try broker.take(notification, generation: generation, notingIn: page) { delegate.add($0) }
            delegate.noted(taken)
        } catch {
            refuse(error)
        }
    }

    /// Checks whether the worker has received all that was sent: to be called before something else is.
    func checkDelivery(on channel: Channel) {
        if channel.hasDeliveredAll { broker.workerHasTakenAll() }
    }

    /// Asks the broker what the worker may have. - Throws: `Refusal`.
    func plan<Plan>(_ find: (inout Broker<Generation>) throws(Refusal) -> Plan) throws(Refusal) -> Plan {
        try find(&broker)
    }

    func refuse(_ refusal: Refusal) {
        lines.write(
            .warning, "hasup-vrrp", "refused a worker's request: \(refusal)", kind: "refusal: \(refusal.kind)")
    }

    /// The result of an object has changed.
    func trackerChanged(_ object: TrackedObject) { trackerFeed?.add(object) }

    // MARK: Status

    /// Requests the status of all instances; nil when no worker replies in time.
    func requestStatus(resetting reset: CounterReset = .none, _ completion: @escaping (WorkerStatuses?) -> Void) {
        if isIdle { return completion(WorkerStatuses(generation: broker.source)) }
        statusRequests?.add(resetting: reset, completion)
    }

    private func sendStatusRequest(_ number: UInt32, _ reset: CounterReset) -> Bool {
        guard let channel = worker?.channel, worker?.life.state == .running else { return false }
        SupervisorToVRRP.status(resetting: reset).send(on: channel, correlation: number)
        return true
    }

    private func receiveStatus(_ frame: Frame, _ generation: UInt64, _ bytes: [UInt8]) throws(FrameError) {
        guard let source = try? broker.source(of: generation) else {
            throw .unexpected("a status of a generation that it doesn't run")
        }
        let limit = source.instanceCount
        if !frame.header.hasMore { clusterNodes.finish() }
        try statusRequests?.receive(frame.header.correlation, source, bytes, isLast: !frame.header.hasMore) {
            () throws(FrameError) in
            try decode(frame, bytes) { reader throws(ByteError) in
                var part: [(UInt32, InstanceStatus)] = []
                while reader.remaining > 0 {
                    let id = try reader.readUInt32()
                    guard id < limit, part.count < limit else { throw ByteError.invalid }
                    part.append((id, try InstanceStatus(decoding: &reader)))
                }
                return part
            }
        }
    }
}
