import Testing

@testable import Sandbox

@Suite("Who rather ends than works without its seal")
struct RefusalTests {
    private var whole: AppliedSandbox {
        var report = AppliedSandbox()
        report.isFiltered = true
        report.hasIdentity = true
        report.hasNoNewPrivileges = true
        return report
    }

    private let strict = SandboxArguments(identity: Identity(uid: 1, gid: 2), requiresFilter: true)

    @Test func aWholeSealIsEnough() {
        #expect(whole.refusal(for: strict) == nil)
        var other = whole
        other.isRealtime = false
        other.isConfined = false
        #expect(other.refusal(for: strict) == nil, "kernels without Landlock, hosts without realtime")
    }

    @Test func eachPartIsNeeded() {
        let lenient = SandboxArguments(identity: strict.identity)
        for part in [\AppliedSandbox.isFiltered, \.hasIdentity, \.hasNoNewPrivileges] {
            var report = whole
            report[keyPath: part] = false
            #expect(report.refusal(for: strict)?.hasPrefix("it can't run") == true)
            #expect(report.refusal(for: lenient) == nil, "as an ordinary user, or by choice")
        }
    }

    @Test func whoHasNobodyToBecomeStaysWhoItIs() {
        var report = whole
        report.hasIdentity = false
        #expect(report.refusal(for: SandboxArguments(identity: nil, requiresFilter: true)) == nil)
    }
}
