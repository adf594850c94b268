import Sandbox
import Testing

@testable import Supervisor

@Suite("As the machine's root nothing works without its filter of system calls, unless the operator says so")
struct FilterRuleTests {
    private static let machine = "         0          0 4294967295\n"

    @Test func whoNeedsIt() {
        #expect(HostProfile.requiresFilters(isOptional: false, user: 0, userMap: Self.machine))
        #expect(HostProfile.requiresFilters(isOptional: false, user: 0, userMap: nil), "nobody can tell")
        #expect(!HostProfile.requiresFilters(isOptional: true, user: 0, userMap: Self.machine))
        #expect(!HostProfile.requiresFilters(isOptional: false, user: 1000, userMap: Self.machine))
        #expect(!HostProfile.requiresFilters(isOptional: false, user: 0, userMap: "         0       1000          1\n"))
        #expect(!HostProfile.requiresFilters(isOptional: false, user: 0, userMap: "0 0 1000\n1000 100000 65536\n"))
    }

    @Test func theOperatorSaysSo() throws {
        func options(_ words: String...) throws -> DaemonOptions? {
            guard case .run(let options) = try DaemonOptions.parse(words) else { return nil }
            return options
        }
        #expect(try options()?.isFilterOptional == false)
        #expect(try options("--seccomp", "optional")?.isFilterOptional == true)
        #expect(try options("--seccomp", "optional")?.violation == .refuse)
        #expect(try options("--seccomp", "optional", "--seccomp", "kill")?.isFilterOptional == false)
        #expect(throws: DaemonOptions.UsageError.self) { try options("--seccomp", "off") }
    }
}
