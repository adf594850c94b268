import Configuration
import ConfigurationModel
import Files
import Testing

@Suite("PCRE2 and OpenSSL of this machine, as they check a configuration (docs/decisions, D80)")
struct CheckLibrariesTests {
    private func judge(_ library: CheckLibrary) throws -> any ContentJudge {
        switch CheckLibraries.find(library) {
        case .loaded(let judge): return judge
        case .missing(let reason): throw Missing(reason: reason)
        }
    }

    private struct Missing: Error { var reason: String }

    @Test func patterns() throws {
        let library = try judge(.patterns)
        #expect(library.objection(to: BodyPattern(expression: Array("h.llo".utf8))) == nil)
        #expect(
            library.objection(to: BodyPattern(expression: Array("(a".utf8)))
                == "missing closing parenthesis, at byte 2")
        // An option that makes the difference, behind another one.
        var pattern = BodyPattern(expression: Array("[]a]".utf8))
        #expect(library.objection(to: pattern) == nil)
        pattern.options = [.caseless, .allowEmptyClass]
        #expect(library.objection(to: pattern) == nil)
        pattern.expression = Array("\\C".utf8)
        #expect(library.objection(to: pattern) == nil)
        pattern.options = [.caseless, .neverSingleUnit]
        #expect(library.objection(to: pattern)?.contains("\\C") == true)
    }

    @Test func credentials() throws {
        let library = try judge(.tls)
        var credentials = TLSCredentials()
        #expect(library.objection(to: credentials, password: nil) == nil)
        credentials.certificate = Array("no certificate".utf8)
        #expect(
            library.objection(to: credentials, password: nil) == CredentialObjection(.certificate, "no start line"))
        credentials.authorities = []
        #expect(
            library.objection(to: credentials, password: nil) == CredentialObjection(.authorities, "no start line"))
    }

    @Test func filesOfAnotherMachine() {
        if SystemFiles(inspectsPrograms: false).library(.tls) != nil { Issue.record("it was looked for") }
    }
}
