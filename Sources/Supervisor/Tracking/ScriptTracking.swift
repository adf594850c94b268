import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Supervision

/// Runs tracking scripts (docs/decisions, D43, D44): the effects of `ScriptSchedule`. Each run is a copy of this process
/// that becomes the script, because a path on a dead server may keep who looks at it for ever.
final class ScriptTracking {
    private final class TrackedScript {
        var number: UInt32
        var definition: TrackScript
        let command: ScriptCommand
        var schedule: ScriptSchedule
        var timer: Timer?
        /// The process that runs, which leads its group.
        var pid: Int32?
        /// Looks whether the rest of its group is gone.
        var groupTimer: Timer?
        /// The data with which a copy of this process becomes it.
        var copy: ScriptCopy?
        /// True if it isn't configured any more: nobody wants to know what becomes of its run.
        var isGone = false
        /// True if its run begins when that of an earlier definition of its name has ended.
        var waits = false

        init(_ tracked: Tracked<TrackScript>, _ command: ScriptCommand, _ schedule: ScriptSchedule) {
            number = tracked.number
            definition = tracked.definition
            self.command = command
            self.schedule = schedule
        }
    }

    /// Time between two looks at a group that was sent SIGKILL.
    private static let groupPause = Interval.milliseconds(20)

    private let loop: EventLoop
    private let limits: ScriptLimits
    private let onVerdict: VerdictHandler
    private var scripts: [UInt64: TrackedScript] = [:]
    /// Scripts whose process runs, by its number, also those that aren't configured any more.
    private var running: [Int32: TrackedScript] = [:]
    /// Definitions that are gone and whose run hasn't ended, by name.
    private var leaving: [String: TrackedScript] = [:]
    /// The helper that opens files; made with the first one.
    private var helpers: FileHelpers?
    private var childSignals: Signals?
    /// Called when the last process has ended.
    var onIdle: (() -> Void)?

    /// - Throws: `SystemError`.
    init(
        on loop: EventLoop, limits: ScriptLimits, onVerdict: @escaping VerdictHandler
    ) throws(SystemError) {
        self.loop = loop
        self.limits = limits
        self.onVerdict = onVerdict
        childSignals = try Signals([SIGCHLD], on: loop) { [unowned self] _ in self.takeEnded() }
    }

    var isIdle: Bool { running.isEmpty }

    /// Runs these from now on. A script with the same command and user goes on with its state and its run, whatever else of
    /// it has changed; the runs of those that are gone are ended.
    ///
    /// - Throws: `SystemError` when there is no memory.
    func configure(_ tracked: [Tracked<TrackScript>], _ global: GlobalSettings) throws(SystemError) {
        // Where process 1 doesn't reap what scripts leave behind, or not soon, as in many containers, a group that has
        // ended would look as if it ran.
        // What is only opened leaves nothing behind.
        let runsPrograms = tracked.contains { if case .open = $0.definition.command { false } else { true } }
        if runsPrograms { _ = hasup_adopt_orphans() }
        // Processes that run have their places in the one before.
        let complaints = try Complaints(count: tracked.count)
        let before = scripts
        scripts = [:]
        for (index, entry) in tracked.enumerated() {
            let definition = entry.definition
            let command = ScriptCommand(definition, global: global)
            let fingerprint = TrackedObject(definition, global: global).fingerprint
            let settings = ScriptSchedule.Settings(definition)
            let script: TrackedScript
            if let known = before[fingerprint] {
                script = known
                script.number = entry.number
                script.definition = definition
                script.schedule.change(to: settings, at: loop.now)
            } else {
                // A divided interval has a nanosecond at least.
                let place = max(settings.interval / Int64(tracked.count) * Int64(index + 1), Interval(nanoseconds: 1))
                script = TrackedScript(
                    entry, command, ScriptSchedule(settings, entry.verdict, place: place, at: loop.now))
                script.timer = loop.makeTimer { [unowned self, unowned script] in
                    self.take(script.schedule.due(at: self.loop.now), script)
                }
            }
            // A process that runs keeps its place.
            if script.pid == nil { script.copy = ScriptCopy(command, limits, complaints, index) }
            scripts[fingerprint] = script
        }
        for (fingerprint, script) in before where scripts[fingerprint] == nil { drop(script) }
        for script in scripts.values { arm(script) }
    }

    /// A script that isn't configured any more: its run gets SIGTERM, and SIGKILL when that doesn't end it.
    private func drop(_ script: TrackedScript) {
        if let timer = script.timer { loop.remove(timer) }
        script.timer = nil
        script.isGone = true
        guard let pid = script.pid else { return }
        leaving[script.definition.name] = script
        kill(-pid, SIGTERM)
        let timer = loop.makeTimer { [unowned script] in if let pid = script.pid { kill(-pid, SIGKILL) } }
        script.timer = timer
        loop.set(timer, to: loop.now + ScriptSchedule.killDelay)
    }

    private func arm(_ script: TrackedScript) {
        if let timer = script.timer { loop.set(timer, to: script.schedule.deadline) }
    }

    private func take(_ steps: [ScriptStep], _ script: TrackedScript) {
        for step in steps {
            switch step {
            case .start: start(script)
            case .terminate: if let pid = script.pid { kill(-pid, SIGTERM) }
            case .kill: if let pid = script.pid { kill(-pid, SIGKILL) }
            case .report(let verdict): onVerdict(script.number, verdict)
            }
        }
        arm(script)
    }

