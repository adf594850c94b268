import Control
import Testing

@testable import hasup

@Suite struct ProcessTableTests {
    @Test func processes() {
        var worker = ProcessReport()
        worker.role = "vrrp"
        worker.pid = 4712
        worker.user = "hasup"
        worker.capabilities = ["net_admin"]
        worker.seccomp = "filter"
        worker.noNewPrivileges = true
        worker.restarts = 1
        worker.uptimeSeconds = 65
        worker.residentBytes = 5_242_880
        worker.landlock = true
        worker.coreLimitBytes = 0
        worker.workingDirectory = "/run/hasup"
        var supervisor = worker
        supervisor.role = "supervisor"
        supervisor.capabilities = ["net_raw"]
        supervisor.boundingSet = ["net_raw"]
        supervisor.landlock = false
        supervisor.dumpable = true
        supervisor.coreLimitBytes = nil
        supervisor.workingDirectory = nil
        var gone = ProcessReport()
        gone.role = "checker"
        gone.note = "not running"
        let text = ProcessTable(width: 80).render([worker, supervisor, gone])
        #expect(
            text == """
                ROLE        PID      USER        SECCOMP   NNP  RESTARTS  UPTIME   MEMORY
                vrrp        4712     hasup       filter    yes         1  1m 5s     5120 kB
                  capabilities: net_admin
                  bounding set: none
                  Landlock: yes, core files: none, dumpable: no, in /run/hasup
                supervisor  4712     hasup       filter    yes         1  1m 5s     5120 kB
                  capabilities: net_raw
                  bounding set: the same
                  Landlock: no, core files: of any size, dumpable: yes, in an unknown folder
                checker     -        0                     no          0  0.0s         0 kB
                  capabilities: none
                  not running

                """)
        for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }
}
