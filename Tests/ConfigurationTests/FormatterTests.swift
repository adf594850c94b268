import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// The layout of a text; nil when it is refused.
private func formatted(_ text: String) -> String? {
    (try? formatConfiguration(Array(text.utf8), path: "t.conf")).map { String(decoding: $0, as: UTF8.self) }
}

extension LoadedConfiguration {
    /// What doesn't depend on where things stand, so neither on the order of the findings.
    fileprivate var meaning: [String] {
        // The layout puts a blank before a comment, so that it isn't within a word any more.
        let findings = diagnostics.filter { !$0.message.contains("begins a comment, within a word too") }
            .map { "\($0.severity) \($0.code) \($0.message)" }
        return ["\(model.withoutPlaces)", "\(canStart)"] + findings.sorted()
    }
}

/// The layout changes no meaning, and is its own layout.
private func expectSameMeaning(_ bytes: [UInt8], _ name: String) {
    guard let once = try? formatConfiguration(bytes, path: "t.conf") else { return }
    let twice = try? formatConfiguration(once, path: "t.conf")
    #expect(twice == once, "\(name): \(String(decoding: bytes, as: UTF8.self))")
    for id in ["", "a", "b"] {
        let environment = Environment(configID: id)
        let loaded = load(bytes: bytes, environment, others: included)
        // What nobody can make sense of isn't promised anything: on a node that no condition names, say.
        if loaded.diagnostics.contains(where: { $0.code == .brace && $0.severity == .error }) { continue }
        let before = loaded.meaning
        let after = load(bytes: once, environment, others: included).meaning
        #expect(before == after, "\(name) as \(id): \(String(decoding: bytes, as: UTF8.self))")
    }
}

private let included = ["a.conf": "priority 77\n$OPEN=virtual_ipaddress {\n", "b.conf": "vrrp_instance B {\n}\n"]

@Suite struct FormatterTests {
    /// What stands in quotes stays, and a comment that continues a value does so afterwards.
    @Test(arguments: [
        "vrrp_script chk {\n    script \"/bin/sh -c \\\"[  ! -e /etc/x  ]\\\"\"\n}\n",
        "$B=\\\n a 1 # one \\\n # two \\\n b 2\nx\n",
    ])
    func bytesThatStay(_ text: String) { #expect(formatted(text) == text) }

    /// `@hasup` is no node: its braces are everybody's, and those of `@^hasup` nobody's.
    @Test func ownLines() {
        let text = "@hasup global_defs {\n@hasup adopt_leftovers\n@hasup }\n"
        #expect(formatted(text) == "@hasup global_defs {\n    @hasup adopt_leftovers\n@hasup }\n")
        #expect(formatted("global_defs {\n@^hasup }\n}\n") != nil)
        #expect(formatted("global_defs {\n@hasup }\n}\n") == nil)
    }

    /// No byte is made up: a line that isn't understood is refused, and one that is keeps its quotes.
    @Test(arguments: [
        #"notify_master '/bin/echo a\"b'"#, #"script '/bin/sh -c \"'"#, #"regex 'x\"y'"#, #"regex x\"y"#,
        #"notify_master "/bin/echo a\"b""#,
    ])
    func escapedQuotesWithoutPartner(_ line: String) { #expect(formatted(line + "\n") == nil) }

    @Test(arguments: [
        #"notify_master '/bin/echo \"a  b\"'"#, #"regex x\"y\""#, ##"regex "x\"#  y\"z""##,
        ##"script "/bin/sh -c \"#\"  x""##,
    ])
    func escapedQuotesWithPartner(_ line: String) throws {
        let once = try #require(formatted(line + "\n"))
        #expect(once.count { $0 == "\"" } == line.count { $0 == "\"" })
        #expect(formatted(once) == once)
        expectSameMeaning(Array((line + "\n").utf8), "quotes")
    }

    @Test func escapedQuotesInTheEffectiveText() throws {
        let text = "vrrp_script chk {\n    script \"/bin/sh -c \\\"[ ! -e /x ]\\\"\"\n}\n"
        let files = SampleFiles(["t.conf": text])
        let effective = effectiveConfiguration(path: "t.conf", files: files, environment: Environment())
        #expect(String(decoding: effective, as: UTF8.self) == text)
        let scripts = load(text).model.shared.trackScripts
        #expect(scripts.first?.command == .run(["/bin/sh", "-c", "\"[", "!", "-e", "/x", "]\""]))
    }

    @Test func layout() {
        let text = """
            ! a comment


            global_defs
            {
              router_id   "a  b"	# who
            }
            vrrp_instance A{ state BACKUP
            interface eth0


               virtual_ipaddress { 10.0.0.1/24 dev  eth0
               10.0.0.2/24 }  ! two

            }
            """
        #expect(
            formatted(text) == """
                ! a comment

                global_defs {
                    router_id "a  b" # who
                }
                vrrp_instance A {
                    state BACKUP
                    interface eth0

                    virtual_ipaddress {
                        10.0.0.1/24 dev eth0
                        10.0.0.2/24 ! two
                    }
                }

                """)
    }

    @Test func linesThatMeanSomethingBeforeTheyAreWords() {
        let text = """
            $VIPS=\\
              virtual_ipaddress {\\

            $X  =  5
            vrrp_instance A {
            @a   priority   200 # here
              @^a    priority   100
            include   "x  y.conf"
            notify_master "/bin/x 'a  b'"   u
            ~SEQ(I, 1, 3)   track  $I
            foo   ${BAR}  b
            foo   \\#x   y
                $VIPS
              10.0.0.1
                }
            }
            """
        #expect(
            formatted(text) == """
                $VIPS=\\
                  virtual_ipaddress {\\

                $X  =  5
                vrrp_instance A {
                    @a   priority   200 # here
                    @^a    priority   100
                    include   "x  y.conf"
                    notify_master "/bin/x 'a  b'"   u
                    ~SEQ(I, 1, 3)   track  $I
                    foo   ${BAR}  b
                    foo   \\#x   y
                    $VIPS
                        10.0.0.1
                    }
                }

                """)
    }

