import Base
import Configuration
import ConfigurationModel
import Control
import Varlink
import WorkerProtocol

extension ReloadReport {
    /// Describes the changes that its reader found in a new generation. A malformed description doesn't end the reload.
    mutating func describe(_ generation: Generation) {
        do throws(JSONError) {
            let found = try ReloadReport(parsing: generation.image.difference)
            (added, removed, changed) = (found.added, found.removed, found.changed)
            (changes, globalChanges, unchanged) = (found.changes, found.globalChanges, found.unchanged)
            faults = found.faults
            summaryText = found.summaryText
        } catch {
            summaryText = "the list of changes is malformed (\(error))"
        }
    }

    /// Instances that are described; of the others the names are given. hasupd reads and writes all of it in one turn
    /// (docs/decisions, D6).
    static let describedMax = 100

    /// - Parameter startFaults: faults of the new model's instances.
    init(_ difference: ModelDifference, startFaults: [StartFault] = []) {
        self.init()
        let touched = Set(difference.added + difference.changed.map(\.name))
        let found = startFaults.filter { touched.contains($0.name) }
        faults = found.prefix(Self.describedMax).map { fault in
            var report = InstanceFault()
            (report.name, report.reason) = (fault.name, fault.reason)
            return report
        }
        added = difference.added
        removed = difference.removed
        changed = difference.changed.map(\.name)
        unchanged = difference.unchanged
        globalChanges = difference.global.map { SettingChange($0) }
        changes = difference.changed.prefix(Self.describedMax).map { change in
            var report = InstanceChange()
            report.name = change.name
            report.startsAnew = change.startsAnew
            report.settings = change.settings.map { SettingChange($0) }
            return report
        }
        let parts = [
            ("added", added), ("removed", removed), ("changed", changed),
            ("global", globalChanges.prefix(difference.globalCount).map(\.setting)),
            ("virtual servers", difference.services), ("in FAULT", found.map(\.name)),
        ].filter { !$0.1.isEmpty }
        summaryText =
            parts.isEmpty
            ? "nothing changed" + (unchanged > 0 ? ", \(counted(unchanged, "instance"))" : "")
            : parts.map { "\($0.0) \(listed($0.1))" }.joined(separator: "; ")
                + (unchanged + added.count + removed.count + changed.count > 0 ? "; \(unchanged) unchanged" : "")
    }
}

/// Returns the first ten names and the number of the others.
///
/// - Parameter count: the number of all names, of which `names` are the first ones; nil for that of `names`.
func listed(_ names: [String], of count: Int? = nil) -> String {
    let shown = names.prefix(10)
    let rest = (count ?? names.count) - shown.count
    return shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
}

extension SettingChange {
    fileprivate init(_ setting: ModelDifference.Setting) {
        self.init()
        self.setting = setting.name
        old = setting.old
        new = setting.new
        text = setting.description
    }
}
