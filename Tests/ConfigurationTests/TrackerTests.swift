import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct TrackerTests {
    static let definitions = """
        vrrp_script chk {
            script "/bin/chk 'a b' c"
            interval 2.5
            timeout 1
            weight -20 reverse
            rise 2
            fall 3
            user nobody :adm
            init_fail
        }
        vrrp_script there {
            script "</run/there"
        }
        track_file value {
            file "/run/value of"
            weight 3
            init_file 7 overwrite
        }
        vrrp_track_file old {
            file /run/old
        }
        vrrp_track_process web {
            process "/usr/sbin/nginx" -g "daemon off;"
            param_match partial
            weight 254
            quorum 2
            quorum_max 9
            delay 0.5
            terminate_delay 3
            full_command
        }
        bfd_instance peer {
            neighbor_ip 10.0.0.9
            source_ip 10.0.0.8
            min_rx 50
            min_tx 20.5
            idle_tx 2000
            multiplier 3
            passive
            ttl 200
            max_hops -1
            multihop
            weight 5
            vrrp
        }

        """

    static let use = """
        track_script {
        chk
        there weight 253 noreverse
        }
        track_file {
        value weight 0 reverse
        old
        }
        track_process {
        web
        }
        track_bfd {
        peer
        }
        """

    /// What stays after the warnings that something isn't handled yet.
    static func complaints(_ loaded: LoadedConfiguration) -> [String] {
        loaded.findings.filter {
            !$0.contains("isn't handled yet and has no effect") && !$0.hasSuffix("is deprecated")
                && !$0.contains("no mail is sent, because")
        }
    }

    @Test func values() throws {
        let loaded = load(Self.definitions + instance(Self.use))
        #expect(Self.complaints(loaded) == [])
        let shared = loaded.model.shared
        let script = try #require(shared.trackScripts.first)
        #expect(script.command == .run(["/bin/chk", "a b", "c"]))
        #expect(script.interval == .milliseconds(2500) && script.timeout == .seconds(1))
        #expect(script.weight == -20 && script.reverse && script.rise == 2 && script.fall == 3 && script.startsFailed)
        #expect(script.identity == ScriptIdentity(user: "nobody", group: "adm", supplementaryGroups: true))
        #expect(shared.trackScripts[1].command == .open("/run/there"))
        #expect(shared.trackScripts[1].timeout == .seconds(1) && shared.trackScripts[1].weight == 0)
        let file = try #require(shared.trackFiles.first)
        #expect(file.path == "/run/value of" && file.weight == 3 && file.initialValue == 7 && file.overwrites)
        #expect(shared.trackFiles[1].weight == 1 && shared.trackFiles[1].initialValue == nil)
        let process = try #require(shared.trackProcesses.first)
        #expect(process.process == "/usr/sbin/nginx" && process.parameters == ["-g", "daemon off;"])
        #expect(process.match == .partial && process.quorum == 2 && process.quorumMaximum == 9)
        #expect(process.forkDelay == .milliseconds(500) && process.terminateDelay == .seconds(3))
        #expect(process.usesFullCommand && process.weight == 254)
        let session = try #require(shared.bfdSessions.first)
        #expect(session.neighbor == IPAddress("10.0.0.9") && session.source == IPAddress("10.0.0.8"))
        #expect(session.minimumReceive == .milliseconds(50) && session.minimumTransmit == .microseconds(20_500))
        #expect(session.idleTransmit == .seconds(2) && session.multiplier == 3 && session.isPassive)
        #expect(session.timeToLive == 200 && session.maximumHops == nil && session.isMultihop)
        #expect(session.servesVRRP && !session.servesCheckers)
    }

    /// `param_match` alone asks for no parameters; without it they don't matter (keepalived.conf(5)).
    @Test(
        arguments: [("", nil), ("param_match", .exact), ("param_match initial", .initial)]
            as [(String, ParameterMatch?)])
    func parameterMatch(_ line: String, _ wanted: ParameterMatch?) {
        let text = "vrrp_track_process x {\n    process y\n    \(line)\n}\n"
        #expect(load(text).model.shared.trackProcesses.map(\.match) == [wanted])
    }

    /// Who tracks says the weight; who doesn't gets the definition's.
    @Test func references() throws {
        let trackers = try load(Self.definitions + instance(Self.use)).only().trackers
        #expect(
            trackers == [
                Tracker(kind: .script, name: "chk", weight: -20, reverse: true),
                Tracker(kind: .script, name: "there", weight: 253),
                Tracker(kind: .file, name: "value", weight: 0, reverse: true),
                Tracker(kind: .file, name: "old", weight: 1),
                Tracker(kind: .process, name: "web", weight: 254), Tracker(kind: .bfd, name: "peer", weight: 5),
            ])
    }

    @Test(arguments: [
        (
            "track_script {\nchkk\n}\n",
            [
                "6:1 error there is no `vrrp_script chkk`; did you mean `chk`?"
            ]
        ),
        (
            "track_script {\nchk\nchk weight 1\n}\n",
            ["7:1 error `chk` is tracked already", "6:1 note the first time is here"]
        ),
        ("track_script {\nchk weight 300\n}\n", ["6:12 error `weight` is -253 to 253, not 300"]),
        (
            "track_script {\nchk wieght 3\n}\n",
            [
                "6:5 error unknown option `wieght`; did you mean `weight`?"
            ]
        ),
        ("track_script {\nchk weight\n}\n", ["6:5 error `weight` needs a value"]),
        (
            "track_script chk {\nchk\n}\n",
            ["5:14 error `track_script` takes its entries in `{ }`; this is ignored"]
        ),
        (
            "nopreempt\ntrack_script {\nchk weight 3\n}\n",
            [
                "5:1 warning `nopreempt` with weighted tracking: a sick master keeps its role; use weight 0 to make it FAULT"
            ]
        ),
    ])
    func wrongReferences(_ lines: String, _ expected: [String]) {
        let script = "vrrp_script chk {\nscript /bin/chk\n}\n"
        let before = load(script + instance(lines))
        let findings = Self.complaints(load(instance(lines) + script))
        let order = "is defined further down"
        #expect(findings.filter { !$0.contains(order) && !$0.contains("note it is defined here") } == expected)
        // Only in this order keepalived knows the name.
        #expect(!before.findings.contains { $0.contains(order) })
    }

    @Test func laterDefinition() {
        let loaded = load(instance("track_script {\nchk\n}\n") + "vrrp_script chk {\nscript /bin/chk\n}\n")
        #expect(
            Self.complaints(loaded) == [
                "6:1 warning `chk` is defined further down; keepalived would ignore this",
                "10:13 note it is defined here",
            ])
    }

    @Test(arguments: [
        ("vrrp_script x {\n}\n", ["1:1 error it has no usable `script`: `vrrp_script x` can't be used"]),
        (
            "vrrp_script x {\nscript /bin/x\ninterval 0\n}\n",
            [
                "3:10 warning an interval is 0.001 s or longer; 1 s is used",
                "1:13 warning nothing tracks `vrrp_script x`",
            ]
        ),
        (
            "vrrp_script x {\nscript /bin/x a\n}\n",
            [
                "2:15 warning the command and its arguments are one word: put them in double quotes; this and what follows is ignored",
                "1:13 warning nothing tracks `vrrp_script x`",
            ]
        ),
        (
            "vrrp_script x {\nscript /bin/x\nrise 0\nfall y\nuser\n}\n",
            [
                "3:6 error `rise` is 1 to 2147483647, not 0", "4:6 error `y` isn't a whole number",
                "5:1 error `user` needs USER [[:]GROUP]", "1:13 warning nothing tracks `vrrp_script x`",
            ]
        ),
        (
            "vrrp_script x {\nscript /bin/x\n}\nvrrp_script x {\nscript /bin/y\n}\n",
            [
                "4:13 error `vrrp_script x` exists already; this block is left out", "1:13 note the first one is here",
                "1:13 warning nothing tracks `vrrp_script x`",
            ]
        ),
        (
            "track_file x {\nfile value\n}\n",
            [
                "2:6 error `value` isn't an absolute path"
            ]
        ),
        (
            "vrrp_track_process x {\nprocess y\nquorum 5\nquorum_max 4\nparam_match most\nfork_delay 4000\n}\n",
            [
                "5:13 error `param_match` is initial or partial, not `most`",
                "6:12 error `fork_delay` is 0.000001 s to 3600 s",
                "4:12 error quorum_max 4 is below quorum 5: `vrrp_track_process x` can't be used",
            ]
        ),
        (
            "vrrp_track_process x {\nprocess /usr/sbin/nginx\n}\n",
            [
                "2:9 warning the kernel's name of a process has no path, so `/usr/sbin/nginx` never runs: write "
                    + "`nginx`, or add `full_command`, which looks at the command line",
                "1:20 warning nothing tracks `vrrp_track_process x`",
            ]
        ),
        (
            "vrrp_track_process x {\nprocess abcdefghijklmnop\n}\n",
            [
                "2:9 warning the kernel's name of a process has 15 bytes at most, so `abcdefghijklmnop` never runs: write "
                    + "`abcdefghijklmno`, or add `full_command`, which looks at the command line",
                "1:20 warning nothing tracks `vrrp_track_process x`",
            ]
        ),
        (
            "vrrp_track_process x {\nprocess /usr/sbin/nginx\nparam_match\n}\n",
            ["1:20 warning nothing tracks `vrrp_track_process x`"]
        ),
        (
            "bfd_instance x {\nneighbor_ip 10.0.0.1\nsource_ip fe80::1\n}\n",
            ["3:11 error `source_ip` isn't of the neighbour's family: `bfd_instance x` can't be used"]
        ),
        (
            "bfd_instance x {\nneighbor_ip 10.0.0.1\nidle_tx 10\nmin_rx 0.5\n}\n",
            [
                "3:9 error `idle_tx` is 1000 to 4294967.295, in milliseconds",
                "4:8 error `min_rx` is 1 to 4294967.295, in milliseconds",
            ]
        ),
        (
            "bfd_instance x {\nneighbor_ip 10.0.0.1\n}\nbfd_instance y {\nneighbour_ip 10.0.0.1\n}\n",
            [
                "5:14 error `10.0.0.1` is the neighbour of another session: `bfd_instance y` can't be used",
                "1:14 note it is here",
            ]
        ),
        ("bfd_instance x {\n}\n", ["1:1 error it has no usable `neighbor_ip`: `bfd_instance x` can't be used"]),
    ])
    func wrongDefinitions(_ text: String, _ expected: [String]) {
        // Unused names are told at the end, where the text's own lines stay what they are.
        #expect(Self.complaints(load(text)) == expected)
    }

    /// What names a broken definition is no second mistake.
    @Test func brokenDefinition() throws {
        let loaded = load("vrrp_script x {\n}\n" + instance("track_script {\nx\n}"))
        #expect(
            Self.complaints(loaded) == [
                "1:1 error it has no usable `script`: `vrrp_script x` can't be used"
            ])
        #expect(try loaded.only().trackers == [])
        #expect(loaded.model.shared.trackScripts == [])
    }

    @Test func sessionForCheckersOnly() {
        let loaded = load("bfd_instance x {\nneighbor_ip 10.0.0.1\nchecker\n}\n" + instance("track_bfd {\nx\n}"))
        #expect(
            Self.complaints(loaded) == ["10:1 error `bfd_instance x` is for checkers only; this isn't tracked"])
    }

    @Test func roundTrip() throws {
        let model = load(Self.definitions + instance(Self.use)).model
        #expect(try model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == model)
    }
}
