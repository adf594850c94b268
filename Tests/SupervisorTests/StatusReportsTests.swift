import Base
import Configuration
import ConfigurationModel
import Control
import Testing
import VRRP
import Varlink
import WorkerProtocol

@testable import Supervisor

@Suite("A worker's numbers are a stranger's")
struct StatusReportsTests {
    private let now = Instant(nanoseconds: 1_000_000_000_000)
    private let wall: Int64 = 1_800_000_000_000_000_000

    @Test(
        "ages are neither negative nor longer than since boot, and nothing overflows",
        arguments: [Int64.min, -1, 0, 1_000_000_000_001, .max])
    func hostileAges(nanoseconds: Int64) throws {
        let strange = Interval(nanoseconds: nanoseconds)
        var status = InstanceStatus(priority: .standard, advertInterval: strange)
        status.timeInState = strange
        status.state = .backup
        status.waiting = .listening
        status.lastAdvertAge = strange
        status.takeover = strange
        status.lastDiscard = LastDiscard(.type, source: IPAddress(v4: 0), detail: 0, age: strange, isRecent: true)
        status.lastTransition = Transition(
            instance: 0, from: .initialize, to: .backup, reason: .started, peer: nil, peerPriority: nil,
            ownPriority: .standard, lastAdvertAge: nil)
        var writer = ByteWriter()
        status.encode(into: &writer)
        let decoded = try? writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return try InstanceStatus(decoding: &reader)
        }
        guard let decoded else { return #expect(nanoseconds < 0) }
        #expect(nanoseconds >= 0)
        let report = InstanceReport(
            InstanceSettings(name: "VI_1", location: SourceLocation(file: "a.conf", line: 1)), decoded, now: now,
            wallNanoseconds: wall)
        let ages = [
            report.timeInState.seconds, report.lastAdvertAge?.seconds ?? -1, report.lastTransition?.agoSeconds ?? -1,
        ]
        for age in ages { #expect((0...1_000).contains(age)) }
        #expect((1_799_999_000...1_800_000_000).contains(report.sinceUnixSeconds))
        #expect((report.whyNotMaster?.secondsLeft ?? -1) >= 0)
        #expect(report.advertInterval >= .zero && (report.lastDiscard?.age ?? .seconds(-1)) >= .zero)
    }

    @Test("a second master is shown with its sign")
    func rivals() throws {
        let other = try #require(IPAddress("10.0.0.2"))
        var status = InstanceStatus(priority: .standard, advertInterval: .seconds(1))
        status.state = .master
        status.rivals = [
            RivalReport(
                other, .lowerPriority(Priority(rawValue: 50)), since: .seconds(9), age: .milliseconds(500))
        ]
        func report() -> InstanceReport {
            InstanceReport(
                InstanceSettings(name: "VI_1", location: SourceLocation(file: "a.conf", line: 1)), status, now: now,
                wallNanoseconds: wall)
        }
        let rival = try #require(report().rivals.first)
        #expect(report().rivals.count == 1 && report().hasConflictingMaster)
        #expect(rival.source == other && rival.reason == "lowerPriority")
        #expect(rival.since == .seconds(9) && rival.age == .milliseconds(500))
        #expect(rival.text.contains("doesn't yield to our priority (its own is 50)"))
        status.rivals = []
        #expect(!report().hasConflictingMaster)
        let line = Observation.rivalMaster(0, source: other, .discarded(.version, detail: 3)).line(
            InstanceSettings(name: "VI_1", location: SourceLocation(file: "a.conf", line: 1)))
        #expect(
            line == "VI_1: probably two masters: 10.0.0.2 advertises, too, and its adverts are discarded: "
                + "version 3, which isn't the configured one")
    }

    @Test("with reverse, an interface that is up is said to be up")
    func reverse() {
        let text = Fault.trackedInterfaceUp("eth1").text(nil)
        #expect(text == "tracked interface eth1 is up, and `reverse` wants it down")
        var recovered = Transition(
            instance: 0, from: .fault, to: .backup, reason: .recovered, peer: nil, peerPriority: nil,
            ownPriority: .standard, lastAdvertAge: nil)
        let context = TransitionContext(fault: .trackedInterfaceUp("eth1"))
        #expect(recovered.why(nil, context) == "tracked interface eth1, which has `reverse`, is down or gone now")
        recovered.reason = .fault(.trackedInterfaceUp("eth1"))
        #expect(recovered.why(nil) == text)
    }

