import Base
import ConfigurationModel
import Glibc
import LoadBalancing
import LogOutput
import Logging
import Reactor
import Supervision
import WorkerProtocol

/// Runs MISC_CHECK's programs as their users, each in a process group of its own, one at a time of a check. The checker
/// names a check by its fingerprint, and learns how its program ended.
final class CheckScripts {
    /// Programs that run at once; the others wait, which is late and no failure.
    private static let runningMax = 64
    /// Programs that are started in a turn (docs/decisions, D6).
    private static let startsPerTurn = 4
    /// Time that a program may take to end after SIGTERM (behaviours_lvs2, B25).
    private static let endTimeout = Interval.seconds(2)

    private struct Run {
        let script: ScriptProcess
        let fingerprint: CheckFingerprint
    }

    /// The end of a program.
    var onEnd: ((CheckFingerprint, ProgramEnd) -> Void)?

    /// Programs that had to wait for a place.
    private(set) var lateCount: UInt64 = 0
    private let loop: EventLoop
    private let lines: RepeatLog
    private let limits: ScriptLimits
    private var programs: [CheckFingerprint: (command: ScriptCommand, timeout: Interval)] = [:]
    private var runs: [Int32: Run] = [:]
    private var busy = Set<CheckFingerprint>()
    private var waiting: [CheckFingerprint] = []
    private var times = RunningScripts(timeout: endTimeout)
    private var timer: Timer?
    private var startTimer: Timer?

    init(on loop: EventLoop, lines: RepeatLog, _ limits: ScriptLimits) {
        self.loop = loop
        self.lines = lines
        self.limits = limits
        timer = loop.makeTimer { [unowned self] in self.checkTimes() }
        startTimer = loop.makeTimer { [unowned self] in self.startSome() }
    }

    /// Programs of another configuration. What runs goes on to its end.
    func follow(_ generation: Generation) {
        programs = [:]
        // The checker's part has numbers in the place of arguments, and the fingerprints are made of them.
        let named = generation.services
        guard named.contains(where: { $0.realServers.contains { $0.checks.contains(where: \.isScript) } }),
            let whole = try? generation.model.withoutInstances().virtualServers
        else { return }
        for (named, whole) in zip(named, whole) {
            for (named, whole) in zip(named.realServers, whole.realServers) {
                for (named, whole) in zip(named.checks, whole.checks) {
                    guard case .script(let script) = whole.kind else { continue }
                    let notice = NotifyScript(trigger: .any, arguments: script.arguments, identity: script.identity)
                    programs[CheckFingerprint(named)] = (
                        ScriptCommand(notice, global: generation.global), script.timeout
                    )
                }
            }
        }
    }

    /// The path of a check's program.
    func program(of fingerprint: CheckFingerprint) -> String? { programs[fingerprint]?.command.name }

    /// Runs a check's program, or waits for the one that runs. Returns false when the configuration hasn't got it.
    func run(_ fingerprint: CheckFingerprint) -> Bool {
        guard programs[fingerprint] != nil else { return false }
        guard busy.insert(fingerprint).inserted else { return true }
        if runs.count + waiting.count >= Self.runningMax { lateCount += 1 }
        waiting.append(fingerprint)
        startLater()
        return true
    }

    private func startLater() { if let startTimer { loop.set(startTimer, to: loop.now) } }

    private func startSome() {
        for _ in 0..<Self.startsPerTurn {
            guard runs.count < Self.runningMax, !waiting.isEmpty else { return }
            start(waiting.removeFirst())
        }
        if !waiting.isEmpty, runs.count < Self.runningMax { startLater() }
    }

    private func start(_ fingerprint: CheckFingerprint) {
        guard let (command, timeout) = programs[fingerprint] else { return finish(fingerprint, .notRun) }
        do throws(SystemError) {
            let script = try ScriptProcess.start(command, limits, on: loop) { [weak self] pid, exit in
                self?.ended(pid, exit)
            }
            // Its group may be ended after it has ended itself.
            script.child.isKept = true
            runs[script.child.pid] = Run(script: script, fingerprint: fingerprint)
            times.started(script.child.pid, at: loop.now, limit: timeout)
            if let timer { loop.set(timer, to: times.deadline) }
        } catch {
            lines.write(.error, "", "MISC_CHECK: can't start \(command.name): \(error)", kind: "start \(command.name)")
            finish(fingerprint, .notRun)
        }
    }

    private func ended(_ pid: Int32, _ exit: WorkerExit) {
        guard let run = runs.removeValue(forKey: pid) else { return }
        let wasTooLong = times.ended(pid, keepsNumber: false)
        if wasTooLong { run.script.child.killGroup() }
        run.script.child.reap()
        let failure = run.script.failure(exit)
        if let failure, failure.isRefused {
            lines.write(
                .error, "", "MISC_CHECK \(run.script.name): \(failure.text)", kind: "refused \(run.script.name)")
        }
        let end: ProgramEnd
        switch exit {
        case _ where wasTooLong: end = .timedOut
        case _ where failure?.isRefused == true: end = .notRun
        case .code(let code): end = .status(code)
        case .signal(let number): end = .signal(number)
        case .unknown: end = .notRun
        }
        finish(run.fingerprint, end)
        startLater()
    }

    private func finish(_ fingerprint: CheckFingerprint, _ end: ProgramEnd) {
        busy.remove(fingerprint)
        onEnd?(fingerprint, end)
    }

    private func checkTimes() {
        for measure in times.due(at: loop.now) {
            switch measure {
            case .terminate(let group): kill(-group, SIGTERM)
            case .kill(let group): kill(-group, SIGKILL)
            }
        }
        if let timer { loop.set(timer, to: times.deadline) }
    }

    /// Ends all that run: hasupd ends.
    func endAll() {
        waiting = []
        for run in runs.values { run.script.child.killGroup() }
    }
}
