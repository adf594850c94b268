import Base
import CLinux
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
///     LinkMonitor ───► interface ───┤                    ├──► install, withdraw ────► NetlinkThread
///     NetlinkThread ──► applied ─────┼──► Node.handle ────┤
///     hasupd ────────► configure ───┤   (the core)       └──► notify, observe ───────► hasupd
///     timer ─────────► timeout ─────┘
final class Worker {
    /// How long a configuration waits for the sockets that it needs.
    static let socketPatience = Interval.milliseconds(500)
    /// In an upgrade the next hasupd has replaced this worker by then.
    private static let upgradeTime = Interval.milliseconds(200)
    /// After this long without a transition, an announcement or a reload, their code needn't stay in memory.
    private static let settleTime = Interval.seconds(2)
    /// How long reports wait for kernel calls that are under way: hasupd, which is realtime, would take the processor from
    /// the thread that does them, and a takeover's address would be there 0.3 ms later.
    private static let reportPatience = Interval.milliseconds(1)

    let loop: EventLoop
    let channel: Channel
    /// How long it goes on without hasupd before it hands over (docs/decisions.md, D10).
    private let grace: Interval
    private let page: StatePage
    private let addresses: AddressPage
    var snapshots: SnapshotWriter
    private var record = ByteWriter(capacity: 256)
    /// Until the first configuration.
    var inheritance: Inheritance?
    private let pageGeneration: Int64
    private(set) var node = Node()
    /// While the core takes a configuration: the instances that its actions mean until it renumbers them.
    var former: [InstanceSettings]?
    var generation: UInt64 = 0
    private var actions: [Action] = []
    let links: LinkWatcher
    private let effects: AddressEffects
    let sockets: VRRPSockets
    let transmitter: Transmitter
    var reports: Reports
    var socketRequests: [UInt32: VRRPSockets.Key] = [:]
    /// Interfaces that instances send by: what comes to another one is no reason to look through all instances.
    var socketInterfaces: Set<String> = []
    /// Whether something has come to one of them, or one had no socket when it was last looked at.
    var mayLackSockets = false
    var lastRequest: UInt32 = 0
    /// The configuration that waits for its sockets.
    var next: (generation: UInt64, model: ConfigurationModel)?
    /// The configuration that the core is being given.
    var incoming: (generation: UInt64, instanceCount: Int, smallestAdvertInterval: Interval?)?
    private var coreTimer: Timer?
    private var noticeTimer: Timer?
    private var reportTimer: Timer?
    /// When reports leave even though kernel calls are under way; nil when none waits.
    private var reportsDue: Instant?
    private var stampTimer: Timer?
    var patienceTimer: Timer?
    private var graceTimer: Timer?
    private var goneTimer: Timer?
    /// Why there is no hasupd.
    private var goneReason = ""
    private var settledTimer: Timer?
    /// When it may be told again that notifications were lost.
    private var nextLoss = Instant(nanoseconds: 0)
    private var unsentTold = (count: UInt64(0), next: Instant(nanoseconds: 0))
    var stampPeriod = Watchdog.stampPeriod(smallestAdvertInterval: nil)
    private var hasWorked = false
    /// Whether hasupd waits for the word that nothing is left of earlier configurations.
    var owesCleared = false
    private var isStopping = false
    /// Whether it is to hand over as soon as it has taken its first configuration: until then it doesn't know what a
    /// predecessor has left to it, and would leave that without a word.
    private(set) var stopsWhenConfigured = false
    /// All is said; it ends when that has left.
    private var isFinishing = false
    /// Whether it may compute for long (docs/decisions.md, D29): from the start, or the arrival of a configuration, until
    /// that runs.
    var hasLongFuse = true

    init(
        loop: EventLoop, channel: Channel, page: StatePage, addresses: AddressPage, links: LinkWatcher,
        effects: AddressEffects, frames: consuming Descriptor, grace: Interval, inheritance: Inheritance
    ) throws(SystemError) {
        self.loop = loop
        self.channel = channel
        self.grace = grace
        reports = Reports(to: channel)
        self.page = page
        self.addresses = addresses
        self.inheritance = inheritance
        snapshots = SnapshotWriter(page)
        self.links = links
        self.effects = effects
        pageGeneration = page.generation
        let relay = Relay()
        sockets = try VRRPSockets(
            on: loop, onPacket: { relay.worker?.handle(.packet($0, $1)) },
            onFailure: { relay.worker?.socketFailed($0, $1) })
        transmitter = Transmitter(sockets, frames: frames, now: { [unowned loop] in loop.now })
        relay.worker = self
        transmitter.onTrouble = { [unowned self] in self.sendFailed($0, $1) }
        transmitter.hasCarrier = { [unowned links] in links.hasCarrier($0) }
        links.onChange = { [unowned self] event in
            if self.concernsSockets(event) { self.mayLackSockets = true }
            self.handle(event)
        }
        effects.onApplied = { [unowned self] in self.handle(.applied(ticket: $0, $1)) }
        coreTimer = loop.makeTimer { [unowned self] in self.fire() }
        // What was given back (docs/decisions.md, D30) may have left the page cache.
        noticeTimer = loop.makeTimer { hasup_fetch_code() }
        // The turn's end does what is due.
        reportTimer = loop.makeTimer {}
        stampTimer = loop.makeTimer { [unowned self] in self.armStamp() }
        patienceTimer = loop.makeTimer { [unowned self] in self.runNextConfiguration() }
        graceTimer = loop.makeTimer { [unowned self] in self.stop() }
        goneTimer = loop.makeTimer { [unowned self] in self.complain(left: self.grace - Self.upgradeTime) }
        settledTimer = loop.makeTimer { [unowned self] in self.settle() }
        loop.atEndOfTurn { [unowned self] in self.endTurn() }
        armStamp()
    }

