import Base
import Configuration
import ConfigurationModel
import Control
import Logging
import Reactor
import Supervision
import WorkerProtocol

/// The effects of reloads and previews: the machine that decides is `ReloadMachine`.
final class ReloadConductor {
    /// What the daemon does for it.
    protocol Delegate: AnyObject {
        /// The configuration that runs.
        var generation: Generation { get }
        /// Why no other generation can be given at the moment: a sentence's beginning.
        var obstacle: String? { get }
        /// Gives a generation to the worker; `configured` or `workerEnded` follows.
        func give(_ generation: Generation)
        /// The worker is to be replaced, for this reason.
        func replaceWorker(_ reason: String)
        /// This generation runs from now on.
        func adopt(_ generation: Generation)
        /// The files are being read.
        func reloadBegins()
        /// A reload has ended. - Parameters: what ran before, what was read, and whether that runs now.
        func reloadEnded(_ report: ReloadReport, before: Generation, judged: ConfigurationImage?)
    }

    /// How long a worker may take to run a new configuration.
    private static let applyPatience = Interval.seconds(10)

    private let file: String
    private let log: Logger
    private let findings: FindingLog
    private let loop: EventLoop
    private let setting: HostProfile
    private let locks: VirtualRouterLocks?
    private let reader: ConfigurationReader
    unowned let delegate: any Delegate
    private var machine = ReloadMachine()
    /// What was accepted and isn't known to run yet.
    private(set) var pending: Generation?
    /// What was read last, until its reload has ended.
    private var judged: ConfigurationImage?
    private var diagnostics: [Diagnostic] = []
    private var refusal = ""
    private var beganAt = Instant(nanoseconds: 0)
    private var previewBeganAt = Instant(nanoseconds: 0)
    private var previewReport = ReloadReport()
    private var answers: [UInt64: (ReloadReport) -> Void] = [:]
    private var lastRequest: UInt64 = 0
    /// Numbers are never used twice, not even when a generation was taken back.
    private var lastNumber: UInt64
    private var applyTimer: Timer?
    private var isOver = false

    init(
        file: String, reader: ConfigurationReader, setting: HostProfile, locks: VirtualRouterLocks?, on loop: EventLoop,
        log: Logger,
        findings: FindingLog, delegate: any Delegate
    ) {
        self.findings = findings
        self.file = file
        self.log = log
        self.loop = loop
        self.setting = setting
        self.locks = locks
        self.reader = reader
        self.delegate = delegate
        lastNumber = delegate.generation.number
        applyTimer = loop.makeTimer { [unowned self] in self.perform(self.machine.handle(.timeout)) }
    }

    /// Reads the files again; the completion is told when the new configuration runs or was refused.
    ///
    /// - Parameter isDryRun: whether it is only to be told what would happen.
    func request(isDryRun: Bool, _ completion: ((ReloadReport) -> Void)?) {
        guard !isOver else {
            completion?(Self.stopping)
            return
        }
        var number: UInt64 = 0
        if let completion {
            lastRequest += 1
            number = lastRequest
            answers[number] = completion
        }
        perform(machine.handle(isDryRun ? .previewRequested(number) : .requested(number)))
    }

    /// The worker runs this generation. - Returns: whether a reload had waited for it.
    func configured(_ number: UInt64) -> Bool {
        guard let pending, pending.number == number else { return false }
        perform(machine.handle(.configured))
        return true
    }

    /// The worker is gone; its successor is given the newest generation.
    func workerEnded() { perform(machine.handle(.workerEnded)) }

    /// Nothing is read or given any more, and whoever waits is told so.
    func stop() {
        guard !isOver else { return }
        isOver = true
        if let applyTimer { loop.set(applyTimer, to: .never) }
        let waiting = answers.values
        answers = [:]
        for answer in waiting { answer(Self.stopping) }
    }

    private static var stopping: ReloadReport {
        var report = ReloadReport()
        report.summaryText = "hasupd is stopping"
        return report
    }

