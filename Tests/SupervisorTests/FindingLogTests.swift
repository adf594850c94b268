import Configuration
import ConfigurationModel
import Logging
import Testing

@testable import Supervisor

@Suite("A reload tells the log what is new of its findings")
struct FindingLogTests {
    private let lines = Lines()
    private let warning = Diagnostic(
        .warning, "not handled yet", at: SourceLocation(file: "a.conf", line: 3), sourceLine: "use_vmac")

    private var findings: FindingLog {
        let lines = lines
        return FindingLog(Logger(label: "test") { _ in LineHandler(lines) })
    }

    @Test("a warning that was there before isn't told again, wherever it stands by now")
    func warnings() {
        let findings = findings
        findings.log(warning, isStart: true)
        findings.begin()
        var moved = warning
        moved.location = SourceLocation(file: "a.conf", line: 9)
        findings.log(moved)
        #expect(lines.texts.count == 1)
        var other = warning
        other.sourceLine = "use_vmac vrrp.7"
        findings.log(other)
        #expect(lines.texts.count == 2)
    }

    @Test("one that was gone is new")
    func comesBack() {
        let findings = findings
        findings.log(warning)
        findings.begin()
        findings.begin()
        findings.log(warning)
        #expect(lines.texts.count == 2)
    }

    @Test("an error is told each time")
    func errors() {
        let findings = findings
        var error = warning
        error.severity = .error
        for _ in 1...3 {
            findings.begin()
            findings.log(error)
        }
        #expect(lines.texts.count == 3)
    }

    @Test("what is too much to be remembered is told each time")
    func bounded() {
        let findings = findings
        for _ in 1...2 {
            findings.begin()
            for number in 0...FindingLog.rememberedMax {
                findings.log(Diagnostic(.warning, "finding \(number)"))
            }
        }
        #expect(lines.texts.count == FindingLog.rememberedMax + 2)
    }
}
