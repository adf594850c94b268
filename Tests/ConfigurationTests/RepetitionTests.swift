import ConfigurationModel
import Testing

@testable import Configuration

/// Something that is written twice: the one that counts is keepalived's.
@Suite struct RepetitionTests {
    private func second(_ keyword: String, _ block: String, _ line: Int) -> String {
        "\(line):1 warning `\(keyword)` is set again in this `\(block)`; the first one counts, and this one is ignored"
    }

    @Test func theFirstStateCounts() throws {
        let loaded = load(instance("state MASTER\nstate BACKUP\npriority 7"))
        #expect(try loaded.only().wantsMaster)
        #expect(loaded.findings == [second("state", "vrrp_instance", 6), "5:1 note the first time is here"])
        #expect(loaded.model.ignoredSettings == 1)
    }

    @Test func theFirstObjectOfATrackerCounts() {
        let loaded = load(
            "track_file f {\nfile /tmp/a\nfile /tmp/b\n}\nvrrp_track_process p {\nprocess a\nprocess b c\n}\n"
                + instance("track_file {\nf\n}\ntrack_process {\np\n}"))
        #expect(loaded.model.shared.trackFiles.map(\.path) == ["/tmp/a"])
        #expect(loaded.model.shared.trackProcesses.map(\.process) == ["a"])
        #expect(loaded.model.shared.trackProcesses.first?.parameters == [])
        #expect(loaded.findings.contains(second("file", "track_file", 3)), "\(loaded.findings)")
        #expect(loaded.findings.contains(second("process", "vrrp_track_process", 7)), "\(loaded.findings)")
    }

    @Test func theFirstFIFOAndScriptCount() {
        let lines = [
            "notify_fifo /tmp/1", "notify_fifo /tmp/2", "vrrp_notify_fifo /tmp/3", "vrrp_notify_fifo /tmp/4",
            "startup_script /bin/a", "startup_script /bin/b", "shutdown_script /bin/a", "shutdown_script /bin/b",
        ]
        let loaded = load("global_defs {\n\(lines.joined(separator: "\n"))\n}\n" + instance(""))
        let daemon = loaded.model.global.daemon
        #expect(daemon.notifyFIFO?.path == "/tmp/1" && daemon.vrrpNotifyFIFO?.path == "/tmp/3")
        #expect(daemon.startupScript?.arguments == ["/bin/a"] && daemon.shutdownScript?.arguments == ["/bin/a"])
        let again = loaded.findings.filter { $0.contains("the first one counts") }
        #expect(again.count == 4, "\(loaded.findings)")
    }

    @Test func theFirstListOfMembersCounts() {
        let second = instance("").replacing("e A {", with: "e B {").replacing("r_id 1", with: "r_id 2")
            .replacing("0.1/", with: "0.2/")
        let third = instance("").replacing("e A {", with: "e C {").replacing("r_id 1", with: "r_id 3")
            .replacing("0.1/", with: "0.3/")
        let loaded = load(
            instance("") + second + third + "vrrp_sync_group G {\ngroup {\nA\nB\n}\ngroup {\nC\n}\nsmtp_alert\n}\n")
        #expect(loaded.model.shared.syncGroups.map(\.members) == [[0, 1]])
        #expect(loaded.model.shared.syncGroups.first?.sendsMail == true)
        #expect(loaded.findings.count { $0.contains("the first one counts") } == 1 && loaded.errorCount == 0)
    }

    /// Once more in another block is no repetition.
    @Test func eachBlockHasItsOwn() {
        let other = instance("state MASTER\npriority 7").replacing("e A {", with: "e B {").replacing(
            "r_id 1", with: "r_id 2"
        )
        .replacing("0.1/", with: "0.2/")
        #expect(load(instance("state MASTER\npriority 7") + other).findings == [])
    }
}
