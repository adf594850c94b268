import Base
import Configuration
import ConfigurationModel
import Files
import Foundation
import Testing

@testable import hasup

/// One file under any name.
private struct Example: FileProvider {
    var text: String
    func read(path: String) -> Result<[UInt8], FileError> { .success(Array(text.utf8)) }
    func glob(pattern: String) -> Result<[String], FileError> { .success([]) }
}

@Suite("docs/configuration.md")
struct KeywordReferenceTests {
    @Test("it is what the keyword table says: run `make docs`")
    func isCurrent() throws {
        // Tests run with the package's folder as working directory.
        let file = try SystemFiles().read(path: "docs/configuration.md").get()
        #expect(String(decoding: file, as: UTF8.self) == KeywordReference.markdown(.shared))
    }

    @Test("so is man/hasup.conf.5")
    func manualIsCurrent() throws {
        let file = try SystemFiles().read(path: "man/hasup.conf.5").get()
        #expect(String(decoding: file, as: UTF8.self) == ManualPage.text(.shared))
    }

    @Test("every keyword is an item of the manual page")
    func manualIsComplete() {
        let lines = ManualPage.text(.shared).split(separator: "\n")
        #expect(lines.count { $0.hasPrefix(".It Ic ") } == KeywordTable.shared.keywords.count)
        // A blank line, or a request that isn't one of these, would come from the table's text.
        let requests: Set<Substring> = [
            ".Dd", ".Dt", ".Os", ".Sh", ".Nm", ".Nd", ".Xr", ".Pa", ".Ic", ".Ss", ".Pp", ".Ql", ".Bl", ".It", ".El",
            ".Bd", ".Ed",
            ".\\\"",
        ]
        for line in lines where line.hasPrefix(".") || line.hasPrefix("'") {
            #expect(requests.contains(line.prefix { $0 != " " }), "\(line)")
        }
    }

    /// As they stand in the page, on a machine that has what they name.
    @Test("each example of the manual page is accepted without a finding, and those of two nodes go together")
    func examplesAreGood() {
        var environment = Environment(interfaces: ["eth0", "eth1"])
        environment.prefixes = [
            "eth1": ["198.51.100.1/24"].compactMap { Prefix($0) }
        ]
        environment.guardFile = .none
        environment.links = ["eth0": LinkFacts(), "eth1": LinkFacts()]
        let page = ManualPage.text(.shared)
        let texts = page.components(separatedBy: ".Bd -literal -offset indent\n").dropFirst().map {
            $0.components(separatedBy: ".Ed\n")[0]
        }
        #expect(texts.count == ManualExamples.all.reduce(0) { $0 + $1.files.count } && texts.count == 5)
        let nodes = texts.enumerated().map { number, text in
            environment.prefixes?["eth0"] = [Prefix(number % 2 == 0 ? "192.0.2.1/24" : "192.0.2.2/24")].compactMap {
                $0
            }
            return ClusterNode(path: "a.conf", files: Example(text: text), environment: environment)
        }
        for node in nodes {
            let verdict = FindingText.verdict(on: "a.conf", node.loaded)
            #expect(verdict == "a.conf: 0 errors, 0 warnings; 1 instance, 0 virtual servers. Good.\n")
            #expect(node.loaded.orderedDiagnostics.map(\.message) == [])
        }
        for first in [0, 2] { #expect(checkCluster([nodes[first], nodes[first + 1]]).map(\.message) == []) }
        #expect(page.contains(".Sh EXAMPLES\n.Pp\n"))
    }

    @Test("every keyword is a row")
    func isComplete() {
        let rows = KeywordReference.markdown(.shared).split(separator: "\n").count { $0.hasPrefix("| `") }
        #expect(rows == KeywordTable.shared.keywords.count)
    }
}
