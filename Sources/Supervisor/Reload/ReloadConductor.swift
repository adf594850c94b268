import Base
import Configuration
import ConfigurationModel
import Control
import Logging
import Reactor
import Supervision
import WorkerProtocol

/// What the daemon does for it.
protocol ReloadConductorDelegate: AnyObject {
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
    func reloadBegan()
    /// A reload has ended. - Parameters: what ran before, what was read, and whether that runs now.
    func reloadEnded(_ report: ReloadReport, before: Generation, judged: ConfigurationImage?)
}

/// The effects of reloads and previews: the machine that decides is `ReloadMachine`.
final class ReloadConductor {
    /// How long a worker may take to run a new configuration.
    private static let applyPatience = Interval.seconds(10)

    private let file: String
    private let log: Logger
    private let findings: FindingLog
    private let loop: EventLoop
    private let host: HostProfile
    private let locks: VirtualRouterLocks?
    private let reader: ConfigurationReader
    unowned let delegate: any ReloadConductorDelegate
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
    private var completions: [UInt64: (ReloadReport) -> Void] = [:]
    private var lastRequest: UInt64 = 0
    /// Numbers are never used twice, not even when a generation was taken back.
    private var lastNumber: UInt64
    private var applyTimer: Timer?
    private var isOver = false

    init(
        file: String, reader: ConfigurationReader, host: HostProfile, locks: VirtualRouterLocks?, on loop: EventLoop,
        log: Logger,
        findings: FindingLog, delegate: any ReloadConductorDelegate
    ) {
        self.findings = findings
        self.file = file
        self.log = log
        self.loop = loop
        self.host = host
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
            completions[number] = completion
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
        let waiting = completions.values
        completions = [:]
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
                delegate.reloadBegan()
                beganAt = Clock.now
                let paths = ReloadPaths(delegate.generation)
                reader.read(
                    comparedWith: delegate.generation.image, mark: paths.mark, wantsText: paths.saveFolder != nil
                ) { [unowned self] outcome in
                    if case .judged(let image, _, _) = outcome { self.judged = image }
                    self.apply(self.decision(on: outcome))
                }
            case .readForPreview:
                previewBeganAt = Clock.now
                reader.read(comparedWith: delegate.generation.image) { [unowned self] in
                    self.preview(self.decision(on: $0))
                }
            case .answerPreview(let requests):
                for request in requests { completions.removeValue(forKey: request)?(previewReport) }
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

    /// The decision on what was read. A virtual router that another hasupd runs refuses it, too (docs/decisions.md, D35).
    private func decision(on outcome: ReadOutcome) -> ReloadDecision {
        var decision = ReloadDecision(outcome, file: file, host: host, number: lastNumber + 1)
        guard let locks, let generation = decision.generation else { return decision }
        do throws(VirtualRouterLocks.Conflict) {
            try locks.take(generation)
        } catch {
            decision.generation = nil
            decision.refusal = "\(error)"
        }
        return decision
    }

    /// Strict (docs/decisions.md, D18): any error refuses the whole, and the old configuration stays.
    private func apply(_ decision: ReloadDecision) {
        findings.begin()
        for finding in decision.diagnostics { findings.log(finding) }
        pending = decision.generation
        if let pending { lastNumber = pending.number }
        diagnostics = decision.diagnostics
        refusal = decision.refusal
        if pending != nil, let obstacle = delegate.obstacle {
            pending = nil
            locks?.release()
            refusal = obstacle
        }
        perform(machine.handle(.read(accepted: pending != nil)))
    }

    /// The same decision, for those who only want to know.
    private func preview(_ decision: ReloadDecision) {
        locks?.release()
        var report = ReloadReport()
        report.dryRun = true
        report.diagnostics = decision.diagnostics.map { DiagnosticReport($0) }
        report.generation = Int(delegate.generation.number)
        if let new = decision.generation {
            report.ok = true
            report.describe(new)
        } else {
            report.summaryText = decision.refusal.asSentence
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
        for request in requests { completions.removeValue(forKey: request)?(report) }
        let judged = self.judged
        self.judged = nil
        delegate.reloadEnded(report, before: before, judged: judged)
    }
}
