import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct DiagnosticTests {
    @Test(arguments: [
        (
            "\tprority 7 # x",
            "t.conf:5:2: error: unknown keyword `prority` in `vrrp_instance`; did you mean `priority`?\n\tprority 7 # x\n\t^~~~~~~"
        ),
        ("  priority \"x\"", "t.conf:5:12: error: `x` isn't a whole number\n  priority \"x\"\n           ^~~"),
        ("priority é", "t.conf:5:10: error: `é` isn't a whole number\npriority é\n         ^"),
    ])
    func rendering(_ line: String, _ expected: String) {
        #expect(load(instance(line)).rendered.hasPrefix(expected + "\n    a start would "))
    }

    @Test func withoutPlaceOrLine() {
        #expect(Diagnostic(.error, "no").rendered() == "error: no")
        let place = SourceLocation(file: "a", line: 1, column: 99)
        #expect(
            Diagnostic(.note, "no", at: place, length: 9, sourceLine: "ab").rendered() == "a:1:99: note: no\nab\n  ^")
    }

    @Test func coloursAndControlCharacters() {
        let diagnostic = Diagnostic(
            .warning, "a\u{1b}[2J", at: SourceLocation(file: "f", line: 1), length: 1, sourceLine: "\u{1b}x\u{9b}")
        #expect(diagnostic.rendered() == "f:1:1: warning: a\\x1b[2J\n\\x1bx\\u{9b}\n^~~~")
        #expect(diagnostic.rendered(inColour: true).contains("\u{1b}[1;35m"))
    }

    @Test(arguments: [
        (1, 1, "^"), (30, 5, "^~~~~"), (60, 1, "^"), (20, 40, "^~~~~"),
    ])
    func longLinesAreCutAroundTheCaret(_ column: Int, _ length: Int, _ caret: String) throws {
        let line = (1...60).map { String($0 % 10) }.joined()
        let place = SourceLocation(file: "f", line: 1, column: column)
        let lines = Diagnostic(.error, "no", at: place, length: length, sourceLine: line).rendered(width: 30)
            .split(separator: "\n")
        try #require(lines.count == 3)
        #expect(lines[1].count <= 30 && lines[1].contains("..."))
        // The caret stands below the byte that is meant.
        let padding = lines[2].prefix { $0 == " " }
        #expect(lines[1].dropFirst(padding.count).first == String(column % 10).first)
        #expect(lines[2].dropFirst(padding.count).hasPrefix(caret) && lines[2].count <= 30)
        #expect(Diagnostic(.error, "no", at: place, length: length, sourceLine: line).rendered().contains(line))
    }

    @Test func longMessagesAreCut() {
        let text = Diagnostic(.error, String(repeating: "x", count: 5_000)).rendered()
        #expect(text.count < 500 && text.hasSuffix("..."))
    }

    @Test func summary() {
        #expect(load(instance("")).summary == "0 errors, 0 warnings; 1 instance, 0 virtual servers")
        let bad = load(instance("version 3\nadvert_int 50\npromote_secondaries"))
        #expect(
            bad.summary == "1 error, 1 warning; 1 instance (1 in FAULT), 0 virtual servers; 1 setting has no effect")
    }

    @Test func numberOfFindingsIsBounded() {
        let loaded = load(String(repeating: "x\n", count: 20_000))
        #expect(loaded.errorCount == 20_001)
        #expect(loaded.diagnostics.count == DiagnosticList.maximumKept + 1)
    }

    @Test func encoding() throws {
        let diagnostics = load(instance("x\npriority 0\n{")).diagnostics
        let bytes = diagnostics.encode()
        #expect(try bytes.withUnsafeBytes { try [Diagnostic](decoding: $0) } == diagnostics)
        for length in 0..<bytes.count {
            #expect(throws: ByteError.self) {
                try bytes[..<length].withUnsafeBytes { _ = try [Diagnostic](decoding: $0) }
            }
        }
    }
}

@Suite struct StartTests {
    /// What a start does about the first error of an instance with this line.
    private func atStart(_ line: String) -> String? {
        load(instance(line)).diagnostics.first { $0.severity == .error }?.atStart.text
    }

