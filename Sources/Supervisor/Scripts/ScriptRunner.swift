import Base
import ConfigurationModel
import Control
import Glibc
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import VRRP
import WorkerProtocol

/// Runs notify scripts as their users, each in a process group of its own, one notification of an instance at a time, and
/// none for ever.
///
/// Each notification is sent once, whenever hasupd or a worker is killed (docs/decisions, D40). That is the order of
/// these steps:
///
///     worker ── Notification ──► Broker.take ── PendingNotification
///                                     │
///         1. NotificationRecord.keep  │  from here on the next hasupd sends it
///         2. page.lastNotification    │  from here on no worker repeats it
///                                     ├──► FIFOs   one line, lost when hasupd is killed before it
///                                     ▼
///                             NotificationQueue    waits for its turn; a newer state takes its place
///                                     │
///         3. NotificationRecord.begin │  from here on the next hasupd doesn't start this script
///         4. ChildProcess.spawn       ▼
///                             ScriptCommand ──► hasup-exec ──► script
///                                     │
///         5. NotificationRecord.started, .ended       the next hasupd waits for this script
///
/// Killed before 1: the worker's successor repeats it. Between 1 and 2: the record's number counts (`resumeCount`).
/// Between 3 and 4: that script isn't started, rather than twice.
final class ScriptRunner {
    private struct Running {
        let script: ScriptProcess
        let key: NotificationKey
    }

    /// A process takes a fraction of a millisecond to start; a turn starts what fits into this (docs/decisions, D6).
    private static let startingMax = Interval.microseconds(500)

    private let loop: EventLoop
    private let log: Logger
    /// Lines that a hostile worker could repeat without end.
    private let lines: RepeatLog
    /// The limits that hasupd was started with.
    let limits: ScriptLimits
    private var queue: NotificationQueue<PendingNotification>
    private let record: NotificationRecord
    private var running: RunningScripts
    private var scripts: [Int32: Running] = [:]
    /// Scripts that have ended after SIGTERM, and whose groups may not have.
    private var terminated: [Int32: ChildProcess] = [:]
    private var reports: [NotificationKey: ScriptReport] = [:]
    /// True while the predecessor's notifications wait for its worker's reports, which may be newer.
    private var isHeld = false
    private var timer: Timer?
    private var startTimer: Timer?
    /// Called when the last script has ended and nothing waits.
    var onIdle: (() -> Void)?

    /// Scripts that run at once when nothing forbids it.
    static var runningMax: Int { NotificationQueue<PendingNotification>.standardMax }

    /// - Parameters:
    ///   - limits: those that hasupd was started with.
    ///   - runningMax: scripts that may run at once.
    ///   - timeLimit: how long each may run.
    ///   - timeout: how long it may take to end after SIGTERM.
    ///   - inherited: the predecessor's record, if there is one.
    ///   - keep: called with the record's memory when it is made.
    init(
        on loop: EventLoop, log: Logger, limits: ScriptLimits, runningMax: Int,
        timeLimit: Interval = RunningScripts.limit, timeout: Interval = RunningScripts.timeout,
        inherited: StatePage?, keep: @escaping (StatePage) -> Void
    ) {
        queue = NotificationQueue(runningMax: runningMax)
        running = RunningScripts(limit: timeLimit, timeout: timeout)
        record = NotificationRecord(inherited: inherited)
        self.loop = loop
        self.limits = limits
        self.log = log
        lines = RepeatLog(log, on: loop)
        record.onMade = keep
        record.onFailure = { [lines] in
            lines.write(
                .warning, "", "pending notifications aren't kept for the next hasupd: \($0)",
                kind: "notifications aren't kept")
        }
        timer = loop.makeTimer { [weak self] in self?.checkTimes() }
        startTimer = loop.makeTimer { [weak self] in self?.startSome() }
    }

    /// True if nothing runs or waits.
    var isIdle: Bool { scripts.isEmpty && queue.isIdle }

    /// Counts of the scripts of an instance or a sync group; nil when it never had one to run.
    func report(of key: NotificationKey) -> ScriptReport? {
        var report = reports[key] ?? ScriptReport()
        report.skipped = queue.skipped(of: key)
        return reports[key] == nil && report.skipped == 0 ? nil : report
    }

    /// The number of notifications that wait for their turn.
    var waitingCount: Int { queue.unbegun.count }

    /// Processes of the scripts that run.
    var processes: Set<Int32> { Set(scripts.keys) }

    // MARK: Notifications

