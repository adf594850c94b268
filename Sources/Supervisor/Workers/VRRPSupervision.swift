import Base
import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Kernel
import Logging
import Reactor
import Sandbox
import Supervision
import VRRP
import Varlink
import WorkerProtocol

/// hasupd's side of the VRRP worker: starts it, gives it what it needs, does what it may ask for, and asks its status.
final class VRRPSupervision: WorkerProcess.Owner {
    /// What the daemon is told.
    protocol Delegate: AnyObject {
        /// The worker runs this generation.
        func configured(_ generation: UInt64)
        /// Something that operators may be told of; the instance's name belongs to the generation.
        func observed(_ observation: Observation, generation: UInt64)
        /// Scripts are to be run. It is kept for a successor when this returns.
        func run(_ scripts: ScriptRun)
        /// Notifications count from 1 again.
        func resetNotificationSequence()
        /// Something happened to the worker that operators should know.
        func report(_ text: String)
        /// Nothing that only generations before this one name is in the kernel any more.
        func cleared(_ generation: UInt64)
        /// What workers leave to their successors is in this page from now on.
        func keep(_ page: StatePage)
        /// The file that tells which address has been put where, and whether it was made for this call.
        /// - Throws: `SystemError` when there is none and none can be made.
        func keepAddresses() throws(SystemError) -> (file: AddressFile, isNew: Bool)
        /// The worker is gone, another one follows.
        func vrrpEnded()
        /// The worker is gone for good.
        func vrrpFinished()
    }

    private let loop: EventLoop
    private let log: Logger
    let lines: RepeatLog
    private let setting: HostProfile
    private let grace: Interval
    let record: WorkerRecord
    private unowned let delegate: any Delegate
    private var broker: Broker<Generation>
    private(set) var worker: WorkerProcess?
    private var page: StatePage
    /// Which address has been put where: for all workers the same, also for one that gets a new page.
    private var addresses: AddressFile
    /// Whether no worker has run its configuration since that file was made.
    private var isFirst: Bool
    /// Whether no worker has run its configuration since hasupd was started anew beside no keepalived.
    private var mayAdopt: Bool
    /// The packet socket that each worker gets. It is this one for all: closing the last descriptor of a packet socket
    /// waits for the kernel's RCU, and a dying worker that had to wait for it was dead to hasupd only 8 to 16 ms later
    /// (docs/decisions.md, D39). It receives nothing, and for each it is made what it was, or replaced.
    private var frames: Descriptor
    /// Generations before the newest one of which something may still be in the kernel: until a worker says that nothing
    /// is. Their images go to the next worker, and to whoever removes what none advertises.
    private(set) var formers: [Generation] = []
    /// Whether the page is a former hasupd's, and nobody has gone on with it yet.
    private var isInherited: Bool
    private let orphans: StaleAddressGuard
    private var questions: StatusRequests?
    /// The newest generation that this worker has said to run.
    private var configuredGeneration: UInt64 = 0
    /// What the record says of deaths with the page.
    var notedDeaths = 0
    private var trialTimer: Timer?
    /// Whether this worker has said with what it goes on: once is enough, and each is an entry of the history.
    private var hasResumed = false
    /// Packets that no instance could be found for, by `DiscardReason.rawValue`, when the worker last told its status.
    private(set) var discardedWithoutInstance: [UInt64] = []
    /// What the worker that lives, or lived last, has said of its seal.
    private(set) var sealed = SandboxReport()