    /// Lets the sockets call a worker that doesn't exist yet when they are made.
    private final class Relay { weak var worker: Worker? }

    // MARK: The core

    func handle(_ event: Event) {
        endIfReplaced()
        actions.removeAll(keepingCapacity: true)
        node.handle(event, at: loop.now, into: &actions)
        // What was decided is kept before it is done: a successor does it again rather than never.
        if !actions.isEmpty { save() }
        for action in actions { perform(action) }
    }

    /// Deadlines have come. Adverts leave before anything else is begun: a takeover is over for the peers when they hear
    /// of it, and what follows (kernel calls, reports) may touch code that isn't in memory.
    private func fire() {
        endIfReplaced()
        actions.removeAll(keepingCapacity: true)
        var others = false
        var looked = 0
        // In pieces, each of which is sent and kept while it is in the processor's cache.
        for _ in 0...node.instanceCount / Node.timersPerTimeout {
            node.handle(.timeout, at: loop.now, into: &actions)
            for action in actions[looked...] {
                if case .advertise = action { perform(action) } else { others = true }
            }
            looked = actions.count
            transmitter.flush()
            save()
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
        case .install(let addresses, let ticket): effects.install(addresses, ticket: ticket, links: links)
        case .withdraw(let keys, let guarded, let ticket):
            effects.withdraw(keys, guarded: guarded, ticket: ticket, links: links)
        case .announce(let id, let address):
            announce(address, of: settings(of: id))
            unsettle()
        case .notify(let notification):
            unsettle()
            reports.add(notification, generation: generation)
        case .observe(let observation): reports.add(observation, generation: generation)
        case .renumber(let map):
            transmitter.renumber(map)
            adoptIncoming()
        }
    }

    /// What an action of the core means by this number.
    private func settings(of id: InstanceID) -> InstanceSettings { former?[id] ?? node.settings(of: id) }

    private func announce(_ address: VirtualAddress, of instance: InstanceSettings) {
        guard let interface = links.state(ofInterface: address.interface ?? instance.interface),
            let hardware = interface.hardwareAddress
        else { return }
        transmitter.announce(
            address.prefix.address, from: hardware, interfaceIndex: interface.index, isRouter: interface.forwardsIPv6)
    }

    /// Another worker owns the page: nothing more is sent (docs/decisions.md, D9).
    private func endIfReplaced() {
        if page.generation != pageGeneration { exit(0) }
    }

    /// Keeps what has changed for a successor.
    private func save() {
        node.saveChanges(with: &record) {
            snapshots.write($0, $1)
        } mark: {
            snapshots.mark($0, $1)
        }
        node.saveLedger { addresses.write($1, at: $0) }
    }

    private func endTurn() {
        if isFinishing { return exitIfHeard() }
        endIfReplaced()
        transmitter.flush()
        save()
        sendReports()
        // Until it goes on with what its predecessor left, nobody listens: the stamp says until when that one did.
        if generation > 0 { page.stamp = loop.now }
        if owesCleared, reports.isEmpty, !node.owesWithdrawals {
            owesCleared = false
            VRRPToSupervisor.cleared(generation: generation).send(on: channel)
        }
        if let coreTimer { loop.set(coreTimer, to: node.deadline) }
        if let noticeTimer {
            let notice = node.takeoverNoticeAt ?? .never
            loop.set(noticeTimer, to: notice > loop.now ? notice : .never)
        }
        if isStopping, effects.isIdle { finish() }
        if hasLongFuse, next == nil { change(to: .short) }
    }

    private func sendReports() {
        guard !reports.isEmpty else { return }
        let due = reportsDue ?? loop.now + Self.reportPatience
        let waits = !effects.isIdle && loop.now < due
        reportsDue = waits ? due : nil
        if let reportTimer { loop.set(reportTimer, to: waits ? due : .never) }
        if !waits { reports.send(generation: generation) }
    }

