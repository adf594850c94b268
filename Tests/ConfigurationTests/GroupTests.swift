import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct GroupTests {
    /// To look for what was meant costs as much as there are names, so that it isn't done for each of many.
    @Test func suggestionsAreFew() {
        let names = (0..<300).map { "VI_\($0)x" }
        let instances = names.indices.map { number in
            "vrrp_instance VI_\(number) {\ninterface eth0\nvirtual_router_id \(number % 255 + 1)\n"
                + "virtual_ipaddress { 10.0.\(number / 250).\(number % 250 + 1)/24 }\n"
                + "track_script {\nchk_\(number)x\n}\n}\n"
        }
        let scripts = names.indices.map { "vrrp_script chk_\($0) {\nscript /bin/true\n}\n" }
        let group = "vrrp_sync_group G {\ngroup {\n\(names.joined(separator: "\n"))\n}\n}\n"
        let loaded = load(scripts.joined() + group + instances.joined())
        #expect(loaded.findings.count { $0.contains("there is no `vrrp_instance VI_") } == 300)
        #expect(loaded.findings.count { $0.contains("there is no `vrrp_script chk_") } == 300)
        #expect(loaded.findings.count { $0.contains("did you mean") } == Elaborator.maximumSuggestions)
    }

    /// Instances A, B and C, 6 lines each.
    private static let three = ["A", "B", "C"].enumerated().map { number, name in
        instance("").replacing("vrrp_instance A", with: "vrrp_instance \(name)")
            .replacing("_id 1", with: "_id \(number + 1)").replacing("10.0.0.1", with: "10.0.0.\(number + 1)")
    }.joined()

    private func load(_ text: String, _ environment: Environment = Environment()) -> LoadedConfiguration {
        ConfigurationTests.load(Self.three + text, environment)
    }

    @Test func syncGroup() throws {
        let loaded = load(
            """
            vrrp_script chk {
            script /bin/chk
            }
            vrrp_sync_group G {
            group {
            C
            A
            }
            track_interface {
            eth5 weight 3
            }
            track_script {
            chk weight 4
            }
            notify_master /bin/m root
            notify "/bin/n x"
            smtp_alert
            notify_priority_changes
            sync_group_tracking_weight
            }
            """)
        #expect(TrackerTests.complaints(loaded) == [])
        let group = try #require(loaded.model.shared.syncGroups.first)
        #expect(group.name == "G" && group.members == [2, 0])
        #expect(group.trackedInterfaces == [TrackedInterface(name: "eth5", weight: 3)])
        #expect(group.trackers == [Tracker(kind: .script, name: "chk", weight: 4)])
        #expect(group.scripts.map(\.trigger) == [.master, .any] && group.scripts[1].arguments == ["/bin/n", "x"])
        #expect(group.sendsMail && group.notifiesPriorityChanges && group.keepsMemberWeights)
        #expect(loaded.model.hasScripts)
        let part = loaded.model.vrrpPart
        #expect(!part.hasScripts && part.shared.syncGroups.map(\.members) == [[2, 0]], "scripts are hasupd's")
        #expect(try loaded.model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == loaded.model)
    }

    @Test(arguments: [
        (
            "vrrp_sync_group G {\ngroup {\nA\nX\n}\n}\n",
            [
                "22:1 error there is no `vrrp_instance X`; did you mean `A`?"
            ]
        ),
        (
            "vrrp_sync_group G {\n}\n", ["19:17 error `vrrp_sync_group G` has no members and is left out"]
        ),
        (
            "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\nvrrp_sync_group H {\ngroup {\nB\nC\n}\n}\n",
            [
                "27:1 error instance `B` is in a sync group already", "22:1 note it was put there here",
            ]
        ),
        (
            "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\nvrrp_sync_group G {\ngroup {\nC\n}\n}\n",
            [
                "25:17 error `vrrp_sync_group G` exists already; this block is left out",
                "19:17 note the first one is here",
            ]
        ),
        (
            "vrrp_sync_group G {\ngroup {\nA\nB\n}\nnotify /a\nnotify /b\n}\n",
            ["25:1 warning `notify` is set already; this one is ignored", "24:1 note the first time is here"]
        ),
        (
            "vrrp_sync_group G {\ngroup {\nA\nB\n}\nglobal_tracking\n}\n",
            ["24:1 error `global_tracking` is refused: deprecated; list the trackers in the group itself"]
        ),
    ])
    func wrongGroups(_ text: String, _ expected: [String]) {
        #expect(TrackerTests.complaints(load(text)) == expected)
    }

    /// S6: a BACKUP with nopreempt leaves a master alone, whatever its priority is.
    @Test func preemptionAndWeights() {
        let told = "a sick master keeps its role; use weight 0 to make it FAULT"
        let members = Self.three.replacing("vrrp_instance B {", with: "vrrp_instance B {\nnopreempt")
        func group(_ weight: Int) -> LoadedConfiguration {
            ConfigurationTests.load(
                members + "vrrp_sync_group G {\ngroup {\nA\nB\n}\ntrack_interface {\neth5 weight \(weight)\n}\n}\n")
        }
        #expect(
            TrackerTests.complaints(group(3)) == [
                "23:1 warning `nopreempt` of `B` with weighted tracking of its group: \(told)"
            ])
        #expect(TrackerTests.complaints(group(0)) == [])
        let process = "vrrp_track_process p {\nprocess x\nweight 3\n}\n"
        #expect(
            TrackerTests.complaints(
                ConfigurationTests.load(process + instance("nopreempt\ntrack_process {\np\n}\n")))
                == ["9:1 warning `nopreempt` with weighted tracking: \(told)"])
    }

    /// behaviours §8: weights of members' trackers are dropped, which keepalived tells only in its log.
    @Test func weightsOfMembers() {
        let weighted = Self.three.replacing(
            "vrrp_instance B {", with: "vrrp_instance B {\ntrack_interface {\neth7 weight 3\n}")
        let group = "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\n"
        let loaded = ConfigurationTests.load(weighted + group)
        #expect(
            TrackerTests.complaints(loaded) == [
                "9:1 warning a weight in a member of `G` doesn't count without `sync_group_tracking_weight`",
                "25:1 note the instance is a member here",
            ])
        let kept = group.replacing("}\n}", with: "}\nsync_group_tracking_weight\n}")
        #expect(TrackerTests.complaints(ConfigurationTests.load(weighted + kept)) == [])
    }

    /// keepalived 2.2.7: the reverse of a weight is dropped with it, that of weight 0 stays.
    @Test func reverseOfMembers() throws {
        let text = Self.three.replacing(
            "vrrp_instance B {", with: "vrrp_instance B {\ntrack_interface {\neth7 weight 3 reverse\neth8 reverse\n}")
        let group = "vrrp_sync_group G {\ngroup {\nA\nB\n}\n%}\n"
        func tracked(_ line: String) throws -> [TrackedInterface] {
            let model = ConfigurationTests.load(text + group.replacing("%", with: line)).model
            return try #require(model.effectiveInstances.first { $0.name == "B" }).trackedInterfaces
        }
        let eight = TrackedInterface(name: "eth8", weight: 0, reverse: true)
        #expect(try tracked("") == [TrackedInterface(name: "eth7", weight: 0, reverse: false), eight])
        #expect(
            try tracked("sync_group_tracking_weight\n")
                == [TrackedInterface(name: "eth7", weight: 3, reverse: true), eight])
    }

    @Test func trackedTwice() {
        let own = Self.three.replacing("vrrp_instance B {", with: "vrrp_instance B {\ntrack_interface {\neth7\n}")
        let group = "vrrp_sync_group G {\ngroup {\nA\nB\n}\ntrack_interface {\neth7 weight 0\n}\n}\n"
        #expect(
            TrackerTests.complaints(ConfigurationTests.load(own + group)) == [
                "25:1 warning instance `B` tracks `eth7` itself, too; what `G` says is used"
            ])
    }

    @Test func mixedOwners() {
        let owner = Self.three.replacing("vrrp_instance A {", with: "vrrp_instance A { priority 255\n")
        let loaded = ConfigurationTests.load(owner + "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\n")
        #expect(
            TrackerTests.complaints(loaded) == [
                "23:1 warning a group starts as MASTER only when all members have priority 255; instance `B` hasn't"
            ])
    }

    @Test func others() throws {
        let loaded = load(
            """
            track_group T {
            group {
            A B
            }
            }
            garp_group {
            garp_interval 0.5
            gna_interval 1
            interfaces {
            eth0
            eth1
            }
            }
            interface_up_down_delays {
            eth0 1.5 0
            eth1 2
            }
            linkbeat_interfaces {
            eth0
            eth1 ETHTOOL
            }
            static_ipaddress {
            10.1.0.1/24 dev eth1 track_group T
            10.1.0.2
            }
            static_routes {
            10.2.0.0/16 dev eth1 track_group T
            }
            """)
        #expect(TrackerTests.complaints(loaded) == [])
        let shared = loaded.model.shared
        #expect(shared.trackGroups.first?.members == [0, 1])
        #expect(shared.announcementGroups.first?.interfaces == ["eth0", "eth1"])
        #expect(shared.announcementGroups.first?.garpInterval == .milliseconds(500))
        // Without the second delay it is the first, as the manual says.
        #expect(
            shared.interfaceDelays == [
                InterfaceDelay(interface: "eth0", down: .milliseconds(1500), up: .zero),
                InterfaceDelay(interface: "eth1", down: .seconds(2), up: .seconds(2)),
            ])
        #expect(shared.polledInterfaces.map(\.probe) == [.any, .ethtool])
        #expect(shared.staticAddresses.map(\.address.interface) == ["eth1", "eth0"])
        #expect(shared.staticAddresses[0].trackGroup == "T" && shared.staticRoutes[0].trackGroup == "T")
        #expect(try loaded.model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == loaded.model)
    }

    @Test(arguments: [
        ("track_group T {\n}\n", ["19:13 error `track_group T` has no members"]),
        (
            "track_group T {\ngroup {\nA\nA\n}\n}\n",
            ["22:1 error instance `A` is listed already", "21:1 note the first time is here"]
        ),
        (
            "garp_group {\ngarp_interval 1\n}\n", ["19:1 error `garp_group` has no interfaces and is left out"]
        ),
        (
            "garp_group {\ninterface eth0\n}\n",
            ["19:1 warning `garp_group` limits nothing: neither garp_interval nor gna_interval is set"]
        ),
        (
            "garp_group {\ngarp_interval 1\ninterface eth0\n}\ngarp_group {\ngarp_interval 1\ninterface eth0\n}\n",
            [
                "25:11 error `eth0` is in `garp_group` already", "21:11 note the first time is here",
            ]
        ),
        ("interface_up_down_delays {\neth0 256\n}\n", ["20:6 error down delay is 0 s to 255 s"]),
        ("interface_up_down_delays {\neth0\n}\n", ["20:1 error `eth0` needs a value"]),
        (
            "interface_up_down_delays {\neth9 1\n}\n",
            ["20:1 error interface `eth9` doesn't exist; did you mean `eth0`?"]
        ),
        ("linkbeat_interfaces {\neth0 mii\n}\n", ["20:6 error `mii` isn't one of MII, ETHTOOL, IOCTL"]),
        (
            "static_ipaddress {\n10.0.0.1/24\n}\n",
            [
                "20:1 warning `10.0.0.1` on `eth0` belongs to two: one removes it while the other needs it",
                "4:21 note it is given here first",
            ]
        ),
        (
            "static_ipaddress {\n10.1.0.1/24 dev eth9\n}\n",
            [
                "20:17 error interface `eth9` doesn't exist; did you mean `eth0`? This address is set when it appears; `dynamic_interfaces` in global_defs is for interfaces that come later"
            ]
        ),
        ("static_ipaddress {\n10.1.0.1/24 track_group X\n}\n", ["20:25 error there is no `track_group X`"]),
    ])
    func wrongOthers(_ text: String, _ expected: [String]) {
        #expect(TrackerTests.complaints(load(text, Environment(interfaces: ["eth0"]))) == expected)
    }

    @Test func membersOfHostileModels() {
        var model = load("vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\n").model
        model.shared.syncGroups[0].members = [0, 3]
        let bytes = model.encode()
        #expect(throws: ByteError.invalid) { try bytes.withUnsafeBytes { _ = try EncodedModel($0).decode() } }
    }
}