    /// - Parameters:
    ///   - grace: how long a worker goes on when hasupd is gone.
    ///   - inherited: the page of a hasupd that is gone; nil to begin with an empty one.
    ///   - deathsWithPage: how often hasupd has died with that page.
    ///   - lastNotification: where its worker's count of notifications goes on.
    ///   - isAlone: whether hasupd has seen that no keepalived runs here.
    init(
        on loop: EventLoop, log: Logger, setting: HostProfile, grace: Interval, generation: Generation,
        inherited: StatePage?, deathsWithPage: Int, lastNotification: UInt64, isAlone: Bool, record: WorkerRecord,
        delegate: any Delegate
    ) throws(SystemError) {
        self.loop = loop
        self.log = log
        lines = RepeatLog(log, on: loop)
        self.setting = setting
        self.record = record
        self.grace = grace
        self.delegate = delegate
        broker = Broker(
            generation: generation.number, source: generation, lastNotification: lastNotification)
        isInherited = inherited != nil
        if let inherited { page = inherited } else { page = try StatePage.create() }
        (addresses, isFirst) = try delegate.keepAddresses()
        mayAdopt = isAlone && isFirst && inherited == nil
        frames = try owned(hasup_frame_socket(), "open a packet socket")
        orphans = StaleAddressGuard(
            on: loop, lines: lines, seal: setting.sealArguments, filter: setting.withdrawFilter.number)
        questions = StatusRequests(on: loop) { [unowned self] number in self.askStatus(number) }
        trialTimer = loop.makeTimer { [unowned self] in self.pageHasPassed() }
        let worker = WorkerProcess(
            "hasup-vrrp", on: loop, lines: lines, deathsWithSnapshot: inherited == nil ? 0 : deathsWithPage, owner: self
        )
        worker.watch(
            smallestAdvertInterval: generation.model.smallestAdvertInterval, instanceCount: generation.instanceCount)
        self.worker = worker
    }

    func start() {
        delegate.keep(page)
        // Its addresses have had no owner since the last worker was ended.
        if isInherited { orphans.workerEnded(page, addresses, broker.source, formers: formers) }
        worker?.handle(.start)
    }

    func stop() { worker?.handle(.stop) }

    /// Why no further generation can be given at the moment: a sentence's beginning.
    var obstacle: String? {
        formers.count < formersMax
            ? nil
            : "the VRRP worker hasn't removed yet what \(formers.count) reloads have taken away: hasupd's log says why"
    }

    /// Gives a new generation to the worker; `configured` follows, or `vrrpEnded`.
    func apply(_ generation: Generation) {
        let before = broker.source
        formers.removeAll { $0.image === generation.image }
        if before.image !== generation.image { formers.append(before) }
        broker.advance(to: generation.number, source: generation)
        worker?.watch(
            smallestAdvertInterval: generation.model.smallestAdvertInterval, instanceCount: generation.instanceCount)
        guard let channel = worker?.channel else { return }
        noteDelivery(on: channel)
        SupervisorToVRRP.configure(generation: generation.number)
            .send(on: channel, descriptors: [generation.image.number])
    }

    /// A changed vrrp_rt_priority acts at once where that is possible: for the worker that lives, and for hasupd.
    func applyPriority() {
        let generation = broker.source
        do throws(SystemError) {
            if let pid = worker?.child?.pid { try Realtime.schedule(process: pid, priority: generation.workerPriority) }
            try Realtime.schedule(priority: generation.supervisorPriority, resetsOnFork: true)
        } catch {
            log.warning(
                "vrrp_rt_priority \(generation.workerPriority) acts when the VRRP worker starts again: \(error)")
        }
    }

    /// A worker that doesn't take its configuration is replaced.
    func replace(_ reason: String) { worker?.handle(.channelEnded(reason)) }

    // MARK: WorkerProcess.Owner

    func start(_ worker: WorkerProcess, dropsSnapshot: Bool) throws(SystemError) -> WorkerProcess.Started {
        orphans.successorStarts()
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let ours = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        if dropsSnapshot {
            lines.tell(
                .error, "hasup-vrrp", "it or hasupd dies early again and again: the next one starts without a snapshot")
            page = try StatePage.create()
            isInherited = false
            delegate.keep(page)
        }
        let kept = try delegate.keepAddresses()
        if kept.isNew {
            lines.tell(
                .error, "hasup-vrrp",
                "nobody can read any more which addresses it has put onto interfaces: the next one begins without that")
            addresses = kept.file
            isFirst = true
        }
        if broker.workerStarted(hasSnapshot: !dropsSnapshot) { delegate.resetNotificationSequence() }
        var seal = setting.sealArguments
        seal.realtimePriority = setting.realtime(broker.source.workerPriority)
        let child = try ChildProcess.spawn(
            path: "/proc/self/exe", arguments: [WorkerRecord.role] + seal.words,
            descriptors: [theirs.number, setting.workerFilter.number], on: loop
        ) { [weak worker] pid, exit in worker?.exited(pid, exit) }
        // Before it is greeted: until then it does nothing, so none is at work that isn't noted.
        note(child.pid, deaths: dropsSnapshot ? 1 : worker.life.deathsWithSnapshot + 1)
        return WorkerProcess.Started(child: child, socket: ours)
    }

