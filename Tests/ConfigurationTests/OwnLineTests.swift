import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// Lines behind `@hasup`, which keepalived skips, and keywords that it doesn't know.
@Suite struct OwnLineTests {
    private static let own = "adopt_leftovers"
    private static let warning =
        "warning keepalived doesn't know `adopt_leftovers`, and its test ends with exit status 5; it skips the line "
        + "`@hasup adopt_leftovers`"

    @Test func keywordsOfOurs() {
        let names = KeywordTable.shared.keywords.filter { $0.isOwn && $0.context != "(lexical)" }.map(\.name)
        #expect(names.contains(Self.own))
        let bare = load("global_defs {\n\(Self.own)\n}\n" + instance(""))
        #expect(bare.model.global.adoptsLeftovers && bare.findings == ["2:1 \(Self.warning)"])
        let hidden = load("global_defs {\n@hasup \(Self.own)\n}\n" + instance(""))
        #expect(hidden.model.global.adoptsLeftovers && hidden.findings == [])
        let foreign = load("global_defs {\n@^hasup \(Self.own)\n}\n" + instance(""))
        #expect(!foreign.model.global.adoptsLeftovers && foreign.findings == [])
        #expect(!load(instance("")).model.global.adoptsLeftovers)
    }

    @Test func itIsSaidOnce() {
        let block = "global_defs {\n\(Self.own)\n}\n"
        #expect(load(block + block + instance("")).findings == ["2:1 \(Self.warning)"])
    }

    /// The file is skipped with the line that includes it.
    @Test func ownFiles() {
        let block = "global_defs {\n\(Self.own)\n}\n"
        #expect(load("@hasup include o.conf\n" + instance(""), others: ["o.conf": block]).findings == [])
        let open = load("include o.conf\n@hasup $X=1\n" + instance(""), others: ["o.conf": block])
        #expect(open.findings == ["2:1 \(Self.warning)"])
    }

    @Test(arguments: ["@hasup", "@^hasup"])
    func aNodeOfThatName(_ prefix: String) {
        let text = instance("\(prefix) priority 7")
        let here = load(text, Environment(configID: "hasup"))
        #expect(here.errorCount == 1)
        #expect(here.findings.first?.hasPrefix("5:1 error this node is called `hasup`, and `@hasup` stands") == true)
        // The lines mean the same all the same.
        #expect(here.model.instances.first?.priority.rawValue == (prefix == "@hasup" ? 7 : 100))
        #expect(load(text, Environment(configID: "lb1")).findings == [])
        #expect(load(instance("@hasup2 priority 7"), Environment(configID: "hasup")).findings == [])
    }

    /// Other nodes' names are none that this line speaks of.
    @Test func itIsNoNode() {
        let text = instance("@hasup nopreempt\n@a priority 1\n@b priority 2")
        #expect(load(text, Environment(configID: "lb1")).findings.contains { $0.contains("no line is for this node") })
    }
}
