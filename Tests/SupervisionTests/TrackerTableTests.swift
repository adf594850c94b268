import Base
import ConfigurationModel
import Testing

@testable import Supervision

private let now = Instant(nanoseconds: 1_000_000_000_000)

private func script(_ name: String, _ words: [String] = ["/bin/c"], _ body: (inout TrackScript) -> Void = { _ in })
    -> TrackedObject
{
    var script = TrackScript(name: name, command: .run(words))
    body(&script)
    return TrackedObject(script, global: GlobalSettings())
}

@Suite("The results of tracked objects (D45)")
struct TrackerTableTests {
    @Test("an object is the same as long as its name, its command and its user are")
    func fingerprint() {
        let one = script("a").fingerprint
        #expect(one == script("a") { $0.interval = .seconds(9) }.fingerprint)
        #expect(one == script("a") { ($0.rise, $0.fall, $0.weight) = (3, 4, 5) }.fingerprint)
        var account = ScriptIdentity(user: "who")
        account.account = ScriptAccount(uid: 7, gid: 8)
        let others = [
            script("b").fingerprint, script("a", ["/bin/c", ""]).fingerprint, script("a", ["/bin/", "c"]).fingerprint,
            script("a") { $0.identity = account }.fingerprint, script("a") { $0.command = .open("/bin/c") }.fingerprint,
            TrackedObject(TrackFile(name: "a", path: "/bin/c")).fingerprint,
            TrackedObject(TrackProcess(name: "a", process: "/bin/c")).fingerprint,
        ]
        #expect(Set(others + [one]).count == others.count + 1)
    }

    @Test("a result that lasts keeps its time, and only one that is new is a change")
    func changes() {
        var table = TrackerTable()
        let object = script("a")
        #expect(table.take(TrackerVerdict(.up), on: object, at: now) == .result(before: .none))
        #expect(table.take(TrackerVerdict(.up), on: object, at: now + .seconds(1)) == .none)
        let failing = TrackerVerdict(.up, streak: 1, detail: "exit status 1")
        #expect(table.take(failing, on: object, at: now + .seconds(2)) == .detail)
        #expect(table.entry(of: object)?.since == now)
        let down = TrackerVerdict(.down, count: 2, detail: "exit status 1")
        #expect(table.take(down, on: object, at: now + .seconds(3)) == .result(before: .up))
        #expect(table.entry(of: object)?.since == now + .seconds(3))
    }

    @Test("with init_fail no result counts as a failure, and decides nothing about the first one")
    func startsFailed() {
        var table = TrackerTable()
        let object = script("a") { $0.startsFailed = true }
        #expect(table.result(of: object) == .down && table.result(of: script("a")) == .none)
        #expect(table.verdict(on: object) == TrackerVerdict())
        _ = table.take(TrackerVerdict(.up), on: object, at: now)
        #expect(table.result(of: object) == .up)
    }

    @Test("what has left the configuration is forgotten: a definition that comes back begins anew")
    func forgets() {
        var table = TrackerTable()
        for name in ["a", "b"] { _ = table.take(TrackerVerdict(.up), on: script(name), at: now) }
        #expect(table.keep(only: [script("b"), script("a", ["/bin/d"])]) == [script("a").fingerprint])
        #expect(table.result(of: script("a")) == .none && table.result(of: script("b")) == .up)
    }

    @Test("what is kept is read, and nothing else")
    func bytes() {
        let entry = TrackerTable.Entry(
            fingerprint: 5, verdict: TrackerVerdict(.down, streak: 2, count: 3, detail: "é"), since: now)
        #expect(TrackerTable.Entry(entry.bytes) == entry)
        for count in 0..<entry.bytes.count { #expect(TrackerTable.Entry(Array(entry.bytes.prefix(count))) == nil) }
        #expect(TrackerTable.Entry(entry.bytes + [0]) == nil)
        let processes = [ProcessIdentity(pid: 7, startTicks: 8)]
        let bytes = TrackerTable.bytes(of: processes)
        #expect(TrackerTable.processes(in: bytes) == processes)
        for count in 0..<bytes.count { #expect(TrackerTable.processes(in: Array(bytes.prefix(count))).isEmpty) }
    }

    @Test("a result is of its object's kind")
    func kinds() {
        let file = TrackedObject(TrackFile(name: "f", path: "/f"))
        #expect(file.canBe(.number(3)) && !file.canBe(.up) && !file.canBe(.none))
        #expect(script("a").canBe(.down) && !script("a").canBe(.number(3)) && !script("a").canBe(.none))
    }

    @Test("the longest detail leaves room for the rest of its record")
    func detail() {
        let verdict = TrackerVerdict(.down, detail: String(repeating: "é", count: 200))
        #expect(verdict.detail.utf8.count <= TrackerVerdict.detailMax)
        let entry = TrackerTable.Entry(fingerprint: .max, verdict: verdict, since: now)
        #expect(entry.bytes.count <= 232 && TrackerTable.Entry(entry.bytes) == entry)
    }
}
