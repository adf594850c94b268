import Base
import Configuration
import ConfigurationModel
import Foundation
import Glibc
import Testing
import Varlink

@testable import Files
@testable import hasup

/// Files of a test, by path.
private struct Texts: FileProvider {
    var texts: [String: String]
    /// Why programs can't be run.
    var obstacles: [String: String] = [:]
    func read(path: String) -> Result<[UInt8], FileError> {
        texts[path].map { .success(Array($0.utf8)) } ?? .failure(.notFound)
    }
    func glob(pattern: String) -> Result<[String], FileError> { .success([]) }
    func inspect(program: String) -> ProgramFinding? { obstacles[program].map { ProgramFinding(obstacle: $0) } }
}

/// The last lines of `hasup check`.
@Suite struct VerdictTests {
    private func load(_ lines: String, programs: [String: String] = [:]) -> LoadedConfiguration {
        let text =
            "vrrp_instance A {\ninterface eth0\nvirtual_router_id 5\n\(lines)\nvirtual_ipaddress {\n10.0.0.1\n"
            + "}\n}\n"
        return loadConfiguration(
            path: "a", files: Texts(texts: ["a": text], obstacles: programs), environment: Environment())
    }

    /// A verdict in one line.
    private func verdict(_ file: String, _ loaded: LoadedConfiguration, isOfThisMachine: Bool = true) -> String {
        FindingText.verdict(on: file, loaded, isOfThisMachine: isOfThisMachine).replacing("\n    ", with: " ")
    }

    private static let counts = "1 instance, 0 virtual servers"

