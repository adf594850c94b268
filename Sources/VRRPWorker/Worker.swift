import Base
import ConfigurationModel
import Glibc
import Kernel
import Reactor
import Sandbox
import Supervision
import VRRP
import Varlink
import WorkerProtocol

/// The shell around the core: what the loop brings becomes an event, what the core wants becomes a packet, a kernel
/// call or a message. It decides nothing about the protocol.
///
///     VRRP sockets ──► packet ──────┐                    ┌──► advertise, announce ──► Transmitter
///     Heartbeats ────► heartbeat ───┤                    ├──► beat ─────────────────► Heartbeats
///     Questions ─────► …Answered ───┤                    ├──► askReference, probe ──► Questions
///     LinkMonitor ───► interface ───┤                    ├──► install, withdraw ────► NetlinkThread
///     NetlinkThread ──► applied ─────┼──► Node.handle ────┤
///     hasupd ────────► configure ───┤   (the core)       └──► notify, observe ───────► hasupd
///     timer ─────────► timeout ─────┘
final class Worker {
    enum StopPhase { case running, stopsWhenConfigured, stopping, finishing }

    let loop: EventLoop
    let channel: Channel
    let pages: SnapshotPages
    private(set) var node = Node()
    private var actions: [Action] = []
    private let links: LinkWatcher
    private let effects: AddressEffects
    let sockets: SocketRequests
    let heartbeats: Heartbeats
    let questions: Questions
    let transmitter: Transmitter
    var reports: Reports
    private var reportDelay: ReportDelay
    var configuration: ConfigurationProgress
    private var coreTimer: Timer?
    private var stampTimer: Timer?
    let code: CodeResidency
    private let gracePeriod: GracePeriod
    private var lossReports = RateLimit(period: .seconds(60))
    private var hasWorked = false
    /// A worker that is to stop before its first configuration doesn't know what its predecessor has left to it, and
    /// would leave that without a word: it stops when it has taken one. Finishing, it ends when its last words have
    /// left.
    private(set) var phase = StopPhase.running

    init(
        loop: EventLoop, channel: Channel, page: StatePage, addresses: AddressPage, links: LinkWatcher,
        effects: AddressEffects, frames: consuming Descriptor, grace: Interval, predecessor: Predecessor
    ) throws(SystemError) {
        self.loop = loop
        self.channel = channel
        self.links = links
        self.effects = effects
        reports = Reports(to: channel)
        reportDelay = ReportDelay(on: loop)
        configuration = ConfigurationProgress(predecessor)
        pages = SnapshotPages(page, addresses)
        code = CodeResidency(on: loop)
        gracePeriod = GracePeriod(grace, on: loop)
        sockets = SocketRequests(try VRRPSockets(on: loop), links: links, channel: channel, loop: loop)
        heartbeats = Heartbeats(channel: channel, loop: loop)
        questions = Questions(channel: channel, links: links, loop: loop)
        transmitter = Transmitter(sockets.sockets, frames: frames, now: { [unowned loop] in loop.now })
        sockets.sockets.onPacket = { [unowned self] in self.handle(.packet($0, $1)) }
        sockets.onLog = { [unowned self] in self.log($0, $1) }
        heartbeats.nextRequest = { [unowned sockets] in sockets.nextRequest() }
        heartbeats.onBeat = { [unowned self] in self.handle(.heartbeat($0, cluster: $1, path: $2)) }
        heartbeats.onLog = { [unowned self] in self.log($0, $1) }
        questions.nextRequest = { [unowned sockets] in sockets.nextRequest() }
        questions.onAnswer = { [unowned self] in
            self.handle(.referenceAnswered(cluster: Int($0.cluster), reference: Int($0.reference), number: $1))
        }
        questions.onClaim = { [unowned self] in
            self.handle(.probeAnswered(interfaceIndex: $0, $1.address, $1.machine))
        }
        questions.onLog = { [unowned self] in self.log($0, $1) }
        transmitter.onFailure = { [unowned self] in self.sendFailed($0, $1) }
        transmitter.hasCarrier = { [unowned links] in links.hasCarrier($0) }
        links.onChange = { [unowned self] event in
            self.sockets.note(event)
            self.handle(event)
        }
        effects.onApplied = { [unowned self] in self.handle(.applied(ticket: $0, $1)) }
        code.onRelease = { [unowned self] in self.actions = [] }
        gracePeriod.onReport = { [unowned self] in self.log(.warning, $0) }
        gracePeriod.onEnd = { [unowned self] in self.stop() }
        coreTimer = loop.makeTimer { [unowned self] in self.fire() }
        stampTimer = loop.makeTimer { [unowned self] in self.armStamp() }
        configuration.socketTimer = loop.makeTimer { [unowned self] in self.socketTimeIsOver() }
        loop.atEndOfTurn { [unowned self] in self.endTurn() }
        armStamp()
        handle(.bootNonce(.random(in: 1 ... .max)))
    }

