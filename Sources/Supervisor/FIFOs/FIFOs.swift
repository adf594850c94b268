import Base
import ConfigurationModel
import Glibc
import Logging
import Reactor
import Supervision
import VRRP
import WorkerProtocol

/// The FIFOs that events are written to (docs/decisions, D47): notify_fifo, vrrp_notify_fifo and lvs_notify_fifo. Each notification that hasupd
/// has taken from a worker is one line in each, written once: it was marked as heard before.
final class FIFOs {
    /// Instances whose lines are found in a turn (docs/decisions, D6).
    private static let burst = 64
    /// Time until a worker that hasn't replied is asked again.
    private static let patience = Interval.seconds(1)

    /// The states of all instances and groups, which are being put into lines.
    private struct Gathering {
        let statuses: WorkerStatuses
        var next = 0
        var lines: [String] = []
        /// The last states of instances, by their numbers, for their groups.
        var states: [Int: NotifyTrigger] = [:]
        let fifos: [NotificationFIFO]
    }

    private let loop: EventLoop
    private let log: Logger
    private let limits: ScriptLimits
    private let directory: String
    private let store: DescriptorStore
    private var fifos: [NotificationFIFO] = []
    /// Those that have left the configuration, until their readers are gone.
    private var retired: [NotificationFIFO] = []
    /// Those that wait for the states of all.
    private var waiting: [NotificationFIFO] = []
    private var isAsking = false
    private var gathering: Gathering?
    private var timer: Timer?
    private var isFinishing = false
    /// Why the record can't be written, a sentence.
    private var failure: String?
    /// Requests the status of all instances; nil when no worker replies.
    var requestStatuses: ((@escaping (WorkerStatuses?) -> Void) -> Void)?
    /// A line for each known state of virtual and real servers.
    var serviceLines: (() -> [String])?
    /// Called when the last reader has ended after `finish`.
    var onFinished: (() -> Void)?

    init(_ context: DaemonContext, _ limits: ScriptLimits, _ store: DescriptorStore) {
        loop = context.loop
        log = context.log
        self.limits = limits
        self.store = store
        directory = context.paths.runDirectory
        timer = loop.makeTimer { [unowned self] in self.gather() }
    }

    /// True if no reader is there or is about to come.
    var isFinished: Bool { (fifos + retired).allSatisfy(\.isFinished) }

    var problems: [String] { fifos.flatMap(\.problems) + [failure].compactMap { $0 } }

    // MARK: From configuration to configuration

    /// Opens the FIFOs of the first configuration.
    ///
    /// - Parameter isFresh: true if all states are still to be told: no worker goes on with any.
    func begin(_ generation: Generation, isFresh: Bool) {
        var left = FIFORecord(in: directory).entries
        for plan in FIFOPlan.all(of: generation.global) {
            let fifo = NotificationFIFO(plan, isFresh: isFresh, on: loop, log: log, limits: limits, owner: self)
            fifos.append(fifo)
            let place = left.firstIndex { $0.kind == plan.kind && $0.path == plan.path }
            guard let place else {
                fifo.open()
                continue
            }
            let entry = left.remove(at: place)
            let file = store.fifo(plan.kind)
            fifo.inherit(file?.identity == entry.identity ? file : nil, entry)
        }
        for kind in FIFOPlan.Kind.allCases where !fifos.contains(where: { $0.plan.kind == kind && $0.pipe != nil }) {
            store.dropFIFO(kind)
        }
        for entry in left { retire(entry) }
        save()
    }

    /// Ends what a hasupd with another configuration has left.
    private func retire(_ entry: FIFORecord.Entry) {
        if entry.isMade { remove(entry.path, entry.identity) }
        let plan = FIFOPlan(entry.kind, path: entry.path)
        let fifo = NotificationFIFO(plan, isFresh: false, on: loop, log: log, limits: limits, owner: self)
        retired.append(fifo)
        fifo.inheritReader(entry)
        fifo.retire()
        retired.removeAll(where: \.isFinished)
    }

    /// Another configuration runs.
    func follow(_ generation: Generation) {
        let plans = FIFOPlan.all(of: generation.global)
        for fifo in fifos where !plans.contains(where: { $0.kind == fifo.plan.kind && $0.path == fifo.plan.path }) {
            retire(fifo)
        }
        for plan in plans {
            if let fifo = fifos.first(where: { $0.plan.kind == plan.kind }) {
                fifo.follow(plan)
            } else {
                let fifo = NotificationFIFO(plan, isFresh: false, on: loop, log: log, limits: limits, owner: self)
                fifos.append(fifo)
                fifo.open()
            }
        }
        save()
    }

    /// A reload has ended: with fifo_write_vrrp_states_on_reload the states of all are told again.
    func reloaded(_ generation: Generation) {
        guard generation.global.daemon.writesStatesOnReload, !fifos.isEmpty else { return }
        for fifo in fifos where !waiting.contains(where: { $0 === fifo }) { waiting.append(fifo) }
        ask()
    }