    private func perform(_ actions: [ReloadAction]) {
        guard !isOver else { return }
        for action in actions {
            switch action {
            case .read:
                delegate.reloadBegins()
                beganAt = Clock.now
                let paths = ReloadPaths(delegate.generation)
                reader.read(
                    comparedWith: delegate.generation.image, mark: paths.mark, wantsText: paths.saveFolder != nil
                ) { [unowned self] outcome in
                    if case .judged(let image, _, _) = outcome { self.judged = image }
                    self.judge(self.verdict(on: outcome))
                }
            case .readForPreview:
                previewBeganAt = Clock.now
                reader.read(comparedWith: delegate.generation.image) { [unowned self] in
                    self.preview(self.verdict(on: $0))
                }
            case .answerPreview(let requests):
                for request in requests { answers.removeValue(forKey: request)?(previewReport) }
                previewReport = ReloadReport()
            case .apply:
                guard let pending else { return }
                delegate.give(pending)
                if let applyTimer { loop.set(applyTimer, to: Clock.now + Self.applyPatience) }
            case .replaceWorker:
                if let applyTimer { loop.set(applyTimer, to: Clock.now + Self.applyPatience) }
                delegate.replaceWorker("it hasn't taken its configuration for \(Self.applyPatience)")
            case .rollBack:
                pending = nil
                locks?.release()
                lastNumber += 1
                let old = Generation(delegate.generation, number: lastNumber)
                delegate.give(old)
                delegate.adopt(old)
            case .answer(let requests, let end): finish(requests, end)
            }
        }
    }

    /// The verdict on what was read. A virtual router that another hasupd runs refuses it, too (docs/decisions.md, D35).
    private func verdict(on outcome: ReadOutcome) -> ReloadVerdict {
        var verdict = ReloadVerdict(outcome, file: file, setting: setting, number: lastNumber + 1)
        guard let locks, let generation = verdict.generation else { return verdict }
        do throws(VirtualRouterLocks.Conflict) {
            try locks.take(generation)
        } catch {
            verdict.generation = nil
            verdict.refusal = "\(error)"
        }
        return verdict
    }

    /// Strict (docs/decisions.md, D18): any error refuses the whole, and the old configuration stays.
    private func judge(_ verdict: ReloadVerdict) {
        findings.begin()
        for finding in verdict.diagnostics { findings.tell(finding) }
        pending = verdict.generation
        if let pending { lastNumber = pending.number }
        diagnostics = verdict.diagnostics
        refusal = verdict.refusal
        if pending != nil, let obstacle = delegate.obstacle {
            pending = nil
            locks?.release()
            refusal = obstacle
        }
        perform(machine.handle(.read(accepted: pending != nil)))
    }

    /// The same verdict, for those who only want to know.
    private func preview(_ verdict: ReloadVerdict) {
        locks?.release()
        var report = ReloadReport()
        report.dryRun = true
        report.diagnostics = verdict.diagnostics.map { DiagnosticReport($0) }
        report.generation = Int(delegate.generation.number)
        if let new = verdict.generation {
            report.ok = true
            report.describe(new)
        } else {
            report.summaryText = verdict.refusal.asSentence
        }
        report.elapsedSeconds = (Clock.now - previewBeganAt).seconds
        previewReport = report
        perform(machine.handle(.read(accepted: report.ok)))
    }

    private func finish(_ requests: [UInt64], _ end: ReloadEnd) {
        if let applyTimer { loop.set(applyTimer, to: .never) }
        let before = delegate.generation
        var report = ReloadReport()
        report.diagnostics = diagnostics.map { DiagnosticReport($0) }
        report.elapsedSeconds = (Clock.now - beganAt).seconds
        switch end {
        case .runs:
            guard let pending else { break }
            report.ok = true
            report.describe(pending)
            self.pending = nil
            locks?.commit()
            delegate.adopt(pending)
            log.notice("reloaded: \(report.summaryText)")
        case .refused:
            report.summaryText = "\(refusal.asSentence) The old configuration goes on."
            log.error("reload refused: \(report.summaryText)")
        case .failed:
            report.summaryText =
                "\(ReloadMachine.workersMax) VRRP workers ended before they ran the new configuration; "
                + "hasupd's log says how. The old configuration goes on."
            log.error("reload failed: \(report.summaryText)")
        }
        report.generation = Int(delegate.generation.number)
        for request in requests { answers.removeValue(forKey: request)?(report) }
        let judged = self.judged
        self.judged = nil
        delegate.reloadEnded(report, before: before, judged: judged)
    }
}
