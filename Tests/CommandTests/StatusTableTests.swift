import Base
import ConfigurationModel
import Control
import Testing
import VRRP
import Varlink

@testable import hasup

@Suite struct StatusTableTests {
    private let table = StatusTable(width: 80, style: .plain)

    private func instance(_ name: String, _ state: RouterState, seconds: Int64, priority: UInt8) -> InstanceReport {
        var report = InstanceReport()
        report.name = name
        report.state = state
        report.timeInState = .seconds(seconds)
        report.priority = Priority(rawValue: priority)
        report.basePriority = Int(priority)
        report.interface = "eth0"
        return report
    }

    private func sample() -> StatusReply {
        var reply = StatusReply()
        reply.daemon.version = "0.1.0"
        reply.daemon.routerID = "lb1"
        reply.daemon.pid = 4711
        reply.daemon.uptimeSeconds = 93_784
        reply.daemon.configurationGeneration = 2
        reply.daemon.configurationFile = "/etc/keepalived/keepalived.conf"

        var master = instance("VI_1", .master, seconds: 93_700, priority: 150)
        master.master = IPAddress("192.0.2.1")
        master.addresses = [
            AddressReport("192.0.2.10/24", interface: "eth0", installed: true),
            AddressReport("192.0.2.11/24", interface: "eth0"),
        ]
        var waiting = AddressReport("192.0.2.12/24", interface: "eth9")
        waiting.obstacle = "no such interface; it is set when eth9 appears"
        master.excludedAddresses = [waiting]
        var became = TransitionReport()
        became.from = "BACKUP"
        became.to = "MASTER"
        became.text = "no advert of 192.0.2.2 (priority 100) for 3.414 s"
        became.agoSeconds = 93_700
        master.lastTransition = became

        var backup = instance("a-very-long-instance-name", .backup, seconds: 12, priority: 90)
        backup.basePriority = 100
        backup.master = IPAddress("2001:db8::2")
        backup.addresses = [AddressReport("2001:db8:0:1::10/64", interface: "eth0", foreign: true)]
        var stranger = ForeignAddress()
        stranger.text = "2001:db8:0:1::10/64 is on eth0"
        backup.strangers = [stranger]
        backup.whyNotMaster = WaitReport(
            code: "preemptDelay", text: "192.0.2.2 has a lower priority, and preempt_delay isn't over",
            secondsLeft: 3.1971)
        backup.counters.discarded.add("checksum", 2)
        backup.counters.discarded.add("hop_limit", 1)

        var faulty = instance("db", .fault, seconds: 3, priority: 100)
        faulty.faults = ["interface eth1 is down", "interface eth2 doesn't exist"]
        reply.instances = [master, backup, faulty]
        return reply
    }

    @Test func oneThatIsWellNeedsNoTotals() {
        var reply = sample()
        reply.instances = [instance("VI_1", .backup, seconds: 1, priority: 1)]
        #expect(!table.render(reply).contains("discarded"))
        reply.instances[0].faults = ["its configuration can't run"]
        #expect(table.render(reply).contains("1 instance: 0 MASTER, 1 BACKUP, 0 FAULT; 0 packets discarded"))
    }

    /// What makes the priority, and what an instance waits for that doesn't start.
    @Test func thePriorityIsASum() {
        var reply = sample()
        func text() -> String { table.render(reply).split { $0.isWhitespace }.joined(separator: " ") }
        reply.instances[0].priority = Priority(rawValue: 160)
        #expect(!text().contains("script"))
        reply.instances[0].contributions = [Contribution(.script, "web", 30), Contribution(.file, "load", -20)]
        #expect(text().contains("priority 150 + 30 script web - 20 file load = 160"))
        reply.instances[0].contributions = [Contribution(.interface, "eth1", 300), Contribution(.process, "db", 3)]
        reply.instances[0].priority = Priority(rawValue: 254)
        #expect(text().contains("limited to 254"))
        reply.instances[1].awaitedScripts = ["web"]
        #expect(text().contains("waits for the first result of script web"))
        reply.instances[1].awaitedScripts = ["web", "db"]
        #expect(text().contains("waits for the first result of scripts web, db"))
    }

