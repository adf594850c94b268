import Testing

@testable import Authentication

@Suite struct KeyFileTests {
    static let line = "5 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    static let other = "1 AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    private func error(_ text: String) -> KeyFileError? {
        do throws(KeyFileError) {
            _ = try KeyFile(Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test func linesAreKeysInTheirOrder() throws {
        let file = try KeyFile(Array("# web\n\n  \(Self.line)\r\n\(Self.other)".utf8))
        #expect(file.keys.map(\.number) == [5, 1])
        #expect(file.keys[0].bytes == Array(0..<32))
        #expect(KeyFile.line(file.keys[0]) == Self.line)
    }

    @Test(arguments: [
        ("", KeyFileError.noKey), ("# nothing\n", .noKey), ("\(line)\n\(line)", .repeated(line: 2)),
        ("16 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", .number(line: 1)),
        ("-1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", .number(line: 1)), ("\n5", .line(2)),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", .line(1)),
        ("5 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", .line(1)),
        ("5 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8h", .line(1)),
        ("5 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh!=", .line(1)), ("\(line) 2", .line(1)),
        (String(repeating: "#", count: 4_097), .tooLong),
    ])
    func whatIsNoKeyIsRefused(text: String, expected: KeyFileError) { #expect(error(text) == expected) }
}
