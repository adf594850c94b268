import Base
import Configuration
import IPC

extension ReloadReport {
    /// What changes from one generation to the next.
    mutating func describe(from old: Generation, to new: Generation) {
        do throws(ByteError) {
            let difference = ModelDifference(from: try old.model.decode(), to: try new.model.decode())
            describe(difference)
        } catch {
            // Both models were validated when they were read; this costs the description, not the reload.
            summaryText = "what changed can't be told (\(error))"
        }
    }

    private mutating func describe(_ difference: ModelDifference) {
        added = difference.added
        removed = difference.removed
        changed = difference.changed.map(\.name)
        unchanged = difference.unchanged
        globalChanges = difference.global.map { SettingChange($0) }
        changes = difference.changed.map { change in
            var report = InstanceChange()
            report.name = change.name
            report.startsAnew = change.startsAnew
            report.settings = change.settings.map { SettingChange($0) }
            return report
        }
        let parts = [
            ("added", added), ("removed", removed), ("changed", changed), ("global", globalChanges.map(\.setting)),
        ].filter { !$0.1.isEmpty }
        summaryText =
            parts.isEmpty
            ? "nothing changed, \(unchanged) instances"
            : parts.map { "\($0.0) \($0.1.joined(separator: ", "))" }.joined(separator: "; ")
                + "; \(unchanged) unchanged"
    }
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
