import Configuration
import Files
import Testing

@testable import hasup

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
            ".\\\"",
        ]
        for line in lines where line.hasPrefix(".") || line.hasPrefix("'") {
            #expect(requests.contains(line.prefix { $0 != " " }), "\(line)")
        }
    }

    @Test("every keyword is a row")
    func isComplete() {
        let rows = KeywordReference.markdown(.shared).split(separator: "\n").count { $0.hasPrefix("| `") }
        #expect(rows == KeywordTable.shared.keywords.count)
    }
}