    @Test func whatIsGoodIsCalledSo() {
        let whole = FindingText.verdict(on: String(repeating: "a/", count: 30), load(""))
        #expect(whole.split(separator: "\n").count == 2 && whole.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(verdict("a", load("")) == "a: 0 errors, 0 warnings; \(Self.counts). Good.\n")
        #expect(
            verdict("a", load(""), isOfThisMachine: false).hasSuffix(
                "Good, but interfaces and scripts weren't checked.\n"))
    }

    @Test func aNotificationThatCannotRunIsNotGood() {
        let loaded = load("notify_master /bin/n", programs: ["/bin/n": "no such file"])
        #expect(
            loaded.diagnostics.map(\.message) == ["`/bin/n` can't be run: no such file; the notification is left out"])
        #expect(loaded.diagnostics.map(\.severity) == [.warning])
        let text = verdict("a", loaded)
        #expect(text.hasSuffix(". A start or reload would take it; the warning above would hold.\n"), "\(text)")
        #expect(!text.contains("Good"))
    }

    @Test func thatScriptsMayNeedARestartIsSaidWithTheirPlace() throws {
        let loaded = load("notify /bin/n")
        let text = loaded.findingsOfCheck.map { FindingText(style: .plain).render($0) }.joined()
        #expect(text.hasPrefix("a:4:8: note: scripts begin here: "), "\(text)")
        #expect(text.contains("needs a restart\nnotify /bin/n\n       ^"), "\(text)")
        #expect(load("").findingsOfCheck == [])
        #expect(verdict("a", loaded).hasSuffix(" Good.\n"), "nothing is wrong with it")
    }

    @Test func aStartAndAReloadAreToldApart() {
        let wrong = verdict("a", load("priority 999"))
        #expect(
            wrong.hasSuffix(
                ". A reload would refuse it all. A start would leave out what is wrong.\n"), "\(wrong)")
        let empty = loadConfiguration(path: "a", files: Texts(texts: ["a": "x\n"]), environment: Environment())
        #expect(
            verdict("a", empty).hasSuffix(
                "hasupd would not start with it, and a reload would refuse it.\n"))
    }

    /// There is no sentence without an end, whatever the errors are.
    @Test func aVerdictSaysWhatAStartDoes() {
        for lines in ["virtual_router_id 510", "advert_int x", "virtual_router_id 510\nvirtual_router_id 6"] {
            let text = verdict("a", load(lines))
            #expect(text.hasSuffix(" A start would leave its only instance, A, in FAULT.\n"), "\(text)")
        }
        // The error isn't among the findings that are kept.
        let many = load((1...6_000).map { "nopreempt \($0)" }.joined(separator: "\n") + "\npriority 999")
        #expect(many.hasErrors && !many.diagnostics.contains { $0.severity == .error })
        let text = verdict("a", many)
        #expect(text.hasSuffix(" A start would leave out what is wrong.\n"), "\(text)")
    }

    /// How many instances would not run, and which, whatever keeps them from it.
    @Test func instancesThatWouldStartInFault() {
        func instance(_ name: String, _ id: Int, _ interface: String, _ more: String = "") -> String {
            "vrrp_instance \(name) {\ninterface \(interface)\nvirtual_router_id \(id)\n\(more)\nvirtual_ipaddress {\n"
                + "10.0.0.\(id % 250)/24\n}\n}\n"
        }
        func verdict(_ text: String, dynamic: Bool = false) -> String {
            var environment = Environment(interfaces: ["eth0"])
            environment.prefixes = ["eth0": [Prefix("10.0.0.200/24")].compactMap { $0 }]
            let text = (dynamic ? "global_defs {\ndynamic_interfaces\n}\n" : "") + text
            return self.verdict(
                "a", loadConfiguration(path: "a", files: Texts(texts: ["a": text]), environment: environment))
        }
        let good = instance("A", 1, "eth0")
        let source = instance("B", 2, "eth0", "unicast_src_ip 10.9.9.9\nunicast_peer {\n10.0.0.7\n}")
        let missing = instance("C", 3, "eth9")
        #expect(verdict(good).hasSuffix(". Good.\n"))
        #expect(
            verdict(good + source).hasSuffix(
                ". A start or reload would take it, but leave 1 of 2 instances (B) in FAULT.\n"))
        #expect(
            verdict(good + source + missing).hasSuffix(
                ". A reload would refuse it all. A start would leave 2 of 3 instances (B, C) in FAULT.\n"))
        #expect(
            verdict(missing, dynamic: true).hasSuffix(
                ". A start or reload would take it, but leave its only instance, C, in FAULT.\n"))
        #expect(
            verdict(good + missing + instance("D", 400, "eth0")).hasSuffix(
                ". A reload would refuse it all. A start would leave 2 of 3 instances (C, D) in FAULT.\n"))
    }

    @Test func aMissingFileBesideOneThatIsThere() {
        let missing = loadConfiguration(path: "v2", files: Texts(texts: [:]), environment: Environment())
        #expect(
            verdict("v2", missing)
                == "v2 can't be read. hasupd would not start with it, and a reload would refuse it.\n")
        #expect(
            FindingText.incomparable(2, missing.diagnostics.map(\.message))
                == "2 nodes together: they can't be compared: can't read v2: no such file.\n")
    }
}

@Suite struct ExplainTests {
    private func explain(_ query: String) -> String {
        guard case .found(let rows) = KeywordTable.shared.search(query) else { return "" }
        return ExplainText(width: 60, style: .plain).render(rows)
    }

    @Test func aKeyword() {
        let text = explain("vrrp_instance/virtual_router_id")
        #expect(text.hasPrefix("virtual_router_id\n"))
        #expect(text.contains("\n    in         vrrp_instance\n"))
        #expect(text.contains("\n    range      1..255"))
        #expect(text.contains("\n    status     acts\n"))
    }

    @Test func aBlockListsWhatStandsInIt() {
        let block = explain("vrrp_instance")
        #expect(block.contains("\n    keywords   "))
        for name in ["priority ", "advert_int ", "virtual_ipaddress {}: "] {
            #expect(block.split(separator: "\n").count { $0.dropFirst(15).hasPrefix(name) } == 1, "\(name)")
        }
        #expect(explain("virtual_ipaddress").contains("\n    entries    ADDR[/LEN] [options]: one address per line\n"))
        #expect(block.split(separator: "\n").allSatisfy { $0.count <= 60 })
    }

