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

    @Test("every keyword is a row")
    func isComplete() {
        let rows = KeywordReference.markdown(.shared).split(separator: "\n").count { $0.hasPrefix("| `") }
        #expect(rows == KeywordTable.shared.keywords.count)
    }
}
