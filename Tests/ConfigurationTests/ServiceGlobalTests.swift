import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// global_defs of the load balancer and of mail.
@Suite struct ServiceGlobalTests {
    typealias Effect = @Sendable (inout GlobalSettings) -> Void

    static let effects: [(line: String, effect: Effect)] = [
        (
            "notification_email {\na@b c@d\n\"Ops <o@p>\"\n}",
            { $0.mail.recipients = ["a@b", "c@d", "Ops <o@p>"] }
        ),
        ("notification_email_from Pair <p@q>", { $0.mail.sender = "Pair <p@q>" }),
        ("smtp_server 3com.example.org.", { $0.mail.relay = "3com.example.org." }),
        ("smtp_server mail.example.org", { $0.mail.relay = "mail.example.org" }),
        ("smtp_server fd00::1 2525", { ($0.mail.relay, $0.mail.relayPort) = ("fd00::1", 2525) }),
        ("@hasup smtp_tls starttls", { $0.mail.protection = .starttls }),
        ("@hasup smtp_tls tls", { $0.mail.protection = .tls }),
        ("@hasup smtp_tls off", { _ in }), ("@hasup smtp_ca /etc/ca.pem", { $0.mail.authorities = "/etc/ca.pem" }),
        (
            "@hasup smtp_tls tls\n@hasup smtp_auth me file:/etc/password",
            {
                $0.mail.protection = .tls
                $0.mail.login = MailLogin(user: "me", passwordFile: "/etc/password")
            }
        ),
        ("smtp_helo_name me", { $0.mail.heloName = "me" }),
        ("smtp_connect_timeout 7", { $0.mail.connectTimeout = .seconds(7) }),
        ("smtp_alert", { $0.mail.isDefault = true }), ("smtp_alert_vrrp off", { $0.mail.isDefaultOfInstances = false }),
        ("smtp_alert_checker on", { $0.mail.isDefaultOfServers = true }),
        ("no_email_faults", { $0.mail.omitsFaults = true }), ("no_checker_emails", { $0.mail.omitsChecks = true }),
        (
            "lvs_timeouts tcp 5 udp 9",
            { ($0.balancer.tcpTimeout, $0.balancer.udpTimeout) = (.seconds(5), .seconds(9)) }
        ),
        ("lvs_timeouts tcpfin 0", { _ in }),
        ("lvs_timeouts tcpfin 7", { $0.balancer.tcpFinTimeout = .seconds(7) }),
        ("lvs_flush", { $0.balancer.flushesAtStart = true }),
        ("lvs_flush_on_stop", { $0.balancer.flushAtStop = .everything }),
        ("lvs_flush_on_stop VS", { $0.balancer.flushAtStop = .ownServices }),
        ("lvs_sync_daemon eth0 A", { $0.balancer.syncDaemon = SyncDaemonSettings(interface: "eth0", instance: "A") }),
        (
            "lvs_sync_daemon eth0 inst A id 7 maxlen 1400 port 9 ttl 3 group ff02::9",
            {
                var daemon = SyncDaemonSettings(interface: "eth0", instance: "A")
                (daemon.identifier, daemon.maximumLength, daemon.port, daemon.timeToLive) = (7, 1400, 9, 3)
                daemon.group = IPAddress(v6High: 0xff02 << 48, low: 9)
                $0.balancer.syncDaemon = daemon
            }
        ),
        ("rs_init_notifies", { $0.balancer.notifiesInitialState = true }),
        (
            "lvs_notify_fifo_script \"/bin/r x\" u\nlvs_notify_fifo /run/f v w",
            {
                var fifo = NotifyFIFO(path: "/run/f")
                fifo.owner = ScriptIdentity(user: "v", group: "w")
                fifo.script = ["/bin/r", "x"]
                fifo.scriptIdentity = ScriptIdentity(user: "u")
                $0.balancer.notifyFIFO = fifo
            }
        ),
        ("checker_priority -5", { $0.balancer.process.nice = -5 }),
        ("checker_rt_priority 9", { $0.balancer.process.realtimePriority = 9 }),
        ("checker_no_swap", { $0.balancer.process.locksMemory = true }),
        ("checker_cpu_affinity 0 2", { $0.balancer.process.processors = [0, 2] }),
        ("checker_rlimit_rttime 5000", { $0.balancer.process.realtimeLimit = .milliseconds(5) }),
    ]

