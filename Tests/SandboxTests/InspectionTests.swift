import Glibc
import Sandbox
import Testing

@Suite struct InspectionTests {
    @Test func readsStatusAndStat() {
        let status = """
            Name:\thasup vrrp
            Uid:\t0\t999\t999\t999
            Gid:\t0\t994\t994\t994
            Groups:\t4 20\u{20}
            VmLck:\t      12 kB
            VmRSS:\t    4321 kB
            Threads:\t2
            CapPrm:\t0000000000001000
            CapEff:\t0000000000001000
            CapBnd:\t000001ffffffffff
            NoNewPrivs:\t1
            Seccomp:\t2
            Seccomp_filters:\t1
            """
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 3 4 0 0 20 0 1 0 987654 1 2 3"
        let process = ProcessInspection(status: status, stat: stat)
        #expect(process.name == "hasup vrrp")
        #expect(process.uid == 999)
        #expect(process.realUser == 0)
        #expect(process.gid == 994)
        #expect(process.groups == [4, 20])
        #expect(process.residentKilobytes == 4321)
        #expect(process.lockedKilobytes == 12)
        #expect(process.threads == 2)
        #expect(process.effective == .netAdmin)
        #expect(process.effective.description == "net_admin")
        #expect(process.bounding.description == "all")
        #expect(process.hasNoNewPrivileges)
        #expect(process.seccompMode == 2)
        #expect(process.seccompFilters == 1)
        #expect(process.startTicks == 987654)
    }

    @Test func readsDamagedText() {
        let process = ProcessInspection(status: "Uid:\nCapEff:\tzz\n:\nThreads", stat: "1 (")
        #expect(process.uid == 0)
        #expect(process.realUser == nil)
        #expect(process.effective.isEmpty)
        #expect(process.startTicks == 0)
    }

    @Test(
        arguments: [
            ("Max core file size        0                    unlimited            bytes", 0),
            ("Limit\nMax core file size        unlimited            unlimited            bytes\n", nil),
            ("Max core file size        4096 8192 bytes", 4096), ("Max open files  1 1 files", 0),
            ("Max core file size", 0),
        ] as [(String, UInt64?)])
    func readsLimits(_ text: String, _ limit: UInt64?) {
        #expect(ProcessInspection(status: "", stat: "", limits: text).coreLimit == limit)
    }

    @Test func readsThisProcess() throws {
        let process = try ProcessInspection(pid: getpid())
        #expect(process.uid == geteuid())
        #expect(process.threads >= 1)
        #expect(process.residentKilobytes > 0)
        #expect(process.startTicks > 0)
    }

    @Test func namesCapabilities() {
        #expect(CapabilitySet().description == "none")
        #expect(CapabilitySet([.netAdmin, .netRaw]).description == "net_admin net_raw")
        #expect(CapabilitySet(rawValue: 0x1ff_feff_ffff).description == "all but sys_resource")
        #expect(CapabilitySet(rawValue: 1 << 63).description == "cap_63")
    }

    @Test func looksUpIdentities() throws {
        #expect(try Identity.userNumber("root") == 0)
        #expect(try Identity.groupNumber("root") == 0)
        #expect(throws: (any Error).self) { try Identity.lookup(user: "hasup-nobody-at-all") }
    }
}