    @Test func everyNodeHasItsOwnDepth() {
        let text = "@a vrrp_instance A {\n@b vrrp_instance B {\nstate BACKUP\n@a priority 2\n}\nvrrp_script x {\n}\n"
        #expect(
            formatted(text) == """
                @a vrrp_instance A {
                @b vrrp_instance B {
                    state BACKUP
                    @a priority 2
                }
                vrrp_script x {
                }

                """)
    }

    @Test(arguments: [
        "vrrp_instance A {\n", "}\n", "a \"b\n", "a \0 b\n", "vrrp_instance A {\nvirtual_ipaddress\n1.2.3.4\n}\n}\n",
        "$A=\\\nb \\\n", "vrrp_instance A {\nstate BACKUP {\n}\n}\n",
    ])
    func brokenFilesStayAsTheyAre(_ text: String) {
        #expect(throws: FormatFailure.self) { try formatConfiguration(Array(text.utf8), path: "t.conf") }
    }

    @Test func failuresHaveAPlace() throws {
        do {
            _ = try formatConfiguration(Array("a 1\nb \"c\n".utf8), path: "t.conf")
            Issue.record("accepted")
        } catch {
            #expect(error.diagnostics.first?.location == SourceLocation(file: "t.conf", line: 2, column: 3))
        }
    }

    @Test func commentsOfNeighboursAreBelowEachOther() {
        let text = """
            vrrp_instance A { # opens
            priority 100     # one
            virtual_router_id 5 # two
            state "é"    ! three
            version 3
            interface eth0 # alone

            advert_int 1 # four
            track_interface { eth1 # five
            }
            }
            """
        #expect(
            formatted(text) == """
                vrrp_instance A { # opens
                    priority 100        # one
                    virtual_router_id 5 # two
                    state "é"           ! three
                    version 3
                    interface eth0 # alone

                    advert_int 1 # four
                    track_interface { # five
                        eth1
                    }
                }

                """)
    }

    @Test func longLinesStayReadable() throws {
        let word = String(repeating: "x", count: 1_020)
        let text = "vrrp_instance A {\nvirtual_ipaddress {\n\(word)\n}\n}\n"
        #expect(formatted(text)?.contains("\n\(word)\n") == true)
        expectSameMeaning(Array(text.utf8), "long line")
    }

    @Test func emptyLinesAndEnds() {
        #expect(formatted("") == "")
        #expect(formatted("\n\n") == "")
        #expect(formatted("\r\na 1\r\n\r\n\r\n# b  \r\n") == "a 1\n\n# b\n")
        #expect(formatted("global_defs { router_id \"{\" }") == "global_defs {\n    router_id \"{\"\n}\n")
        #expect(formatted("global_defs # c\n{ }") == "global_defs { # c\n}\n")
    }

    @Test func corpus() throws {
        var count = 0
        for sample in try Corpus.samples() {
            if (try? formatConfiguration(sample.bytes, path: "t.conf")) != nil { count += 1 }
            expectSameMeaning(sample.bytes, sample.id)
        }
        // Most strangers' files have their braces right.
        #expect(count > 25)
    }

    @Test func mixtures() throws {
        var random = SeededRandom(seed: 17)
        let samples = try Corpus.samples()
        let pieces = [
            "\n", "  ", "\t", " # c\n", "\n\n\n", "@a ", "@^b ", "\"", "'", "\\", "\\#", "{", "}", "\n{\n", " }\n",
            "$X ",
            "${X}", "\n$X=priority 3\n", "\n$X=a {\\\n b\n", "\n$Y=\\\n}\n", "\ninclude a.conf\n", "include b.conf",
            "~SEQ(I, 1, 2) ", "\n~LST(V, x, y) foo $V {\n", "$OPEN\n", "!",
        ]
        var laidOut = 0
        for round in 0..<600 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                guard let sample = samples.randomElement(using: &random) else { continue }
                let lines = sample.bytes.split(separator: Byte.newline, omittingEmptySubsequences: false)
                let first = Int.random(in: 0..<lines.count, using: &random)
                let whole = Bool.random(using: &random)
                for line in whole ? lines[...] : lines[first...].prefix(10) { bytes += line + [Byte.newline] }
            }
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                if let piece = pieces.randomElement(using: &random) { bytes.insert(contentsOf: piece.utf8, at: place) }
            }
            if (try? formatConfiguration(bytes, path: "t.conf")) != nil { laidOut += 1 }
            expectSameMeaning(bytes, "round \(round)")
        }
        #expect(laidOut > 100)
    }
}

