import Base
import CLinux
import ConfigurationModel
import LoadBalancing

/// Compares bodies with digests and patterns.
final class BodyExaminer {
    /// Compiled patterns. Equal ones of many checks are compiled once.
    private var patterns: [BodyPattern: OpaquePattern] = [:]

    /// A compiled pattern, or the reason why it isn't one.
    private struct OpaquePattern {
        var code: UnsafeMutableRawPointer?
        var failure: String?
    }

    deinit { forgetPatterns() }

    /// Frees the patterns: a new configuration may have others.
    func forgetPatterns() {
        for pattern in patterns.values { hasup_pattern_destroy(pattern.code) }
        patterns = [:]
    }

    /// The reason why a pattern can't be used; nil when it can.
    func failure(of pattern: BodyPattern) -> String? { compiled(pattern).failure }

    func examine(_ examination: BodyExamination) -> BodyFinding {
        if let digest = examination.digest {
            let isRight = MD5.digest(of: examination.body) == digest
            guard isRight || examination.raw.map({ MD5.digest(of: $0) == digest }) == true else { return .wrongDigest }
        }
        guard let pattern = examination.pattern else { return .fits }
        guard let code = compiled(pattern).code else { return .wrongPattern }
        let place = examination.body.withUnsafeBytes {
            hasup_pattern_search(code, $0.baseAddress, $0.count, pattern.minimumOffset)
        }
        if place == Int64(HASUP_PATTERN_TOO_EXPENSIVE) { return .tooExpensive }
        // Both limits are inclusive (behaviours_lvs2, B17).
        let isFound = place >= 0 && place <= pattern.maximumOffset ?? .max
        return isFound != pattern.mustNotMatch ? .fits : .wrongPattern
    }

    private func compiled(_ pattern: BodyPattern) -> OpaquePattern {
        if let known = patterns[pattern] { return known }
        var error = [CChar](repeating: 0, count: 256)
        let code = hasup_pattern_compile(
            pattern.expression, pattern.expression.count, pattern.options.map(\.rawValue).joined(separator: " "),
            &error, error.count)
        let text = String(decoding: error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let made = OpaquePattern(code: code, failure: code == nil ? text : nil)
        patterns[pattern] = made
        return made
    }
}
