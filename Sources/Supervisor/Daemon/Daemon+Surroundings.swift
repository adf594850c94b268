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
            missing, locks?.problem, history.failure, ledger.failure, sink.isBlocked ? lost : nil, budget.problem,
        ].compactMap { $0 }
    }

    /// Looks for what somebody may have removed. Each loss is told once, and in status for as long as it lasts.
    func lookAround() {
        let found = [missing, locks?.problem].compactMap { $0 }
        for problem in found where !losses.contains(problem) { log.error("\(problem)") }
        losses = found
    }

    /// What of the run directory isn't there any more, and how to get it back; nil when all is in place.
    var missing: String? {
        guard let control else { return nil }
        let isAsked = control.isInPlace
        var sentences: [String] = []
        if !directory.isInPlace {
            sentences.append(
                "The run directory \(paths.runDirectory) was removed: what `hasup history` and the next start need isn't saved."
            )
        }
        if !isAsked { sentences.append("The control socket was removed or replaced: `hasup` can't ask hasupd.") }
        guard !sentences.isEmpty else { return nil }
        sentences.append(restoreFailure ?? "`kill -HUP \(getpid())` makes what is missing anew.")
        return sentences.joined(separator: " ")
    }

    /// Makes the run directory, what is in it, and the control socket anew if somebody has removed them.
    func restoreRunDirectory() {
        restoreFailure = nil
        guard let control, missing != nil else { return }
        var failures: [String] = []
        if !directory.isInPlace {
            do throws(StartError) {
                try directory.restore()
                paths.enterRunDirectory()
                refill()
            } catch {
                failures.append("It can't be made anew: \(error.message.asSentence) Restart hasupd.")
            }
        }
        if !control.isInPlace {
            do throws(SystemError) { try control.restore() } catch {
                failures.append("It can't be made anew: \(error).")
            }
        }
        restoreFailure = failures.isEmpty ? nil : failures.joined(separator: " ")
        lookAround()
        guard failures.isEmpty else { return }
        report("what was missing in the run directory \(paths.runDirectory) was made anew")
        log.notice("what was missing in the run directory \(paths.runDirectory) was made anew")
    }

    /// What belongs into a run directory that was made anew.
    private func refill() {
        history.restore()
        ledger.restore((vrrp?.previousGenerations ?? []) + [generation] + [reloads?.pending].compactMap { $0 })
        vrrp?.recordWorker()
        pidFiles.restore(
            daemon: getpid(), vrrp: vrrp?.worker?.child?.pid, checker: checker?.worker?.child?.pid)
    }
}