    func greet(on channel: Channel, _ worker: WorkerProcess) {
        do throws(SystemError) {
            let commands = try owned(hasup_route_socket(0), "open an rtnetlink socket")
            let notifications = try owned(hasup_route_socket(LinkMonitor.groups), "open an rtnetlink socket")
            if hasup_frame_socket_restore(frames.number) < 0 {
                frames = try owned(hasup_frame_socket(), "open a packet socket")
            }
            for former in formers.suffix(formersMax) {
                SupervisorToVRRP.former.send(on: channel, descriptors: [former.image.number])
            }
            SupervisorToVRRP.hello(
                version: workerProtocolVersion, generation: broker.generation,
                lastNotification: broker.lastNotification, grace: grace, isFirst: isFirst, mayAdopt: mayAdopt
            ).send(
                on: channel,
                descriptors: [
                    page.number, broker.source.image.number, commands.number, notifications.number, frames.number,
                    addresses.number,
                ])
        } catch {
            lines.tell(.error, "hasup-vrrp", "it can't be given what it needs: \(error)")
            worker.handle(.channelEnded(error.description))
        }
    }

    func stamp(of worker: WorkerProcess) -> Instant? { page.stamp }

    func requestStop(on channel: Channel) { SupervisorToVRRP.stop.send(on: channel) }

    func ended(_ worker: WorkerProcess) {
        questions?.workerEnded()
        if worker.life.state != .stopping { orphans.workerEnded(page, addresses, broker.source, formers: formers) }
        delegate.vrrpEnded()
    }

    func report(_ text: String) { delegate.report(text) }

    func finished(_ worker: WorkerProcess) { delegate.vrrpFinished() }

    func receive(_ frame: Frame, _ worker: WorkerProcess) throws(FrameError) {
        let message = try VRRPToSupervisor(frame)
        if case .hello = message {} else { try worker.requireHello() }
        switch message {
        case .hello(let version, let seal):
            try worker.hello(version: version)
            configuredGeneration = 0
            hasResumed = false
            sealed = seal
            for sentence in seal.shortfalls { lines.tell(.notice, "hasup-vrrp", sentence) }
        case .configured(let generation):
            guard generation <= broker.generation else { throw .unexpected("a generation that doesn't exist") }
            guard generation > configuredGeneration else { throw .unexpected("a generation that was taken before") }
            configuredGeneration = generation
            (isFirst, mayAdopt) = (false, false)
            if generation == broker.generation { broker.configured() }
            if worker.life.state == .starting {
                worker.ready()
                noteWork(worker)
                if let trialTimer { loop.set(trialTimer, to: Clock.now + Self.trial) }
            }
            orphans.workerRuns()
            delegate.configured(generation)
        case .resumed(let masters, let others, let late, let fresh):
            guard !hasResumed else { throw .unexpected("a second resumption") }
            hasResumed = true
            tellResumption(masters, others, late, fresh, worker)
        case .cleared(let generation):
            guard generation <= broker.generation else { throw .unexpected("a generation that doesn't exist") }
            formers.removeAll { $0.number < generation }
            delegate.cleared(generation)
        case .worked:
            worker.handle(.worked)
            noteWork(worker)
        case .openSocket(let generation, let instance):
            openSocket(generation: generation, instance: instance, correlation: frame.header.correlation, worker)
        case .notify(let generation, let requests):
            for request in requests { runScripts(request, generation: generation) }
        case .observations(let generation, let bytes):
            let observations = try decode(frame, bytes) { reader throws(ByteError) in
                guard reader.remaining <= VRRPToSupervisor.observationBytesMax else { throw ByteError.invalid }
                var found: [Observation] = []
                while reader.remaining > 0 {
                    guard found.count < VRRPToSupervisor.entriesMax else { throw ByteError.invalid }
                    found.append(try Observation(from: &reader))
                }
                return found
            }
            for observation in observations { delegate.observed(observation, generation: generation) }
        case .discarded(let counts): discardedWithoutInstance = counts
        case .status(let generation, let bytes):
            try receiveStatus(frame, generation, bytes)
        case .log(let level, let text):
            // A worker that has gone mad must not fill the disk.
            lines.tell(level.loggerLevel, "hasup-vrrp", text)
        case .stopped: break
        }
    }

