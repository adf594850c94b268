import Base
import ConfigurationModel

/// mtu and its kin.
extension Elaborator {
    /// A number, which may be locked.
    mutating func metric(_ kind: RouteMetric.Kind, _ option: Statement) {
        let isLocked = option.row.value.isOptional && takes("lock")
        guard let value = unsigned(option) else { return isUsable = false }
        route.settings.metrics.append(RouteMetric(kind: kind, value: value, isLocked: isLocked))
    }

    /// A time that may end in `s` or `ms` and counts in the kernel's unit.
    mutating func timeMetric(_ kind: RouteMetric.Kind, unitsPerMillisecond: Double, _ option: Statement) {
        let isLocked = takes("lock")
        guard let word = value(of: option) else { return }
        var text = string(word)
        var factor = 1.0
        if text.hasSuffix("ms") {
            text.removeLast(2)
        } else if text.hasSuffix("s") {
            text.removeLast()
            factor = 1_000
        }
        guard let value = decimalMicroseconds(Array(text.utf8)[...])?.value else {
            return refuseEntry("`\(string(word))` isn't a time in s or ms", at: word)
        }
        let units = Double(value) / 1e6 * factor * unitsPerMillisecond
        guard units <= Double(UInt32.max) else { return refuseEntry("`\(option.row.name)` is too long", at: word) }
        route.settings.metrics.append(RouteMetric(kind: kind, value: UInt32(units.rounded()), isLocked: isLocked))
    }

    mutating func features(_ option: Statement) {
        guard let word = value(of: option) else { return }
        guard text.matches(text.tokens[word], "ecn") else { return refuseEntry("`features` is ecn", at: word) }
        route.settings.metrics.append(RouteMetric(kind: .features, value: 1))
    }

    mutating func congestionControl(_ option: Statement) {
        route.settings.locksCongestionControl = takes("lock")
        if let word = value(of: option) { route.settings.congestionControl = string(word) }
    }
}