    private func retire(_ fifo: NotificationFIFO) {
        fifos.removeAll { $0 === fifo }
        store.dropFIFO(fifo.plan.kind)
        if let made = fifo.made { remove(fifo.plan.path, made) }
        retired.append(fifo)
        fifo.retire()
        retired.removeAll(where: \.isFinished)
    }

    private func remove(_ path: String, _ identity: FIFOIdentity) {
        do throws(SystemError) {
            _ = try FIFOOpening.start(.remove(path: path, identity), within: .seconds(5), on: loop) { _ in }
        } catch {
            log.warning("the FIFO \(path) stays: \(error)")
        }
    }

    /// Notes what the next hasupd is to know.
    func save() {
        do throws(SystemError) {
            try FIFORecord(fifos.compactMap(\.entry)).save(in: directory)
            failure = nil
        } catch {
            failure = "What is known of FIFOs and their readers isn't kept for the next hasupd: \(error)."
        }
    }

    // MARK: Lines

    /// Writes a notification, which no worker repeats any more.
    func write(_ notification: PendingNotification) {
        guard !fifos.isEmpty else { return }
        let line = notification.line
        for fifo in fifos where fifo.plan.kind.takes(notification.key) { fifo.write(line) }
    }

    /// The worker runs its configuration, and can be asked.
    func workerRuns() { ask() }

    private func ask() {
        guard !waiting.isEmpty, !isAsking, gathering == nil, let requestStatuses else { return }
        isAsking = true
        requestStatuses { [weak self] statuses in
            guard let self else { return }
            self.isAsking = false
            guard !self.isFinishing else { return }
            guard let statuses else {
                // A worker that comes is asked at once, one that was too busy again.
                if let timer = self.timer { self.loop.set(timer, to: Clock.now + Self.patience) }
                return
            }
            for fifo in self.waiting { fifo.hold() }
            self.gathering = Gathering(statuses: statuses, fifos: self.waiting)
            self.waiting = []
            self.gather()
        }
    }

    private func gather() {
        guard var work = gathering else { return ask() }
        let generation = work.statuses.generation
        let end = min(work.next + Self.burst, generation.instanceCount)
        for number in work.next..<end {
            guard let told = work.statuses.told(number), let name = generation.instance(at: number)?.name else {
                continue
            }
            work.states[number] = told.trigger
            work.lines.append(NotificationKey(.instance, name).line(told.trigger, priority: told.priority))
        }
        work.next = end
        gathering = work
        guard end == generation.instanceCount else {
            if let timer { loop.set(timer, to: Clock.now) }
            return
        }
        gathering = nil
        for group in generation.syncGroups {
            guard let state = Self.state(of: group.members.map { work.states[$0] }) else { continue }
            work.lines.append(NotificationKey(.group, group.name).line(state, priority: 0))
        }
        let services = serviceLines?() ?? []
        for fifo in work.fifos {
            let kind = fifo.plan.kind
            fifo.release(with: (kind == .services ? [] : work.lines) + (kind == .vrrp ? [] : services))
        }
        ask()
    }

    /// The state of a group, whose members have told these; nil if one hasn't told any.
    private static func state(of members: [NotifyTrigger?]) -> NotifyTrigger? {
        guard !members.contains(nil) else { return nil }
        if members.allSatisfy({ $0 == .master }) { return .master }
        return members.contains(.fault) ? .fault : .backup
    }

    // MARK: The end

    /// No line follows: readers come to their end.
    func finish() {
        isFinishing = true
        gathering = nil
        waiting = []
        for fifo in fifos {
            // As long as systemd had it open, too, nobody would see its end.
            store.dropFIFO(fifo.plan.kind)
            fifo.finish()
        }
    }

    /// Asks readers to end.
    func terminate() { for fifo in fifos + retired { fifo.terminate() } }

    /// Ends readers.
    func killReaders() { for fifo in fifos + retired { fifo.kill() } }

    /// Removes what hasup has made: after the loop has ended.
    func removeFiles() {
        for fifo in fifos { if let made = fifo.made { FIFORole.remove(fifo.plan.path, made) } }
        try? FIFORecord([]).save(in: directory)
    }
}

extension FIFOs: NotificationFIFOOwner {
    func changed(_ fifo: NotificationFIFO) {
        if let pipe = fifo.pipe, !isFinishing { store.keep(pipe.file, as: fifo.plan.kind) }
        save()
    }

    func prepare(_ fifo: NotificationFIFO) {
        if !waiting.contains(where: { $0 === fifo }) { waiting.append(fifo) }
        ask()
    }

    func finished(_ fifo: NotificationFIFO) {
        retired.removeAll { $0 === fifo }
        if isFinished { onFinished?() }
    }
}

extension FIFOPlan {
    /// True if it is to belong to another user than hasupd's.
    var isGivenAway: Bool { owner.map { $0.uid != getuid() || $0.gid != getgid() } ?? false }
}
