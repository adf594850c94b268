import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct PreprocessorTests {
    private let here = Environment(configID: "lb1", variables: ["HOME": "/root"], randomSeed: 7)

    @Test(arguments: [
        ("@lb1 a\n@lb2 b\n@^lb1 c\n@^lb2 d", ["a", "d"]),
        ("@lb1 @^lb2 a {\n@lb2 }\n}", ["a {", "}"]),
        ("@hasup a\n@^hasup b\n@hasup @lb1 c\n@hasup @lb2 d\n@lb1 @hasup e\n@lb2 @hasup f", ["a", "c", "e"]),
        ("$A=1\nx $A ${A}0 $A/2 y", ["x 1 10 $A/2 y"]),
        ("$A=$B\n$B=late\nx $A", ["x late"]),
        ("$A=\nx ${A}y", ["x y"]),
        ("$A = 1", ["$A = 1"]),
        ("x $NONE y", ["x $NONE y"]),
        ("$T=\\\n t {\\\n 1\\\n }\na {\n$T\n}", ["a {", "t {", "1", "}", "}"]),
        ("$I=\\\ni1\\\ni2\n$O=\\\n$I\\\no2\n$O", ["i1", "i2", "o2"]),
        ("$C=\\\n@lb1 yes\\\n@lb2 no\n$C", ["yes"]),
        ("$C=@lb1 yes\n$C", ["yes"]),
        ("x ${_INSTANCE} ${_ENV HOME} ${_ENV NONE}y ${_HASH}1 ${_BANG}2 $_PWD.", ["x lb1 /root y #1 !2 $_PWD."]),
        ("~SEQ(I, 3) $I/ ${I}b", ["$I/ 1b", "$I/ 2b", "$I/ 3b"]),
        ("~SEQ(I, 8, 2, 12) ${I}", ["8", "10", "12"]),
        ("~SEQ(I, -2) ${I}", ["-1", "-2"]),
        ("~SEQ(I, 3, 1) ${I}", ["3", "2", "1"]),
        ("~SEQx(I, 0x9, 11) ${I}", ["9", "a", "b"]),
        ("$N=2\n~SEQ(I, $N) ~SEQ(J, ${I}) ${I}.${J}", ["1.1", "2.1", "2.2"]),
        ("~LST(V, a, b) x ${V}", ["x a", "x b"]),
        ("~LST({A, B}, {1, 2}, {3}) ${A}-${B}.", ["1-2.", "3-."]),
        ("$I=9\n~SEQ(I, 1) ${I}\n${I}", ["1", "9"]),
    ])
    func text(_ text: String, _ expected: [String]) { #expect(words(text, here) == expected) }

    /// A comment within a value hides no continuation; without a backslash behind it the value ends.
    @Test(arguments: [
        ("$B=\\\na 1 # one \\\n# two \\\n! three\\\nb 2\n$B", ["a 1", "b 2"]),
        ("$B=\\\na 1\\\n# two\nb 2\n$B", ["b 2", "a 1"]),
        ("$B=\\\na 1 # one \\\\\nb 2\n$B", ["b 2", "a 1"]),
    ])
    func commentsInValues(_ text: String, _ expected: [String]) { #expect(words(text) == expected) }

    @Test func aNumberThatSeedsRandomNumbers() {
        let text = "global_defs {\nrandom_seed 5\n}\n${_RANDOM} ${_RANDOM}"
        let (one, other) = (Environment(randomSeed: 1), Environment(randomSeed: 2))
        #expect(words(text, one) == words(text, other))
        #expect(words("${_RANDOM}\n" + text, one)[0] != words("${_RANDOM}\n" + text, other)[0])
    }

    @Test func aContinuationOutsideADefinitionIsOneFinding() {
        #expect(
            load(instance("priority 77 \\\nadvert_int 2")).findings == [
                "5:13 error a line can only be continued in a definition"
            ])
    }

    @Test func aCommentWithinAWord() {
        let found = load(
            instance("authentication {\nauth_type PASS\nauth_pass pa!ss\n}\npriority 7 # no\nadvert_int 1")
        ).findings
        #expect(found == ["7:13 warning `!` begins a comment, within a word too; `\\!` is the character itself"])
    }

    /// Nobody waits for what will be refused.
    @Test func sequencesWithinEachOther() {
        var preprocessor = Preprocessor(
            SampleFiles(["t.conf": "~SEQ(I,1,1000) ~SEQ(J,1,1000) ~SEQ(K,1,1000) foo"]), Environment())
        _ = preprocessor.run(mainPath: "t.conf")
        #expect(preprocessor.text.tokens.isEmpty)
        #expect(preprocessor.diagnostics.diagnostics.map(\.message).first?.hasPrefix("sequences within each") == true)
    }

    @Test func patternsThatAreTooMuch() {
        let groups = String(repeating: "{a,b}", count: 27)
        for (text, message) in [("include /\(groups)", "more than 256 patterns"), ("include /*/*", "too many files")] {
            let found = load(text + "\n" + instance("")).findings
            #expect(found.count == 1 && found[0].contains(message), "\(found)")
        }
    }

    @Test func randomNumbersFollowTheSeed() {
        let text = "${_RANDOM} ${_RANDOM 5 5} ${_RANDOM 1 6}"
        #expect(words(text, here) == words(text, here))
        #expect(words(text, here)[0].split(separator: " ")[1] == "5")
    }

    @Test func placesInReplacedText() {
        let loaded = load("$P=999\n" + instance("  priority $P"))
        #expect(loaded.findings.first?.hasPrefix("6:12 error") == true)
        #expect(loaded.diagnostics.first?.length == 2)
    }

    @Test(arguments: [
        ("$A=$A\nx $A", "refers to itself"),
        ("$A=${B}${B}\n$B=${C}${C}\n$C=${A}\nx $A", "refers to itself"),
        ("$A=\\\nx\\\n$A\n$A", "refers to itself"),
        (String(repeating: "~SEQ(I, 1) ", count: 70) + "x", "nested deeper"),
        ("~SEQ(I, 1, 0, 5) x", "never ends"),
        ("~SEQ(I, 0x7fffffff) x", "more than"),
        ("~SEQ(I, a) x", "a sequence is"),
        ("~SEQ(I, 1", "isn't closed"),
        ("~SEQ(I, 3)", "there is none"),
        ("~SEQx(I, -3) x", "no negative"),
        ("~LST({A}, {1, 2}) x", "2 values for 1 name"), ("~LST({A, B}, {1, 2, 3}) x", "3 values for 2 names"),
        ("~LST(A) x", "a list is `~LST("), ("~LST({A, B}) x", "a list is `~LST("),
        ("$T=\\\na\\\nb\nx $T y", "nothing may follow"),
        ("$T=\\\na\\", "ends within the value"),
        ("${_RANDOM 5 1}", "lower limit"),
        ("include", "needs the name"),
    ])
    func refusals(_ text: String, _ part: String) {
        #expect(load(text, here).diagnostics.contains { $0.severity == .error && $0.message.contains(part) })
    }

    /// What would never end, or take as long as nobody waits, is one error, however often it is met.
    @Test(arguments: [
        "$A=\\\n$A x\\\n$A\n$A", "$A=${A}y${A}\n${A}", "$A=\\\n$B\\\n$B\n$B=\\\n$A\\\n$A\n$A",
        "$A=~SEQ(I, 9) $A ${I}\n$A",
        (0..<40).map { "$A\($0)=${A\($0 + 1)}${A\($0 + 1)}\n" }.joined() + "x ${A0}",
        (0..<40).map { "$A\($0)=${A\($0 + 1)}${A\($0 + 1)}\n" }.joined() + "$A40=junk {\nx ${A0}",
        (0..<26).map { "$A\($0)=${A\($0 + 1)}${A\($0 + 1)}\n" }.joined() + "$A26=\nx ${A0}",
        (0..<26).map { "$A\($0)=\\\n$A\($0 + 1)\\\n$A\($0 + 1)\n" }.joined() + "$A26=x\n$A0",
        "~SEQ(I, 99999) ~SEQ(J, 99999) @no x",
    ])
    func definitionsThatNeverEndAreOneError(_ text: String) {
        var files = SampleFiles([:])
        files.files["t.conf"] = Array(text.utf8)
        var preprocessor = Preprocessor(files, here)
        preprocessor.usesLeft = 20_000
        _ = preprocessor.run(mainPath: "t.conf")
        #expect(preprocessor.diagnostics.errorCount == 1, "\(preprocessor.diagnostics.diagnostics.map(\.message))")
        // The last use may have been of a value of several lines.
        #expect(preprocessor.usesLeft >= -10)
        #expect(preprocessor.text.bytes.count <= Preprocessor.maximumGenerated * 2)
    }

    /// A name that gets a new value within the use of its old one doesn't refer to itself.
    @Test func aNewValueIsAnotherDefinition() {
        #expect(words("$A=\\\n$A=2\\\nx $A\n$A", here) == ["x 2"])
        #expect(words("~SEQ(I, 2) ~SEQ(I, 2) ${I}", here) == ["1", "2", "1", "2"])
    }

    /// What is wrong in a line that is made many times is said once.
    @Test func aFindingInAGeneratedLineIsSaidOnce() {
        let loaded = load("~SEQ(I, 9) nonsense\n" + instance("~SEQ(I, 5) priority x"))
        #expect(loaded.diagnostics.count { $0.message.contains("nonsense") } == 1)
        #expect(loaded.diagnostics.count { $0.message.contains("whole number") } == 1)
    }

    @Test func substitutionIsBounded() {
        var text = "$A0=\(String(repeating: "0123456789", count: 30))\n"
        for level in 1...30 { text += "$A\(level)=${A\(level - 1)}${A\(level - 1)}\n" }
        let lines = "~SEQ(I, 200000) 0123456789012345678901234567890123456789\n"
        for text in [text + "x ${A30}\n", lines] {
            var files = SampleFiles([:])
            files.files["t.conf"] = Array(text.utf8)
            var preprocessor = Preprocessor(files, here)
            preprocessor.bytesLeft = 1 << 20
            _ = preprocessor.run(mainPath: "t.conf")
            #expect(preprocessor.diagnostics.diagnostics.map(\.message).contains { $0.contains("MiB of text") })
            #expect(preprocessor.diagnostics.errorCount == 1 && preprocessor.text.bytes.count < 4 << 20)
        }
    }
}

@Suite struct ConditionTests {
    @Test(arguments: [
        (
            "@a x\n@b y\n@a z",
            ["1:1 warning no line is for this node, `n`: there are `@a`, `@b` (`-i` says another name)"]
        ),
        // One name may be the only exception, and a line for all others is for this one.
        ("@a x\n@a y", []), ("@a x\n@b y\n@^a z", []), ("@a x\n@b y\n@n z", []), ("@n z\n@a x\n@b y", []),
    ])
    func forOtherNodes(_ text: String, _ expected: [String]) {
        let found = load(text, Environment(configID: "n")).findings.filter { $0.contains("this node") }
        #expect(found == expected)
        #expect(!load(text).findings.contains { $0.contains("this node") })
    }
}

/// Pain point R6: what an include finds, and what it says when it doesn't.
@Suite struct IncludeTests {
    @Test(arguments: [
        ("include a.conf", ["a"]),
        ("include \"a.conf\"\nx", ["a", "x"]),
        ("include *.inc", ["one", "two"]),
        ("include none*.conf", []),
        ("include {a,b}.conf", ["a", "b"]),
        ("include d/sub.conf", ["deep"]),
        ("list {\ninclude a.conf\n}", ["list {", "a", "}"]),
        ("list {\nlist {\ninclude d/sub.conf\n}\n}", ["list {", "list {", "deep", "}", "}"]),
        ("$F=a\ninclude ${F}.conf", ["a"]),
        ("@x include a.conf\n@^x include b.conf", ["b"]),
    ])
    func read(_ text: String, _ expected: [String]) {
        let others = [
            "a.conf": "a", "b.conf": "b\n", "1.inc": "one", "2.inc": "two", "d/sub.conf": "include next.conf",
            "d/next.conf": "deep",
        ]
        #expect(words(text, others: others) == expected)
    }

    @Test(arguments: [
        ("include no.conf", "1:9 error can't read `no.conf`: no such file"),
        ("include t.conf", "1:9 error `t.conf` includes itself"),
        ("includem no*.conf", "1:10 error nothing matches `no*.conf`"),
        ("includew no*.conf", "1:10 error nothing matches `no*.conf`"),
        ("includeb {a,no}.conf", "1:10 error nothing matches `no.conf`"),
        (
            "include {1,2,3,4,5,6,7}{1,2,3,4,5,6,7}{1,2,3,4,5,6,7}",
            "1:9 error `{1,2,3,4,5,6,7}{1,2,3,4,5,6,7}{1,2,3,4,5,6,7}` stands for more than 256 patterns, and nothing is included"
        ),
        // SampleFiles refuses to look for two stars.
        ("include */*", "1:9 error `*/*` leads through too many files and folders, and nothing is included"),
        ("includea no*.conf", "1:10 error nothing matches `no*.conf`"),
        ("global_defs {\ninclude_check match\ninclude no*.conf\n}", "3:9 error nothing matches `no*.conf`"),
        ("global_defs {\ninclude_check match\n}\ninclude no*.conf", "4:9 error nothing matches `no*.conf`"),
        (
            "global_defs {\ninclude_check bad\n}",
            "2:15 error `bad` isn't one of read, match, wildcard_match, brace_match"
        ),
        ("include secret.conf", "1:9 error can't read `secret.conf`: permission denied"),
        ("include secret*", "1:9 error can't read `secret.conf`: permission denied"),
        ("includer secret*", "1:10 error can't read `secret.conf`: permission denied"),
        ("include f*", "1:9 error can't read `folder`: not a regular file"),
        (
            "include p*",
            "1:9 error can't read `program`: it is executable, and programs aren't read as configuration (chmod a-x)"
        ),
        ("include g*", "1:9 error can't read `gone.conf`: no such file"),
        ("include loop.conf", "2:9 error `loop.conf` includes itself"),
        (
            "include a.conf b.conf",
            "1:16 warning an include takes one name; this is ignored (quote a name that has blanks)"
        ),
    ])
    func failures(_ text: String, _ finding: String) {
        var files = SampleFiles(["t.conf": text, "a.conf": "", "loop.conf": "\ninclude loop.conf"])
        files.failures = [
            "secret.conf": .permissionDenied, "folder": .notRegular, "program": .executable, "gone.conf": .notFound,
        ]
        let loaded = loadConfiguration(path: "t.conf", files: files, environment: Environment())
        #expect(loaded.findings.contains(finding), "\(loaded.findings)")
    }

    /// A start goes on without a piece that can't be read, and says so; a reload refuses the whole.
    @Test(arguments: [FileError.notFound, .permissionDenied, .notRegular, .executable, .tooLarge, .other("EIO")])
    func aPieceThatCannotBeRead(_ reason: FileError) throws {
        for include in ["include d/*.conf", "include d/b.conf", "includer d/*.conf", "include d/{a,b}.conf"] {
            var files = SampleFiles(["t.conf": instance("") + include, "d/a.conf": "global_defs {\n}\n"])
            files.failures["d/b.conf"] = reason
            let loaded = loadConfiguration(path: "t.conf", files: files, environment: Environment())
            #expect(loaded.hasErrors && loaded.canStart && loaded.errorCount == 1, "\(include): \(loaded.findings)")
            let found = try #require(loaded.diagnostics.first { $0.severity == .error })
            #expect(found.code == .file && found.atStart.text == "go on without it")
            #expect(loaded.model.instances.count == 1)
        }
    }

    /// How many lines there will be is known before the first one is made.
    @Test func sequencesWithinSequences() {
        var preprocessor = Preprocessor(SampleFiles(["t.conf": "~SEQ(A, 1000) ~SEQ(B, 1000) x $A $B"]), Environment())
        let isReadable = preprocessor.run(mainPath: "t.conf")
        #expect(isReadable && preprocessor.text.tokens.isEmpty)
        #expect(
            preprocessor.diagnostics.diagnostics.map(\.message) == [
                "sequences within each other make more than 262144 lines"
            ])
    }

    /// Where a limit ends the reading, nothing behind is looked at, and that is what is said.
    @Test func nothingIsReadBehindALimit() throws {
        let good = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.1\n}\n}\n"
        let doubled = "$A=x\n~SEQ(I, 1, 60) $A=${A}${A}\n"
        let loaded = load(doubled + good)
        let found = try #require(loaded.diagnostics.first { $0.location?.line == 2 })
        #expect(found.severity == .error && found.atStart.text == "read no further", "\(found)")
        #expect(loaded.model.instances.isEmpty && !loaded.canStart)
        let before = load(good + doubled + good.replacing("A", with: "B"))
        #expect(before.model.instances.map(\.name) == ["A"] && before.canStart && before.errorCount == 1)
    }

    /// What is refused has no effect either.
    @Test(arguments: ["%", "x {\n%\n}\n", "global_defs {\nx {\n%\n}\n}\n", "global_defs {\n}\n%"])
    func strictnessOutsideOfGlobalDefs(_ place: String) {
        let text = place.replacing("%", with: "include_check") + "\ninclude no*.conf\n"
        #expect(!load(text).findings.contains { $0.contains("nothing matches") }, "\(text)")
    }

    /// keepalived's -f takes a pattern, and so does the main file's name here.
    @Test func mainFileIsAPattern() {
        var files = SampleFiles(["d/1.conf": instance(""), "d/2.conf": "include x\nbogus", "d/x": ""])
        files.failures["d/3.conf"] = .notRegular
        func load(_ path: String) -> LoadedConfiguration {
            loadConfiguration(path: path, files: files, environment: Environment())
        }
        let both = load("d/*.conf")
        #expect(
            both.findings == [
                "- warning `d/*.conf` matches 3 files, and all are read, in the order of their names",
                "- error can't read d/3.conf: not a regular file", "2:1 error unknown keyword `bogus` at the top level",
            ])
        #expect(both.isReadable && both.canStart && both.model.instances.count == 1)
        #expect(both.diagnostics.map(\.code) == [.file, .file, .unknownKeyword])
        #expect(!load("d/3*").isReadable && !load("d/3*").canStart)
        #expect(load("d/{2,1}.conf").model == both.model)
        #expect(load("d/1*").findings == [])
        #expect(load("n*").findings == ["- error no file matches `n*`"])
        #expect(
            load("n{1}{2,3,4,5,6,7}{1,2,3,4,5,6,7}{1,2,3,4,5,6,7}").findings.first?.contains("more than 256") == true)
        // A file of that name is no pattern.
        files.files["d/*.conf"] = Array("bogus".utf8)
        #expect(load("d/*.conf").findings.first == "1:1 error unknown keyword `bogus` at the top level")
    }

    /// A loop is one, whatever its files are called on the way around it.
    @Test func loopsAreFoundByTheFileItself() {
        var files = SampleFiles([
            "t.conf": "include i/a", "i/a": "include b", "i/b": "include ../i/a", "i/../i/a": "include b",
            "i/../i/b": "include ../i/a",
        ])
        files.identities = ["i/a": 1, "i/b": 2, "i/../i/a": 1, "i/../i/b": 2]
        let loaded = loadConfiguration(path: "t.conf", files: files, environment: Environment())
        #expect(loaded.diagnostics.count { $0.message.contains("includes itself") } == 1)
        #expect(loaded.diagnostics.first { $0.message.contains("includes itself") }?.includedFrom.count == 2)
        // Each of these includes all of them.
        let names = ["1", "2", "3", "4", "5", "6"]
        files = SampleFiles(["t.conf": "include d/*"])
        for name in names {
            files.files["d/" + name] = Array("include *\nx\(name)".utf8)
            files.identities["d/" + name] = UInt64(name)
        }
        let star = loadConfiguration(path: "t.conf", files: files, environment: Environment())
        #expect(star.diagnostics.count { $0.message.contains("includes itself") } == names.count)
        let read = readSources(path: "t.conf", files: files, environment: Environment())
        #expect(parse(read, environment: Environment()).diagnostics == star.diagnostics)
    }

    @Test func depthIsBounded() {
        var others: [String: String] = [:]
        for level in 0..<100 { others["f\(level)"] = "include f\(level + 1)" }
        #expect(load("include f0", others: others).findings.contains { $0.contains("nested deeper than 64") })
    }

    @Test func sourcesAreReadOnceAndParsedWithoutFiles() throws {
        let text = instance("include more.conf\ninclude no.conf")
        let files = SampleFiles(["t.conf": text, "more.conf": "priority 7"])
        let environment = Environment()
        let sources = readSources(path: "t.conf", files: files, environment: environment)
        #expect(sources.paths == ["guard.conf", "more.conf", "no.conf", "t.conf"])
        let parsed = parse(sources, environment: environment)
        #expect(try parsed.only().priority.rawValue == 7)
        #expect(
            parsed.diagnostics == loadConfiguration(path: "t.conf", files: files, environment: environment).diagnostics)
    }

    @Test func missingMainFile() {
        let loaded = loadConfiguration(path: "no.conf", files: SampleFiles([:]), environment: Environment())
        #expect(loaded.findings == ["- error can't read no.conf: no such file"])
        #expect(!loaded.canStart)
    }

    /// What editors on other systems put in front of a file costs a warning and nothing else.
    @Test func aByteOrderMarkIsIgnored() throws {
        let text = instance("priority 7")
        let loaded = load(bytes: [0xef, 0xbb, 0xbf] + Array(text.utf8))
        #expect(loaded.errorCount == 0)
        #expect(loaded.model == load(text).model)
        let finding = try #require(loaded.diagnostics.first)
        #expect(finding.severity == .warning && finding.message.contains("byte order mark"))
        // Columns are those that an editor shows.
        let broken = load(bytes: [0xef, 0xbb, 0xbf] + Array("nonsense".utf8))
        #expect(broken.diagnostics.contains { $0.code == .unknownKeyword && $0.location?.column == 1 })
    }

    @Test(
        arguments: [
            Array("v\0r\0r\0p\0_\0i\0n\0".utf8), [0xff, 0xfe, 65, 0],
            (0..<3_000).map { (number: Int) in UInt8(truncatingIfNeeded: number &* 167) },
        ] as [[UInt8]])
    func aFileThatIsNoTextIsOneError(_ bytes: [UInt8]) {
        let loaded = load(bytes: bytes)
        #expect(loaded.errorCount == 1 && loaded.diagnostics.count == 1 && !loaded.canStart)
        #expect(loaded.diagnostics.first?.message.contains("text") == true)
    }

    @Test func aStrayControlCharacterCostsItsLine() {
        let loaded = load("a\0b\n" + instance("priority 7"))
        #expect(loaded.errorCount == 1 && loaded.model.instances.count == 1)
    }

    /// As keepalived reads them: a name may come of a reference, and the variable of a sequence is gone when the
    /// definition is used.
    @Test(arguments: [
        ("$I=3\n$V${I}=5\nx $V3", ["x 5"]), ("~SEQ(I,1,3) $V${I}=a${I}\nx $V1 $V3", ["x a1 a3"]),
        ("~LST(I,a,b) $V${I}=7\nx $Va", ["x 7"]), ("~SEQ(I,1,3) $V=${I}\nx $V", ["x 3"]),
        ("~SEQ(I,1,2) ~SEQ(J,1,2) @^x $V${I}_${J}=${I}${J}\nx $V1_2 $V2_1", ["x 12 21"]),
        ("$D=$V=5\n$D\nx $V", ["x 5"]), ("@^ x 1\n@ x 2\nx 3", ["x 1", "x 3"]),
    ])
    func definitionsThatAreMade(_ text: String, _ expected: [String]) {
        #expect(words(text) == expected)
    }
}