    /// Adds a notification; one without scripts takes the place of what waits, too, so that the last script names the last
    /// state. It is in the record when this returns.
    func add(_ notification: PendingNotification) {
        record.keep(notification)
        let isFolded = queue.add(
            notification, of: notification.key, event: notification.trigger.isState ? nil : notification.trigger,
            scripts: notification.commands.count, at: loop.now)
        if isFolded {
            lines.write(
                .notice, notification.key.description, "notification skipped: superseded by a newer one",
                kind: "skipped")
        }
        startLater()
    }

    /// Starts at once what waits for its time: no further notification will come.
    func hurry() {
        isHeld = false
        queue.hurry(at: loop.now)
        startLater()
    }

    private func startLater() {
        if let startTimer { loop.set(startTimer, to: loop.now) }
    }

    private func startSome() {
        guard !isHeld else { return }
        let begin = Clock.now
        defer { if let timer { loop.set(timer, to: running.deadline) } }
        while var notification = queue.next(at: loop.now) {
            while let command = notification.takeCommand() {
                record.begin(notification)
                start(command, of: notification.key)
            }
            let now = Clock.now
            guard now - begin < Self.startingMax else {
                // Later than this turn's timers.
                if let startTimer { loop.set(startTimer, to: now) }
                return
            }
        }
        if let startTimer { loop.set(startTimer, to: queue.deadline) }
    }

    private func start(_ command: ScriptCommand, of key: NotificationKey) {
        reports[key, default: ScriptReport()].started += 1
        do throws(SystemError) {
            let script = try ScriptProcess.start(command, limits, on: loop) { [weak self] pid, exit in
                self?.ended(pid, exit)
            }
            let child = script.child
            scripts[child.pid] = Running(script: script, key: key)
            running.started(child.pid, at: loop.now)
            if let startTicks = try? ProcessInspection(pid: child.pid).startTicks {
                record.started(.init(pid: child.pid, startTicks: startTicks), of: key)
            }
            log.debug("\(key): started \(script.name) (pid \(child.pid))")
        } catch {
            fail(key, "can't start \(command.name): \(error)", \.failed)
            queue.ended(of: key, at: loop.now)
        }
    }

    private func ended(_ pid: Int32, _ exit: WorkerExit) {
        guard let ended = scripts.removeValue(forKey: pid) else { return }
        // A process that isn't our child leaves its number free at once: it may be another one's already.
        let wasTooLong = running.ended(pid, keepsNumber: exit != .unknown)
        if ended.script.child.isKept, exit != .unknown { terminated[pid] = ended.script.child }
        record.ended(pid, of: ended.key)
        if exit == .unknown {
            log.info("\(ended.key): a script of the previous hasupd ended; its exit status isn't known")
        } else if let failure = ended.script.failure(exit), failure.isRefused || !wasTooLong {
            fail(ended.key, "script \(ended.script.name): \(failure.text)", failure.isRefused ? \.refused : \.failed)
        }
        queue.ended(of: ended.key, at: loop.now)
        startLater()
        if isIdle { onIdle?() }
    }

    private func fail(_ key: NotificationKey, _ sentence: String, _ counter: WritableKeyPath<ScriptReport, Int>) {
        reports[key, default: ScriptReport()][keyPath: counter] += 1
        reports[key, default: ScriptReport()].lastFailure = sentence
        log.error("\(key): \(sentence)")
    }

    // MARK: From one hasupd to the next

    /// Watches the scripts that the predecessor has started and that still run.
    func adoptScripts() {
        for entry in record.all {
            for process in entry.running { adopt(process, of: entry.key) }
        }
        if let timer { loop.set(timer, to: running.deadline) }
    }

    private func adopt(_ process: KeptScripts.Process, of key: NotificationKey) {
        let child = try? ChildProcess.adopted(process.pid, startTicks: process.startTicks, on: loop) {
            [weak self] pid, exit in self?.ended(pid, exit)
        }
        guard let child else { return record.ended(process.pid, of: key) }
        scripts[child.pid] = Running(script: ScriptProcess(adopted: child), key: key)
        running.started(child.pid, at: loop.now)
        queue.adopt(scripts: 1, of: key)
    }

    /// Adds the predecessor's notifications. They are sent when `resumed` is called.
    ///
    /// - Parameter pageNotification: the last notification in the predecessor's page; nil without a page.
    /// - Returns: where the workers' count of notifications goes on.
    func resume(_ generation: Generation, pageNotification: UInt64?) -> UInt64 {
        let lastNotification = record.resumeCount(page: pageNotification)
        addKept(generation)
        return lastNotification
    }

