import Base
import ConfigurationModel
import Glibc
import Logging
import Reactor
import Supervision
import Testing

@testable import Supervisor

@Suite("FIFOs for events (D47)")
final class FIFOTests {
    private let folder: String
    private let loop: EventLoop
    private let lines = Lines()

    init() throws {
        var template = Array("/tmp/hasup-fifo-XXXXXX".utf8CString)
        folder = String(cString: try #require(mkdtemp(&template)))
        loop = try EventLoop()
    }

    deinit {
        for name in ["f", "fifos"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    private var path: String { "\(folder)/f" }

    /// A FIFO with its writer.
    private func pipe() throws -> FIFOPipe {
        try #require(mkfifo(path, 0o600) == 0)
        let opened = FIFOFile(Descriptor(owning: open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)))
        let file = try #require(opened)
        let lines = lines
        return FIFOPipe(file, path: path, on: loop, log: Logger(label: "test") { _ in LineHandler(lines) })
    }

    /// Somebody who reads it.
    private func reader() -> Descriptor { Descriptor(owning: open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) }

    private func text(of reader: borrowing Descriptor) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(reader.number, &buffer, buffer.count)
            guard count > 0 else { return text }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    @Test("a line is one write, in order, behind those that wait")
    func order() throws {
        let pipe = try pipe()
        let reader = reader()
        pipe.write("1\n")
        pipe.write(all: (2...5_000).map { "\($0)\n" })
        #expect(pipe.isBusy, "a turn has an end")
        pipe.write("5001\n")
        var seen = ""
        try loop.turn {
            seen += text(of: reader)
            return !pipe.isBusy
        }
        seen += text(of: reader)
        #expect(seen == (1...5_001).map { "\($0)\n" }.joined())
        #expect(pipe.lost == 0 && pipe.problem == nil)
    }

    @Test("in a full one a line is lost, counted and told once, and so is its end")
    func full() throws {
        let pipe = try pipe()
        let reader = reader()
        let line = String(repeating: "x", count: 99) + "\n"
        var written = 0
        while pipe.lost == 0, written < 10_000 {
            pipe.write(line)
            written += 1
        }
        #expect(written > 100 && written < 10_000)
        for _ in 0..<20 { pipe.write(line) }
        #expect(pipe.lost == 21)
        #expect(lines.texts == ["a line for the FIFO \(pipe.path) is lost: it is full, because no program reads it"])
        #expect(pipe.problem?.contains("21 lines lost") == true)
        let whole = text(of: reader)
        #expect(whole.count == (written - 1) * 100, "none is cut")
        pipe.write(line)
        #expect(pipe.problem == nil && pipe.lost == 21)
        #expect(lines.texts.last == "the FIFO \(pipe.path) takes lines again: 21 lines lost")
        #expect(lines.texts.count == 2)
    }

    @Test("what nobody has read is forgotten before a new reader comes")
    func drained() throws {
        let pipe = try pipe()
        let reader = reader()
        pipe.write(all: (0..<3_000).map { "\($0)\n" })
        #expect(pipe.unread > 0 && pipe.isBusy)
        pipe.drain()
        #expect(pipe.unread == 0 && !pipe.isBusy)
        pipe.write("new\n")
        #expect(text(of: reader) == "new\n")
    }

    @Test("what is no FIFO isn't taken for one")
    func noFIFO() throws {
        let file = FIFOFile(Descriptor(owning: open("/dev/null", O_RDWR | O_CLOEXEC)))
        #expect(file == nil)
    }

    @Test("orders come back as they were, and others are refused")
    func orders() {
        let identity = FIFOIdentity(device: 7, inode: .max)
        let orders: [FIFOOrder] = [
            .open(path: "/a b", mode: 0o600, owner: nil, replacing: nil),
            .open(path: "/a", mode: 0o644, owner: .init(uid: 1, gid: .max), replacing: identity),
            .remove(path: "/a", identity),
        ]
        for order in orders { #expect(FIFOOrder(words: order.words) == order) }
        for words in [
            [], ["open", "/a", "1000", "", ""], ["open", "/a", "-1", "", ""], ["open", "/a", "384", "1", ""],
            ["open", "/a", "384", "", "x"], ["remove", "/a", ""], ["remove", "/a", "1:2", ""], ["unlink", "/a", "1:2"],
        ] { #expect(FIFOOrder(words: words) == nil) }
    }

    @Test("one that was replaced by another file isn't removed")
    func removal() throws {
        try #require(mkfifo(path, 0o600) == 0)
        let file = FIFOFile(Descriptor(owning: open(path, O_RDWR | O_CLOEXEC)))
        let made = try #require(file).identity
        FIFORole.remove(path, FIFOIdentity(device: made.device, inode: made.inode &+ 1))
        #expect(access(path, F_OK) == 0)
        FIFORole.remove(path, made)
        #expect(access(path, F_OK) != 0)
        close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600))
        FIFORole.remove(path, made)
        #expect(access(path, F_OK) == 0)
    }

    @Test("what the next hasupd is to know is read as it was written, and nothing else is")
    func record() throws {
        let entries = [
            FIFORecord.Entry(
                kind: .all, path: "/run/a b", identity: FIFOIdentity(device: 1, inode: 2), isMade: true,
                reader: .init(pid: 77, startTicks: 1 << 40), fingerprint: .max),
            FIFORecord.Entry(
                kind: .vrrp, path: "/run/c", identity: FIFOIdentity(device: 3, inode: 4), isMade: false, reader: nil),
        ]
        try FIFORecord(entries).save(in: folder)
        #expect(FIFORecord(in: folder).entries == entries)
        let file = open("\(folder)/fifos", O_WRONLY | O_TRUNC | O_CLOEXEC)
        let text =
            "0 1 1 2 1 5 0 /a\n9 1 1 2 0 0 0 /a\n0 2 1 2 0 0 0 /a\n0 1 1 2 0 0 0 a\n0 1 1 2 -7 0 0 /a\n\n0 1 1 2 9 5 6 /ok\n"
        try #require(write(file, text, text.utf8.count) == text.utf8.count)
        close(file)
        #expect(FIFORecord(in: folder).entries.map(\.path) == ["/ok"])
        try FIFORecord([]).save(in: folder)
        #expect(FIFORecord(in: folder).entries.isEmpty && access("\(folder)/fifos", F_OK) != 0)
    }

    @Test(
        "a plan has the mode that umask leaves, the owner's numbers, and the reader with the path behind its arguments")
    func plan() throws {
        var global = GlobalSettings()
        #expect(FIFOPlan.all(of: global).isEmpty)
        var fifo = NotifyFIFO(path: "/run/f")
        fifo.script = ["/bin/read", "x"]
        fifo.owner = ScriptIdentity(user: "u", group: "g")
        global.daemon.vrrpNotifyFIFO = fifo
        var plan = try #require(FIFOPlan.all(of: global).first)
        #expect(plan.kind == .vrrp && plan.mode == 0o600 && plan.unknownOwner == "u:g" && plan.owner == nil)
        #expect(plan.reader?.arguments == ["/bin/read", "x", "/run/f"])
        global.daemon.umask = 0
        global.daemon.vrrpNotifyFIFO?.owner?.account = ScriptAccount(uid: 5, gid: 6, groups: [7])
        global.daemon.notifyFIFO = NotifyFIFO(path: "/run/all")
        let plans = FIFOPlan.all(of: global)
        #expect(plans.map(\.kind) == [.all, .vrrp] && plans[0].reader == nil && plans[0].mode == 0o644)
        plan = plans[1]
        #expect(plan.owner == FIFOPlan.Owner(uid: 5, gid: 6) && plan.unknownOwner == nil)
    }
}