    @Test(arguments: [
        ("priority 999", "use 100"), ("prority 7", "leave it out"), ("group x", "leave it out"),
        ("virtual_router_id 0", "leave instance `A` in FAULT"), ("advert_int x", "leave instance `A` in FAULT"),
        ("unicast_peer {\nnonsense\n}", "leave instance `A` in FAULT"),
        ("garp_master_delay x", "use the default: global (5)"),
        ("priority 150 }", ""),
        ("nopreempt \"x", "read on without it"),
    ])
    func eachErrorSaysWhatAStartDoes(_ line: String, _ expected: String) {
        #expect(atStart(line) == expected || expected.isEmpty, "\(atStart(line) ?? "no error")")
    }

    @Test func theValueIsTheOneThatIsUsed() throws {
        let loaded = load(instance("priority 999"))
        #expect(loaded.model.instances.first?.priority.rawValue == 100)
        #expect(loaded.rendered.hasSuffix("\n    a start would use 100"))
        let finding = try #require(loaded.diagnostics.first)
        #expect(finding.logLine(isStart: false).hasSuffix("not 999 (a start would use 100)"))
        #expect(finding.logLine(isStart: true).hasSuffix("not 999 (used instead: 100)"))
    }

    @Test func whatTheMessageSaysIsntSaidTwice() {
        #expect(atStart("virtual_ipaddress {\n10.0.0.1/33\n}") == "")
    }

    /// No error leaves a reader without knowing what a start would do.
    @Test func nothingIsForgotten() throws {
        let said = [
            "left out", "is ignored", "is used", "in FAULT", "FAULT for", "peers: FAULT", "isn't set up",
            "configures nothing", "no effect",
        ]
        for sample in try Corpus.samples() {
            for finding in load(bytes: sample.bytes).diagnostics where finding.severity == .error {
                #expect(
                    finding.atStart != .inMessage || said.contains { finding.message.contains($0) },
                    "\(sample.id): \(finding.message)")
            }
        }
    }
}

@Suite struct IncludeChainTests {
    @Test func findingsNameTheWayToTheirFile() throws {
        let loaded = load(
            "include a.conf\n", others: ["a.conf": "\n\ninclude b.conf\n", "b.conf": "x 1\nfoo \"bar\n"])
        let finding = try #require(loaded.diagnostics.first { $0.code == .unknownKeyword })
        #expect(finding.location == SourceLocation(file: "b.conf", line: 1))
        #expect(
            finding.includedFrom == [SourceLocation(file: "a.conf", line: 3), SourceLocation(file: "t.conf", line: 1)])
        #expect(
            finding.rendered().contains("\n    included from a.conf:3\n    included from t.conf:1\n"))
        let quote = try #require(loaded.diagnostics.first { $0.message.contains("no partner") })
        #expect(quote.code == .text && quote.includedFrom.count == 2)
        let decoded = try loaded.diagnostics.encode().withUnsafeBytes { try [Diagnostic](decoding: $0) }
        #expect(decoded == loaded.diagnostics)
        let own = try #require(load("x 1\n").diagnostics.first)
        #expect(own.includedFrom.isEmpty && !own.rendered().contains("included"))
    }

    @Test(arguments: [
        ("vrrp_instance A {\n", DiagnosticCode.brace), ("nonsense 1\n", .unknownKeyword),
        ("priority 3\n", .misplacedKeyword),
        ("vrrp_instance A {\nvirtual_router_id x\n}\n", .setting), ("a \"b\n", .text), ("", .file),
    ])
    func codes(_ text: String, _ code: DiagnosticCode) {
        #expect(load(text).diagnostics.contains { $0.code == code }, "\(load(text).diagnostics.map(\.code))")
    }

    @Test func findingsStandInTheOrderOfTheLines() {
        let loaded = load(
            "vrrp_instance A {\ninterface eth0\npriority 0\n}\ninclude other.conf\nglobal_defs {\nnonsense\n}\n",
            others: ["other.conf": "rubbish {\n}\nglobal_defs {\nvrrp_version 7\n}\n"])
        let places = loaded.orderedDiagnostics.filter { $0.severity != .note }
            .map { ($0.location?.file == "t.conf" ? 0 : 1, $0.location?.line ?? 0, $0.location?.column ?? 0) }
        #expect(places.count >= 4)
        #expect(zip(places, places.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(Set(places.map(\.0)) == [0, 1])
    }
}

extension LoadedConfiguration {
    /// All findings as the command prints them.
    fileprivate var rendered: String { diagnostics.map { $0.rendered(inColour: false) }.joined(separator: "\n") }
}