@Suite struct EffectiveTextTests {
    private func effective(_ text: String, _ id: String = "a", others: [String: String] = [:]) -> String {
        var files = SampleFiles(others)
        files.files["t.conf"] = Array(text.utf8)
        let bytes = effectiveConfiguration(path: "t.conf", files: files, environment: Environment(configID: id))
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func everythingIsResolved() {
        let text = """
            $PRIO=150 # as $BASE
            global_defs { router_id a\\#b }
            vrrp_instance A
            {
                @a priority $PRIO
                @b priority 100
                include more.conf
                virtual_ipaddress { # addresses
                    ~SEQ(I, 1, 2) 10.0.0.${I}/24
                }
                notify "/bin/n 'x  y'"   user
                auth_pass a"b c"
            }
            """
        #expect(
            effective(text, others: ["more.conf": "nopreempt\n"]) == """
                global_defs {
                    router_id a\\#b
                }

                vrrp_instance A {
                    priority 150
                    nopreempt
                    virtual_ipaddress {
                        10.0.0.1/24
                        10.0.0.2/24
                    }
                    notify "/bin/n 'x  y'"   user
                    auth_pass a"b c"
                }

                """)
    }

    @Test func itMeansTheSame() throws {
        for sample in try Corpus.samples() {
            let text = String(decoding: sample.bytes, as: UTF8.self)
            for id in ["", "a"] {
                let environment = Environment(configID: id)
                let before = load(bytes: sample.bytes, environment).meaning
                let after = load(effective(text, id), environment).meaning
                // Findings about quotes and undefined references have no place any more.
                #expect(before.first == after.first, "\(sample.id)")
            }
        }
    }

    @Test func wordsKeepTheirMeaning() {
        for text in [
            "global_defs { router_id ${_HASH}x }\n", "global_defs { router_id \"#x\" }\n",
            "vrrp_instance A { @b c\n}\n", "global_defs { ~SEQ(I,1,2) $I }\n", "a \\\\#b\n", "x \"open\n",
        ] {
            #expect(words(text).joined(separator: " ") == words(effective(text)).joined(separator: " "))
        }
    }

    @Test func aByteOrderMarkGoes() throws {
        #expect(try formatConfiguration([0xef, 0xbb, 0xbf] + Array("a b\n".utf8), path: "f") == Array("a b\n".utf8))
    }

    @Test func aFileThatIsNoTextIsLeftAlone() throws {
        let failure = #expect(throws: FormatFailure.self) {
            try formatConfiguration([0xff, 0xfe] + [UInt8](repeating: 0, count: 4_000), path: "f")
        }
        #expect(failure?.diagnostics.count == 1)
    }
}
