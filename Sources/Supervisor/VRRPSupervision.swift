import Base
import CLinux
import Configuration
import Glibc
import IPC
import Kernel
import Logging
import Reactor
import Sandbox
import Supervision
import VRRP

/// hasupd's side of the VRRP worker: starts it, gives it what it needs, does what it may ask for, and asks its status.
final class VRRPSupervision: WorkerProcess.Owner {
    /// What the daemon is told.
    protocol Delegate: AnyObject {
        /// The worker runs this generation.
        func configured(_ generation: UInt64)
        /// Something that operators may be told of; the instance's name belongs to the generation.
        func observed(_ observation: Observation, generation: UInt64)
        /// Scripts are to be run.
        func run(_ scripts: ScriptRun)
        /// Something happened to the worker that operators should know.
        func report(_ text: String)
        /// What workers leave to their successors is in this page from now on.
        func keep(_ page: StatePage)
        /// The worker is gone, another one follows.
        func vrrpEnded()
        /// The worker is gone for good.
        func vrrpFinished()
    }

    private struct StatusRequest {
        var statuses: [UInt32: InstanceStatus] = [:]
        let completion: ([UInt32: InstanceStatus]?) -> Void
        let deadline: Instant
    }

    private static let statusPatience = Interval.seconds(2)
    /// Early deaths of workers with the same snapshot, after which it isn't given to another (docs/decisions.md, D11).
    private static let deathsWithSnapshotMax = 3
    private let loop: EventLoop
    private let log: Logger
    private let lines: RepeatLog
    private let identity: Identity?
    private let record: WorkerRecord
    private let filter: Int32
    private unowned let delegate: any Delegate
    private var broker: Broker<Generation>
    private(set) var worker: WorkerProcess?
    private var page: StatePage
    /// Whether the page is a former hasupd's, and nobody has gone on with it yet.
    private var isInherited: Bool
    private let orphans: OrphanGuard
    private var requests: [UInt32: StatusRequest] = [:]
    private var lastRequest: UInt32 = 0
    private var expiry: Timer?
    /// What couldn't be sealed, a sentence each.
    private(set) var unsealed: [String] = []

    /// The filter's descriptor stays the caller's and must stay open.
    ///
    /// - Parameter inherited: the page of a hasupd that is gone; nil to begin with an empty one.
    init(
        on loop: EventLoop, log: Logger, identity: Identity?, filter: Int32, generation: Generation,
        inherited: StatePage?, record: WorkerRecord, delegate: any Delegate
    ) throws(SystemError) {
        self.loop = loop
        self.log = log
        lines = RepeatLog(log, on: loop)
        self.identity = identity
        self.record = record
        self.filter = filter
        self.delegate = delegate
        broker = Broker(
            generation: generation.number, source: generation, lastNotification: inherited?.lastNotification ?? 0)
        isInherited = inherited != nil
        if let inherited { page = inherited } else { page = try StatePage.create() }
        orphans = OrphanGuard(on: loop, lines: lines, identity: identity, filter: filter)
        expiry = loop.makeTimer { [weak self] in self?.expireRequests() }
        let worker = WorkerProcess("hasup-vrrp", on: loop, lines: lines, owner: self)
        worker.watch(smallestAdvertInterval: generation.model.smallestAdvertInterval)
        self.worker = worker
    }

    func start() {
        delegate.keep(page)
        // Its addresses have had no owner since the last worker was ended.
        if isInherited { orphans.workerEnded(page, broker.source) }
        worker?.handle(.start)
    }

    func stop() { worker?.handle(.stop) }

    /// Gives a new generation to the worker; `configured` follows, or `vrrpEnded`.
    func apply(_ generation: Generation) {
        broker.advance(to: generation.number, source: generation)
        worker?.watch(smallestAdvertInterval: generation.model.smallestAdvertInterval)
        guard let channel = worker?.channel else { return }
        SupervisorToVRRP.configure(generation: generation.number)
            .send(on: channel, descriptors: [generation.image.number])
    }

    /// Gives the priority of the newest generation to the worker that lives. - Throws: `SystemError`.
    func applyPriority() throws(SystemError) {
        guard let pid = worker?.child?.pid else { return }
        try Realtime.schedule(process: pid, priority: broker.source.workerPriority)
    }

    /// A worker that doesn't take its configuration is replaced.
    func replace(_ reason: String) { worker?.handle(.channelEnded(reason)) }

    // MARK: WorkerProcess.Owner

    func start(_ worker: WorkerProcess) throws(SystemError) -> WorkerProcess.Started {
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let ours = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        // The first death after good work is no early one.
        let hasSnapshot = worker.life.earlyDeaths <= Self.deathsWithSnapshotMax
        if !hasSnapshot {
            lines.tell(.error, "hasup-vrrp", "it dies early again and again: the next one starts without a snapshot")
            page = try StatePage.create()
            isInherited = false
            delegate.keep(page)
        }
        broker.workerStarted(hasSnapshot: hasSnapshot)
        let seal = SealArguments(identity: identity, realtimePriority: broker.source.workerPriority)
        let child = try ChildProcess.spawn(
            path: "/proc/self/exe", arguments: [WorkerRecord.role] + seal.words,
            descriptors: [theirs.number, filter], on: loop
        ) { [weak worker] _, exit in worker?.exited(exit) }
        // Before it is greeted: until then it does nothing, so none is at work that isn't noted.
        do throws(SystemError) {
            try record.note(child.pid)
        } catch {
            lines.tell(.warning, "", "\(error): should hasupd be killed, its successor wouldn't find this worker")
        }
        return WorkerProcess.Started(child: child, socket: ours)
    }

