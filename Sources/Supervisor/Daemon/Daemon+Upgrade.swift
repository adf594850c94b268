import Base
import Control
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

extension Daemon {
    /// Becomes the program that is installed now. The completion gets its version shortly before, or the reason that it
    /// doesn't happen.
    ///
    /// - Parameter onlyIfChanged: true to do nothing when the installed program is the one that runs: then the completion
    ///   gets nil.
    func requestUpgrade(onlyIfChanged: Bool, _ completion: @escaping (Result<String?, UpgradeRefusal>) -> Void) {
        monitor?.readmitOperators()
        guard let upgrade, !isStopping else { return completion(.failure(.init("hasupd is stopping"))) }
        guard lifecycleScript?.isRunning != true else {
            return completion(.failure(.init("startup_script still runs")))
        }
        // Then it is a reload, which needs nothing of what follows.
        if onlyIfChanged, !upgrade.isProgramChanged { return completion(.success(nil)) }
        monitor?.check()
        if let missing = monitor?.missingDirectory {
            return completion(.failure(.init("the next hasupd couldn't start: \(missing)")))
        }
        checkConfiguration(upgrade, completion)
    }

    private func checkConfiguration(
        _ upgrade: Upgrade, _ completion: @escaping (Result<String?, UpgradeRefusal>) -> Void
    ) {
        // As for a reload: with another version's files no older configuration can stay in effect.
        requestReload(isDryRun: true) { report in
            guard report.ok else {
                return completion(.failure(.init("correct the configuration first: \(report.summaryText)")))
            }
            upgrade.inspect { [unowned self] result in
                completion(result.map { $0 })
                guard case .success(let version) = result, !self.isStopping else { return }
                self.exec(upgrade, version)
            }
        }
    }

    private func exec(_ upgrade: Upgrade, _ version: String) {
        let text =
            version == hasupVersion
            ? "upgrade: hasupd \(version) restarts from the installed program, which is the same version"
            : "upgrade: hasupd \(hasupVersion) becomes hasupd \(version)"
        log.notice("\(text)")
        report(text)
        service.notify(.reloading)
        director.park { [unowned self] in self.execParked(upgrade) }
    }

    /// No call to IPVS is under way.
    private func execParked(_ upgrade: Upgrade) {
        guard !isStopping else { return director.unpark() }
        upgrade.execReplacement(
            lastWork: { [unowned self] in
                self.logWaitingNotifications()
                self.scripts.endTerminated()
                self.hooks.endTerminated()
                self.mails.finish()
                self.flushRest()
                self.loop.flushDeferredWork()
            },
            handover: { [unowned self] in
                Handover(
                    isSealed: self.context.host.isFullySandboxed, limits: self.scripts.limits,
                    stored: self.store.stored + self.director.stored + self.workers.pingGroups.stored,
                    locks: self.locks?.number)
            },
            onFailure: { [unowned self] in
                self.director.unpark()
                self.notifyReady()
            })
    }
}