    // MARK: The core

    func handle(_ event: Event) {
        endIfReplaced()
        actions.removeAll(keepingCapacity: true)
        node.handle(event, at: loop.now, into: &actions)
        // What was decided is kept before it is done: a successor does it again rather than never.
        if !actions.isEmpty { pages.save(&node) }
        for action in actions { perform(action) }
    }

    /// Deadlines have come. Adverts leave before anything else is begun: a takeover is over for the peers when they
    /// hear of it, and what follows (kernel calls, reports) may touch code that isn't in memory.
    private func fire() {
        endIfReplaced()
        // What has come since the turn began is heard before silence is judged (docs/decisions, D106).
        heartbeats.sockets.drain()
        questions.drain()
        actions.removeAll(keepingCapacity: true)
        var others = false
        var performed = 0
        // In pieces, each of which is sent and kept while it is in the processor's cache.
        for _ in 0...node.instanceCount / Node.timersPerTimeout {
            node.handle(.timeout, at: loop.now, into: &actions)
            for action in actions[performed...] {
                if case .advertise = action { perform(action) } else { others = true }
            }
            performed = actions.count
            transmitter.flush()
            pages.save(&node)
            guard node.deadline <= loop.now else { break }
        }
        guard others else { return }
        for action in actions {
            if case .advertise = action { continue }
            perform(action)
        }
    }

    private func perform(_ action: Action) {
        switch action {
        case .advertise(let id, let contents):
            if !transmitter.repeatAdvert(id, contents) { transmitter.advertise(id, settings(of: id), contents) }
            noteWork()
        case .beat(let cluster, let frame): heartbeats.send(frame, cluster: cluster)
        case .askReference(let cluster, let reference, let number):
            guard let place = ReferencePlace(cluster: cluster, reference: reference) else { break }
            questions.ask(place, number: number)
        case .probe(let interfaceIndex, let address): questions.ask(for: address, interfaceIndex: interfaceIndex)
        // The core doesn't ask yet.
        case .lock: break
        case .install(let addresses, let ticket): effects.install(addresses, ticket: ticket, links: links)
        case .withdraw(let keys, let guarded, let ticket):
            effects.withdraw(keys, guarded: guarded, ticket: ticket, links: links)
        case .renew(let addresses, let guarded, let ticket):
            effects.renew(addresses, guarded: guarded, ticket: ticket, links: links)
        case .announce(let id, let address):
            announce(address, of: settings(of: id))
            code.postponeRelease()
        case .notify(let notification):
            code.postponeRelease()
            reports.add(notification, generation: configuration.generation)
        case .runHook(let hook): reports.add(hook, generation: configuration.generation)
        case .observe(let observation): reports.add(observation, generation: configuration.generation)
        case .renumber(let map):
            transmitter.renumber(map)
            adoptIncoming()
        }
    }

    /// The settings of the instance that an action of the core names.
    private func settings(of id: InstanceID) -> InstanceSettings {
        configuration.former?[id] ?? node.settings(of: id)
    }

    private func announce(_ address: VirtualAddress, of instance: InstanceSettings) {
        guard let interface = links.state(ofInterface: address.interface ?? instance.interface),
            let hardware = interface.hardwareAddress
        else { return }
        transmitter.announce(
            address.prefix.address, from: hardware, interfaceIndex: interface.index, isRouter: interface.forwardsIPv6)
    }

    /// Another worker owns the page: nothing more is sent (docs/decisions, D9).
    private func endIfReplaced() { if pages.isReplaced { exit(0) } }

    private func endTurn() {
        if phase == .finishing { return exitIfSent() }
        endIfReplaced()
        // It may have waited for hooks.
        runConfigurationIfReady()
        transmitter.flush()
        pages.save(&node)
        if !reports.isEmpty, !reportDelay.holds(isBusy: !effects.isIdle) {
            reports.send(generation: configuration.generation)
        }
        // Until it goes on with what its predecessor left, nobody listens: the stamp says until when that one did.
        if configuration.generation > 0 { pages.stamp(loop.now) }
        if configuration.owesCleared, reports.isEmpty, !node.owesWithdrawals {
            configuration.owesCleared = false
            VRRPToSupervisor.cleared(generation: configuration.generation).send(on: channel)
        }
        if let coreTimer { loop.set(coreTimer, to: node.deadline) }
        code.prepare(for: node.nextTakeover)
        if phase == .stopping, node.hasStopped, effects.isIdle { finish() }
        if configuration.hasLongFuse, configuration.next == nil || node.isPreparing { change(to: .short) }
    }