    func greet(on channel: Channel, _ worker: WorkerProcess) {
        do throws(SystemError) {
            let commands = try owned(hasup_route_socket(0), "open an rtnetlink socket")
            let notifications = try owned(hasup_route_socket(LinkMonitor.groups), "open an rtnetlink socket")
            let frames = try owned(hasup_frame_socket(), "open a packet socket")
            SupervisorToVRRP.hello(
                version: workerProtocolVersion, generation: broker.generation,
                lastNotification: broker.lastNotification
            ).send(
                on: channel,
                descriptors: [
                    page.number, broker.source.image.number, commands.number, notifications.number, frames.number,
                ])
        } catch {
            lines.tell(.error, "hasup-vrrp", "it can't be given what it needs: \(error)")
            worker.handle(.channelEnded(error.description))
        }
    }

    func stamp(of worker: WorkerProcess) -> Instant? { page.stamp }

    func requestStop(on channel: Channel) { SupervisorToVRRP.stop.send(on: channel) }

    func ended(_ worker: WorkerProcess) {
        let waiting = requests.values
        requests = [:]
        for request in waiting { request.completion(nil) }
        if worker.life.state != .stopping { orphans.workerEnded(page, broker.source) }
        delegate.vrrpEnded()
    }

    func report(_ text: String) { delegate.report(text) }

    func finished(_ worker: WorkerProcess) { delegate.vrrpFinished() }

    func receive(_ frame: Frame, _ worker: WorkerProcess) throws(FrameError) {
        let message = try VRRPToSupervisor(frame)
        switch message {
        case .hello(let version, let unsealed):
            guard version == workerProtocolVersion else { throw .version(version) }
            self.unsealed = unsealed
            for sentence in unsealed { log.notice("hasup-vrrp: \(sentence)") }
        case .configured(let generation):
            guard generation <= broker.generation else { throw .unexpected("a generation that doesn't exist") }
            if generation == broker.generation { broker.configured() }
            if worker.life.state == .starting { worker.ready() }
            orphans.workerRuns()
            delegate.configured(generation)
        case .resumed(let masters, let others, let late, let fresh):
            tellResumption(masters, others, late, fresh, worker)
        case .worked: worker.handle(.worked)
        case .openSocket(let generation, let instance):
            openSocket(generation: generation, instance: instance, correlation: frame.header.correlation, worker)
        case .notify(let generation, let requests):
            for request in requests { runScripts(request, generation: generation) }
        case .observations(let generation, let bytes):
            let observations = try decode(frame, bytes) { reader throws(ByteError) in
                var found: [Observation] = []
                while reader.remaining > 0 { found.append(try Observation(from: &reader)) }
                return found
            }
            for observation in observations { delegate.observed(observation, generation: generation) }
        case .status(_, let bytes):
            try receiveStatus(frame, bytes)
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
            let tenths = (Clock.now - end.at).nanoseconds / 100_000
            text =
                "hasup-vrrp died (\(end.exit)): replaced, resumed \(resumed), after "
                + "\(tenths / 10).\(tenths % 10) ms"
        } else if isInherited {
            text = "goes on where the former hasupd was: resumed \(resumed)"
        } else {
            return
        }
        isInherited = false
        if late > 0 { text += "; \(late) came too late to go on as MASTER" }
        if fresh > 0 { text += "; \(fresh) start anew" }
        if worker.lastEnd == nil { delegate.report("hasupd \(text)") } else { worker.recovered(text) }
        lines.tell(.notice, "", text, kind: "resumed")
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
            let run = try broker.scripts(
                generation: generation, instance: request.instance, sequence: request.sequence,
                trigger: request.trigger, priority: request.priority)
            page.lastNotification = broker.lastNotification
            delegate.run(run)
        } catch {
            refuse(error)
        }
    }

    private func openSocket(generation: UInt64, instance: UInt32, correlation: UInt32, _ worker: WorkerProcess) {
        guard let channel = worker.channel else { return }
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

    private func refuse(_ refusal: Refusal) {
        lines.tell(
            .warning, "hasup-vrrp", "refused a worker's request: \(refusal)", kind: refusal.description.withoutNumbers)
    }

    // MARK: Status

    /// Asks for the status of all instances; nil when there is no worker that answers in time.
    func status(_ completion: @escaping ([UInt32: InstanceStatus]?) -> Void) {
        guard let channel = worker?.channel, worker?.life.state == .running else { return completion(nil) }
        lastRequest &+= 1
        if lastRequest == 0 { lastRequest = 1 }
        requests[lastRequest] = StatusRequest(completion: completion, deadline: Clock.now + Self.statusPatience)
        if let expiry { loop.set(expiry, to: Clock.now + Self.statusPatience) }
        SupervisorToVRRP.status.send(on: channel, correlation: lastRequest)
    }

    private func receiveStatus(_ frame: Frame, _ bytes: [UInt8]) throws(FrameError) {
        let correlation = frame.header.correlation
        // An answer that comes after its request has expired is no crime.
        guard requests[correlation] != nil else { return }
        let limit = broker.source.instanceCount
        let part = try decode(frame, bytes) { reader throws(ByteError) in
            var part: [(UInt32, InstanceStatus)] = []
            while reader.remaining > 0 {
                guard part.count <= limit else { throw ByteError.invalid }
                part.append((try reader.readUInt32(), try InstanceStatus(from: &reader)))
            }
            return part
        }
        for (id, status) in part { requests[correlation]?.statuses[id] = status }
        guard !frame.header.hasMore, let request = requests.removeValue(forKey: correlation) else { return }
        request.completion(request.statuses)
    }

    private func expireRequests() {
        let now = Clock.now
        for (number, request) in requests where request.deadline <= now {
            requests[number] = nil
            request.completion(nil)
        }
        if let expiry, let next = requests.values.map(\.deadline).min() { loop.set(expiry, to: next) }
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
