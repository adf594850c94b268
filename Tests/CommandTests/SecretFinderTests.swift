import Base
import Testing

@testable import hasup

@Suite struct SecretFinderTests {
    @Test(arguments: [
        (["hunter2"], "hunter2", "<redacted>"), (["hunter2"], "a hunter2, hunter", "a <redacted>, hunter"),
        (["hunter2"], "hunter2hunter2", "<redacted><redacted>"), (["hunter2"], "", ""),
        (["hunter2", "hunter2x"], "hunter2 hunter2x hunter2y", "<redacted> <redacted> <redacted>y"),
        // The last one in order begins like the text, but isn't in it.
        (["hunt", "hunter2", "hunter2x and more"], "hunter2x and less", "<redacted>x and less"),
        (["hunt", "hunter", "hunting"], "hunte hunti", "<redacted>e <redacted>i"),
        (["r2 d", "hunter2 door"], "hunter2 door r2 d", "<redacted> <redacted>"),
        // Neither's end is left.
        (["hunter2 b", "2 bears x"], "hunter2 bears x y", "<redacted> y"), (["aaaa"], "aaaaa b", "<redacted> b"),
        (["päss"], "päss pass", "<redacted> pass"), (["redacted", "hunter2"], "hunter2", "<redacted>"),
    ])
    func secretsGo(_ secrets: [String], _ text: String, _ expected: String) {
        #expect(SecretFinder(Set(secrets)).redacted(text) == expected)
    }

    @Test(arguments: [
        (["abc"], "`abc` 'abc' \"abc\" abc `abc' abc`", "`<redacted>` '<redacted>' \"<redacted>\" abc `abc' abc`"),
        (["a", "ab"], "'a'ab'abc'", "'<redacted>'<redacted>'abc'"), (["a"], "a'a", "a'a"),
        (["abc", "abc' d"], "'abc' d 'abc'", "'<redacted> '<redacted>'"),
    ])
    func aShortOneGoesWhereItIsQuoted(_ secrets: [String], _ text: String, _ expected: String) {
        #expect(SecretFinder(Set(secrets)).redacted(text) == expected)
    }

    @Test func anEmptySecretIsNone() {
        let text = "log_file \"\" and '' and ``"
        #expect(SecretFinder([""]).redacted(text) == text)
    }

    /// Each of them is looked for in all of the text: one after the other that would be many minutes' work.
    @Test func thousandsOfSecretsAreOnePass() {
        let secrets = (0..<8_000).flatMap { ["--user=check --password=word\($0)x", "word\($0)x"] }
        let text = secrets.map { "script \($0) of vrrp_instance and more of the line that is nobody's" }
        let result = SecretFinder(Set(secrets)).redacted(text.joined(separator: "\n"))
        let line = "script <redacted> of vrrp_instance and more of the line that is nobody's"
        #expect(result == Array(repeating: line, count: secrets.count).joined(separator: "\n"))
    }

    /// Of few letters, so that secrets begin, end and overlap each other in all ways.
    @Test func aSimplerWayComesToTheSame() {
        var random = SeededRandom(seed: 26)
        func word(_ lengths: ClosedRange<Int>) -> String {
            let length = Int.random(in: lengths, using: &random)
            return String((0..<length).map { _ in "ab'`".randomElement(using: &random) ?? "a" })
        }
        for _ in 0..<2_000 {
            let secrets = Set((0..<Int.random(in: 0...8, using: &random)).map { _ in word(0...8) })
            let text = word(0...60)
            let result = SecretFinder(secrets).redacted(text)
            #expect(result == Self.simply(text, secrets), "\(text) without \(secrets)")
        }
    }

    /// Looks for each secret at each place.
    private static func simply(_ text: String, _ secrets: Set<String>) -> String {
        let bytes = Array(text.utf8)
        var ranges: [Range<Int>] = []
        for secret in secrets.map({ Array($0.utf8) }) where !secret.isEmpty {
            for place in bytes.indices where bytes[place...].starts(with: secret) {
                let range = place..<place + secret.count
                if secret.count < 4 {
                    guard place > 0, range.upperBound < bytes.count, bytes[place - 1] == bytes[range.upperBound],
                        "`'\"".utf8.contains(bytes[place - 1])
                    else { continue }
                }
                ranges.append(range)
            }
        }
        var result: [UInt8] = []
        for place in bytes.indices {
            let isStart = ranges.contains { $0.lowerBound == place }
            let isInside = ranges.contains { $0.lowerBound < place && place < $0.upperBound }
            if isStart && !isInside { result += "<redacted>".utf8 }
            if !isStart && !isInside { result.append(bytes[place]) }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
