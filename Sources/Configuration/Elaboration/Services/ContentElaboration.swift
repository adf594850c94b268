import Base
import ConfigurationModel

/// Regular expressions and the files of SSL, which only a library understands.
extension Elaborator {
    /// A library, where the machine is to be asked. What it means that there is none is said once.
    mutating func judge(_ library: CheckLibrary, at token: Int) -> (any ContentJudge)? {
        switch files.library(library) {
        case nil: return nil
        case .loaded(let judge): return judge
        case .missing(let reason):
            guard services.missingLibraries.insert(library).inserted else { return nil }
            report(
                .error,
                "`\(string(token))` needs \(library.name), which can't be loaded (\(reason)): install it", at: token,
                atStart: StartAction("leave such servers unchecked", past: "such servers stay unchecked"), code: .check)
            return nil
        }
    }

    mutating func examine(_ pattern: BodyPattern, at token: Int) {
        guard let reason = judge(.patterns, at: token - 1)?.objection(to: pattern) else { return }
        report(
            .error, "the regex doesn't compile: \(reason)", at: token,
            atStart: StartAction("leave the server unchecked", past: "the server stays unchecked"), code: .check)
    }

    /// Reads the files of SSL and sees whether they fit.
    ///
    /// - Parameter places: the keywords.
    mutating func readCredentials(of block: Statement, _ places: [String: Int]) {
        let settings = model.tlsClient
        for (keyword, path) in [
            ("ca", settings.authorities), ("certificate", settings.certificate), ("key", settings.key),
        ] {
            guard let path, path.utf8.first != Byte.slash, let place = places[keyword] else { continue }
            report(
                .warning,
                "`\(path)` is a relative path, and hasupd may look for it in another folder than this command does: write the "
                    + "whole path", at: place + 1)
        }
        guard let library = judge(.tls, at: block.token) else { return }
        let unchecked = StartAction("leave servers with SSL_GET unchecked", past: "servers with SSL_GET stay unchecked")
        var credentials = TLSCredentials()
        var isReadable = true
        let named: [(String, String?, WritableKeyPath<TLSCredentials, [UInt8]?>, CredentialFile)] = [
            ("ca", settings.authorities, \.authorities, .authorities),
            ("certificate", settings.certificate, \.certificate, .certificate),
            ("key", settings.key, \.key, .key),
        ]
        for (keyword, path, content, _) in named {
            guard let path, let place = places[keyword], keyword != "key" || settings.certificate != nil else {
                continue
            }
            switch files.read(path: path) {
            case .success(let bytes): credentials[keyPath: content] = bytes
            case .failure(let error):
                isReadable = false
                report(
                    .error, "can't read `\(path)`: \(error.explanation)", at: place + 1, atStart: unchecked,
                    code: .check)
            }
        }
        guard isReadable else { return }
        if let objection = library.objection(to: credentials, password: settings.password) {
            for (keyword, path, _, file) in named where file == objection.file {
                guard let path, let place = places[keyword] else { continue }
                report(
                    .error, "the \(keyword) `\(path)` can't be used: \(objection.reason)", at: place + 1,
                    atStart: unchecked, code: .check)
            }
            return
        }
        services.credentials = credentials
    }
}
