import Base
import Testing

@Suite struct PrintableTests {
    @Test(arguments: [
        ("plain ~ text", "plain ~ text"), ("é😀", "é😀"), ("\u{1b}[2J", "\\x1b[2J"), ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u{9b}2J", "\\u{9b}2J"), ("\u{202e}x\u{2028}", "\\u{202e}x\\u{2028}"), ("\0\u{7f}", "\\x00\\x7f"), ("", ""),
    ])
    func whatSteersATerminalIsEscaped(_ text: String, _ expected: String) {
        #expect(Printable.text(text) == expected)
        // Once is enough: what goes through twice stays the same.
        #expect(Printable.text(expected) == expected)
    }

    @Test func longTextsAreCut() {
        #expect(Printable.text("abcdef", limit: 3) == "abc...")
        #expect(Printable.text("éabcde", limit: 3) == "éab...")
        #expect(Printable.text("abc", limit: 3) == "abc")
    }

    @Test(arguments: [(0, "0 errors"), (1, "1 error"), (2, "2 errors")])
    func numbersWithTheirNoun(_ number: Int, _ expected: String) {
        #expect(counted(number, "error") == expected)
    }

    @Test func nounsThatEndInS() {
        #expect([0, 1, 2].map { counted($0, "address") } == ["0 addresses", "1 address", "2 addresses"])
    }
}