    private func tellResumption(
        _ masters: UInt32, _ others: UInt32, _ late: UInt32, _ fresh: UInt32, _ worker: WorkerProcess
    ) {
        let resumed = "\(counted(Int(masters), "master")), \(counted(Int(others), "backup"))"
        var text: String
        if let end = worker.lastEnd {
            text = "hasup-vrrp \(end.sentence): replaced, resumed \(resumed), \(end.gap(until: Clock.now))"
        } else if isInherited {
            text = "goes on where the former hasupd was: resumed \(resumed)"
        } else {
            return
        }
        isInherited = false
        if late > 0 { text += "; \(late) came too late to go on as MASTER" }
        if fresh > 0 { text += "; \(fresh) start anew" }
        if worker.lastEnd == nil { delegate.report("hasupd \(text)") } else { worker.recovered(text) }
        // Told and left out as its end was: one without the other would be half of what happened.
        lines.tell(.notice, "", text, kind: "resumed: \(worker.lastEnd?.sentence.withoutNumbers ?? "")")
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

    private func runScripts(_ request: NotifyRequest, generation: UInt64) {
        do throws(Refusal) {
            try broker.takeOn(request, generation: generation, notingIn: page) { delegate.run($0) }
        } catch {
            refuse(error)
        }
    }

    private func openSocket(generation: UInt64, instance: UInt32, correlation: UInt32, _ worker: WorkerProcess) {
        guard let channel = worker.channel else { return }
        noteDelivery(on: channel)
        do throws(Refusal) {
            let plan = try broker.socket(generation: generation, instance: instance)
            do throws(SystemError) {
                let index = hasup_interface_index(plan.interface)
                guard index > 0 else { throw SystemError(ENODEV, "open a VRRP socket on \(plan.interface)") }
                let socket = try owned(
                    hasup_vrrp_socket(
                        Int32(plan.family.rawValue), index, plan.interface, plan.group?.bytes),
                    "open a VRRP socket on \(plan.interface)")
                SupervisorToVRRP.socket.send(on: channel, correlation: correlation, descriptors: [socket.number])
            } catch {
                SupervisorToVRRP.socketRefused(error.description).send(on: channel, correlation: correlation)
            }
        } catch {
            refuse(error)
            SupervisorToVRRP.socketRefused(error.description).send(on: channel, correlation: correlation)
        }
    }

    /// To be called before something is sent: what is unread afterwards needn't be a socket.
    private func noteDelivery(on channel: Channel) {
        if channel.hasDeliveredAll { broker.workerHasTakenAll() }
    }

    private func refuse(_ refusal: Refusal) {
        lines.tell(
            .warning, "hasup-vrrp", "refused a worker's request: \(refusal)", kind: "refusal: \(refusal.kind)")
    }

    // MARK: Status

    /// Asks for the status of all instances; nil when there is no worker that answers in time.
    func status(_ completion: @escaping StatusRequests.Completion) { questions?.ask(completion) }

    private func askStatus(_ number: UInt32) -> Bool {
        guard let channel = worker?.channel, worker?.life.state == .running else { return false }
        SupervisorToVRRP.status.send(on: channel, correlation: number)
        return true
    }

    private func receiveStatus(_ frame: Frame, _ generation: UInt64, _ bytes: [UInt8]) throws(FrameError) {
        guard let source = try? broker.source(of: generation) else {
            throw .unexpected("a status of a generation that it doesn't run")
        }
        let limit = source.instanceCount
        try questions?.receive(frame.header.correlation, source, isLast: !frame.header.hasMore) {
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

extension LogLevel {
    /// swift-log's level.
    var loggerLevel: Logger.Level {
        switch self {
        case .error: .error
        case .warning: .warning
        case .notice: .notice
        case .info: .info
        case .debug: .debug
        }
    }
}
