import Base
import Control
import Logging
import Reactor
import WorkerProtocol

extension Daemon {
    /// Becomes the program that now lies where this one was started from. The completion is told what it is, shortly
    /// before that happens, or why it doesn't.
    ///
    /// - Parameter onlyIfChanged: whether it is left when the program that runs is still the one that lies there: then
    ///   the completion is told nil.
    func requestUpgrade(
        onlyIfChanged: Bool = false, _ completion: @escaping (Result<String?, Upgrade.Refusal>) -> Void
    ) {
        admitOperators()
        guard let upgrade, !isStopping else { return completion(.failure(.init("hasupd is stopping"))) }
        // Then it is a reload, which needs nothing of what follows.
        if onlyIfChanged, !upgrade.isProgramChanged { return completion(.success(nil)) }
        lookAround()
        if !directory.isInPlace, let missing {
            return completion(.failure(.init("the next hasupd couldn't start: \(missing)")))
        }
        judge(upgrade, completion)
    }

    private func judge(_ upgrade: Upgrade, _ completion: @escaping (Result<String?, Upgrade.Refusal>) -> Void) {
        // Judged as a reload is: with another version's files nobody has an older configuration to go on with.
        requestReload(isDryRun: true) { report in
            guard report.ok else {
                return completion(.failure(.init("the configuration must be mended first: \(report.summaryText)")))
            }
            upgrade.inspect { [unowned self] result in
                completion(result.map { $0 })
                guard case .success(let version) = result, !self.isStopping else { return }
                let text =
                    version == hasupVersion
                    ? "upgrade: hasupd \(version) starts anew from what is installed, which is the same version"
                    : "upgrade: hasupd \(hasupVersion) becomes hasupd \(version)"
                self.log.notice("\(text)")
                self.report(text)
                self.service.notify(.reloading)
                let succession = Succession(isSealed: self.host.isFullySealed, limits: self.scripts.limits)
                upgrade.execReplacement(
                    succession,
                    lastWork: { [unowned self] in
                        self.tellWhatIsLeft()
                        self.scripts.endTold()
                        self.flushRest()
                        self.loop.flushDeferredWork()
                    },
                    onFailure: { [unowned self] in self.notifyReady() })
            }
        }
    }

    /// Notifications that wait are the next hasupd's (docs/decisions.md, D40).
    func tellWhatIsLeft() {
        let count = scripts.waitingCount
        if count > 0 { log.notice("left to the next hasupd: \(counted(count, "notification"))") }
    }

    /// Whoever asked for this may have been a command of the unit, for which systemd has taken the run directory back.
    func admitOperators() {
        if let group = host.operatorGroup { directory.readmit(group) }
    }
}
