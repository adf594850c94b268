import Base
import Glibc
import Kernel
import Logging
import Reactor
import Telemetry

extension Daemon {
    /// Removes the addresses that a process of ours, which is gone, has left; how many there were.
    ///
    /// - Parameter kept: a configuration whose addresses are left alone.
    @discardableResult func removeLeftovers(of whom: String, except kept: Generation? = nil) -> Int {
        do throws(SystemError) {
            let left = try ledger.withdraw(except: kept?.model, by: store.addressPage)
            if let kept {
                note(kept)
                ledger.forget(before: kept.number)
            } else {
                ledger.clear()
            }
            if !left.isEmpty {
                let text = removalText(of: left.map { "\($0) from \($0.interfaceName)" }, count: left.count) { them in
                    "\(whom) had left \(them) there"
                }
                log.warning("\(text)")
                report(text)
            }
            return left.count
        } catch {
            log.error("addresses that \(whom) may have left behind aren't all removed: \(error)")
            return 0
        }
    }

    /// Notes a configuration before a worker is given it.
    func note(_ generation: Generation) {
        ledger.record(generation.image, as: generation.number)
        if let failure = ledger.failure { log.warning("\(failure)") }
    }

    /// What surrounds this hasupd and doesn't do what it should, a sentence each.
    var problems: [String] {
        let lost =
            "hasupd's log lines aren't taken, \(sink.dropped) are lost: whoever reads its standard error doesn't."
        return [
            displacement, memory.problem(at: Clock.now), history.failure, ledger.failure, sink.isBlocked ? lost : nil,
            budget.problem, claims?.problem,
        ].compactMap { $0 }
    }

    /// What may have changed around hasupd without anybody telling it.
    func lookAround() {
        keepInPlace()
        keepClaims()
        let now = Clock.now
        if memory.look(at: now), let problem = memory.problem(at: now) { log.warning("\(problem)") }
    }

    /// Whoever removes the run directory removes what keeps another hasupd from the same virtual routers (D35).
    ///
    /// - Parameter done: called when they are claimed again, or it is known why they aren't.
    func keepClaims(then done: (() -> Void)? = nil) {
        guard let claims else {
            done?()
            return
        }
        claims.keepInPlace(on: loop, then: done) { [unowned self] isNew in
            if let problem = self.claims?.problem { return self.log.error("\(problem)") }
            guard isNew else { return self.log.notice("the virtual routers are claimed again") }
            self.report("somebody has removed \(Claims.file); hasupd has claimed its virtual routers anew")
            self.log.warning("somebody has removed \(Claims.file); the virtual routers are claimed anew")
        }
    }

    /// Makes the run directory, what is in it, and the control socket anew if somebody has removed them. Each is told
    /// once, and in status for as long as it lasts.
    func keepInPlace() {
        guard let control else { return }
        let isDirectoryInPlace = directory.isInPlace
        if isDirectoryInPlace, control.isInPlace {
            displacement = nil
            return
        }
        var failures: [String] = []
        if !isDirectoryInPlace {
            do throws(StartError) {
                try directory.restore()
                paths.enterRunDirectory()
                refill()
            } catch {
                failures.append(
                    "The run directory \(paths.runDirectory) was removed, and hasupd can't be at home in a new one, so what "
                        + "`hasup history` and the next start need isn't kept until hasupd is restarted: \(error.message)"
                )
            }
        }
        if !control.isInPlace {
            do throws(SystemError) { try control.restore() } catch {
                failures.append("The control socket was removed, and nobody can ask hasupd: can't \(error).")
            }
        }
        let failure = failures.isEmpty ? nil : failures.joined(separator: " ")
        if let failure, failure != displacement { log.error("\(failure)") }
        displacement = failure
        let missing = isDirectoryInPlace ? "the control socket" : "the run directory \(paths.runDirectory)"
        if failure == nil { report("somebody has removed \(missing); hasupd has made it anew") }
        if failure == nil { log.warning("somebody has removed \(missing); it is made anew") }
    }

    /// What belongs into a run directory that was made anew.
    private func refill() {
        history.restore()
        ledger.restore((vrrp?.formers ?? []) + [generation] + [reloads?.pending].compactMap { $0 })
        vrrp?.noteWorker()
        pidFiles.restore(
            daemon: getpid(), vrrp: vrrp?.worker?.child?.pid, checker: checker?.worker?.child?.pid)
    }
}
