import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct EncodingTests {
    private static let full = load(
        """
        global_defs {
        router_id r
        @hasup adopt_leftovers
        script_user u g
        vrrp_garp_interval 0.1
        vrrp_rt_priority 9
        notification_email { a@b }
        smtp_server mail
        lvs_sync_daemon eth0 I0 id 3
        lvs_notify_fifo /run/f u
        lvs_notify_fifo_script "/bin/r x"
        checker_cpu_affinity 0 1
        }
        SSL { ca /ca.pem }
        track_file F { file /f }
        bfd_instance B { neighbor_ip 10.0.0.9 }
        virtual_server_group G {
        10.0.9.0/24 80
        fwmark 9 inet
        }

        """
            + InstanceTests.effects.enumerated().map { number, effect in
                instance(effect.line).replacing("vrrp_instance A", with: "vrrp_instance I\(number)")
                    .replacing("virtual_router_id 1", with: "virtual_router_id \(number + 1)")
            }.joined() + instance("", addresses: "\nfe80::1 -nodad\n2001:db8::2/64 preferred_lft 1\n")
            + services
    ).model

    /// Every form of a virtual server, a real server and a check.
    private static let services: String = {
        let checks = [
            "TCP_CHECK {\n\(CheckTests.effects.map(\.line).joined(separator: "\n"))\n}", "PING_CHECK {\n}",
            "SMTP_CHECK {\n}", "DNS_CHECK {\ntype MX\nname example.org\n}",
            "UDP_CHECK {\npayload 0102\nrequire_reply 0X\n}",
            "SSL_GET {\nsni_name s\nurl {\npath /\ndigest 00112233445566778899aabbccddeeff\nstatus_code 200 301-302\n}\nurl {\npath /\nregex a\nregex_options utf\nregex_max_offset 3\n}\n}",
            "MISC_CHECK {\nmisc_path \"/bin/chk a\"\nuser u g\n}", "FILE_CHECK {\ntrack_file F\nweight -3 reverse\n}",
            "BFD_CHECK {\nname B\n}",
        ]
        var text = "virtual_server fwmark 1 {\n}\n"
        let lines = ServiceTests.effects.map(\.line) + ServiceTests.serverEffects.map(\.line) + checks
        for (number, line) in lines.enumerated() {
            let isServer = number >= ServiceTests.effects.count
            text += service(
                (isServer ? "" : line) + "\nreal_server 10.0.0.2 80 {\n\(isServer ? line : "")\n}",
                "10.0.1.\(number) 80")
        }
        return text + service("real_server 10.0.0.2 80 {\n}", "group G")
    }()

    @Test func roundTrip() throws {
        let bytes = Self.full.encode()
        try bytes.withUnsafeBytes { buffer in
            let encoded = try EncodedModel(buffer)
            #expect(encoded.instanceCount == Self.full.instances.count)
            #expect(encoded.virtualServerCount == Self.full.virtualServers.count)
            #expect(Self.full.virtualServers.flatMap { $0.realServers.flatMap(\.checks) }.count == 9)
            #expect(encoded.hasScripts)
            #expect(encoded.smallestAdvertInterval == .milliseconds(10))
            #expect(try encoded.global() == Self.full.global)
            #expect(try encoded.shared() == Self.full.shared)
            for index in Self.full.instances.indices {
                #expect(try encoded.instance(at: index) == Self.full.instances[index])
            }
            #expect(try encoded.decode() == Self.full)
            #expect(throws: ByteError.invalid) { _ = try encoded.instance(at: encoded.instanceCount) }
            #expect(throws: ByteError.invalid) { _ = try encoded.instance(at: -1) }
        }
    }

    @Test func nothing() throws {
        try ConfigurationModel().encode().withUnsafeBytes { buffer in
            let encoded = try EncodedModel(buffer)
            #expect(encoded.smallestAdvertInterval == nil && !encoded.hasScripts)
            #expect(try encoded.decode() == ConfigurationModel())
        }
    }

    @Test func faultsAndMissingIdentifiers() throws {
        let model = load("vrrp_instance A {\n}\n").model
        #expect(try model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == model)
    }

    /// Who reads the network isn't told what it doesn't need.
    @Test func partForTheVRRPWorker() throws {
        let part = Self.full.vrrpPart
        #expect(part.instances.count == Self.full.instances.count && !part.hasScripts)
        #expect(part.instances.map(\.identity) == Self.full.instances.map(\.identity))
        #expect(part.instances.map(\.password) == Self.full.instances.map(\.password))
        #expect(part.global.garpInterval == Self.full.global.garpInterval && part.global.adoptsLeftovers)
        let text = String(decoding: part.encode(), as: UTF8.self)
        for secret in ["/bin/n", "mail", "a@b", "/run/f", "/ca.pem", "/bin/chk", "/bin/r"] {
            #expect(String(decoding: Self.full.encode(), as: UTF8.self).contains(secret), "\(secret)")
            #expect(!text.contains(secret), "\(secret)")
        }
    }

    /// hasup-track isn't told either, and of definitions only those that decide about an instance.
    @Test func partForTracking() throws {
        let scripts = ["a", "b", "c", "d", "e"].map { "vrrp_script \($0) {\nscript \"/bin/\($0) x\"\nuser u\n}\n" }
        let text =
            "global_defs {\nsmtp_server mail\nscript_user v\nenable_script_security\n}\n" + scripts.joined()
            + "track_file f {\nfile /f\n}\ntrack_file g {\nfile /g\n}\n"
            + "vrrp_track_process p {\nprocess /bin/p\n}\n"
            + instance(
                "authentication {\nauth_type PASS\nauth_pass secret\n}\nnotify /bin/n\n"
                    + "track_script {\na\nb weight 5\n}\ntrack_file {\nf weight 0\n}\n")
            + instance("track_script {\nc weight 5\n}\ntrack_process {\np\n}\n")
            .replacing("vrrp_instance A", with: "vrrp_instance B").replacing("_id 1", with: "_id 2")
            + "vrrp_sync_group G {\ngroup {\nA\n}\ntrack_script {\nd weight 3\n}\n%}\n"
        let part = load(text.replacing("%", with: "")).model.trackingPart
        #expect(part.shared.trackScripts.map(\.name) == ["a", "c", "d"], "a member's weight counts for nothing")
        #expect(part.shared.trackFiles.map(\.name) == ["f"] && part.shared.trackProcesses.map(\.name) == ["p"])
        #expect(part.shared.trackScripts.count + part.shared.trackFiles.count + part.shared.trackProcesses.count == 5)
        #expect(part.global.scriptUser?.user == "v" && part.global.scriptSecurity)
        #expect(part.shared.trackScripts.first?.identity?.user == "u")
        let encoded = part.encode()
        #expect(try encoded.withUnsafeBytes { try EncodedModel($0).decode() } == part)
        let bytes = String(decoding: encoded, as: UTF8.self)
        for secret in ["secret", "mail", "/bin/n", "/bin/b", "/bin/e", "/g"] {
            #expect(text.contains(secret) && !bytes.contains(secret), "\(secret)")
        }
        let weighted = load(text.replacing("%", with: "sync_group_tracking_weight\n")).model.trackingPart
        #expect(weighted.shared.trackScripts.map(\.name) == ["a", "b", "c", "d"])
    }

    /// Programs whose arguments have one hash are told apart all the same: their verdicts are their own.
    @Test func scriptsWithOneHash() {
        var (first, second) = (FNV1a(), FNV1a())
        first.add("8yn0iYCKYHlIj4-BwPqk".utf8)
        second.add("GReLUrM4wMqfg9yzV3KQ".utf8)
        #expect(first.value == second.value)
        func check(_ program: String, _ number: Int) -> String {
            "real_server 10.0.0.\(number) 80 {\nMISC_CHECK {\nmisc_path \"\(program) x\"\n}\n}\n"
        }
        let servers = check("/bin/a", 2) + check("/bin/b", 3) + check("/bin/a", 4)
        var model = load("virtual_server 10.0.0.1 80 {\n" + servers + "}\n").model
        guard model.virtualServers.first?.realServers.count == 3 else { return #expect(Bool(false)) }
        for (place, program) in ["8yn0iYCKYHlIj4-BwPqk", "GReLUrM4wMqfg9yzV3KQ", "8yn0iYCKYHlIj4-BwPqk"].enumerated() {
            guard case .script(var script) = model.virtualServers[0].realServers[place].checks[0].kind else { return }
            script.arguments = [program, "x"]
            model.virtualServers[0].realServers[place].checks[0].kind = .script(script)
        }
        let kinds = model.servicesPart.virtualServers[0].realServers.map { $0.checks[0].kind }
        #expect(kinds[0] != kinds[1] && kinds[0] == kinds[2])
    }

    /// The checker isn't told either: it reads strangers' bytes.
    @Test func partForTheChecker() throws {
        let text =
            "global_defs {\nrouter_id R\nrs_init_notifies\nsmtp_server mail\nnotification_email {\na@b\n}\n"
            + "notify_fifo /run/f\n}\nSSL {\nca /ca.pem\npassword phrase\n}\n"
            + instance("authentication {\nauth_type PASS\nauth_pass secret\n}\nnotify /bin/n\n")
            + "virtual_server 10.0.0.1 80 {\nprotocol TCP\nquorum_up /bin/q\n"
            + "real_server 10.0.0.2 80 {\nnotify_down /bin/d\nMISC_CHECK {\nmisc_path \"/bin/m password\"\n}\n"
            + "TCP_CHECK {\n}\n}\nreal_server 10.0.0.3 80 {\nMISC_CHECK {\nmisc_path \"/bin/m other\"\n}\n}\n}\n"
        let model = load(text).model
        let part = model.servicesPart
        #expect(part.instances.isEmpty && !part.virtualServers.isEmpty)
        #expect(part.tlsClient.password == "phrase" && part.tlsClient.namesFiles)
        #expect(part.global.routerID == "R" && part.global.balancer.notifiesInitialState)
        let servers = part.virtualServers[0].realServers
        #expect(servers.map(\.checks.count) == [2, 1])
        #expect(servers[0].checks[1] == model.virtualServers[0].realServers[0].checks[1])
        // What tells programs apart is left.
        #expect(servers[0].checks[0].kind != servers[1].checks[0].kind)
        let encoded = part.encode()
        #expect(try encoded.withUnsafeBytes { try EncodedModel($0).decode() } == part)
        let bytes = String(decoding: encoded, as: UTF8.self)
        for secret in ["secret", "mail", "a@b", "/run/f", "/bin/n", "/bin/q", "/bin/d", "/bin/m", "password", "other"] {
            #expect(text.contains(secret) && !bytes.contains(secret), "\(secret)")
        }
    }

    @Test func truncation() {
        let bytes = Self.full.encode()
        for length in 0..<bytes.count {
            #expect(throws: ByteError.self) {
                try bytes[..<length].withUnsafeBytes { _ = try EncodedModel($0).decode() }
            }
        }
        #expect(throws: ByteError.self) { try (bytes + [0]).withUnsafeBytes { _ = try EncodedModel($0).decode() } }
    }

    @Test func mutations() {
        let bytes = Self.full.encode()
        var random = SeededRandom(seed: 11)
        for _ in 0..<1_500 {
            var hostile = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                hostile[Int.random(in: 0..<hostile.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            hostile.withUnsafeBytes { buffer in
                guard let encoded = try? EncodedModel(buffer) else { return }
                _ = try? encoded.decode()
                for index in 0..<min(encoded.instanceCount, 50) { _ = try? encoded.instance(at: index) }
                _ = try? encoded.global()
            }
        }
    }
}
