import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct LexerTests {
    @Test(arguments: [
        ("a b c", ["a b c"]),
        ("  a\tb \u{0c} c  ", ["a b c"]),
        ("a # b", ["a"]),
        ("a ! b", ["a"]),
        ("# only\n! comments\n\n", []),
        ("a \\# b", ["a # b"]),
        ("a\\!b", ["a!b"]),
        ("a \"b # c\" d", ["a b # c d"]),
        ("a 'b # c'", ["a 'b"]),
        ("a\"b c\"d", ["a b c d"]),
        ("a{b}c", ["a { b } c"]),
        ("a \"{b}\"", ["a {b}"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a \"\" b", ["a  b"]),
    ])
    func words(_ text: String, _ expected: [String]) { #expect(ConfigurationTests.words(text) == expected) }

    @Test func placesOfTokensOnOneLine() {
        var preprocessor = Preprocessor(SampleFiles(["t.conf": "\n ab{ \"c d\"\\#e }# x"]), Environment())
        _ = preprocessor.run(mainPath: "t.conf")
        let tokens = preprocessor.text.tokens
        #expect(tokens.map(\.line) == [2, 2, 2, 2, 2])
        #expect(tokens.map(\.column) == [2, 4, 6, 12, 15])
        #expect(tokens.map(\.length) == [2, 1, 5, 2, 1])
    }

    @Test func unreadableLines() {
        let long = String(repeating: "x", count: 1024)
        let loaded = load("a\0b\n\(long)\n" + instance("priority \"7"))
        #expect(loaded.findings[0] == "1:1 error the line has a NUL byte and is left out")
        #expect(loaded.findings[1] == "2:1 error the line is longer than 1023 bytes and is left out")
        #expect(loaded.findings[2] == "7:10 error this `\"` has no partner on its line")
        #expect(loaded.errorCount == 3)
    }

    /// Words are split at each `"`, behind a backslash too, so that each needs a partner (keepalived: "Unmatched quote").
    @Test(arguments: [
        (#"router_id a\"b"#, 13), (#"router_id "a\"b""#, 16), (#"router_id "a\""#, 11), (#"router_id a\"b"c""#, 17),
        (#"notify_fifo '/run/a\"b' # ""#, 21), (##"router_id "a\"#""##, 16),
    ])
    func quotesBehindABackslashCount(_ line: String, _ column: Int) {
        let finding = "2:\(column) error this `\"` has no partner on its line"
        #expect(load("global_defs {\n\(line)\n}\n").findings.contains(finding), "\(line)")
    }

    @Test(arguments: [
        #"router_id a\"b\""#, #"router_id "a\\""#, #"router_id "a\"b\"c" # x""#, ##"router_id "a\"# \"c""##,
    ])
    func quotesWithPartners(_ line: String) {
        let findings = load("global_defs {\n\(line)\n}\n").findings
        #expect(!findings.contains { $0.contains("no partner") }, "\(findings)")
    }

    @Test(arguments: [
        ("a b", [["a", "b"]]),
        ("'a b' c", [["a b", "c"]]),
        ("a'b c'\"d e\"f", [["ab cd ef"]]),
        ("a\\ b", [["a b"]]),
        ("'a\\n'", [["a\\n"]]),
        ("\\x41\\102\\cA\\t\\q", [["AB\u{1}\tq"]]),
        ("''", [[""]]),
        ("'a", []),
        ("a\\", [["a\\"]]),
    ])
    func shellRules(_ text: String, _ expected: [[String]]) {
        let words = shellWords(Array(text.utf8)[...]).map { $0.map { String(decoding: $0, as: UTF8.self) } }
        #expect(words == expected.first)
    }
}
