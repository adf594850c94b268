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

    /// The form of each that the first release writes. Those below were never released, so nobody has to read them; from
    /// this one on each must be read by the program that comes after it. A form that is counted up doesn't change this.
    private static let firstReleasedForm = [
        "state-page": 3, "record": 7, "address-page": 1, "notifications": 2, "orders": 1, "trackers": 1, "checks": 1,
        "standings": 1, "handover": 1,
    ]
    /// What is kept of it in Tests/Golden, where that has other names. That it is read is `GoldenTests`' part, and
    /// `HandoverTests`', for each form that is said to be readable.
    private static let goldens = ["record": ["node-record", "instance-record"]]

    /// What isn't needed for an upgrade (`Format.isNeeded`) may be lost, and workers are of one image with their hasupd.
    @Test("a form that is counted up is read in the form before, too, whose bytes are kept", arguments: Formats.own)
    func formBefore(_ format: Formats.Format) throws {
        #expect(format.readable.contains(format.written), "\(format.title): what is written isn't read")
        guard format.isNeeded else { return }
        let first = try #require(
            Self.firstReleasedForm[format.name], "a new form: name here the first one that is released")
        for form in max(first, format.written - 1)...max(first, format.written) {
            #expect(
                format.readable.contains(form),
                """
                an upgrade in place would lose \(format.title): form \(format.written) is written, and form \(form), which \
                the version before has written, isn't read. Keep its reader and name it among the readable ones.
                """)
            for name in Self.goldens[format.name] ?? [format.name] where form < format.written {
                #expect(
                    Golden.isKept("\(name)-\(form)"),
                    """
                    Tests/Golden/\(name)-\(form).hex is missing: restore the bytes of form \(form), by which its reader is \
                    tested. HASUP_GOLDEN=write makes those of a new form only.
                    """)
            }
        }
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
