import Base
import Testing

@testable import Supervisor

@Suite("The command line of hasupd")
struct DaemonOptionsTests {
    private func options(_ words: String...) throws -> DaemonOptions? {
        guard case .run(let options) = try DaemonOptions.parse(words) else { return nil }
        return options
    }

    @Test("short options may stand together, and a value behind one of them, as with getopt(3)")
    func together() throws {
        #expect(try options("-f/a.conf")?.file == "/a.conf")
        let both = try options("-nf/a.conf")
        #expect(both?.file == "/a.conf" && both?.foreground == true)
        #expect(try options("-nf", "/a.conf")?.file == "/a.conf")
        guard case .help = try DaemonOptions.parse(["-nh"]) else {
            Issue.record("-nh asks for help")
            return
        }
    }

    @Test("what isn't one is named", arguments: ["-x", "-nx", "-n-n", "--f/a.conf", "-"])
    func unknown(word: String) {
        #expect(throws: DaemonOptions.UsageError.self) { _ = try DaemonOptions.parse([word]) }
    }

    private static func grace(_ arguments: String...) throws(DaemonOptions.UsageError) -> Double? {
        guard case .run(let options) = try DaemonOptions.parse(arguments) else { return nil }
        return options.grace.seconds
    }

    @Test func graceIsSecondsWithFractions() throws {
        #expect(try Self.grace() == 2)
        #expect(try Self.grace("--grace", "0.5") == 0.5)
        #expect(try Self.grace("--grace=60") == 60)
        #expect(try Self.grace("--grace", "0") == 0)
        for text in ["61", "-1", "1e1", "nan", "0x1", "abc", ".", "1.2.3"] {
            #expect(throws: DaemonOptions.UsageError.self, "\(text)") { try Self.grace("--grace", text) }
        }
    }

    @Test(
        "options that come along with keepalived's DAEMON_ARGS are explained",
        arguments: [
            ("-D", "--log-level debug"), ("-l", "-n"), ("--dont-fork", "-n"), ("-t", "hasup check"),
            ("-P", "starts the processes"),
        ])
    func keepalivedOptions(word: String, advice: String) {
        let error = #expect(throws: DaemonOptions.UsageError.self) { try DaemonOptions.parse([word]) }
        #expect(error?.message.contains("'\(word)' is an option of keepalived: ") == true)
        #expect(error?.message.contains(advice) == true)
    }
}
