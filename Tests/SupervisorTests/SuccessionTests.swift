import Testing

@testable import Supervisor

@Suite struct SuccessionTests {
    @Test func survivesTheWay() throws {
        let limits = ScriptLimits()
        for isSealed in [true, false] {
            let told = Succession(isSealed: isSealed, limits: limits)
            let text = told.text(pid: 4711)
            #expect(Succession(text, ownPID: 4711) == told)
            #expect(Succession(text, ownPID: 4712) == nil, "somebody else's")
        }
    }

    /// As it was when form 1 got its number.
    @Test func isOfItsForm() throws {
        let words = "4711 sealed 1:2,3:18446744073709551615,5:6,7:8"
        let told = try #require(Succession(words, ownPID: 4711))
        #expect(Succession.formatVersion == 1)
        #expect(told.isSealed)
        #expect(told.text(pid: 4711) == words)
    }

    @Test(arguments: [
        "", "4711", "4711 sealed", "4711 sealed 1:2", "4711 shut 1:2,3:4,5:6,7:8", "x sealed 1:2,3:4,5:6,7:8",
        "4711 sealed 1:2,3:4,5:6,7:8,9:0", "4711 sealed 1:2,3,5:6,7:8", "4711 sealed 1:2,-3:4,5:6,7:8",
    ])
    func takesNothingElse(_ text: String) {
        #expect(Succession(text, ownPID: 4711) == nil)
        #expect(Succession("4711 sealed 1:2,3:4,5:6,7:8", ownPID: 4711)?.limits.word == "1:2,3:4,5:6,7:8")
    }
}