    @Test(arguments: effects) func effect(_ line: String, _ effect: Effect) {
        let loaded = load(instance("") + "global_defs {\n\(line)\n}")
        var expected = load(instance("")).model.global
        effect(&expected)
        #expect(loaded.serviceFindings == [])
        #expect(loaded.model.global == expected)
        #expect(loaded.hasErrors == false)
    }

    @Test(arguments: [
        ("smtp_server localhost 99999", "2:23 error a port is 1 to 65535, not 99999"),
        ("smtp_server 10.0.0.300", "2:13 error `10.0.0.300` isn't a host name or an IP address"),
        ("smtp_server 3.5.168.200.1", "2:13 error `3.5.168.200.1` isn't a host name or an IP address"),
        ("smtp_server -mail", "2:13 error `-mail` isn't a host name or an IP address"),
        ("smtp_server mail..example.org", "2:13 error `mail..example.org` isn't a host name or an IP address"),
        ("smtp_server a/b", "2:13 error `a/b` isn't a host name or an IP address"),
        ("@hasup smtp_tls ssl", "2:17 error `ssl` isn't off, starttls or tls"),
        ("@hasup smtp_ca ca.pem", "2:16 error `ca.pem` isn't an absolute path"),
        ("@hasup smtp_auth me", "2:8 error `smtp_auth` needs a value: USER file:PATH"),
        ("@hasup smtp_auth me hunter2", "2:21 error the password stands in a file: `smtp_auth me file:/PATH`"),
        (
            "@hasup smtp_auth me file:/etc/password",
            "2:18 warning the password is sent as clear text: `smtp_tls starttls` or `smtp_tls tls` encrypts it"
        ),
        (
            "notification_email {\nNight Desk <a@b>\n}",
            "3:1 warning keepalived takes this for 3 recipients: write `\"Night Desk <a@b>\"`"
        ),
        ("smtp_connect_timeout 4295", "2:22 error `smtp_connect_timeout` is 0 to 4294, not 4295"),
        ("smtp_connect_timeout 0", "2:22 warning `smtp_connect_timeout 0` means 1"),
        ("notification_email {\nfoo\n}", "3:1 warning `foo` has no `@`: only the relay can know who that is"),
        ("notification_email {\n}", "2:1 warning `notification_email` names no recipient: no mail is sent"),
        ("notification_email {\na@b\na@b\n}", "4:1 warning `a@b` is listed already"),
        ("lvs_timeouts tcp 5 foo 3", "2:20 error `foo` isn't tcp, tcpfin or udp"),
        ("lvs_timeouts tcp", "2:14 error `tcp` needs a value"),
        ("lvs_timeouts udp 2678401", "2:18 error `udp` is 0 to 2678400, not 2678401"),
        ("lvs_flush_on_stop vs", "2:19 error `vs` isn't `VS`; nothing is flushed"),
        (
            "lvs_sync_daemon eth0",
            "2:1 error `lvs_sync_daemon` needs a value: IF [inst] VRRP_INST [id N] [maxlen N] [port N] [ttl N] [group MCAST]"
        ),
        ("lvs_sync_daemon eth0 A id 300", "2:27 error `id` is 0 to 255, not 300"),
        ("lvs_sync_daemon eth0 A grup 224.0.0.9", "2:24 error unknown option `grup`; did you mean `group`?"),
        ("lvs_sync_daemon eth0 A group 10.0.0.9", "2:30 error `10.0.0.9` isn't a multicast address"),
        (
            "lvs_sync_daemon eth0 B",
            "2:22 error there is no vrrp_instance `B` for lvs_sync_daemon to follow; did you mean `A`?"
        ),
        ("lvs_notify_fifo f", "2:17 error a FIFO's path begins with `/`"),
        ("checker_priority 20", "2:18 error `checker_priority` is -20 to 19, not 20"),
    ])
    func findings(_ line: String, _ expected: String) {
        let loaded = load("global_defs {\n\(line)\n}\n" + instance(""))
        #expect(loaded.serviceFindings.first == expected)
    }
}
