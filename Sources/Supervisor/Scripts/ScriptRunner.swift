import Base
import CLinux
import Configuration
import ConfigurationModel
import Control
import Glibc
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// Runs notify scripts as their users, each in a process group of its own, one transition of an instance at a time, and
/// none for ever.
final class ScriptRunner {
    private struct Queued {
        var run: ScriptRun
        var global: GlobalSettings
    }

    private final class Running {
        let child: ChildProcess
        let name: String
        let instance: String
        /// Where `hasup-exec` says why it doesn't become the script; nil for one that a former hasupd has started.
        let complaints: Descriptor?

        init(_ child: ChildProcess, name: String, instance: String, complaints: consuming Descriptor? = nil) {
            self.child = child
            self.name = name
            self.instance = instance
            self.complaints = complaints
        }

        /// What was said there, at most a line's worth.
        var complaint: String? {
            switch complaints {
            case .none: return nil
            case .some(let complaints):
                var buffer = [UInt8](repeating: 0, count: 512)
                let count = recv(complaints.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                return count > 0 ? String(decoding: buffer[0..<count], as: UTF8.self) : nil
            }
        }
    }

    /// A process takes a fraction of a millisecond to start; a turn starts what fits into this (docs/decisions.md, D6).
    private static let startingMax = Interval.microseconds(500)

    private let loop: EventLoop
    private let log: Logger
    /// Lines that a worker in strange hands could repeat without end.
    private let lines: RepeatLog
    /// What hasupd was started with.
    let limits: ScriptLimits
    private var queue: NotificationQueue<Queued>
    /// What a successor would still have to do.
    private let record: NotificationRecord
    private var overseer: RunningScripts
    private var running: [Int32: Running] = [:]
    /// Those that have ended when they were told to, and whose groups may not have.
    private var kept: [Int32: ChildProcess] = [:]
    private var reports: [String: ScriptReport] = [:]
    /// Whether what a former hasupd hadn't told waits for what its worker has to say: it may not be true any more.
    private var isHeld = false
    private var timer: Timer?
    private var startTimer: Timer?
    /// Called when nothing runs or waits any more.
    var onIdle: (() -> Void)?

    /// Scripts that run at once when nothing forbids it.
    static var runningMax: Int { NotificationQueue<Queued>.standardMax }

    /// - Parameters:
    ///   - limits: those that hasupd was started with.
    ///   - runningMax: scripts that may run at once.
    ///   - timeLimit: how long each may run.
    ///   - timeout: how long it may take to end after SIGTERM.
    ///   - inherited: what a former hasupd has left, if there is something.
    ///   - keep: told of the memory that a successor finds it in.
    init(
        on loop: EventLoop, log: Logger, limits: ScriptLimits, runningMax: Int,
        timeLimit: Interval = RunningScripts.limit, timeout: Interval = RunningScripts.timeout,
        inherited: StatePage?, keep: @escaping (StatePage) -> Void
    ) {
        queue = NotificationQueue(runningMax: runningMax)
        overseer = RunningScripts(limit: timeLimit, timeout: timeout)
        record = NotificationRecord(inherited: inherited)
        self.loop = loop
        self.limits = limits
        self.log = log
        lines = RepeatLog(log, on: loop)
        record.onMade = keep
        record.onFailure = { [lines] in
            lines.tell(
                .warning, "", "what notifications are still to be told can't be kept for a successor: \($0)",
                kind: "notifications aren't kept")
        }
        timer = loop.makeTimer { [weak self] in self?.oversee() }
        startTimer = loop.makeTimer { [weak self] in self?.startSome() }
    }

    /// Whether nothing runs or waits.
    var isIdle: Bool { running.isEmpty && queue.isIdle }

    /// What has become of an instance's scripts; nil when none was ever wanted.
    func report(of instance: String) -> ScriptReport? {
        var report = reports[instance] ?? ScriptReport()
        report.skipped = queue.skipped(of: instance)
        return reports[instance] == nil && report.skipped == 0 ? nil : report
    }

    /// How many notifications wait for their turn.
    var waitingCount: Int { queue.unbegun.count }

    /// Processes of scripts that are watched.
    var processes: Set<Int32> { Set(running.keys) }

    /// Takes the scripts that a former hasupd has started and that still run for its own.
    func adoptScripts() {
        for instance in record.all {
            for process in instance.running { adopt(process, of: instance.instance) }
        }
        if let timer { loop.set(timer, to: overseer.deadline) }
    }