    /// An order alone is no trouble; that the addresses are nobody's is.
    @Test func ordersAndHooks() {
        var reply = StatusReply()
        reply.instances = [instance("VI_1", .master, seconds: 60, priority: 150)]
        reply.instances[0].addresses = [AddressReport("192.0.2.10/24", interface: "eth0", installed: true)]
        reply.instances[0].master = IPAddress("192.0.2.1")
        func text() -> String { table.render(reply).split { $0.isWhitespace }.joined(separator: " ") }
        #expect(reply.instances[0].state == .master && reply.isWell)
        var order = OrderReport()
        order.agoSeconds = 180
        order.text = "resigned by root; ends when the master falls silent"
        reply.instances[0].order = order
        #expect(
            text().contains("order of 3m 0s ago: resigned by root; ends when the master falls silent") && reply.isWell)
        reply.instances[0].addressLease = .seconds(3)
        reply.instances[0].leaseAge = .milliseconds(400)
        reply.instances[0].endlessAddresses = 1
        #expect(text().contains("the kernel ends its addresses 3") && text().contains("renewed 0.4s ago"))
        #expect(text().contains("without a lease: 1 address,") && reply.isWell)
        reply.instances[0].isResigning = true
        #expect(text().contains("resigns: it keeps its addresses until it hears a successor") && reply.isWell)
        reply.instances[0].awaitedHook = .beforeRelease
        reply.instances[0].hookTimeLeft = .seconds(3)
        #expect(text().contains("waits for before_release, for 3") && reply.isWell)
        reply.instances[0].awaitedHook = .beforeMaster
        #expect(text().contains("waits for before_master, for 3") && !reply.isWell)
        reply.instances[0].awaitedHook = nil
        reply.instances[0].state = .backup
        for index in reply.instances[0].addresses.indices { reply.instances[0].addresses[index].installed = false }
        reply.instances[0].whyNotMaster = WaitReport(code: "maintenance", text: "it is in maintenance")
        #expect(reply.isWell && text().contains("not MASTER: it is in maintenance."))
        reply.instances[0].master = nil
        #expect(!reply.isWell)
        reply.instances[0].master = IPAddress("192.0.2.2")
        reply.instances[0].whyNotMaster = WaitReport(code: "hookFailed", text: "its before_master failed")
        #expect(reply.isWell)
        reply.instances[0].master = nil
        #expect(!reply.isWell)
    }

    @Test func outcomesOfOrders() {
        var result = OrderResult()
        (result.name, result.isGroup, result.text) = ("G", true, "MASTER already")
        #expect(OrderText.render([result], isForAll: false) == "MASTER already\n")
        #expect(OrderText.render([result], isForAll: true) == "sync group G: MASTER already\n")
        #expect(OrderText.render([], isForAll: true) == "no instance is configured\n")
    }

    @Test func syncGroups() {
        var reply = sample()
        func text() -> String { table.render(reply).split { $0.isWhitespace }.joined(separator: " ") }
        #expect(!text().contains("Sync group"))
        for index in 0...1 { reply.instances[index].syncGroup = "G" }
        let names = reply.instances.prefix(2).map(\.name).joined(separator: ", ")
        #expect(text().contains("Sync group G is BACKUP: \(names)."))
        reply.instances[1].state = .master
        #expect(text().contains("Sync group G is MASTER"))
        reply.instances[1].state = .fault
        #expect(text().contains("Sync group G is FAULT"))
        reply.instances[1].state = .initialize
        reply.instances[1].heldBy = ["VI_1"]
        #expect(text().contains("Sync group G is INIT") && text().contains("waits for VI_1 of sync group G"))
    }

    /// What is tracked, who uses it, and what is wrong; what is well fills no screens.
    @Test func trackedObjects() {
        var reply = sample()
        func tracker(
            _ kind: String, _ name: String, _ state: String, count: Int = 1, streak: Int = 0, _ last: String = ""
        )
            -> TrackerReport
        {
            var report = TrackerReport()
            (report.kind, report.name, report.state) = (kind, name, state)
            (report.count, report.streak, report.lastResult, report.inStateSeconds) = (count, streak, last, 75)
            return report
        }
        #expect(!table.render(reply).contains("TRACKED"))
        var file = tracker("file", "load", "VALUE")
        file.value = -5
        var new = TrackerReport()
        (new.kind, new.name) = ("script", "new")
        reply.daemon.trackers = [
            tracker("script", "web", "DOWN", count: 3, "exit status 1"),
            tracker("script", "db", "UP", streak: 2, "timed out"), file, new, tracker("process", "p", "DOWN", "0 of 1"),
        ]
        reply.instances[0].trackers = [
            TrackerUseReport("script", "web", weight: 0, reverse: false),
            TrackerUseReport("file", "load", weight: 2, reverse: true),
        ]
        reply.instances[1].trackers = [TrackerUseReport("script", "web", weight: -30, reverse: false)]
        let text = table.render(reply)
        for line in [
            "TRACKED     RESULT  SINCE    USED BY",
            "script web  DOWN    1m 15s   VI_1 (FAULT while DOWN),\n    a-very-long-instance-name (weight -30)",
            "  failed 3 times in a row: exit status 1", "  failed 2 times in a row: timed out",
            "file load   -5      1m 15s   VI_1 (times 2 reverse)", "script new  -       -        -", "  no result yet",
            "process p   DOWN    1m 15s", "  0 of 1",
        ] {
            #expect(text.contains(line), "\(line)\n\(text)")
        }
        reply.daemon.trackers += (0..<12).map { tracker("script", "s\($0)", "UP") }
        let long = table.render(reply)
        #expect(long.contains("script s9 ") && !long.contains("script s10") && long.contains("and 2 more that are UP"))
    }

    @Test func aWorkerThatIsGoneIsSaid() {
        var reply = sample()
        reply.daemon.workerTrouble = "the VRRP worker isn't running"
        var replaced = ReplacementReport()
        replaced.text = "hasup-vrrp ended (signal 9): starting it again"
        replaced.agoSeconds = 40
        replaced.restarts = 3
        reply.daemon.replacements = [replaced]
        let text = table.render(reply)
        #expect(text.contains("the VRRP worker isn't running: the table shows the configuration only"))
        #expect(text.contains("hasup-vrrp ended (signal 9): starting it again, 40s ago (3 restarts since hasupd"))
    }

    /// The one rule behind the exit status.
    @Test func whatIsWell() {
        var reply = StatusReply()
        reply.instances = [instance("A", .master, seconds: 1, priority: 1)]
        #expect(reply.isWell)
        for (state, faults) in [(.fault, []), (.initialize, ["its configuration can't run"])]
            as [(RouterState, [String])]
        {
            var other = reply
            other.instances.append(instance("B", state, seconds: 1, priority: 1))
            other.instances[1].faults = faults
            #expect(!other.isWell)
        }
        var silent = StatusReply()
        #expect(silent.isWell)
        var mute = reply
        mute.instances[0].sendFailure = SendFailure(code: 113, since: .seconds(3), isSilent: false)
        #expect(mute.isWell, "another peer hears it")
        mute.instances[0].sendFailure?.isSilent = true
        #expect(!mute.isWell)
        var disputed = reply
        disputed.instances[0].lastDiscard = Self.discard
        #expect(disputed.isWell, "one advert is no second master")
        disputed.instances[0].rivals = [Self.rival]
        #expect(!disputed.isWell, "most likely there are two masters")
        silent.daemon.workerTrouble = "the VRRP worker isn't running"
        #expect(!silent.isWell)
        var shared = reply
        shared.instances[0].strangers = [ForeignAddress()]
        #expect(shared.isWell, "a MASTER serves by it")
        shared.instances[0].state = .backup
        #expect(!shared.isWell)
        var partial = reply
        partial.daemon.unreadFiles = ["/etc/a.conf:3: can't read `b.conf`: no such file"]
        #expect(!partial.isWell && table.render(partial).contains("without a part of it, until a reload succeeds"))
        reply.daemon.unsealed = ["hasup-vrrp works without its filter of system calls."]
        #expect(!reply.isWell)
        #expect(table.render(reply).contains("hasup-vrrp works without its filter of system calls."))
        var processes = ProcessesReply()
        var worker = ProcessReport()
        worker.pid = 4711
        processes.processes = [worker]
        #expect(processes.isWell)
        processes.processes[0].pid = 0
        #expect(!processes.isWell)
    }

    @Test func aDiscardNamesItsSenderAndAge() {
        var reply = sample()
        reply.instances[0].counters.discarded.add("version", 4)
        reply.instances[0].lastDiscard = Self.discard
        reply.instances[0].differentAddressesOf = IPAddress("192.0.2.3")
        let text = table.render(reply)
        #expect(
            text.split { $0.isWhitespace }.joined(separator: " ").contains(
                "adverts discarded: 4 wrong version; the last 0.4s ago from 192.0.2.2: its version is 2"))
        #expect(text.contains("192.0.2.3 advertises other addresses than ours"))
        #expect(!reply.isWell)
        reply.instances[0].lastDiscard?.isRecent = false
        reply.instances[0].lastDiscard?.age = .seconds(7_200)
        let later = table.render(reply)
        #expect(later.contains("adverts discarded: 4 wrong version; the last 2h 0m ago from"))
        #expect(!later.contains("probably"))
    }

    private static let peer = IPAddress(v4: 0xc000_0202)

    private static var rival: RivalReport {
        var rival = RivalReport(peer, .lowerPriority(.standard), since: .seconds(65), age: .milliseconds(400))
        rival.text = "192.0.2.2 advertises, too"
        return rival
    }

    private static var discard: LastDiscard {
        var last = LastDiscard(.version, source: peer, detail: 2, age: .milliseconds(400), isRecent: true)
        last.text = "its version is 2"
        return last
    }

    @Test func aSecondMasterIsNamed() {
        var reply = sample()
        reply.instances[0].state = .master
        reply.instances[0].rivals = [Self.rival]
        let text = table.render(reply).split { $0.isWhitespace }.joined(separator: " ")
        #expect(text.contains("probably two masters: 192.0.2.2 advertises, too; heard for 1m 5s, the last 0.4s ago"))
        #expect(!reply.isWell)
    }

    @Test func packetsForNobodyAreCounted() {
        var reply = sample()
        #expect(!table.render(reply).contains("no instance here"))
        reply.daemon.discarded.add("unknownVRID", 3)
        reply.daemon.discarded.add("length", 1)
        let text = table.render(reply)
        #expect(text.contains("Packets for no instance here, discarded: 3 unknown VRID, 1 wrong length."))
    }

    @Test func aFaultIsSaidOnce() {
        var reply = sample()
        var fell = TransitionReport()
        (fell.from, fell.to, fell.text) = ("BACKUP", "FAULT", "interface eth1 is down")
        reply.instances[2].lastTransition = fell
        let text = table.render(reply)
        #expect(text.components(of: "interface eth1 is down") == 1)
        #expect(text.contains("fault: interface eth2 doesn't exist"))
    }

    @Test func countsOfAHostileDaemonDontOverflow() {
        var reply = sample()
        for index in reply.instances.indices { reply.instances[index].counters.discarded.add("checksum", .max) }
        #expect(reply.packetsRejected == .max)
    }

    @Test func everythingAtEightyColumns() {
        let text = table.render(sample())
        let golden = """
            hasupd 0.1.0 on lb1, pid 4711, up 1d 2h,
                configuration /etc/keepalived/keepalived.conf, generation 2
            INSTANCE            STATE   SINCE    PRIO  MASTER       ADDRESSES
            VI_1                MASTER  1d 2h     150  192.0.2.1    192.0.2.10/24
                                                                    192.0.2.11/24
                                                                    192.0.2.12/24
              BACKUP -> MASTER 1d 2h ago: no advert of 192.0.2.2 (priority 100) for 3.414 s
              192.0.2.11/24 is missing on eth0
              192.0.2.12/24 dev eth9: no such interface; it is set when eth9 appears
            a-very-long-insta~  BACKUP  12s    90/100  2001:db8::2  2001:db8:0:1::10/64
              not MASTER: 192.0.2.2 has a lower priority, and preempt_delay isn't over.
                  Becomes MASTER in 3.197 s if nothing changes.
              2001:db8:0:1::10/64 is on eth0
              adverts discarded: 2 wrong checksum, 1 hop limit
            db                  FAULT   3.0s      100  -            -
              fault: interface eth1 is down
              fault: interface eth2 doesn't exist
            3 instances: 1 MASTER, 1 BACKUP, 1 FAULT; 3 packets discarded

            """
        #expect(text == golden)
        for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }

    @Test func problemsStandBelow() {
        var reply = sample()
        reply.instances = [instance("a", .initialize, seconds: 0, priority: 100)]
        reply.daemon.ignoredSettings = 2
        reply.daemon.warnings = 1
        reply.daemon.notes = ["not sealed: there is no user 'hasup'"]
        reply.daemon.problems = ["the disk is full."]
        var refused = RefusedReload()
        refused.agoSeconds = 65
        refused.reason = "a.conf has 2 errors. The old configuration stays in force."
        reply.daemon.refusedReload = refused
        let lines = table.render(reply).split(separator: "\n").suffix(7)
        #expect(
            Array(lines) == [
                "The configuration has 0 errors, 1 warning and 2 settings without effect; 'hasup",
                "    check /etc/keepalived/keepalived.conf' lists them, and what this machine",
                "    lacks at the moment.",
                "The last reload, 1m 5s ago, was refused: a.conf has 2 errors. The old",
                "    configuration stays in force.",
                "the disk is full.",
                "1 note on the processes: 'hasup status --processes' shows them.",
            ])
    }

    @Test(arguments: [(31, "31 of 72 addresses aren't advertised"), (1, "1 of 72 addresses isn't advertised")])
    func addressesWithoutRoomAreCounted(_ count: Int, _ expected: String) {
        var reply = sample()
        var one = instance("a", .master, seconds: 5, priority: 100)
        one.addresses = (1...72).map { AddressReport("10.0.0.\($0)/24", interface: "eth0", installed: true) }
        one.unadvertisedAddresses = count
        reply.instances = [one]
        let text = table.render(reply).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(text.contains(expected), "\(text)")
    }

    @Test func aScheduledReloadIsShown() {
        var reply = sample()
        var next = ScheduledReloadReport()
        next.unixSeconds = 1_795_694_400
        next.inSeconds = 3_725
        reply.daemon.scheduledReload = next
        let text = table.render(reply).replacing("\n    ", with: " ")
        #expect(text.contains("The configuration is reloaded on 2026-11-2"))
        #expect(text.contains("in 1h 2m"))
    }

    @Test func aHealthyBackupDoesntAlarm() {
        var reply = sample()
        var backup = instance("VI_1", .backup, seconds: 5, priority: 100)
        let text = "backup of 10.0.0.2 (priority 150 > 100); takes over 3.6 s after its last advert"
        backup.whyNotMaster = WaitReport(code: "higherPriority", text: text, secondsLeft: 3.1)
        reply.instances = [backup]
        let shown = table.render(reply)
        #expect(shown.contains("\n  backup of 10.0.0.2 (priority 150 > 100); takes over 3.6 s after its last"))
        #expect(!shown.contains("not MASTER"))
    }

    @Test func nothingIsConfigured() {
        var reply = StatusReply()
        reply.daemon.version = "1"
        #expect(table.render(reply).hasSuffix("No instance is configured.\n"))
    }

    @Test func namesCantSteerTheTerminal() {
        var reply = sample()
        reply.instances[0].name = "\u{1b}[2J\u{9b}x"
        reply.instances[0].lastTransition?.text = "a\nb\u{202e}c"
        let text = table.render(reply)
        #expect(text.contains("\\x1b[2J\\u{9b}x"))
        #expect(text.contains("a\\nb\\u{202e}c"))
        #expect(!text.unicodeScalars.contains("\u{1b}"))
    }

    @Test func colourChangesNoColumn() {
        let coloured = StatusTable(width: 80, style: .coloured).render(sample())
        #expect(coloured.contains("\u{1b}[32mMASTER\u{1b}[0m"))
        var plain = ""
        var isEscape = false
        for character in coloured {
            if character == "\u{1b}" { isEscape = true }
            if !isEscape { plain.append(character) }
            if character == "m" { isEscape = false }
        }
        #expect(plain.filter { $0 != "m" } == table.render(sample()).filter { $0 != "m" })
    }

    /// The master's address is what an operator looks for: it is never cut, and no line is wider than the terminal.
    @Test(arguments: [
        ("VI_1", "fe80::dc9f:7eff:fe12:3456", ["fd00::100/64"]),
        ("a-very-long-instance-name", "fe80::dc9f:7eff:fe12:3456", ["2001:db8:1111:2222:3333:4444:5555:6666/128"]),
        ("a-very-long-instance-name", "2001:db8:1111:2222:3333:4444:5555:6666", ["fd00::1/64", "fd00::2/64"]),
    ])
    func ipv6AtEightyColumns(_ name: String, _ master: String, _ addresses: [String]) {
        var reply = sample()
        var report = instance(name, .backup, seconds: 86_400, priority: 100)
        report.master = IPAddress(master)
        report.addresses = addresses.map { AddressReport($0, interface: "eth0", installed: true) }
        reply.instances = [report]
        let text = table.render(reply)
        for address in [master] + addresses { #expect(text.contains(address)) }
        for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }

    @Test func manyAddressesAreCounted() {
        var reply = sample()
        reply.instances = [reply.instances[0]]
        reply.instances[0].addresses = (1...40).map {
            AddressReport("2001:db8::\($0)/64", interface: "eth0", installed: true)
        }
        reply.instances[0].excludedAddresses = []
        let text = table.render(reply)
        #expect(text.contains("and 36 more") || text.contains("and 38 more"))
        for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }

    @Test(arguments: [
        (0.0, "0.0s"), (9.96, "9.9s"), (59.9, "59s"), (60, "1m 0s"), (3_599, "59m 59s"), (3_600, "1h 0m"),
        (86_400, "1d 0h"), (-1, "?"), (.nan, "?"), (.infinity, "?"),
    ])
    func ages(_ seconds: Double, _ text: String) {
        #expect(Layout.age(seconds) == text)
    }
}

extension String {
    /// How often it contains that.
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.firstRange(of: part) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}
