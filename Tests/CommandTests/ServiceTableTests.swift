import Control
import Testing

@testable import hasup

@Suite struct ServiceTableTests {
    private let table = ServiceTable(width: 80, style: .plain)

    private func server(_ address: String, _ state: String, weight: Int, configured: Int) -> ServerReport {
        var report = ServerReport()
        (report.address, report.port, report.forwarding, report.state) = (address, 80, "NAT", state)
        (report.weight, report.configuredWeight) = (weight, configured)
        return report
    }

    private func sample() -> ServicesReply {
        var web = ServiceReport()
        (web.name, web.transport, web.scheduler, web.state) = ("10.99.0.1 80", "tcp", "wlc", "UP")
        web.title = "tcp 10.99.0.1:80"
        (web.quorum, web.weight, web.mended, web.surplus) = (1, 2, 3, ["10.0.0.77:80"])
        web.servers = [
            server("10.0.0.11", "UP", weight: 2, configured: 2), server("10.0.0.12", "DOWN", weight: 0, configured: 3),
        ]
        var sorry = SorryServerReport()
        (sorry.address, sorry.port, sorry.forwarding) = ("10.0.0.99", 80, "DR")
        web.sorryServer = sorry
        var mark = ServiceReport()
        (mark.title, mark.scheduler, mark.state, mark.quorum) = ("fwmark 7", "twos", "FAULT", 1)
        mark.faults = ["virtual server fwmark 7 with scheduler twos: the kernel refuses it: No such file or directory."]
        var reply = ServicesReply()
        reply.services = [web, mark]
        reply.table.foreign = ["tcp 10.99.9.9:80"]
        reply.lateChecks = 12
        return reply
    }

    @Test func showsServersBeneathServices() {
        #expect(
            table.render(sample()) == """
                SERVICE                      STATE      KIND   WEIGHT
                tcp 10.99.0.1:80             UP         wlc    2 of quorum 1
                  10.0.0.11:80               UP         NAT    2
                  10.0.0.12:80               DOWN       NAT    0, configured 3
                  sorry server 10.0.0.99:80             DR     not used
                  3 changes by others mended
                  put there by others, removed by `hasup reload` or a restart: 10.0.0.77:80
                fwmark 7                     FAULT      twos   0 of quorum 1
                  virtual server fwmark 7 with scheduler twos: the kernel refuses it: No such
                      file or directory.
                12 checks late: no descriptor was left, or too many MISC_CHECKs ran
                1 service of others in IPVS's table: `hasup services --foreign`

                """)
        for line in table.render(sample()).split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }

    @Test func saysWhatKeepsItFromTheKernel() {
        var reply = ServicesReply()
        reply.table.trouble = "IPVS is missing."
        reply.table.recordFile = "/tmp/record"
        #expect(
            table.render(reply) == """
                IPVS isn't written: its changes go into /tmp/record.
                IPVS is missing.
                No virtual server is configured.

                """)
    }

    /// The failing one of several checks, and what nobody checks.
    @Test func namesTheFailingCheck() {
        func check(_ kind: String, _ target: String, _ state: String, _ reason: String? = nil) -> CheckStateReport {
            var report = CheckStateReport()
            (report.kind, report.target, report.state, report.reason) = (kind, target, state, reason)
            return report
        }
        var web = ServiceReport()
        (web.title, web.scheduler, web.state, web.quorum, web.weight) = ("tcp 10.99.0.1:80", "rr", "UP", 1, 2)
        var one = server("10.0.0.11", "DOWN", weight: 0, configured: 1)
        one.checks = [
            check("PING_CHECK", "10.0.0.11", "UP"), check("HTTP_GET", "10.0.0.11:80/a", "DOWN", "status code 503"),
        ]
        (one.reason, one.stateSeconds) = ("status code 503", 4)
        var two = server("10.0.0.12", "UNCHECKED", weight: 1, configured: 1)
        two.note = "no check"
        web.servers = [one, two]
        var reply = ServicesReply()
        reply.services = [web]
        #expect(
            table.render(reply) == """
                SERVICE               STATE      KIND   WEIGHT
                tcp 10.99.0.1:80      UP         rr     2 of quorum 1
                  10.0.0.11:80        DOWN       NAT    0, configured 1
                    HTTP_GET 10.0.0.11:80/a: status code 503, since 4.0s
                  10.0.0.12:80        UNCHECKED  NAT    1
                    no check

                """)
        #expect(reply.isWell)
        reply.services[0].servers[1].checks = [check("SSL_GET", "10.0.0.12:443/", "UNCHECKED", "no key")]
        reply.services[0].servers[1].checks[0].needsMending = true
        #expect(!reply.isWell)
        reply.services[0].servers[1].checks = []
        reply.unmadeChecks = ["a.conf:3: the regex doesn't compile"]
        #expect(!reply.isWell)
        #expect(table.render(reply).hasSuffix("\na check isn't set up: a.conf:3: the regex doesn't compile\n"))
    }

    @Test func isWellWithEachQuorum() {
        var reply = sample()
        #expect(!reply.isWell)
        reply.services.removeLast()
        #expect(reply.isWell)
        reply.table.trouble = "IPVS is missing."
        #expect(!reply.isWell)
    }
}
