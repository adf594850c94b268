import Testing

@testable import Supervisor

@Suite("What the limit of open files is used for")
struct DescriptorBudgetTests {
    @Test("a large one leaves everything as it is", arguments: [UInt64(1_024), 4_096, 1 << 20, .max])
    func ample(_ limit: UInt64) throws {
        let budget = try #require(DescriptorBudget(limit: limit, clients: 256, scripts: 64, hooks: 192))
        #expect(budget.clientsMax == 256)
        #expect(budget.scriptsMax == 64)
        #expect(budget.hooksMax == 192)
        #expect(budget.problem == nil)
    }

    @Test(
        "a small one leaves less for clients, scripts and hooks, never what a worker's start needs",
        arguments: Array(UInt64(54)...600) + [1_000, 1_008, 1_009])
    func small(_ limit: UInt64) throws {
        let budget = try #require(DescriptorBudget(limit: limit, clients: 256, scripts: 64, hooks: 192))
        #expect(budget.clientsMax >= 1)
        #expect(budget.scriptsMax >= 1)
        #expect(budget.hooksMax >= 1)
        // One hook is among what is needed.
        let used = budget.clientsMax + 2 * budget.scriptsMax + 3 * (budget.hooksMax - 1)
        #expect(DescriptorBudget.needed + UInt64(used) <= limit)
        #expect(
            (budget.problem == nil) == (budget.clientsMax == 256 && budget.scriptsMax == 64 && budget.hooksMax == 192))
    }

    @Test("one that is too small is none", arguments: UInt64(0)...53)
    func tooSmall(_ limit: UInt64) {
        #expect(DescriptorBudget(limit: limit, clients: 256, scripts: 64, hooks: 192) == nil)
    }
}
