import Base
import CLinux
import ConfigurationModel
import Glibc
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import VRRP

/// Runs hooks: programs whose end a virtual router waits for (docs/decisions, D48). `HookRuns` decides which. Each runs as
/// its user in a process group of its own, for as long as hook_timeout says.
final class HookRunner {
    /// Hooks that run at once when nothing forbids it: waiting for a turn would count against hook_timeout.
    static let runningMax = 192
    /// The time that one may take to end after SIGTERM.
    private static let timeout = Interval.seconds(2)
    /// Period of the reading of what hooks write: of one that writes without end, so much is read and no more.
    private static let readingPeriod = Interval.milliseconds(100)

    private final class HookProcess {
        let child: ChildProcess
        let key: HookKey
        let program: String
        let kept: HookFile.KeptHook
        let startedAt = Clock.now
        /// Nil for one that a former hasupd has started.
        let run: (number: UInt64, output: HookOutput)?
        /// True if the worker doesn't wait for it any more.
        var isVoid = false

        init(
            _ child: ChildProcess, _ key: HookKey, _ program: String, _ kept: HookFile.KeptHook,
            _ run: (number: UInt64, output: HookOutput)?
        ) {
            self.child = child
            self.key = key
            self.program = program
            self.kept = kept
            self.run = run
        }
    }

    /// The failure of a hook's last run.
    private struct Failure {
        let number: UInt64
        let at: Instant
        /// A clause.
        let text: String
    }

    private let loop: EventLoop
    private let log: Logger
    private let limits: ScriptLimits
    private let file: BootFile<HookFile>
    private var runs: HookRuns
    private var commands: [HookKey: HookCommand] = [:]
    private var running = RunningScripts(timeout: HookRunner.timeout)
    private var hooks: [Int32: HookProcess] = [:]
    /// Hooks that have ended after SIGTERM, and whose groups may not have.
    private var terminated: [Int32: ChildProcess] = [:]
    private var failures: [HookKey: Failure] = [:]
    private var isEnding = false
    private var timer: Timer?
    private var nextReading = Instant.never
    /// Called when a run has ended that a worker has asked for.
    var onEnd: (HookEnd) -> Void = { _ in }

    init(_ context: DaemonContext, limits: ScriptLimits) {
        loop = context.loop
        log = context.log
        self.limits = limits
        file = BootFile(HookFile.name, in: context.paths.runDirectory, form: HookFile.formatVersion)
        runs = HookRuns(runningMax: context.budget.hooksMax)
        timer = loop.makeTimer { [weak self] in self?.checkTimes() }
    }

    /// Processes of the hooks that run.
    var processes: Set<Int32> { Set(hooks.keys) }

    /// Watches the hooks that a former hasupd has started and that still run.
    func adopt() {
        // Without the file, one that runs is begun beside it at worst.
        for kept in (try? file.read())?.running ?? [] {
            guard let key = kept.key, let pid = Int32(exactly: kept.pid), pid > 1 else { continue }
            let child = try? ChildProcess.adopted(pid, startTicks: kept.startTicks, on: loop) { [weak self] pid, exit in
                self?.ended(pid, exit)
            }
            guard let child else { continue }
            hooks[pid] = HookProcess(child, key, "of the former hasupd", kept, nil)
            runs.adopt(key)
            running.started(pid, at: loop.now, limit: Limits.hookTimeout.upperBound)
        }
        arm()
    }

    /// A worker asks for a hook.
    func run(_ hook: HookCommand, number: UInt64) {
        guard !isEnding else { return }
        commands[hook.key] = hook
        // The number of a before_master is the time of the mastership, from which the worker counts, too.
        let since =
            hook.key.hook == .beforeMaster ? min(loop.now, Instant(nanoseconds: Int64(clamping: number))) : loop.now
        perform(runs.ask(hook.key, number, until: since + hook.timeout))
    }

    /// A worker doesn't wait for a hook any more.
    func drop(_ key: HookKey, number: UInt64) {
        // What is late has failed, and isn't only void.
        if let end = runs.end(of: key, number), end <= loop.now { return checkTimes() }
        perform(runs.drop(key, number))
    }

    /// Forgets the hooks that aren't in this configuration.
    func adopt(_ generation: Generation) {
        guard !commands.isEmpty else { return }
        let subjects = generation.subjects
        func isThere(_ key: HookKey) -> Bool {
            key.subject.kind == .group
                ? subjects.members(of: key.subject.name) != nil : subjects.hasInstance(key.subject.name)
        }
        commands = commands.filter { isThere($0.key) }
        failures = failures.filter { isThere($0.key) }
        runs.keep(where: isThere)
    }

