import ArgumentParser
import Base
import Configuration
import ConfigurationModel
import Control
import Reactor
import Testing
import VRRP
import Varlink

@testable import hasup

@Suite struct TextTests {
    @Test func anEventIsALine() {
        var event = WatchEvent("transition", text: "not shown", unixSeconds: 0)
        event.instance = "VI_1"
        var transition = TransitionReport()
        transition.from = "BACKUP"
        transition.to = "MASTER"
        transition.text = "no advert for 3.414 s"
        event.transition = transition
        let time = LocalTime(hour: 7, minute: 5, second: 9, millisecond: 4)
        #expect(
            EventLine(style: .plain).render(event, at: time)
                == "07:05:09.004  VI_1  BACKUP -> MASTER: no advert for 3.414 s")
        var discard = WatchEvent("discard", text: "checksum is wrong", unixSeconds: 0)
        discard.count = 12
        #expect(
            EventLine(style: .plain).render(discard, at: time) == "07:05:09.004  checksum is wrong  (12 times)")
    }

    @Test func aWatchBeginsWithWhatIs() {
        var instance = InstanceReport()
        instance.name = "VI_1"
        instance.state = .fault
        instance.timeInState = .seconds(65)
        instance.faults = ["eth0 is down"]
        let time = LocalTime(hour: 7, minute: 5, second: 9, millisecond: 4)
        let line = EventLine(style: .plain).render(instance, at: time)
        #expect(line == "07:05:09.004  VI_1  FAULT for \(Layout.age(65.0)): eth0 is down")
    }

    @Test func aReloadThatWasRefused() {
        var report = ReloadReport()
        report.summaryText = "1 error; the old configuration stays in force."
        var finding = DiagnosticReport()
        finding.severity = "error"
        finding.message = "virtual_router_id is missing"
        finding.file = "a.conf"
        finding.line = 7
        finding.column = 1
        finding.length = 13
        finding.sourceLine = "vrrp_instance a {"
        report.diagnostics = [finding]
        #expect(
            ReloadText(style: .plain).render(report) == """
                a.conf:7:1: error: virtual_router_id is missing
                vrrp_instance a {
                ^~~~~~~~~~~~~
                Refused. 1 error, shown above. The old configuration stays in force.

                """)
        report = ReloadReport()
        report.ok = true
        report.changed = ["VI_1", "VI_2"]
        report.summaryText = "2 instances changed."
        #expect(
            ReloadText(style: .plain).render(report) == "changed: VI_1 VI_2\nReloaded. 2 instances changed.\n")
    }

    /// Nobody believes that an instance whose interface isn't there becomes a backup.
    @Test func whatAReloadWouldLeaveInFault() {
        var report = ReloadReport()
        report.ok = true
        report.dryRun = true
        report.added = ["VI_3", "VI_4"]
        report.changed = ["VI_1", "VI_2"]
        report.changes = ["VI_1", "VI_2"].map { name in
            var change = InstanceChange()
            change.name = name
            change.startsAnew = name == "VI_1"
            return change
        }
        report.faults = ["VI_1", "VI_2", "VI_3"].map { name in
            var fault = InstanceFault()
            fault.name = name
            fault.reason = "interface `eth9` doesn't exist"
            return fault
        }
        report.summaryText = "in FAULT VI_1, VI_2, VI_3"
        #expect(
            ReloadText(style: .plain).render(report) == """
                new: VI_4
                new: VI_3
                    starts in FAULT: interface `eth9` doesn't exist
                changed: VI_1
                    becomes another virtual router and starts again in FAULT: interface `eth9`
                        doesn't exist
                changed: VI_2
                    is then in FAULT: interface `eth9` doesn't exist
                A reload would succeed. In FAULT VI_1, VI_2, VI_3.

                """)
    }

    private func instance(_ name: String, _ state: RouterState, fault: String? = nil) -> InstanceReport {
        var instance = InstanceReport()
        (instance.name, instance.faults) = (name, fault.map { [$0] } ?? [])
        instance.state = state
        return instance
    }

    /// `hasup check f && hasup reload` must not take a service away and end well.
    @Test func whatAReloadHasTakenIntoFault() {
        var report = ReloadReport()
        report.ok = true
        report.changed = ["A", "B", "C"]
        report.added = ["E"]
        report.faults = ["A", "B", "E"].map { name in
            var fault = InstanceFault()
            (fault.name, fault.reason) = (name, "no source")
            return fault
        }
        let before = [
            instance("A", .master), instance("B", .fault), instance("C", .backup), instance("D", .backup),
        ]
        // D isn't touched by the reload; C's interface is down, which no file tells.
        let after = [
            instance("A", .fault, fault: "no source"), instance("B", .fault, fault: "no source"),
            instance("C", .fault, fault: "eth1 is down"), instance("D", .fault, fault: "eth2 is down"),
            instance("E", .backup),
        ]
        #expect(report.newFaults(before: before, after: after).map(\.name) == ["A", "C"])
        #expect(report.newFaults(before: before, after: after).map(\.reason) == ["no source", "eth1 is down"])
        #expect(report.newFaults(before: before, after: nil).map(\.name) == ["A", "E"])
        #expect(report.newFaults(before: nil, after: after).map(\.name) == ["A", "B", "C"])
        #expect(report.newFaults(before: after, after: after).isEmpty)
        var refused = report
        refused.ok = false
        #expect(refused.newFaults(before: before, after: after).isEmpty)

        report.summaryText = "changed A"
        let faults = report.newFaults(before: before, after: after)
        func told(_ faults: [InstanceFault]) -> String {
            let text = ReloadText(style: .plain).render(report, newFaults: faults)
            return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        #expect(
            told(Array(faults.prefix(1))).hasSuffix(
                "Reloaded. Changed A. A is in FAULT because of this reload: no source. Fix that, or restore the old file "
                    + "and reload again."))
        #expect(
            told(faults).contains("2 instances are in FAULT because of this reload: A (no source); C (eth1 is down)."))
        #expect(told(Array(repeating: faults[0], count: 10)).contains("; and 2 more. Fix that"))
        report.dryRun = true
        #expect(
            told(Array(faults.prefix(1))).hasSuffix(
                "A would be in FAULT because of it: no source. Fix that first."))
        #expect(!told([]).contains("because of"))
    }

    /// The daemon's sentence for logs quotes the first error, which stands above already.
    @Test func aRefusalIsNotToldTwice() {
        var report = ReloadReport()
        report.summaryText =
            "a.conf has 1 error: a.conf:7: unknown keyword `x`; did you mean `y`? The old configuration stays in force."
        #expect(
            ReloadText(style: .plain).render(report).contains("did you mean"), "without findings it is all there is")
        var finding = DiagnosticReport()
        finding.severity = "error"
        finding.message = "unknown keyword `x`; did you mean `y`?"
        report.diagnostics = [finding]
        let text = ReloadText(style: .plain).render(report)
        #expect(text.ranges(of: "did you mean").count == 1, "\(text)")
    }

    @Test func historyIsInTheOrderOfWhatHappened() {
        func event(_ kind: String, _ time: Double) -> WatchEvent { WatchEvent(kind, text: "", unixSeconds: time) }
        let kept = [event("process", 10), event("process", 20), event("transition", 15), event("transition", 21)]
        #expect(HistoryCommand.choose(kept, of: nil, last: nil).map(\.unixSeconds) == [10, 15, 20, 21])
        // The clock was set back.
        let back = [event("process", 4_000), event("transition", 100)]
        #expect(HistoryCommand.choose(back, of: nil, last: nil).map(\.unixSeconds) == [4_000, 100])
    }

    @Test func findingsFitATerminal() {
        let finding = Diagnostic(
            .error, "interface `eth9` doesn't exist; this machine has `eth0`, `eth1`, `eth2` and `eth3` and 12 more",
            at: SourceLocation(file: "/etc/keepalived/keepalived.conf", line: 3, column: 2), length: 9,
            sourceLine: " interface eth9", atStart: .leaveInFault("A", until: "the interface appears"))
        for style in [Style.plain, .coloured] {
            let text = FindingText(style: style, width: 60, wraps: true).render(finding)
            let lines = text.split(separator: "\n").map { Layout.unpainted($0) }
            #expect(lines.allSatisfy { $0.count <= 60 }, "\(text)")
            #expect(lines[1].hasPrefix("    ") && lines.contains(" interface eth9"), "\(text)")
            let words = lines.map { String($0) }.joined(separator: " ").split(separator: " ").joined(separator: " ")
            #expect(words.contains("`eth2` and `eth3` and 12 more interface eth9"), "\(words)")
            #expect(
                FindingText(style: style, width: 60, wraps: false).render(finding).split(separator: "\n").count == 4)
        }
    }

    @Test func aWatchDoesNotBeginWithWhatIsOver() {
        var instance = InstanceReport()
        instance.name = "A"
        instance.state = .backup
        instance.lastTransition = TransitionReport()
        instance.lastTransition?.text = "10.0.0.1 advertises"
        instance.whyNotMaster = WaitReport(code: "higherPriority", text: "backup of 10.0.0.2", secondsLeft: nil)
        let time = LocalTime(hour: 7, minute: 5, second: 9, millisecond: 4)
        let line = EventLine(style: .plain).render(instance, at: time)
        #expect(line.hasSuffix(": backup of 10.0.0.2"), "\(line)")
        instance.state = .fault
        instance.faults = ["eth0 is down"]
        #expect(EventLine(style: .plain).render(instance, at: time).hasSuffix(": eth0 is down"))
    }

    @Test func whatIsCutOffInAnExplanationIsSaid() {
        let rows = KeywordTable.shared.keywords.filter { $0.name == "vrrp_script" }
        let text = ExplainText(width: 60, style: .plain).render(rows)
        #expect(text.contains("..."))
        #expect(
            text.split(separator: "\n").joined(separator: " ").contains("Lines that end in ... are shown in full by"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 60 }, "\(text)")
        #expect(!ExplainText(width: 200, style: .plain).render(rows).contains("..."))
    }

    @Test func whatAReloadWouldChange() {
        var report = ReloadReport()
        report.ok = true
        report.dryRun = true
        report.added = ["VI_3"]
        report.changed = ["VI_1", "VI_2"]
        var change = InstanceChange()
        change.name = "VI_1"
        change.startsAnew = true
        var setting = SettingChange()
        setting.text = "interface eth0 -> eth1"
        change.settings = [setting]
        report.changes = [change]
        setting.text = "router_id a -> b"
        report.globalChanges = [setting]
        report.summaryText = "added VI_3; changed VI_1; 0 unchanged"
        #expect(
            ReloadText(style: .plain).render(report) == """
                new: VI_3
                changed: VI_1
                    interface eth0 -> eth1
                    becomes another virtual router and starts again in BACKUP
                also changed: VI_2
                global settings
                    router_id a -> b
                A reload would succeed. Added VI_3; changed VI_1; 0 unchanged.

                """)
    }

    /// One form for all errors of the command line, in lines of 80 columns, and hasupd's is the same.
    @Test(arguments: [
        (["history", "--lines", "0"], "--lines must be 1 or more. Try hasup history --help."),
        (["check"], "missing expected argument '<files> ...'. Try hasup check --help."),
        (
            ["log-level", "loud"],
            "'loud' isn't one of debug, info, notice, warning, error. Try hasup log-level --help."
        ),
        (["check", "--jsn", "a"], "unknown option '--jsn'. Did you mean '--json'? Try hasup check --help."),
    ])
    func usageErrors(words: [String], expected: String) {
        do {
            _ = try Hasup.parseAsRoot(words)
            Issue.record("\(words) was accepted")
        } catch {
            #expect(Hasup.exitCode(for: error) == .validationFailure)
            let text = Hasup.usageComplaint(Hasup.message(for: error), command: words.first)
            #expect(text == expected)
            let lines = Terminal.complaint(text, width: 80).split(separator: "\n")
            #expect(lines.allSatisfy { $0.utf8.count <= 80 } && lines[0].hasPrefix("hasup: "))
        }
    }

    @Test(arguments: [
        "check", "fmt", "status", "watch", "history", "report", "reload", "upgrade", "version", "explain",
    ])
    func helpFitsIntoEightyColumns(command: String) {
        do {
            var help = try Hasup.parseAsRoot([command, "--help"])
            try help.run()
            Issue.record("no help")
        } catch {
            let text = Hasup.help(Hasup.fullMessage(for: error, columns: 80), width: 80)
            #expect(text.contains("USAGE: hasup \(command)"))
            for line in text.split(separator: "\n") { #expect(line.utf8.count <= 80, "\(line)") }
        }
    }

    @Test func whatWasThrownAwayIsToldInWords() {
        #expect(StatusTable.words(for: "notRunning") == "while it wasn't running")
        #expect(StatusTable.words(for: "newReason") == "new reason", "of a newer daemon")
    }

    @Test func failuresSayWhatToDo() {
        let missing = ControlClient.Failure.unreachable(SystemError(2, "connect"))
        #expect(
            FailureText.sentence(for: missing, path: "/run/hasup/control.sock")
                == "hasupd doesn't answer at /run/hasup/control.sock: No such file or directory. Is it running? "
                + "`systemctl start hasup` starts it. If it has another control socket, name it with --control "
                + "or --instance. If its own was removed: `systemctl kill -s HUP --kill-whom=main hasup` creates it again."
        )
        #expect(FailureText.exitCode(for: missing) == 2)
        let denied = ControlClient.Failure.refused(.permissionDenied)
        #expect(
            FailureText.sentence(for: denied, path: "p")
                == "hasupd refused: only root and members of the group 'hasup' may do this.")
        #expect(FailureText.exitCode(for: denied) == 1)
    }

    @Test(arguments: [
        ("status", nil), ("help", nil), ("--version", nil), ("keywords", nil),
        ("stauts", "unknown command 'stauts'. Did you mean 'status'? Try hasup --help."),
        ("\u{1b}", "unknown command '\\x1b'. Try hasup --help."),
    ])
    func anUnknownCommandGetsTheNearest(_ word: String, _ expected: String?) {
        #expect(Hasup.complaint(aboutCommand: word) == expected)
    }
}
