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

    private let sample = "4711 sealed 1:2,3:18446744073709551615,5:6,7:8"

    /// As it was when its form got its number.
    @Test func isOfItsForm() throws {
        let told = try #require(Succession(sample, ownPID: 4711))
        #expect(told.isSealed)
        #expect(told.text(pid: 4711) == sample)
        try Golden.compare(Array(told.text(pid: 4711).utf8), "succession-\(Succession.formatVersion)")
    }

    @Test("each form of it that is said to be readable is", arguments: Succession.readableFormats)
    func isReadable(version: Int) throws {
        let words = String(decoding: try Golden.bytes("succession-\(version)"), as: UTF8.self)
        #expect(Succession(words, ownPID: 4711) == Succession(sample, ownPID: 4711))
        #expect(Succession(words, ownPID: 4711)?.isSealed == true)
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
