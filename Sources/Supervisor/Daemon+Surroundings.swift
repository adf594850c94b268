import Base
import Logging
import Reactor
import Telemetry

extension Daemon {
    /// Removes the addresses that a process of ours, which is gone, has left; how many there were.
    ///
    /// - Parameter kept: a configuration whose addresses are left alone.
    @discardableResult func removeLeftovers(of whom: String, except kept: Generation? = nil) -> Int {
        do throws(SystemError) {
            let left = try ledger.withdraw(except: kept?.model)
            if let kept {
                note(kept)
                ledger.forget(before: kept.number)
            } else {
                ledger.clear()
            }
            if !left.isEmpty {
                log.warning("removed what \(whom) left behind: \(left.map(\.description).joined(separator: ", "))")
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
        return [history.failure, ledger.failure, sink.isBlocked ? lost : nil].compactMap { $0 }
    }
}
