import ConfigurationModel
import Testing

@testable import Supervision

@Suite("What a tracked process is called (keepalived.conf(5), vrrp_track_process)")
struct ProcessMatchTests {
    private func matches(_ process: TrackProcess, _ name: String, _ words: [String]) -> Bool {
        var line: [UInt8] = []
        for word in words { line += Array(word.utf8) + [0] }
        let match = ProcessMatch(process)
        return match.matches(name: Array(name.utf8), commandLine: line.prefix(match.commandLineMax))
    }

    private func process(
        _ words: String..., match: ParameterMatch? = nil, usesFullCommand: Bool = false
    ) -> TrackProcess {
        var process = TrackProcess(name: "p", process: words[0])
        process.parameters = Array(words.dropFirst())
        process.match = match
        process.usesFullCommand = usesFullCommand
        return process
    }

    /// The real thing: `sleep 97 111`, as keepalived 2.2.7 counts it.
    private func sleeps(_ process: TrackProcess) -> Bool { matches(process, "sleep", ["sleep", "97", "111"]) }

    @Test("by the kernel's name alone, which has no path and 15 bytes at most")
    func byName() {
        #expect(sleeps(process("sleep")))
        #expect(!sleeps(process("slee")))
        #expect(!sleeps(process("sleeps")))
        #expect(!sleeps(process("/usr/bin/sleep")))
        #expect(!sleeps(process("")))
        #expect(matches(process("sleep"), "sleep", ["/usr/bin/sleep", "97"]))
        #expect(matches(process("kworker/0:1"), "kworker/0:1", []))
        #expect(!matches(process("abcdefghijklmnopqrst"), "abcdefghijklmno", ["abcdefghijklmnopqrst"]))
        #expect(process("sleep").looksAtCommandLine == false)
        #expect(ProcessMatch(process("sleep")).commandLineMax == 0)
    }

    @Test("full_command: by the first word of the command line, whatever follows")
    func byFirstWord() {
        #expect(sleeps(process("sleep", usesFullCommand: true)))
        #expect(!sleeps(process("slee", usesFullCommand: true)))
        #expect(!sleeps(process("/usr/bin/sleep", usesFullCommand: true)))
        #expect(matches(process("/usr/bin/sleep", usesFullCommand: true), "x", ["/usr/bin/sleep", "97"]))
        #expect(!matches(process("kworker/0:1", usesFullCommand: true), "kworker/0:1", []))
    }

    @Test("parameters: all of them, exactly; param_match alone asks for none")
    func exact() {
        #expect(sleeps(process("sleep", "97", "111")))
        #expect(sleeps(process("sleep", "97", "111", match: .exact)))
        #expect(!sleeps(process("sleep", "97")))
        #expect(!sleeps(process("sleep", "97", "11")))
        #expect(!sleeps(process("sleep", "97", "111", "1")))
        #expect(!sleeps(process("sleep", "97 111")))
        #expect(!sleeps(process("sleep", match: .exact)))
        #expect(matches(process("sleep", match: .exact), "x", ["sleep"]))
    }

    @Test("param_match partial: the first parameters, each complete")
    func partial() {
        #expect(sleeps(process("sleep", "97", match: .partial)))
        #expect(sleeps(process("sleep", "97", "111", match: .partial)))
        #expect(sleeps(process("sleep", match: .partial)))
        #expect(!sleeps(process("sleep", "97", "1", match: .partial)))
        #expect(!sleeps(process("sleep", "9", match: .partial)))
        #expect(!sleeps(process("sleep", "111", match: .partial)))
    }

    @Test("param_match initial: the first parameters, of the last one its beginning")
    func initial() {
        #expect(sleeps(process("sleep", "97", match: .initial)))
        #expect(sleeps(process("sleep", "9", match: .initial)))
        #expect(sleeps(process("sleep", "97", "1", match: .initial)))
        #expect(sleeps(process("sleep", match: .initial)))
        #expect(!sleeps(process("sleep", "7", match: .initial)))
        #expect(!sleeps(process("slee", match: .initial)))
        #expect(!sleeps(process("sleep", "97", "111", "1", match: .initial)))
    }

    @Test("a process that has written over its command line may have left out the last end")
    func withoutEnd() {
        let line = Array("daemon: idle".utf8)
        for match in [nil, ParameterMatch.exact, .initial, .partial] {
            #expect(
                ProcessMatch(process("daemon: idle", match: match, usesFullCommand: true))
                    .matches(name: [], commandLine: line))
        }
        #expect(!ProcessMatch(process("", usesFullCommand: true)).matches(name: [], commandLine: []))
    }
}