    /// Writes the file again if it was removed.
    func restore() { file.restore() }

    private func perform(_ steps: [HookRuns.HookStep]) {
        var steps = steps[...]
        while let step = steps.popFirst() {
            switch step {
            case .start(let key, let number):
                guard let failure = start(key, number) else { continue }
                fail(key, number, failure)
                steps += runs.ended(key, succeeded: false)
            case .expire(let key, let number): fail(key, number, tooLate(key, nil))
            case .terminate(let key): terminate(key)
            case .tell(let key, let number, let succeeded):
                onEnd(HookEnd(key.hook, of: key.subject, number: number, succeeded: succeeded))
            }
        }
        arm()
    }

    /// Returns the reason that it can't be started, a clause; nil when it was.
    private func start(_ key: HookKey, _ number: UInt64) -> String? {
        failures[key] = nil
        guard let hook = commands[key] else { return "it isn't configured any more" }
        let program = hook.command.arguments.first ?? "?"
        do throws(SystemError) {
            let output = try HookOutput()
            let child = try ChildProcess.spawn(
                path: "/proc/self/exe", arguments: ExecRole.arguments(forHook: hook.command, limits),
                environment: ExecRole.environment, descriptors: output.theirs, on: loop
            ) { [weak self] pid, exit in self?.ended(pid, exit) }
            output.closeTheirs()
            let ticks = try? ProcessInspection(pid: child.pid).startTicks
            hooks[child.pid] = HookProcess(
                child, key, program, HookFile.KeptHook(key, pid: child.pid, startTicks: ticks ?? 0), (number, output))
            // What it has waited is gone.
            running.started(child.pid, at: loop.now, limit: (runs.end(of: key, number) ?? .never) - loop.now)
            keep()
            log.debug("\(key.subject): started \(key.hook.keyword) \(program) (pid \(child.pid))")
            return nil
        } catch {
            return "can't start \(program): \(error)"
        }
    }

    private func ended(_ pid: Int32, _ exit: WorkerExit) {
        guard let hook = hooks.removeValue(forKey: pid) else { return }
        let wasTooLong = running.ended(pid, keepsNumber: exit != .unknown)
        if hook.child.isKept, exit != .unknown { terminated[pid] = hook.child }
        keep()
        if hook.isVoid {
            log.info("\(hook.key.subject): \(hook.key.hook.keyword) \(hook.program) ended: not MASTER any more")
        }
        let complaint = hook.run?.output.complaint
        let succeeded = !wasTooLong && hook.key.hook.hasSucceeded(exit, isRefused: complaint != nil)
        if !hook.isVoid { report(hook, exit, complaint, succeeded: succeeded, wasTooLong: wasTooLong) }
        guard !isEnding else { return }
        perform(runs.ended(hook.key, succeeded: succeeded))
    }

    private func report(
        _ hook: HookProcess, _ exit: WorkerExit, _ complaint: String?, succeeded: Bool, wasTooLong: Bool
    ) {
        let subject = "\(hook.key.subject): \(hook.key.hook.keyword)"
        if succeeded, exit == .code(0) {
            log.info("\(subject) succeeded after \(Clock.now - hook.startedAt)")
        } else if let run = hook.run {
            let failure = failure(of: hook, complaint ?? run.output.lastLine, exit)
            if succeeded { return log.warning("\(subject): \(failure): it ran to its end, so that's released") }
            fail(hook.key, run.number, wasTooLong ? tooLate(hook.key, hook) : failure)
        }
    }

    /// Nobody waits for it any more.
    private func terminate(_ key: HookKey) {
        guard let (pid, hook) = hooks.first(where: { $0.value.key == key }) else { return }
        hook.isVoid = true
        if let measure = running.terminate(pid, at: loop.now) { take(measure) }
    }

    private func keep() {
        var content = HookFile()
        content.running = hooks.values.map(\.kept).sorted { $0.pid < $1.pid }
        file.write(content)
    }

    // MARK: Failures

    private func fail(_ key: HookKey, _ number: UInt64, _ text: String) {
        failures[key] = Failure(number: number, at: loop.now, text: text)
        log.error("\(key.subject): \(key.hook.keyword): \(text)")
    }

    private func failure(of hook: HookProcess, _ said: String?, _ exit: WorkerExit) -> String {
        return "\(hook.program) ended with \(exit)\(said.map { ": \($0)" } ?? "")"
    }

