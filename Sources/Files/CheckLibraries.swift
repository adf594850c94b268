import CLinux
import Configuration
import ConfigurationModel

/// PCRE2 and OpenSSL as judges of a configuration (docs/decisions, D80). They are loaded when the first keyword needs them.
package struct CheckLibraries: ContentJudge {
    private init() {}

    package static func find(_ library: CheckLibrary) -> LibraryFinding {
        let failure: UnsafePointer<CChar>? =
            switch library {
            case .patterns: hasup_pattern_load()
            case .tls: hasup_tls_load()
            }
        return failure.map { .missing(String(cString: $0)) } ?? .loaded(CheckLibraries())
    }

    package func objection(to pattern: BodyPattern) -> String? {
        var reason = [CChar](repeating: 0, count: 256)
        let code = hasup_pattern_compile(
            pattern.expression, pattern.expression.count, pattern.options.map(\.rawValue).joined(separator: " "),
            &reason, reason.count)
        guard let code else { return Self.text(reason) }
        hasup_pattern_destroy(code)
        return nil
    }

    package func objection(to credentials: TLSCredentials, password: String?) -> CredentialObjection? {
        guard hasup_tls_prepare() == 0 else { return CredentialObjection(.authorities, "there is no memory") }
        let parts: [([UInt8]?, Int, CredentialFile)] = [
            (credentials.authorities, HASUP_TLS_AUTHORITIES, .authorities),
            (credentials.certificate, HASUP_TLS_CERTIFICATE, .certificate), (credentials.key, HASUP_TLS_KEY, .key),
        ]
        for (content, part, file) in parts {
            guard let content else { continue }
            var reason = [CChar](repeating: 0, count: 256)
            guard hasup_tls_add(Int32(part), content, content.count, password ?? "", &reason, reason.count) == 0 else {
                return CredentialObjection(file, Self.text(reason))
            }
        }
        return nil
    }

    private static func text(_ reason: [CChar]) -> String {
        String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
