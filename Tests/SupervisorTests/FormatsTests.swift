import Testing

@testable import Supervisor

@Suite("Which forms of state a program reads, before it is become (D7)")
struct FormatsTests {
    @Test("what this program says of itself is enough for it")
    func own() {
        let answer = Formats.text(version: "1.2.3")
        #expect(Formats.version(in: answer) == "1.2.3")
        #expect(Formats.refusal(to: answer) == nil)
        #expect(answer.split(separator: "\n").count == 1 + Formats.own.count)
    }

    @Test("a program that reads more is enough, one that reads another form isn't, and the sentence says which")
    func others() {
        let own = [
            Formats.Format(name: "page", title: "the page", written: 2, readable: [1, 2]),
            Formats.Format(name: "files", title: "the files", written: 5, readable: [5], isNeeded: false),
        ]
        #expect(Formats.refusal(to: "hasupd 2\npage 2 3\nfiles 6\nmore 1\n", from: own) == nil)
        #expect(
            Formats.refusal(to: "hasupd 2\npage 3 4\nfiles 5\n", from: own)
                == "it can't read the page, which is of form 2: it reads form 3, 4")
        #expect(
            Formats.refusal(to: "hasupd 2\npages 2\n", from: own)
                == "it can't read the page, which is of form 2: it reads no form of it")
        #expect(Formats.refusal(to: "hasupd 2\npage 22\n", from: own) != nil)
    }

    @Test(
        "what isn't an answer of hasupd has no version",
        arguments: ["", "\n", "hasupd\n", "other 1\n", "hasupd 1 2\n"])
    func strangers(_ answer: String) {
        #expect(Formats.version(in: answer) == nil)
    }
}