    /// The failure of one that takes too long: it runs, or, if it is nil, couldn't be started in its time.
    private func tooLate(_ key: HookKey, _ hook: HookProcess?) -> String {
        let name = key.hook == .release ? "its timeout" : "hook_timeout"
        let limit = commands[key].map { "\(name) (\($0.timeout))" } ?? name
        guard let hook else { return "it couldn't be started within \(limit): another run hadn't ended" }
        return "\(hook.program) took longer than \(limit)\(hook.run?.output.lastLine.map { ": \($0)" } ?? "")"
    }

    /// The failure of the last before_master of one of these, a clause; nil if it has succeeded, or runs.
    ///
    /// - Parameter since: those before don't count.
    func failure(of subjects: [NotificationKey], since: Instant = Instant(nanoseconds: .min)) -> String? {
        let found = subjects.lazy.compactMap { self.failures[HookKey(.beforeMaster, of: $0)] }
        return found.first { $0.at >= since }?.text ?? late(.beforeMaster, of: subjects) { $0 <= loop.now }
    }

    /// The failure of the last release script of one of these, a clause; nil if it isn't known.
    func releaseFailure(of subjects: [NotificationKey]) -> String? {
        subjects.lazy.compactMap { self.failures[HookKey(.release, of: $0)]?.text }.first
            ?? late(.release, of: subjects) { $0 <= loop.now }
    }

    /// The reason that a before_release of one of these has refused an order, a clause; nil if it isn't known.
    func refusal(of subjects: [NotificationKey], order number: UInt64) -> String? {
        let found = subjects.lazy.compactMap { self.failures[HookKey(.beforeRelease, of: $0)] }
        // The worker has asked a moment before our time began: it knows first that one is late.
        return found.first { $0.number == number }?.text
            ?? late(.beforeRelease, of: subjects, number) { _ in true }
    }

    /// The failure of a hook that a worker doesn't wait for any longer, and that hasn't ended yet.
    private func late(
        _ hook: Hook, of subjects: [NotificationKey], _ number: UInt64? = nil, _ isLate: (Instant) -> Bool
    ) -> String? {
        for key in subjects.map({ HookKey(hook, of: $0) }) {
            guard let request = runs.first(of: key), number == nil || number == request.number,
                isLate(request.until)
            else { continue }
            return tooLate(key, hooks.values.first { $0.key == key && $0.run?.number == request.number })
        }
        return nil
    }

    // MARK: Time

    private func arm() {
        guard let timer else { return }
        let isRead = hooks.values.contains { $0.run != nil }
        nextReading = isRead ? min(nextReading, loop.now + Self.readingPeriod) : .never
        loop.set(timer, to: min(nextReading, running.deadline, isEnding ? .never : runs.deadline))
    }

    private func checkTimes() {
        if nextReading <= loop.now {
            nextReading = .never
            for hook in hooks.values { hook.run?.output.read() }
        }
        for measure in running.due(at: loop.now) { take(measure) }
        if !isEnding { perform(runs.due(at: loop.now)) }
        arm()
    }

    private func take(_ measure: RunningScripts.Measure) {
        switch measure {
        case .terminate(let group):
            hooks[group]?.child.isKept = true
            kill(-group, SIGTERM)
        case .kill(let group):
            if let hook = hooks[group] {
                hook.child.isKept = false
                kill(-group, SIGKILL)
            } else if let child = terminated.removeValue(forKey: group) {
                child.killGroup()
                child.reap()
            }
        }
    }

    /// The workers are gone, and nobody waits for a hook any more: those that run are asked to end.
    func terminate() {
        isEnding = true
        for group in hooks.keys.sorted() {
            hooks[group]?.child.isKept = true
            kill(-group, SIGTERM)
        }
    }

    /// Ends the groups of all hooks that were asked to end: there is no more time to wait for them.
    func endTerminated() {
        for measure in running.dueAtOnce() { take(measure) }
        guard isEnding else { return }
        for group in hooks.keys { kill(-group, SIGKILL) }
        keep()
    }
}

extension Hook {
    /// True if a run that has ended so has done its work. A release script that ran to its end has, whatever it says: only
    /// one that was killed or never ran leaves open what still runs (docs/decisions, D111).
    fileprivate func hasSucceeded(_ exit: WorkerExit, isRefused: Bool) -> Bool {
        guard self == .release, !isRefused, case .code = exit else { return exit == .code(0) }
        return true
    }
}