    /// Turns the loop, and so renews the stamp, often enough for hasupd's watchdog (docs/decisions, D13).
    func armStamp() {
        guard let stampTimer else { return }
        if let count = transmitter.unsentToReport() {
            let packets = count == 1 ? "1 advertisement or announcement" : "\(count) advertisements or announcements"
            log(.warning, "\(packets) couldn't be sent: `hasup status` shows the instances")
        }
        if !hasWorked, node.hasHeard { noteWork() }
        loop.set(stampTimer, to: loop.now + configuration.stampPeriod)
    }

    /// The first advertisement, sent or received, says that this worker works (docs/decisions, D11).
    private func noteWork() {
        guard !hasWorked else { return }
        hasWorked = true
        VRRPToSupervisor.worked.send(on: channel)
    }

    /// The first of a series of advertisements couldn't leave. What follows is counted.
    private func sendFailed(_ id: InstanceID, _ code: Int32) {
        guard !SystemError.isOfMissingLink(code), id < node.instanceCount else { return }
        let reason = code == 0 ? "it has no socket" : SystemError.text(of: code)
        log(.warning, "\(settings(of: id).name): an advertisement couldn't leave: \(reason)")
    }

    /// Notifications of the kernel were lost: interfaces and addresses are being read again.
    func notificationsLost() {
        guard lossReports.admits(at: loop.now) else { return }
        log(
            .warning,
            "the kernel's notifications came faster than they were read, and some were lost: interfaces and addresses are read again"
        )
    }

    // MARK: hasupd

    /// Sends the status of all instances in as many frames as it takes, each so small that hasupd reads it in a moment.
    func reportStatus(_ correlation: UInt32, resetting reset: CounterReset) {
        let frameMax = 8_000
        // It is read by the configuration that hasupd knows to run.
        reports.send(generation: configuration.generation)
        var writer = ByteWriter(capacity: frameMax + 2_000)
        for id in 0..<node.instanceCount {
            guard var status = node.status(of: id, at: loop.now) else { continue }
            let timeout = status.advertInterval * Int64(max(1, node.settings(of: id).downTimerAdverts))
            transmitter.failures.describe(id, in: &status, timeout: timeout, at: loop.now)
            writer.write(UInt32(id))
            status.encode(into: &writer)
            if writer.bytes.count > frameMax {
                VRRPToSupervisor.status(generation: configuration.generation, writer.bytes)
                    .send(on: channel, correlation: correlation, hasMore: true)
                writer.bytes.removeAll(keepingCapacity: true)
            }
        }
        if node.discardedWithoutInstance.contains(where: { $0 > 0 }) {
            VRRPToSupervisor.discarded(node.discardedWithoutInstance).send(on: channel)
        }
        for var other in node.clusterNodes(at: loop.now) {
            heartbeats.describe(&other)
            var writer = ByteWriter()
            other.encode(into: &writer)
            VRRPToSupervisor.clusterNode(writer.bytes).send(on: channel)
        }
        VRRPToSupervisor.status(generation: configuration.generation, writer.bytes).send(
            on: channel, correlation: correlation)
        resetCounters(reset)
    }

    private func resetCounters(_ reset: CounterReset) {
        let chosen: InstanceID?
        switch reset {
        case .none: return
        case .all: chosen = nil
        case .instance(let name):
            chosen = (0..<node.instanceCount).first { node.settings(of: $0).name == name }
            if chosen == nil { return }
        }
        for id in chosen.map({ $0..<$0 + 1 }) ?? 0..<node.instanceCount { transmitter.resetFailureCount(of: id) }
        handle(.resetCounters(chosen))
    }

    func log(_ level: LogLevel, _ text: String) {
        guard channel.isOpen else {
            StandardError.writeLine("hasup-vrrp: \(text)")
            return
        }
        VRRPToSupervisor.log(level, text).send(on: channel)
    }

    func supervisorGone(_ reason: String) { gracePeriod.begin(reason) }

    /// Hands over everything; the process ends when the kernel has withdrawn the addresses.
    func stop() {
        guard phase == .running || phase == .stopsWhenConfigured else { return }
        guard configuration.generation > 0 else {
            phase = .stopsWhenConfigured
            return
        }
        phase = .stopping
        // Without hasupd nobody runs them.
        handle(channel.isOpen ? .stopAfterHooks : .stop)
    }

    private func finish() {
        reports.send(generation: configuration.generation)
        VRRPToSupervisor.stopped.send(on: channel)
        effects.stop()
        phase = .finishing
        exitIfSent()
    }

    /// Its last message has to be in the socket; hasupd ends a worker that it doesn't want to hear.
    private func exitIfSent() { if channel.isSent || !channel.isOpen { exit(0) } }
}
