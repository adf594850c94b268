import Base
import ConfigurationModel

extension Elaborator {
    /// mtu and its kin. - Returns: false for a word that isn't one.
    mutating func metric(_ word: Int, _ words: inout WordCursor, _ draft: inout RouteDraft) -> Bool {
        let name = string(word)
        if name == "congctl" {
            draft.settings.locksCongestionControl = takes("lock", from: &words)
            draft.settings.congestionControl = required(value(of: word, in: &words).map { string($0) }, &draft)
            return true
        }
        guard let form = MetricForm(name) else { return false }
        let isLocked = form.mayLock && takes("lock", from: &words)
        guard let value = value(of: word, in: &words) else {
            draft.isUsable = false
            return true
        }
        if name == "features", string(value) != "ecn" {
            draft.refuse(&self, "`features` is ecn", at: value)
        } else if let number = required(name == "features" ? 1 : metricValue(form, at: value, name), &draft) {
            draft.settings.metrics.append(RouteMetric(kind: form.kind, value: number, isLocked: isLocked))
        }
        return true
    }

    /// A metric's number; times may end in `s` or `ms` and count in the kernel's unit.
    private mutating func metricValue(_ form: MetricForm, at word: Int, _ name: String) -> UInt32? {
        guard form.isTime else { return unsigned(at: word, for: name, 0...form.maximum) }
        var text = string(word)
        var factor = 1.0
        if text.hasSuffix("ms") {
            text.removeLast(2)
        } else if text.hasSuffix("s") {
            text.removeLast()
            factor = 1_000
        }
        guard let value = decimalMicroseconds(Array(text.utf8)[...])?.value else {
            refuse("`\(string(word))` isn't a time in s or ms", at: word)
            return nil
        }
        let units = Double(value) / 1e6 * factor * form.unitsPerMillisecond
        guard units <= Double(UInt32.max) else {
            refuse("`\(name)` is too long", at: word)
            return nil
        }
        return UInt32(units.rounded())
    }
}

/// How a metric is written.
private struct MetricForm {
    var kind: RouteMetric.Kind
    var mayLock = true
    var isTime = false
    var unitsPerMillisecond = 1.0
    var maximum = UInt32.max

    init(kind: RouteMetric.Kind, mayLock: Bool = true, maximum: UInt32 = .max) {
        self.kind = kind
        self.mayLock = mayLock
        self.maximum = maximum
    }

    init(time kind: RouteMetric.Kind, unitsPerMillisecond: Double) {
        self.kind = kind
        isTime = true
        self.unitsPerMillisecond = unitsPerMillisecond
    }

    init?(_ name: String) {
        switch name {
        case "mtu": self.init(kind: .mtu)
        case "advmss": self.init(kind: .advmss)
        case "reordering": self.init(kind: .reordering)
        case "cwnd": self.init(kind: .cwnd)
        case "ssthresh": self.init(kind: .ssthresh)
        case "window": self.init(kind: .window, mayLock: false)
        case "hoplimit": self.init(kind: .hoplimit, mayLock: false, maximum: 255)
        case "initcwnd": self.init(kind: .initcwnd, mayLock: false)
        case "initrwnd": self.init(kind: .initrwnd, mayLock: false)
        case "features": self.init(kind: .features, mayLock: false)
        case "quickack": self.init(kind: .quickack, mayLock: false, maximum: 1)
        case "fastopen_no_cookie": self.init(kind: .fastopenNoCookie, mayLock: false, maximum: 1)
        case "rtt": self.init(time: .rtt, unitsPerMillisecond: 8)
        case "rttvar": self.init(time: .rttvar, unitsPerMillisecond: 4)
        case "rto_min": self.init(time: .rtoMin, unitsPerMillisecond: 1)
        default: return nil
        }
    }
}
