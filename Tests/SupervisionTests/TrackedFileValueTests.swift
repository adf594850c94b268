import Base
import Testing

@testable import Supervision

@Suite("The number in a tracked file (behaviours §8)")
struct TrackedFileValueTests {
    @Test(
        "strtol(3), base 0: the first number counts, the rest is ignored (behaviours_vrrp2 §3)",
        arguments: [
            ("0x10 junk", 16), ("  -7", -7), ("abc", 0), ("", 0), ("5", 5), ("5\n", 5), ("+5", 5),
            ("\t\n\u{b}\u{c}\r 5", 5),
            ("010", 8), ("09", 0), ("08", 0), ("0x", 0), ("0xg", 0), ("0XfF", 255), ("-0x10", -16), ("--5", 0),
            ("+-5", 0),
            ("- 5", 0), ("5 6", 5), ("5abc", 5), ("1.9", 1), ("\u{a0}5", 0), ("\u{0}5", 0), ("12\u{0}3", 12),
            ("0b1", 0),
            ("1_000", 1), ("٣", 0),
        ] as [(String, Int32)])
    func number(_ text: String, _ wanted: Int32) { #expect(TrackedFileValue(Array(text.utf8)).number == wanted) }

    @Test(
        "what 32 bits don't hold is the nearest number",
        arguments: [
            ("2147483647", Int32.max), ("2147483648", .max), ("-2147483648", .min), ("-2147483649", .min),
            (String(repeating: "9", count: 120), .max), ("-0x" + String(repeating: "f", count: 100), .min),
        ] as [(String, Int32)])
    func clamped(_ text: String, _ wanted: Int32) { #expect(TrackedFileValue(Array(text.utf8)).number == wanted) }

    @Test("of a file of any size only the beginning is looked at")
    func bounded() {
        let blanks = [UInt8](repeating: 0x20, count: TrackedFileValue.bytesMax - 1)
        #expect(TrackedFileValue(blanks + Array("5".utf8)).number == 5)
        #expect(TrackedFileValue(blanks + Array("56".utf8)).number == 5)
        #expect(TrackedFileValue(blanks + Array(" 5".utf8)).number == 0)
    }

    @Test(
        "it says whether there is a number at all", arguments: [("0", true), ("0x", true), ("-", false), ("x", false)])
    func isNumber(_ text: String, _ wanted: Bool) { #expect(TrackedFileValue(Array(text.utf8)).isNumber == wanted) }

    @Test func anyBytesAreReadWithoutATrap() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<20_000 {
            let alphabet = Array("0x1f9-+ \n\u{0}z".utf8)
            let bytes = (0..<Int(random.next() % 24)).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            _ = TrackedFileValue(bytes)
        }
    }
}