    func armStamp() {
        guard let stampTimer else { return }
        tellUnsent()
        if !hasWorked, node.hasHeard { noteWork() }
        loop.set(stampTimer, to: loop.now + stampPeriod)
    }

    /// What the core sent and the wire never saw, told at most once a minute.
    private func tellUnsent() {
        let unsent = transmitter.troubles.total + transmitter.framesFailed
        guard unsent > unsentTold.count, loop.now >= unsentTold.next else { return }
        let count = unsent - unsentTold.count
        let packets = count == 1 ? "1 advert or announcement" : "\(count) adverts or announcements"
        log(.warning, "\(packets) couldn't leave: `hasup status` shows whose")
        unsentTold = (unsent, loop.now + .seconds(60))
    }

    /// The first advertisement, sent or judged, says that this worker works (docs/decisions.md, D11).
    private func noteWork() {
        guard !hasWorked else { return }
        hasWorked = true
        VRRPToSupervisor.worked.send(on: channel)
    }

    /// Nothing has happened for a while: what only happenings need is given back (docs/decisions.md, D30).
    private func settle() {
        actions = []
        hasup_release_code()
    }

    func unsettle() {
        if let settledTimer { loop.set(settledTimer, to: loop.now + Self.settleTime) }
    }

    // MARK: What goes wrong

    /// The first of a series of advertisements couldn't leave. What follows is counted.
    private func sendFailed(_ id: InstanceID, _ code: Int32) {
        if code == ENETDOWN || code == ENODEV || code == ENXIO || code == EADDRNOTAVAIL { return }
        guard id < node.instanceCount else { return }
        let reason = code == 0 ? "it has no socket" : SystemError.text(of: code)
        log(.warning, "\(settings(of: id).name): an advertisement couldn't leave: \(reason)")
    }

    /// The kernel had more to tell than its socket holds: what is known may be wrong until everything was read again.
    func notificationsLost() {
        guard loop.now >= nextLoss else { return }
        nextLoss = loop.now + .seconds(60)
        log(.warning, "the kernel had more to tell than could be read in time: interfaces and addresses are read again")
    }

    // MARK: hasupd

    /// Tells the status of all instances in as many frames as it takes, each so small that hasupd reads it in a moment.
    func tellStatus(_ correlation: UInt32) {
        let frameMax = 8_000
        // It is read by the configuration that hasupd knows to run.
        reports.send(generation: generation)
        var writer = ByteWriter(capacity: frameMax + 2_000)
        for id in 0..<node.instanceCount {
            guard var status = node.status(of: id, at: loop.now) else { continue }
            let timeout = status.advertInterval * Int64(max(1, node.settings(of: id).downTimerAdverts))
            transmitter.troubles.describe(id, in: &status, timeout: timeout, at: loop.now)
            writer.write(UInt32(id))
            status.encode(into: &writer)
            if writer.bytes.count > frameMax {
                VRRPToSupervisor.status(generation: generation, writer.bytes)
                    .send(on: channel, correlation: correlation, hasMore: true)
                writer.bytes.removeAll(keepingCapacity: true)
            }
        }
        if node.discardedWithoutInstance.contains(where: { $0 > 0 }) {
            VRRPToSupervisor.discarded(node.discardedWithoutInstance).send(on: channel)
        }
        VRRPToSupervisor.status(generation: generation, writer.bytes).send(on: channel, correlation: correlation)
    }

    func log(_ level: LogLevel, _ text: String) {
        guard channel.isOpen else {
            StandardError.tell("hasup-vrrp: \(text)")
            return
        }
        VRRPToSupervisor.log(level, text).send(on: channel)
    }

    /// hasupd is gone, or becomes another program, which looks the same from here: go on for the grace, then hand over.
    func supervisorGone(_ reason: String) {
        if let graceTimer { loop.set(graceTimer, to: loop.now + grace) }
        goneReason = reason
        // An upgrade is over before it is said.
        guard grace > Self.upgradeTime * 2 else { return complain(left: grace) }
        if let goneTimer { loop.set(goneTimer, to: loop.now + Self.upgradeTime) }
    }

    private func complain(left: Interval) {
        log(.warning, "no hasupd is connected (\(goneReason)): handing over in \(left) unless one takes over before")
    }

    /// Hands over everything; the process ends when the kernel has withdrawn the addresses.
    func stop() {
        guard !isStopping else { return }
        guard generation > 0 else {
            stopsWhenConfigured = true
            return
        }
        isStopping = true
        handle(.stop)
    }

    private func finish() {
        reports.send(generation: generation)
        VRRPToSupervisor.stopped.send(on: channel)
        effects.stop()
        isFinishing = true
        exitIfHeard()
    }

    /// What was said last has to be in the socket; hasupd ends a worker that it doesn't want to hear.
    private func exitIfHeard() { if channel.isSent || !channel.isOpen { exit(0) } }
}
