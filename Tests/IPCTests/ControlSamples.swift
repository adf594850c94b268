import Base
import ConfigurationModel
import Control
import VRRP
import Varlink

/// Reports with every member set, or every optional one missing, by turns.
enum SampleStatus {
    static func reply(instances count: Int) -> StatusReply {
        var reply = StatusReply()
        reply.daemon = daemon
        reply.instances = (0..<count).map { $0 % 2 == 0 ? backup($0) : faulty($0) }
        return reply
    }

    static var daemon: DaemonStatus {
        var daemon = DaemonStatus()
        daemon.version = "0.1.0"
        daemon.pid = 4711
        daemon.startedUnixSeconds = 1_700_000_000
        daemon.uptimeSeconds = 3_725.5
        daemon.instanceName = "lab"
        daemon.routerID = "lb1"
        daemon.configurationFile = "/etc/keepalived/keepalived.conf"
        daemon.configurationGeneration = 3
        daemon.loadedUnixSeconds = 1_700_003_000
        daemon.ignoredSettings = 2
        daemon.warnings = 2
        daemon.errors = 1
        daemon.logLevel = "info"
        daemon.problems = ["the disk is full."]
        daemon.notes = ["not sealed: no user 'hasup'"]
        var tracker = TrackerReport()
        (tracker.kind, tracker.name, tracker.state) = ("script", "web", "DOWN")
        (tracker.sinceUnixSeconds, tracker.inStateSeconds) = (1_700_003_600, 75.25)
        (tracker.count, tracker.streak, tracker.lastResult) = (3, 1, "exit status 1")
        var file = TrackerReport()
        (file.kind, file.name, file.state, file.value) = ("file", "load", "VALUE", -5)
        daemon.trackers = [tracker, file, TrackerReport()]
        var path = HeartbeatPathReport()
        (path.path, path.sent, path.received, path.lost) = ("cable", 7, 5, 1)
        (path.errors, path.lastError) = (1, "Network is unreachable")
        (path.lastHeard, path.roundTrip) = (.milliseconds(70), .microseconds(150))
        path.refused.add("authentication", 2)
        var node = ClusterNodeReport()
        (node.cluster, node.node, node.isHeard, node.hearsUs) = ("web", "lb2", true, true)
        node.lastHeard = .milliseconds(70)
        var group = GuardedGroupReport()
        (group.name, group.state, group.priority) = ("VI_1", .master, Priority(rawValue: 150))
        (node.groups, node.paths) = ([group], [path, HeartbeatPathReport()])
        daemon.clusterNodes = [node, ClusterNodeReport()]
        var services = ServiceCounts()
        (services.total, services.down, services.fault) = (4, 2, 1)
        daemon.services = services
        daemon.tableRecord = "/var/tmp/record"
        return daemon
    }

    static func backup(_ number: Int) -> InstanceReport {
        var report = InstanceReport()
        report.name = "web-v4-\(number)"
        report.state = .backup
        report.timeInState = .milliseconds(75_250)
        report.sinceUnixSeconds = 1_700_003_600
        report.priority = .standard
        report.basePriority = 100
        report.interface = "eth0"
        report.vrid = number % 255 + 1
        report.version = 3
        report.family = "ipv4"
        report.addresses = [AddressReport("192.0.2.10/24", interface: "eth0", foreign: true)]
        report.source = IPAddress("192.0.2.1")
        report.master = IPAddress("192.0.2.2")
        report.masterPriority = Priority(rawValue: 150)
        report.advertInterval = .seconds(1)
        report.lastAdvertAge = .milliseconds(412)
        report.whyNotMaster = WaitReport(
            code: "higher_priority", text: "The master has a higher priority: 150 > 100.", secondsLeft: 3.197375)
        report.lastTransition = transition
        report.counters.advertsReceived = 75
        report.counters.discarded.add("checksum", 2)
        report.lastDiscard = LastDiscard(
            .checksum, source: IPAddress(v4: 0xc000_0202), detail: 0, age: .seconds(3), isRecent: true)
        report.lastDiscard?.text = "its checksum is wrong"
        report.sendFailure = SendFailure(code: 0, since: .milliseconds(1_500), isSilent: true)
        report.rivals = [
            RivalReport(
                IPAddress(v4: 0xc000_0203), .lowerPriority(.release), since: .seconds(9), age: .milliseconds(500))
        ]
        report.strangers = [ForeignAddress()]
        report.contributions = [Contribution(.script, "web", 30)]
        report.awaitedScripts = ["db"]
        report.syncGroup = "G"
        report.heldBy = ["VI_2"]
        report.trackers = [TrackerUseReport("script", "web", weight: -30, reverse: true)]
        report.unadvertisedAddresses = 3
        report.awaitedHook = .beforeRelease
        report.hookTimeLeft = .milliseconds(1_250)
        report.isResigning = true
        report.addressLease = .seconds(3)
        report.leaseAge = .milliseconds(500)
        report.endlessAddresses = 1
        report.order = order
        report.differentAddressesOf = report.master
        return report
    }

    static func faulty(_ number: Int) -> InstanceReport {
        var report = InstanceReport()
        report.name = "db-\(number)"
        report.state = .fault
        report.family = "ipv6"
        report.faults = ["interface eth1 is down"]
        return report
    }

    static var order: OrderReport {
        var order = OrderReport()
        order.order = "resigned"
        order.group = "G"
        order.uid = 1_000
        order.unixSeconds = 1_700_003_600
        order.agoSeconds = 12.5
        order.text = "resigned by uid 1000; ends when the master falls silent"
        return order
    }

    static var transition: TransitionReport {
        var transition = TransitionReport()
        transition.from = "MASTER"
        transition.to = "BACKUP"
        transition.reason = "higher_priority"
        transition.text = "192.0.2.2 advertises priority 150 > 100"
        transition.peer = "192.0.2.2"
        transition.peerPriority = 150
        transition.ownPriority = 100
        transition.lastAdvertAgeSeconds = 0
        transition.agoSeconds = 75.25
        transition.unixSeconds = 1_700_003_600
        return transition
    }

    static var process: ProcessReport {
        var process = ProcessReport()
        process.role = "vrrp"
        process.pid = 4712
        process.uid = 997
        process.user = "hasup"
        process.gid = 996
        process.capabilities = ["net_admin"]
        process.seccomp = "filter"
        process.noNewPrivileges = true
        process.boundingSet = ["net_admin", "net_raw"]
        process.landlock = true
        process.coreLimitBytes = 0
        process.workingDirectory = "/run/hasup"
        process.restarts = 1
        process.uptimeSeconds = 12
        process.residentBytes = 5_242_880
        process.loopStampAgeSeconds = 0.004
        return process
    }

    static var reload: ReloadReport {
        var reload = ReloadReport()
        reload.generation = 3
        reload.summaryText = "1 error; the old configuration stays in force."
        var finding = DiagnosticReport()
        finding.severity = "error"
        finding.message = "virtual_router_id is missing"
        finding.file = "/etc/keepalived/keepalived.conf"
        finding.line = 7
        finding.column = 1
        finding.length = 13
        finding.sourceLine = "vrrp_instance a {"
        reload.diagnostics = [finding]
        return reload
    }
}
