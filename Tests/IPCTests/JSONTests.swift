import Base
import Testing
import Varlink

@Suite struct JSONTests {
    private func parse(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    @Test(arguments: [
        ("null", JSON.null), ("true", .bool(true)), (" false ", .bool(false)), ("0", .int(0)), ("-12", .int(-12)),
        ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)), ("1.5", .double(1.5)),
        ("1e3", .double(1000)), ("-2.5E-1", .double(-0.25)), ("9223372036854775808", .double(9223372036854775808)),
        (#""""#, .string("")), (#""a\"\\\/\b\f\n\r\tb""#, .string("a\"\\/\u{8}\u{c}\n\r\tb")),
        (#""\u00e4\u20AC\ud83d\ude00""#, .string("ä€😀")), (#""ä€😀""#, .string("ä€😀")),
        ("[]", .array([])), ("[1, [2],3]", .array([.int(1), .array([.int(2)]), .int(3)])),
        ("{}", .object([])),
        (
            #"{"b":1, "a" : {"c":null}}"#,
            .object([JSONMember("b", .int(1)), JSONMember("a", .object([JSONMember("c", .null)]))])
        ),
    ])
    func parses(_ text: String, _ value: JSON) throws {
        #expect(try parse(text) == value)
        #expect(try JSON(parsing: value.encoded) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "nulls", "tru", "True", "01", "-", "1.", ".5", "1e", "1e+", "+1", "1e999", "NaN", "\"",
        "\"\\\"",
        "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud83d\"", "\"\\ud83dx\"", "\"\\ud83d\\u0041\"", "\"\\ude00\"",
        "\"\n\"", "[", "[1", "[1,", "[1,]", "[,]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}", "{1:1}",
        "{\"a\" 1}", "1 2", "[]]", "'a'", "//", "\u{feff}1",
    ])
    func refuses(_ text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test func namesThePlace() {
        #expect(throws: JSONError("a colon should be here", at: 5)) { try parse(#"{"a" 1}"#) }
    }

    @Test(
        arguments: [[0xc3], [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]] as [[UInt8]])
    func refusesWhatIsNotUTF8(_ bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        #expect(throws: JSONError.self) { try JSON(parsing: [quote] + bytes + [quote]) }
        #expect(throws: JSONError.self) { try JSON(parsing: Array(#""\n"#.utf8) + bytes + [quote]) }
    }

    @Test func boundsTheDepth() throws {
        let deepest = String(repeating: "[", count: JSON.depthMax) + String(repeating: "]", count: JSON.depthMax)
        #expect(try parse(deepest).elements?.count == 1)
        #expect(throws: JSONError.self) { try parse("[" + deepest + "]") }
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 60_000)) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "{\"a\":", count: 10_000)) }
    }

    @Test func writesNumbersThatReadBack() throws {
        let values = [
            0, 1, -1, 0.5, 3.609375, 0.000001, -0.01, 1234567.891, 1e-7, 0.1 + 0.2, 1e9, -1e9, 1e20,
            .leastNonzeroMagnitude, .pi,
            Double.greatestFiniteMagnitude, 999_999_999.999_999,
        ]
        for value in values {
            var writer = JSONWriter()
            writer.write(value)
            let text = String(decoding: writer.bytes, as: UTF8.self)
            #expect(Double(text) == value, "\(text)")
        }
        var writer = JSONWriter()
        writer.beginArray()
        writer.write(3.609375)
        writer.write(0.01)
        writer.write(2.0)
        writer.write(Double.nan)
        writer.write(Int64.min)
        writer.write(Int64(1_000_000))
        writer.endArray()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self) == "[3.609375,0.01,2.0,null,-9223372036854775808,1000000]")
    }

    @Test func escapesWhatWouldSteerATerminal() {
        let text = JSON.string("\u{1b}[2J\u{7f}\0\"\\\n").encoded
        #expect(String(decoding: text, as: UTF8.self) == #""\u001b[2J\u007f\u0000\"\\\n""#)
    }

    private static let sample: JSON = .object([
        JSONMember("method", .string("io.hasup.Status \u{1} ä😀")),
        JSONMember("list", .array([.int(-17), .double(0.25), .bool(true), .null, .object([])])),
        JSONMember("", .string("\\u0000")),
    ])

    @Test func everyTruncationIsRefused() {
        let bytes = Self.sample.encoded
        for count in 0..<bytes.count {
            #expect(throws: JSONError.self) { try JSON(parsing: bytes[..<count]) }
        }
    }

    @Test func anyBytesAreReadOrRefused() {
        var random = SeededRandom(seed: 9)
        let good = Self.sample.encoded
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let value = try? JSON(parsing: bytes) {
                #expect((try? JSON(parsing: value.encoded)) == value)
            }
        }
        let alphabet = Array(#"{}[]",:\u0123456789eE+-.truefalsn "#.utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            if let value = try? JSON(parsing: bytes) {
                #expect((try? JSON(parsing: value.encoded)) == value)
            }
        }
    }
}