    /// Goes on where a former hasupd was: what it hadn't told is told when `resumed` is called.
    ///
    /// - Parameter pageNotification: the last notification by the former worker's page; nil when there is no page.
    /// - Returns: where the workers' count of notifications goes on.
    func resume(_ generation: Generation, pageNotification: UInt64?) -> UInt64 {
        let lastNotification = record.resumeCount(page: pageNotification)
        addKept(generation)
        return lastNotification
    }

    private func addKept(_ generation: Generation) {
        let waiting = record.all.filter { $0.waiting != nil }
        guard !waiting.isEmpty else { return }
        isHeld = true
        var numbers: [String: Int] = [:]
        for number in 0..<generation.instanceCount {
            if let name = generation.instance(at: number)?.name { numbers[name] = number }
        }
        var count = 0
        for instance in waiting {
            let settings = numbers[instance.instance].flatMap { generation.instance(at: $0) }
            let run = settings.flatMap { settings in instance.waiting.map { ScriptRun(of: settings, keptAs: $0) } }
            guard let run, !run.scripts.isEmpty else {
                record.waitsNoMore(instance.instance)
                log.notice("\(instance.instance): a notification isn't sent any more: it has left the configuration")
                continue
            }
            count += 1
            add(run, global: generation.global)
        }
        if count > 0 { log.notice("sends \(counted(count, "notification")) that the former hasupd hadn't sent yet") }
    }

    /// The worker has told what a former hasupd hadn't heard: what waits is what is true.
    func resumed() {
        guard isHeld else { return }
        isHeld = false
        startWhatMay()
    }

    private func adopt(_ process: KeptNotifications.Process, of instance: String) {
        let child = try? ChildProcess.adopted(process.pid, startTicks: process.startTicks, on: loop) {
            [weak self] pid, exit in self?.ended(pid, exit)
        }
        guard let child else { return record.ended(process.pid, of: instance) }
        running[child.pid] = Running(child, name: "of the former hasupd", instance: instance)
        overseer.started(child.pid, at: loop.now)
        queue.adopt(scripts: 1, of: instance)
    }

    /// Workers count from 1 again.
    func resetSequence() { record.resetSequence() }

    /// Tells what the log has left out: before the end.
    func flushRest() { lines.flushRest() }

    /// This configuration runs: what has become of scripts of instances that have left is forgotten. It isn't looked for
    /// as long as there can't be more of them than instances.
    func adopt(_ generation: Generation) {
        guard max(reports.count, queue.skippedCount) > generation.instanceCount else { return }
        let names = Set((0..<generation.instanceCount).compactMap { generation.instance(at: $0)?.name })
        reports = reports.filter { names.contains($0.key) }
        queue.forgetSkipped { !names.contains($0) }
    }

    /// Says what waits when hasupd ends and nobody goes on with it.
    func tellUnsent() {
        let unsent = queue.unbegun.map { "\($0.run.instance) (\(ScriptRun.word(for: $0.run.trigger)))" }
        guard !unsent.isEmpty else { return }
        let names = unsent.prefix(10).joined(separator: ", ")
        let more = unsent.count > 10 ? " and \(unsent.count - 10) more" : ""
        log.warning("notifications weren't sent because hasupd ends and scripts before them still run: \(names)\(more)")
    }

    /// A transition; one without scripts takes the place of what waits, too, so that the last run names the last state.
    func add(_ run: ScriptRun, global: GlobalSettings) {
        if run.scripts.isEmpty { record.waitsNoMore(run.instance) } else { record.waits(run) }
        let isFolded = queue.add(
            Queued(run: run, global: global), of: run.instance, scripts: run.scripts.count, at: loop.now)
        if isFolded {
            lines.tell(
                .notice, run.instance, "a notification wasn't sent because the next one had come before its turn",
                kind: "skipped")
        }
        startWhatMay()
    }

    /// No transition will be told any more: the last one of each instance doesn't wait for its time.
    func hurry() {
        isHeld = false
        queue.hurry(at: loop.now)
        startWhatMay()
    }

    /// In this turn, as far as it goes.
    private func startWhatMay() {
        if let startTimer { loop.set(startTimer, to: loop.now) }
    }

