import Base
import Configuration
import ConfigurationModel
import Control
import Logging
import Reactor
import Supervision
import WorkerProtocol

/// Effects of a reload that concern the rest of hasupd.
protocol ReloadConductorDelegate: AnyObject {
    /// The configuration that runs.
    var generation: Generation { get }
    /// The reason that no other generation can be given now, a sentence without its end.
    var obstacle: String? { get }
    /// Gives a generation to the worker; `configured` or `workerEnded` follows.
    func give(_ generation: Generation)
    /// Replaces the worker, for this reason.
    func replaceWorker(_ reason: String)
    /// This generation runs from now on.
    func adopt(_ generation: Generation)
    /// The files are about to be read.
    func reloadBegan()
    /// A reload has ended.
    ///
    /// - Parameters:
    ///   - before: the generation that ran when it began.
    ///   - judged: the files as they were read; nil when the reader failed.
    func reloadEnded(_ report: ReloadReport, before: Generation, judged: ConfigurationImage?)
}

/// The effects of reloads and previews. `ReloadMachine` decides.
final class ReloadConductor {
    /// Time that a worker may take to run a new configuration.
    private static let applyTimeout = Interval.seconds(10)

    private let context: DaemonContext
    private let findings: FindingLog
    private let locks: VirtualRouterLocks?
    private let reader: ConfigurationReader
    private unowned let delegate: any ReloadConductorDelegate
    private var machine = ReloadMachine()
    /// A generation that was accepted and isn't known to run yet.
    private(set) var pending: Generation?
    /// The last refusal, until a reload succeeds.
    private(set) var refused: RefusedConfiguration?
    /// The files as they were read, until their reload has ended.
    private var judged: ConfigurationImage?
    private var diagnostics: [Diagnostic] = []
    private var refusal = ""
    private var beganAt = Instant(nanoseconds: 0)
    private var previewBeganAt = Instant(nanoseconds: 0)
    private var previewReport = ReloadReport()
    private var completions: [UInt64: (ReloadReport) -> Void] = [:]
    private var lastRequest: UInt64 = 0
    /// Numbers are never used twice, not even that of a generation that was rolled back.
    private var lastNumber: UInt64
    private var applyTimer: Timer?
    private var isStopped = false

    init(
        _ context: DaemonContext, _ first: FirstConfiguration, _ locks: VirtualRouterLocks?,
        delegate: any ReloadConductorDelegate
    ) {
        self.context = context
        reader = first.reader
        findings = first.findings
        self.locks = locks
        self.delegate = delegate
        lastNumber = delegate.generation.number
        refused = first.refusal.map(Self.refused)
        applyTimer = context.loop.makeTimer { [unowned self] in self.perform(self.machine.handle(.timeout)) }
    }

    private static func refused(_ reason: String) -> RefusedConfiguration {
        RefusedConfiguration(at: Clock.now, wallNanoseconds: Clock.wallNanoseconds, reason: reason)
    }

    /// Reads the files again. The completion is called when the new configuration runs or was refused.
    ///
    /// - Parameter isDryRun: true to only find out what a reload would do.
    func request(isDryRun: Bool, _ completion: ((ReloadReport) -> Void)?) {
        guard !isStopped else {
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

    /// The worker runs this generation. Returns true if a reload waited for that.
    func configured(_ number: UInt64) -> Bool {
        guard let pending, pending.number == number else { return false }
        perform(machine.handle(.configured))
        return true
    }

    /// The worker is gone. Its successor is given the newest generation.
    func workerEnded() { perform(machine.handle(.workerEnded)) }

    /// Ends all reloads, and completes their requests.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        if let applyTimer { context.loop.set(applyTimer, to: .never) }
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
        guard !isStopped else { return }
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
                if let applyTimer { context.loop.set(applyTimer, to: Clock.now + applyLimit) }
            case .replaceWorker:
                if let applyTimer { context.loop.set(applyTimer, to: Clock.now + applyLimit) }
                delegate.replaceWorker("it hasn't applied its configuration for \(applyLimit)")
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

    /// The time until a worker has to run a configuration: before_releases of what it takes away come first.
    private var applyLimit: Interval { Self.applyTimeout + delegate.generation.model.releaseTime }

    /// Decides on the files. They are refused for a virtual router that another hasupd runs, too (docs/decisions, D35).
    private func decision(on outcome: ReadOutcome) -> ReloadDecision {
        var decision = ReloadDecision(
            outcome, file: context.paths.configuration, host: context.host, number: lastNumber + 1)
        guard let locks, let generation = decision.generation else { return decision }
        do throws(VirtualRouterLocks.Conflict) {
            try locks.take(generation)
        } catch {
            decision.generation = nil
            decision.refusal = "\(error)"
        }
        return decision
    }

    /// Strict (docs/decisions, D18): any error refuses the whole, and the old configuration stays.
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

    /// Completes dry runs.
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
        if let applyTimer { context.loop.set(applyTimer, to: .never) }
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
            context.log.notice("reloaded: \(report.summaryText)")
        case .refused:
            report.summaryText = "\(refusal.asSentence) The old configuration stays in force."
            context.log.error("reload refused: \(report.summaryText)")
        case .failed:
            report.summaryText =
                "\(ReloadMachine.workersMax) VRRP workers ended before they ran the new configuration: "
                + "see hasupd's log. The old configuration stays in force."
            context.log.error("reload failed: \(report.summaryText)")
        }
        report.generation = Int(delegate.generation.number)
        for request in requests { completions.removeValue(forKey: request)?(report) }
        let judged = self.judged
        self.judged = nil
        refused = report.ok ? nil : Self.refused(report.summaryText)
        delegate.reloadEnded(report, before: before, judged: judged)
    }
}