    @Test func unitAndVersionAreTold() {
        #expect(explain("garp_master_delay").contains("\n    unit       seconds\n    since      keepalived 0.7.1\n"))
        #expect(explain("auth_hmac").contains("\n    since      after keepalived 2.2.7\n"))
        #expect(!explain("virtual_router_id").contains("since"))
        let manual = ManualPage.text(.shared)
        #expect(manual.contains("\nUnit: seconds.\nSince keepalived 0.7.1.\n"))
        let row = "| `garp_master_delay` | INT | global (5) | 0..4294; 0 = no second burst | seconds | 0.7.1 | acts |"
        #expect(KeywordReference.markdown(.shared).contains(row))
    }

    @Test func notesOfTheReferenceDoNotLeak() {
        let notes = ["HEAD", "undocumented", "doc says", "doc example", "(doc", "code needs", "in code", "bug:"]
        for row in KeywordTable.shared.keywords {
            for note in notes {
                #expect(![row.meaning, row.range, row.defaultValue].contains { $0.contains(note) }, "\(row.name)")
            }
        }
    }

    /// What doesn't act yet, or stands in a block that doesn't, is nowhere shown as if it acted.
    @Test func nothingThatWaitsIsShownAsActing() {
        var wrong: [String] = []
        for row in KeywordTable.shared.keywords where row.context != "(lexical)" {
            let isWaiting = row.status != .acts || KeywordReference.waitingBlock(around: row) != nil
            let shown = ExplainText(width: 80, style: .plain).render([row]).split(separator: "\n")
            let status = shown.filter { $0.hasPrefix("    status     ") }
            if status.count != 1 || isWaiting == (status[0] == "    status     acts") {
                wrong.append("\(row.context) \(row.name): \(status)")
            }
            let context = row.context.hasSuffix(" (entry)") ? String(row.context.dropLast(8)) : row.context
            guard row.name != "(entry)", let block = KeywordTable.shared.row(ofBlock: context) else { continue }
            let lines = ExplainText(width: 80, style: .plain).render([block]).split(separator: "\n")
                .map { $0.dropFirst(15) }.filter { $0.hasPrefix("\(row.name) ") || $0.hasPrefix("\(row.name):") }
            let marks = ["(not yet)", "(no effect)", "(refused)"]
            let isMarked = lines.contains { line in marks.contains { line.contains($0) } }
            if lines.isEmpty || isWaiting != isMarked { wrong.append("\(row.name) in \(row.context): \(lines)") }
        }
        #expect(wrong == [], "\(wrong.joined(separator: "\n"))")
        #expect(explain("virtual_ipaddress").contains("\n               use_vmac (not yet): create VMAC"))
    }

    @Test func whatIsTheSameIsSaidOnce() {
        let text = explain("dev")
        #expect(text.contains("vrrp_instance/virtual_ipaddress (entry)"))
        #expect(text.components(separatedBy: "interface to add it on").count == 3)
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 60 })
    }
}

@Suite struct FindingJSONTests {
    private func render(_ texts: [String: String]) throws -> JSON {
        let node = ClusterNode(path: "a.conf", files: Texts(texts: texts), environment: Environment())
        return try JSON(parsing: FindingJSON.render([node], cluster: []))
    }