    private func startSome() {
        guard !isHeld else { return }
        let begin = Clock.now
        while let queued = queue.next(at: loop.now) {
            for (index, script) in queued.run.scripts.enumerated() {
                record.begins(queued.run, script: index)
                start(script, of: queued.run.instance, queued.global)
            }
            let now = Clock.now
            guard now - begin < Self.startingMax else {
                // Later than this turn's timers.
                if let startTimer { loop.set(startTimer, to: now) }
                if let timer { loop.set(timer, to: overseer.deadline) }
                return
            }
        }
        if let startTimer { loop.set(startTimer, to: queue.deadline) }
        if let timer { loop.set(timer, to: overseer.deadline) }
    }

    private func start(_ script: NotifyScript, of instance: String, _ global: GlobalSettings) {
        let command = ScriptCommand(script, global: global)
        let name = command.arguments.first ?? "?"
        reports[instance, default: ScriptReport()].started += 1
        do throws(SystemError) {
            var pair: [Int32] = [-1, -1]
            try checked(hasup_socketpair(&pair), "create a socket pair")
            let complaints = Descriptor(owning: pair[0])
            let theirs = Descriptor(owning: pair[1])
            let child = try ChildProcess.spawn(
                path: "/proc/self/exe", arguments: ExecRole.arguments(for: command, limits),
                environment: ExecRole.environment, descriptors: [theirs.number], on: loop
            ) { [weak self] pid, exit in self?.ended(pid, exit) }
            running[child.pid] = Running(child, name: name, instance: instance, complaints: complaints)
            overseer.started(child.pid, at: loop.now)
            if let startTicks = try? ProcessInspection(pid: child.pid).startTicks {
                record.runs(.init(pid: child.pid, startTicks: startTicks), of: instance)
            }
            log.debug("\(instance): started \(name) (pid \(child.pid))")
        } catch {
            fail(instance, "can't start \(name): \(error)", \.failed)
            queue.ended(of: instance, at: loop.now)
        }
    }

    private func ended(_ pid: Int32, _ exit: WorkerExit) {
        guard let script = running.removeValue(forKey: pid) else { return }
        // Whose child it isn't, nobody can keep: its number may already be somebody else's.
        let wasTooLong = overseer.ended(pid, keepsNumber: exit != .unknown)
        if script.child.isKept, exit != .unknown { kept[pid] = script.child }
        record.ended(pid, of: script.instance)
        switch exit {
        case .code(0): break
        case .unknown:
            log.info("\(script.instance): a script of the former hasupd has ended; how isn't known")
        case .code(ExecRole.refused), .code(ExecRole.notExecutable):
            // The script itself may end like that, too: then it has said nothing here.
            let reason = script.complaint
            let isRefused = exit == .code(ExecRole.refused) && reason != nil
            fail(
                script.instance, "script \(script.name): \(reason ?? "it ended with \(exit)")",
                isRefused ? \.refused : \.failed)
        case .code, .signal:
            guard !wasTooLong else { break }
            fail(script.instance, "script \(script.name): it ended with \(exit)", \.failed)
        }
        queue.ended(of: script.instance, at: loop.now)
        startWhatMay()
        if isIdle { onIdle?() }
    }

    private func fail(_ instance: String, _ sentence: String, _ counter: WritableKeyPath<ScriptReport, Int>) {
        reports[instance, default: ScriptReport()][keyPath: counter] += 1
        reports[instance, default: ScriptReport()].lastFailure = sentence
        log.error("\(instance): \(sentence)")
    }

    /// Scripts that take too long.
    private func oversee() {
        for measure in overseer.due(at: loop.now) { take(measure) }
        if let timer { loop.set(timer, to: overseer.deadline) }
    }

    /// Nobody is going to look after scripts that were told to end: they have had their time.
    func endTold() {
        for measure in overseer.dueAtOnce() { take(measure) }
    }

    private func take(_ measure: RunningScripts.Measure) {
        switch measure {
        case .terminate(let group):
            guard let script = running[group] else { return }
            fail(
                script.instance,
                "script \(script.name): it has run for \(overseer.limit) and is told to end", \.timedOut)
            script.child.isKept = true
            kill(-group, SIGTERM)
        case .kill(let group):
            if let script = running[group] {
                log.error("\(script.instance): script \(script.name): it hasn't ended and is killed")
                script.child.isKept = false
                kill(-group, SIGKILL)
            } else if let child = kept.removeValue(forKey: group) {
                // What it has started is still there, or nothing is: the number is its own in either case.
                child.killGroup()
                child.reap()
            }
        }
    }
}