    private func start(_ script: TrackedScript) {
        script.waits = leaving[script.definition.name] != nil
        if script.waits { return }
        if case .open(let path) = script.definition.command { return open(path, script) }
        let result = fork(script)
        guard result > 0 else {
            return ended(script, .failure("can't be started: \(SystemError.text(of: -result))"))
        }
        script.pid = result
        running[result] = script
    }

    // MARK: Processes

    /// The data by which a copy of this process becomes a script.
    private final class ScriptCopy {
        let program: ExecRole.Program
        let limits: ScriptLimits
        /// The place for the reason why it doesn't become the script.
        let complaints: Complaints
        let place: Int

        init(_ command: ScriptCommand, _ limits: ScriptLimits, _ complaints: Complaints, _ place: Int) {
            program = ExecRole.Program(command, command.arguments.first ?? "")
            self.limits = limits
            self.complaints = complaints
            self.place = place
        }
    }

    private func fork(_ script: TrackedScript) -> Int32 {
        guard let copy = script.copy else { return -EINVAL }
        _ = copy.complaints.take(copy.place)
        return hasup_fork(
            { context in
                guard let context else { return }
                let copy = Unmanaged<ScriptCopy>.fromOpaque(context).takeUnretainedValue()
                let failure = ExecRole.become(copy.program, copy.limits)
                copy.complaints.write(failure.text, at: copy.place)
                _exit(failure.status)
            }, Unmanaged.passUnretained(copy).toOpaque())
    }

    private func takeEnded() {
        var status: Int32 = 0
        while true {
            let pid = hasup_ended_child(&status)
            guard pid > 0 else { break }
            let script = running.removeValue(forKey: pid)
            let isOverdue = script.map { $0.isGone || $0.schedule.isOverdue } ?? false
            if let script, !isOverdue { ended(script, pid, WorkerExit(waitStatus: status)) }
            // What it has started is ended, too. Not reaped before: until then its number isn't used again.
            if isOverdue { kill(-pid, SIGKILL) }
            hasup_reap(pid)
            if let script, isOverdue { awaitGroup(pid, of: script) }
        }
        if running.isEmpty { onIdle?() }
    }

    /// A run whose time was over ends with its group: a process that not even SIGKILL ends keeps the next run from starting.
    private func awaitGroup(_ pid: Int32, of script: TrackedScript) {
        guard kill(-pid, 0) == 0 || errno == EPERM else {
            script.pid = nil
            if let timer = script.groupTimer { loop.remove(timer) }
            script.groupTimer = nil
            return script.isGone ? left(script) : ended(script, .failure(ScriptSchedule.timedOut))
        }
        let timer =
            script.groupTimer
            ?? loop.makeTimer { [weak self, unowned script] in
                if let pid = script.pid { self?.awaitGroup(pid, of: script) }
            }
        script.groupTimer = timer
        loop.set(timer, to: loop.now + Self.groupPause)
    }

    /// The run of a script that is gone has ended: the next definition of its name may begin.
    private func left(_ script: TrackedScript) {
        if let timer = script.timer { loop.remove(timer) }
        let name = script.definition.name
        if leaving[name] === script { leaving[name] = nil }
        for next in scripts.values where next.waits && next.definition.name == name { start(next) }
    }

    private func ended(_ script: TrackedScript, _ pid: Int32, _ exit: WorkerExit) {
        switch exit {
        case .code(0): ended(script, .success)
        case .code(ExecRole.refused), .code(ExecRole.notExecutable):
            // The script itself may end like that, too: then there is no complaint.
            let complaint = script.copy.flatMap { $0.complaints.take($0.place) }
            ended(script, .failure(complaint ?? exit.description))
        case .code, .signal, .unknown: ended(script, .failure(exit.description))
        }
        script.pid = nil
    }

    private func ended(_ script: TrackedScript, _ end: ScriptEnd) {
        take(script.schedule.ended(end, at: loop.now), script)
    }

    // MARK: Files

    private func open(_ path: String, _ script: TrackedScript) {
        let account: ScriptAccount
        switch script.command.user {
        case .own: account = ScriptAccount(uid: geteuid(), gid: getegid())
        case .account(let known): account = known
        case .unknown(let name):
            return ended(script, .failure("there was no user or group '\(name)' when the configuration was read"))
        }
        let helpers = self.helpers ?? FileHelpers(on: loop)
        self.helpers = helpers
        helpers.ask(.open(account), path) { [weak self] answer in
            if !script.isGone { self?.ended(script, Self.end(answer?.outcome.error ?? EIO)) }
        }
    }

    private static func end(_ error: Int32) -> ScriptEnd {
        error == 0 ? .success : .failure("can't be opened: \(SystemError.text(of: error))")
    }

    // MARK: The end

    /// Signals all runs. `onIdle` is called when none is left.
    func endAll(by signal: Int32) { for pid in running.keys { kill(-pid, signal) } }
}

extension ScriptSchedule.Settings {
    init(_ script: TrackScript) {
        self.init(
            interval: script.interval, timeout: script.timeout, rise: UInt32(clamping: script.rise),
            fall: UInt32(clamping: script.fall), isProcess: script.command.isRun)
    }
}

extension TrackCommand {
    fileprivate var isRun: Bool { if case .run = self { true } else { false } }
}
