import Glibc
import Reactor
import Testing

@testable import Supervisor

@Suite struct ScriptLimitsTests {
    /// A score below 0 needs a right that a container's root hasn't got, so it is a file's here.
    @Test(arguments: [("-900\n", "0\n00\n"), ("-1\n", "0\n\n"), ("0\n", "0\n"), ("300\n", "300\n"), ("", "")])
    func onlyAScoreBelowZeroIsForgotten(before: String, after: String) {
        var template = Array("/tmp/hasup-score-XXXXXX".utf8CString)
        let file = Descriptor(owning: mkstemp(&template))
        defer { unlink(template) }
        let path = template.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        #expect(write(file.number, before, before.utf8.count) == before.utf8.count)
        ScriptLimits.forgetScore(in: path)
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(file.number, &bytes, bytes.count, 0)
        #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == after)
    }

    @Test func areToldAsAWord() {
        let limits = ScriptLimits()
        #expect(ScriptLimits(word: limits.word) == limits)
        for word in ["", "1:2", limits.word + ",1:2", limits.word + "x"] { #expect(ScriptLimits(word: word) == nil) }
    }
}
