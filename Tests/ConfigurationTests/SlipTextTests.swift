import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// Slips that don't look like what they are, or are said once although much follows from them.
@Suite struct SlipTextTests {
    @Test(arguments: [
        (
            "priority\u{a0}150",
            "5:1 error unknown keyword `priority\u{a0}150` in `vrrp_instance`; it has a no-break space (U+00A0), which separates no words: type a blank, or remove it"
        ),
        (
            "\u{a0}\u{a0}priority 150",
            "5:1 error unknown keyword `\u{a0}\u{a0}priority` in `vrrp_instance`; did you mean `priority`? It has a no-break space (U+00A0), which separates no words: type a blank, or remove it"
        ),
        (
            "priority 150\u{200b}",
            "5:10 error `150\u{200b}` isn't a whole number; it has a character without width (U+200B), which separates no words: type a blank, or remove it"
        ),
        (
            "priority 1\u{2009}50",
            "5:10 error `1\u{2009}50` isn't a whole number; it has a space of another kind (U+2009), which separates no words: type a blank, or remove it"
        ),
        (
            "priority \u{feff}150",
            "5:10 error `\u{feff}150` isn't a whole number; it has a byte order mark (U+FEFF), which separates no words: type a blank, or remove it"
        ),
        ("priority é", "5:10 error `é` isn't a whole number"), ("priority x", "5:10 error `x` isn't a whole number"),
    ])
    func invisibleCharacters(_ line: String, _ finding: String) {
        #expect(load(instance(line)).findings == [finding])
    }

    private func block(_ lines: String) -> String {
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.1/24 }\n\(lines)\n}\n"
    }

    @Test(arguments: [
        ("authentication { auth_type PASS auth_pass 1111 }", "`auth_pass` on a line of its own", true),
        ("authentication { auth_pass 1111 auth_type PASS }", "`auth_type` on a line of its own", true),
        ("state BACKUP priority 50", "`priority` on a line of its own", false),
        ("advert_int 1 priority 50", "`priority` on a line of its own", false),
        ("nopreempt priority 50 advert_int 3", "`priority` and `advert_int` on lines of their own", true),
        ("nopreempt advert_int 3 advert_int 4", "`advert_int` on a line of its own", true),
        (
            "unicast_peer { 10.0.0.2 10.0.0.3 10.0.0.4 }", "`10.0.0.3` and `10.0.0.4` on lines of their own", true
        ),
        (
            "virtual_ipaddress_excluded { 10.0.0.2 10.0.0.3 10.0.0.4 }",
            "`10.0.0.3` and `10.0.0.4` on lines of their own", false
        ),
        (
            "unicast_peer { \((2...14).map { "10.0.0.\($0)" }.joined(separator: " ")) }",
            "`10.0.0.3`, `10.0.0.4`, `10.0.0.5`, `10.0.0.6`, `10.0.0.7`, `10.0.0.8`, `10.0.0.9`, `10.0.0.10` and what "
                + "follows on lines of their own", true
        ),
    ])
    func severalOnOneLine(_ line: String, _ meant: String, _ isFault: Bool) throws {
        let loaded = load(block(line))
        #expect(loaded.errorCount == 1 && loaded.warningCount == 0, "\(loaded.findings)")
        let kind = meant.contains("10.0") ? "entry" : "statement"
        let message = "error one \(kind) a line: put \(meant)"
        #expect(loaded.findings.contains { $0.hasSuffix(message) }, "\(loaded.findings)")
        let faults = try loaded.only().faults
        #expect(faults.isEmpty != isFault, "\(faults)")
    }

    /// A whole instance on one line has one finding.
    @Test func aWholeInstance() {
        let text =
            "vrrp_instance A { state MASTER interface eth0 virtual_router_id 51 priority 100\nvirtual_ipaddress {\n10.0.0.1\n}\n}\n"
        #expect(
            load(text).findings == [
                "1:32 error one statement a line: put `interface`, `virtual_router_id` and `priority` on lines of their own"
            ])
        #expect(load(text).model.instances.first?.faults.isEmpty == false)
        // It doesn't speak of blocks.
        #expect(
            load(text).summary
                == "1 error, 0 warnings; 1 instance (1 in FAULT), 0 virtual servers; 3 settings have no effect")
    }

    /// The owner's priority isn't what somebody gets who has written another one on the wrong line.
    @Test func whatAStartDoesInstead() throws {
        let one = load(block("state MASTER priority 200"))
        #expect(one.diagnostics.first?.atStart.text == "use 100")
        #expect(try one.only().priority.rawValue == 100)
        #expect(try load(block("state MASTER")).only().priority == .owner)
        #expect(load(block("state MASTER priority 200 nopreempt")).diagnostics.first?.atStart.text == "leave them out")
        #expect(load(block("state MASTER nopreempt")).diagnostics.first?.atStart.text == "leave it out")
    }

    /// Words that are no keywords there are what they were.
    @Test func otherWords() {
        #expect(
            load(block("state BACKUP now")).findings == [
                "5:14 warning `state` takes one value; this and what follows is ignored"
            ])
        #expect(load(block("nopreempt \"priority\"")).warningCount == 1)
        #expect(load("global_defs {\nrouter_id a router_id\n}\n" + block("")).errorCount == 1)
    }

    private func arguments(_ command: String) throws -> [String] {
        Array(try load(instance("notify_master \(command)")).only().scripts[0].arguments.dropFirst())
    }

    /// Escapes are taken away once, as keepalived 2.4 does.
    @Test(arguments: [
        (#""/s back\\slash""#, [#"back\slash"#]), (#""/s \"inner\"""#, [#""inner""#]),
        (#""/s tab\tend""#, ["tab\tend"]),
        (#""/s a\ b c""#, ["a b", "c"]), (#""/s 'a b' c""#, ["a b", "c"]), (#"'/s "x y" z'"#, ["x y", "z"]),
        (#""/s 'it\'s'""#, ["it's"]), (#""/s \x41 \102""#, ["A", "B"]),
        (#""/s one'two three'four""#, ["onetwo threefour"]), (#"/s"#, []), (#""/s '' end""#, ["", "end"]),
    ])
    func escapes(_ command: String, _ expected: [String]) throws {
        #expect(try arguments(command) == expected)
    }

    /// What a keepalived before that made something else of.
    @Test func escapesThatAreTakenAwayTwiceElsewhere() {
        func warnings(_ command: String) -> Int { load(instance("notify_master \(command)")).warningCount }
        #expect(warnings(#""/s back\\slash""#) == 1 && warnings(#""/s \"a b\"""#) == 1)
        #expect(warnings(#""/s 'a b' c""#) == 0 && warnings(##""/s a\#b""##) == 0)
    }
}
