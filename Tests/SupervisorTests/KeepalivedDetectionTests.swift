import Base
import Sandbox
import Testing

@testable import Supervisor

@Suite("Which process counts as a keepalived (D24)")
struct KeepalivedDetectionTests {
    private func process(
        _ name: String = "keepalived", real: UInt32? = 0, effective: UInt32 = 0,
        _ capabilities: CapabilitySet = .netAdmin
    ) -> ProcessInspection {
        var process = ProcessInspection(status: "", stat: "")
        (process.name, process.realUser, process.uid, process.effective) = (name, real, effective, capabilities)
        return process
    }

    private func counts(_ process: ProcessInspection, program: Substring? = "keepalived", shares: Bool = true) -> Bool {
        KeepalivedDetection.isKeepalived(process, program: program, sharesUserNamespace: shares)
    }

    @Test("one of root, under any name, and one of a user who has CAP_NET_ADMIN")
    func real() {
        #expect(counts(process()))
        #expect(counts(process("keepalived-1")))
        #expect(counts(process(), program: nil))
        #expect(counts(process(real: 4711, effective: 4711)))
    }

    @Test("a setuid program that was started by that name isn't one, whether or not its program can be seen")
    func setuid() {
        for program: Substring? in ["passwd", "keepalived", nil] {
            #expect(!counts(process(real: 4711, effective: 0, CapabilitySet(rawValue: .max)), program: program))
        }
        // One that has become root altogether, as sudo does.
        #expect(!counts(process(), program: "sudo"))
    }

    @Test("without privilege here, a name is anybody's to choose")
    func nobody() {
        #expect(!counts(process(real: 4711, effective: 4711, [])))
        #expect(!counts(process(real: 4711, effective: 4711), shares: false))
        #expect(!counts(process(real: nil)))
        #expect(!counts(process("keepalived_expo"), program: "keepalived_exporter"))
        #expect(!counts(process("bash"), program: nil))
    }

    @Test("who has locked virtual routers, as the kernel lists it")
    func holders() {
        let locks = """
            1: POSIX  ADVISORY  WRITE 812 00:1a:77 5 5
            2: POSIX  ADVISORY  WRITE 813 00:1a:78 5 5
            3: POSIX  ADVISORY  READ 814 00:1a:77 5 5
            4: OFDLCK ADVISORY  WRITE -1 00:1a:77 0 EOF
            4: -> POSIX  ADVISORY  WRITE 815 00:1a:77 0 EOF
            5: FLOCK  ADVISORY  WRITE 816 00:1a:77 0 EOF
            6: POSIX  ADVISORY  WRITE 817 103:02:77 9 12

            """
        let here = FileIdentity(device: 0x1a, inode: 77)
        #expect(KeepalivedDetection.holders(of: here, in: locks) == [812])
        // Block device 259:2.
        #expect(KeepalivedDetection.holders(of: FileIdentity(device: 0x10302, inode: 77), in: locks) == [817])
        #expect(KeepalivedDetection.holders(of: here, in: "") == [])
    }
}