    @Test(
        "a tracked object is named, when it is the reason and when it isn't any more",
        arguments: [
            (
                .trackerDown(TrackerKey(.script, "web")), "tracked script web fails",
                "tracked script web succeeds now"
            ),
            (
                .trackerUp(TrackerKey(.script, "web")), "tracked script web succeeds, and `reverse` wants the contrary",
                "tracked script web, which has `reverse`, fails now"
            ),
            (
                .trackerDown(TrackerKey(.process, "db")), "tracked process db hasn't its quorum",
                "tracked process db has its quorum now"
            ),
            (
                .memberFault("VI_2", group: "G"), "VI_2 of sync group G is in FAULT",
                "VI_2 of sync group G isn't in FAULT any more"
            ),
            (.fileNumber("load", 7), "tracked file load says 7", "tracked file load says another number now"),
        ] as [(Fault, String, String)])
    func trackers(_ fault: Fault, _ text: String, _ end: String) {
        #expect(fault.text(nil) == text)
        let recovered = Transition(
            instance: 0, from: .fault, to: .backup, reason: .recovered, peer: nil, peerPriority: nil,
            ownPriority: .standard, lastAdvertAge: nil)
        #expect(recovered.why(nil, TransitionContext(fault: fault)) == end)
    }

    @Test("a member of a sync group says whom it follows, and who keeps it waiting")
    func syncGroups() {
        var transition = Transition(
            instance: 0, from: .backup, to: .master, reason: .syncGroup(member: "VI_2", group: "G"), peer: nil,
            peerPriority: nil, ownPriority: .standard, lastAdvertAge: nil)
        #expect(transition.why(nil) == "VI_2 of sync group G became MASTER")
        transition.to = .backup
        #expect(transition.why(nil) == "VI_2 of sync group G isn't MASTER")
        var status = InstanceStatus(priority: .standard, advertInterval: .seconds(1))
        (status.syncGroup, status.heldBy) = ("G", ["VI_2", "VI_3"])
        #expect(
            BackupReason.syncGroup.sentence(status)
                == "no better master is heard, and VI_2, VI_3 of sync group G have to be MASTER, too")
    }

    @Test("nopreempt isn't a wait that ends: each advert of the master puts the takeover off")
    func nopreempt() {
        var status = InstanceStatus(priority: Priority(rawValue: 200), advertInterval: .milliseconds(100))
        status.state = .backup
        status.waiting = .nopreempt
        status.masterPriority = Priority(rawValue: 100)
        status.lastAdvertAge = .zero
        status.takeover = .milliseconds(322)
        func report() -> InstanceReport {
            InstanceReport(
                InstanceSettings(name: "VI_1", location: SourceLocation(file: "a.conf", line: 1)), status, now: now,
                wallNanoseconds: wall)
        }
        #expect(report().whyNotMaster?.secondsLeft == nil)
        #expect(
            report().whyNotMaster?.text
                == "the master has a lower priority (100 against 200), and nopreempt is set; "
                + "takes over 322 ms after its last advert")
        status.waiting = .preemptDelay
        #expect(report().whyNotMaster?.secondsLeft == 0.322)
    }

    @Test("the history keeps what a reload has changed and why it was refused, of thousands the first ones")
    func briefReload() {
        func reload(_ count: Int) -> WatchEvent {
            var report = ReloadReport()
            report.changed = (0..<count).map { "VI_\($0)" }
            report.changes = report.changed.prefix(100).map { name in
                var change = InstanceChange()
                change.name = name
                return change
            }
            report.diagnostics = (0..<2 * count).map { number in
                var finding = DiagnosticReport()
                finding.severity = number < count ? "warning" : "error"
                return finding
            }
            return WatchEvent(report, wallNanoseconds: wall).brief(keeping: 20)
        }
        let small = reload(3).reload
        #expect(small?.changed == ["VI_0", "VI_1", "VI_2"] && small?.changes.count == 3 && small?.changesOmitted == 0)
        #expect(small?.diagnostics.map(\.severity) == ["error", "error", "error"] && small?.diagnosticsOmitted == 3)
        let large = reload(1_000).reload
        #expect(large?.changed.count == 20 && large?.changes.count == 20 && large?.changesOmitted == 980 + 80)
        #expect(large?.diagnostics.count == 20 && large?.diagnosticsOmitted == 1_980)
    }

    @Test("a fault of the configuration names the line of the fault")
    func lineOfTheFault() {
        let transition = Transition(
            instance: 0, from: .initialize, to: .fault, reason: .fault(.configuration), peer: nil, peerPriority: nil,
            ownPriority: .standard, lastAdvertAge: nil)
        var settings = InstanceSettings(name: "VI_1", location: SourceLocation(file: "a.conf", line: 3))
        settings.faults = ["advert_int is invalid"]
        #expect(transition.why(settings) == "a.conf:3: advert_int is invalid")
        settings.faultLocation = SourceLocation(file: "b.conf", line: 7, column: 5)
        #expect(transition.why(settings) == "b.conf:7: advert_int is invalid")
    }

    @Test("a generation counts what is wrong with its files, and names what a start has left out of them")
    func whatIsWrongWithAGeneration() throws {
        let place = SourceLocation(file: "a.conf", line: 3)
        var findings = [
            Diagnostic(.error, "x", at: place), Diagnostic(.error, "no eth0", at: place, code: .missingInterface),
            Diagnostic(.warning, "can't read the mark", code: .file), Diagnostic(.warning, "the MTU", code: .machine),
            Diagnostic(.error, "can't read `b.conf`: no such file", at: place, code: .file),
            Diagnostic(.error, "the regex doesn't compile", at: place, code: .check),
        ]
        func generation() throws -> Generation {
            let image = try ConfigurationImage(
                try ConfigurationImage.make(
                    canStart: true, isReadable: true, hasErrors: true, diagnostics: findings.encode(), difference: [],
                    model: ConfigurationModel().encode()))
            return Generation(
                number: 1, image: image, model: try EncodedModel(image.model), diagnostics: findings, acceptedAt: 0)
        }
        let one = try generation()
        #expect(one.errors == 3 && one.warnings == 1)
        #expect(one.unreadFiles == ["a.conf:3: can't read `b.conf`: no such file"])
        #expect(one.unmadeChecks == ["a.conf:3: the regex doesn't compile"])
        #expect(Generation(one, number: 2).unmadeChecks == one.unmadeChecks)
        #expect(Generation(one, number: 2).unreadFiles == one.unreadFiles)
        findings += Array(repeating: findings[4], count: 40)
        #expect(try generation().unreadFiles.count == 17)
    }

    @Test(
        "the words for a transition stand any age of the last advertisement",
        arguments: [Int64.min, -1, 0, 1_499_999, 1_500_000, .max - 500_000, .max])
    func hostileAgesInTexts(nanoseconds: Int64) {
        let reasons: [TransitionReason] = [
            .started, .addressOwner, .masterDown, .masterReleased, .preempted, .higherPriority,
            .equalPriorityHigherAddress, .fault(.configuration), .recovered, .reconfigured, .stopped, .interrupted,
            .resigned, .notTakenOver, .maintenance, .raised, .hookFailed, .leaseEnded,
        ]
        for reason in reasons {
            for peer in [nil, IPAddress("10.0.0.2")] {
                let transition = Transition(
                    instance: 0, from: .backup, to: .master, reason: reason, peer: peer, peerPriority: nil,
                    ownPriority: .standard, lastAdvertAge: Interval(nanoseconds: nanoseconds))
                #expect(transition.line(instance: "VI_1", nil).hasPrefix("VI_1: BACKUP -> MASTER: "))
            }
        }
        let milliseconds = Interval(nanoseconds: 1_500_000).inMilliseconds
        #expect(
            milliseconds == .milliseconds(2) && Interval(nanoseconds: -1_499_999).inMilliseconds == .milliseconds(-1))
    }

    @Test(
        "why it isn't MASTER is true after a reload has changed its priority, before the master's next advert",
        arguments: [
            (BackupReason.higherPriority, 200, 100, "(priority 200 > 100)"), (.higherPriority, 200, 220, nil),
            (.higherPriority, 200, 200, nil), (.higherAddress, 100, 100, "(same priority, higher address)"),
            (.higherAddress, 100, 120, nil), (.equalPriority, 100, 90, nil), (.nopreempt, 90, 100, "(90 against 100)"),
            (.resigned, 90, 100, "(90 against 100)"), (.nopreempt, 90, 80, nil), (.preempting, 90, 80, nil),
            (.preemptDelay, 90, 90, nil),
        ] as [(BackupReason, UInt8, UInt8, String?)])
    func whyNotMaster(reason: BackupReason, theirs: UInt8, ours: UInt8, expected: String?) {
        let own = Priority(rawValue: ours)
        var status = InstanceStatus(priority: own, advertInterval: .seconds(1))
        status.masterPriority = Priority(rawValue: theirs)
        let text = reason.sentence(status)
        let decides = "advertised priority \(theirs) last, and ours is now \(ours): its next advert decides"
        #expect(text.contains(expected ?? decides), "\(text)")
        #expect(text.contains("next advert decides") == (expected == nil), "\(text)")
    }
}