    private func addKept(_ generation: Generation) {
        let kept = record.all.flatMap(\.pending)
        guard !kept.isEmpty else { return }
        isHeld = true
        var numbers: [NotificationKey: Int] = [:]
        for number in 0..<generation.instanceCount {
            if let name = generation.instance(at: number)?.name { numbers[.init(.instance, name)] = number }
        }
        for (number, group) in generation.syncGroups.enumerated() { numbers[.init(.group, group.name)] = number }
        var count = 0
        for var notification in kept {
            if let number = numbers[notification.key] {
                let scripts =
                    notification.key.kind == .group
                    ? generation.syncGroups[number].scripts : generation.instance(at: number)?.scripts
                notification.findCommands(in: scripts ?? [], generation.global)
            } else if let scripts = generation.serviceNotices.scripts[notification.key] {
                notification.findCommands(in: scripts, generation.global)
            }
            guard !notification.commands.isEmpty else {
                record.drop(notification)
                log.notice("\(notification.key): notification dropped: it isn't configured any more")
                continue
            }
            count += 1
            add(notification)
        }
        if count > 0 { log.notice("sending \(counted(count, "notification")) that the previous hasupd hadn't sent") }
    }

    /// Sends the predecessor's notifications: its worker's successor has reported what was new.
    func resumed() {
        guard isHeld else { return }
        isHeld = false
        startLater()
    }

    /// Forgets the numbers of notifications: workers count from 1 again.
    func resetSequence() { record.resetSequence() }

    /// Logs the counts of lines that were left out: before the end.
    func flushRest() { lines.flushRest() }

    /// Forgets the counts of what isn't in this configuration. It doesn't look for them as long as there can't be more than
    /// instances and groups.
    func adopt(_ generation: Generation) {
        let groups = generation.syncGroups
        guard max(reports.count, queue.skippedCount) > generation.instanceCount + groups.count else { return }
        var keys = Set(
            (0..<generation.instanceCount).compactMap { number in
                generation.instance(at: number).map { NotificationKey(.instance, $0.name) }
            })
        keys.formUnion(groups.map { NotificationKey(.group, $0.name) })
        reports = reports.filter { keys.contains($0.key) }
        queue.forgetSkipped { !keys.contains($0) }
    }

    /// Logs what waits when hasupd ends without a successor.
    func reportUnsent() {
        let unsent = queue.unbegun.map { "\($0.key) (\($0.trigger.word))" }
        guard !unsent.isEmpty else { return }
        let names = unsent.prefix(10).joined(separator: ", ")
        let more = unsent.count > 10 ? " and \(unsent.count - 10) more" : ""
        log.warning("notifications not sent, because hasupd ends while earlier scripts run: \(names)\(more)")
    }

    // MARK: Scripts that take too long

    private func checkTimes() {
        for measure in running.due(at: loop.now) { take(measure) }
        if let timer { loop.set(timer, to: running.deadline) }
    }

    /// Ends the scripts that were sent SIGTERM: there is no more time to wait for them.
    func endTerminated() {
        for measure in running.dueAtOnce() { take(measure) }
    }

    /// Sends SIGTERM to all scripts: hasupd ends.
    func terminateAll() {
        for measure in running.terminateAll(at: loop.now) { take(measure, "when hasupd ends") }
    }

    /// - Parameter moment: the time at which a script still runs that is asked to end; its limit, if nothing is said.
    private func take(_ measure: RunningScripts.Measure, _ moment: String? = nil) {
        switch measure {
        case .terminate(let group):
            guard let running = scripts[group] else { return }
            let moment = moment ?? "after \(self.running.limit)"
            fail(
                running.key, "script \(running.script.name): still running \(moment): sending SIGTERM", \.timedOut)
            running.script.child.isKept = true
            kill(-group, SIGTERM)
        case .kill(let group):
            if let running = scripts[group] {
                log.error("\(running.key): script \(running.script.name): still running after SIGTERM: sending SIGKILL")
                running.script.child.isKept = false
                kill(-group, SIGKILL)
            } else if let child = terminated.removeValue(forKey: group) {
                // What it has started is still there, or nothing is: the number is its own in either case.
                child.killGroup()
                child.reap()
            }
        }
    }
}

extension Broker {
    /// Takes a notification from a worker: steps 1 and 2 of `ScriptRunner`.
    ///
    /// - Parameter keep: has kept it for the next hasupd when it returns.
    /// - Returns: the notification, which nobody repeats any more.
    /// - Throws: `Refusal`; then nothing is kept or noted.
    mutating func take(
        _ notification: Notification, generation: UInt64, notingIn page: StatePage, keep: (PendingNotification) -> Void
    ) throws(Refusal) -> PendingNotification {
        let pending = try pending(
            generation: generation, notification.subject, sequence: notification.sequence,
            trigger: notification.trigger, priority: notification.priority.rawValue)
        keep(pending)
        page.lastNotification = lastNotification
        return pending
    }
}