    @Test func rangesCountFromZeroInUTF16() throws {
        // é is 2 bytes and 1 code unit, the emoji 4 bytes and 2 code units.
        let json = try render(["a.conf": "vrrp_instance é😀 {\nvirtual_router_id é\n}\nglobal_defs { \"é😀\" x }\n"])
        guard case .array(let found)? = json["diagnostics"] else {
            Issue.record("no diagnostics")
            return
        }
        let unknown = try #require(found.first { $0["code"]?.text == "unknown-keyword" })
        #expect(unknown["file"]?.text == "a.conf")
        #expect(unknown["severity"] == .int(1))
        #expect(unknown["source"]?.text == "hasup")
        #expect(unknown["range"]?["start"]?["line"] == .int(3))
        #expect(unknown["range"]?["start"]?["character"] == .int(14))
        #expect(unknown["range"]?["end"]?["character"] == .int(19))
    }

    @Test func notesAndIncludesAreRelated() throws {
        let block = "vrrp_instance A {\n}\n"
        let json = try render(["a.conf": "include b.conf\n" + block, "b.conf": block])
        guard case .array(let found)? = json["diagnostics"] else {
            Issue.record("no diagnostics")
            return
        }
        let duplicate = try #require(found.first { $0["message"]?.text?.contains("exists already") == true })
        guard case .array(let related)? = duplicate["relatedInformation"] else {
            Issue.record("nothing related")
            return
        }
        #expect(related.map { $0["message"]?.text } == ["the first one is here"])
        #expect(related.first?["location"]?["file"]?.text == "b.conf")
        let included = try #require(found.first { $0["file"]?.text == "b.conf" })
        guard case .array(let chain)? = included["relatedInformation"] else {
            Issue.record("no chain")
            return
        }
        #expect(chain.first?["message"]?.text == "included from here")
        #expect(chain.first?["location"]?["range"]?["start"]?["line"] == .int(0))
        #expect(!found.contains { $0["severity"] == .int(3) })
    }
}

@Suite struct FileReplacementTests {
    @Test func modeAndLinkStay() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "hasup-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "a.conf").path()
        let link = folder.appending(path: "link.conf").path()
        try Data("old".utf8).write(to: URL(filePath: file))
        try #require(chmod(file, 0o604) == 0 && symlink(file, link) == 0)
        #expect(SystemFiles.replace(path: link, with: Array("new".utf8)) == nil)
        #expect(try SystemFiles().read(path: file).get() == Array("new".utf8))
        var status = stat()
        #expect(lstat(file, &status) == 0 && status.st_mode & 0o7777 == 0o604)
        #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        // Nothing is left over.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path()).count == 2)
        #expect(SystemFiles.replace(path: folder.path() + "missing", with: []) == .notFound)
    }
}

/// Interfaces are those of one network namespace.
@Suite struct NamespaceCheckTests {
    private let folder = "/tmp/hasup-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    private func make(_ name: String, pid: Int32) throws {
        try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
        try "".write(toFile: folder + name + "/control.sock", atomically: false, encoding: .utf8)
        try "\(pid)\n".write(toFile: folder + name + "/hasup.pid", atomically: false, encoding: .utf8)
    }

    private func remark(_ isElsewhere: Bool?, socket: String = "/control.sock") -> String? {
        NamespaceCheck.remark(socket: folder + socket, in: folder) { _ in isElsewhere }
    }

    @Test func daemonsElsewhereAreNamed() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(remark(true) == nil, "there is none")
        try make("/netns-blue", pid: getpid())
        let text = try #require(remark(true))
        #expect(text.hasPrefix("Interfaces and addresses were checked in this network namespace, but hasupd runs in"))
        #expect(text.contains("ip netns exec blue hasup"), "\(text)")
        #expect(remark(nil) == text, "by its name, for who may not know")
        #expect(remark(false) == nil)
        #expect(remark(true, socket: "/netns-blue/control.sock")?.contains("--target \(getpid())") == true)
        try make("", pid: getpid())
        #expect(remark(false) == nil, "the daemon of this namespace is the one that counts")
        try make("", pid: 0)
        #expect(remark(true) == nil)
        #expect(NamespaceCheck.isElsewhere(pid: Int(getpid())) == false)
        #expect(NamespaceCheck.isElsewhere(pid: 0) == nil)
    }
}
