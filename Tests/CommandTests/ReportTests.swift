import Testing

@testable import hasup

@Suite struct ReportTests {
    @Test func secretsGoWhereverTheyStand() {
        var report = Report()
        report.add("Log", "unknown keyword `hunter2x`\npassword hunter2 and `abc`, abc stays")
        report.omit("hunter2")
        let text = report.render(without: SecretFinder(["hunter2", "hunter2x", "abc"]))
        #expect(!text.contains("hunter2"))
        #expect(text.contains("`<redacted>`, abc stays"))
        #expect(text.contains("- <redacted>"))
    }

    @Test func controlCharactersDoNotReachTheTerminal() {
        var report = Report()
        report.add("Log", "a\u{1b}[31mb\tc\nd")
        let text = report.render(without: SecretFinder([]))
        #expect(!text.contains("\u{1b}"))
        #expect(text.contains("b    c\nd\n"))
    }

    @Test func whatWasNotThereIsNotLeftOut() {
        #expect(Report.omission(secrets: 0, scripts: 0) == "of the configuration: all comments")
        #expect(
            Report.omission(secrets: 1, scripts: 0) == "of the configuration: 1 word that is secret and all comments")
        #expect(
            Report.omission(secrets: 2, scripts: 1)
                == "of the configuration: 2 words that are secret, the arguments of 1 script and all comments")
    }

    @Test func theNameOfTheFileHasHostAndTime() {
        var time = LocalTime(hour: 3, minute: 4, second: 5, millisecond: 6)
        time.year = 2026
        time.month = 11
        time.day = 26
        #expect(ReportCommand.defaultName(host: "a b/c", at: time) == "hasup-report-a_b_c-20261126-030405.txt")
    }

    @Test func aProgramIsBoundedAndItsEndIsTold() {
        #expect(ProgramOutput.of(["echo", "a"]).bytes == Array("a\n".utf8))
        #expect(ProgramOutput.of(["echo", "a"]).trouble == nil)
        #expect(ProgramOutput.of(["false"]).trouble == "it ended with status 1")
        #expect(ProgramOutput.of(["no-such-program"]).trouble == "it isn't installed")
        let endless = ProgramOutput.of(["yes"])
        #expect(endless.trouble == "it took too long or printed too much")
        #expect(endless.bytes.count < 2 << 20)
    }
}
