import ConfigurationModel

/// A library that is loaded only where a configuration needs it (docs/decisions, D80).
package enum CheckLibrary: Hashable, Sendable, CaseIterable {
    case patterns
    case tls

    var name: String {
        switch self {
        case .patterns: "PCRE2"
        case .tls: "OpenSSL"
        }
    }
}

/// The machine's answer about a library.
package enum LibraryFinding: Sendable {
    case loaded(any ContentJudge)
    /// It can't be loaded; the loader's words.
    case missing(String)
}

/// Judges what only a library understands.
package protocol ContentJudge: Sendable {
    /// The reason a regex doesn't compile; nil when it does.
    func objection(to pattern: BodyPattern) -> String?
    /// The first file of SSL that can't be used; nil when they fit.
    func objection(to credentials: TLSCredentials, password: String?) -> CredentialObjection?
}

/// A file that SSL names.
package enum CredentialFile: Sendable { case authorities, certificate, key }

/// A file of SSL that can't be used.
package struct CredentialObjection: Hashable, Sendable {
    package var file: CredentialFile
    /// The library's words.
    package var reason: String
    package init(_ file: CredentialFile, _ reason: String) {
        self.file = file
        self.reason = reason
    }
}
