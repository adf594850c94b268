import Base
import CLinux
import Control
import Glibc
import Reactor
import Testing
import Varlink

/// A directory that goes away with what is in it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/hasup-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(errno, "make a directory") }
        path = template.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func write(_ name: String, _ text: String = "") throws {
        let descriptor = try owned(open("\(path)/\(name)", O_CREAT | O_WRONLY | O_TRUNC, 0o600), "create \(name)")
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor.number, bytes, bytes.count) == bytes.count else {
            throw SystemError(errno, "write \(name)")
        }
    }

    deinit { Self.removeAll(at: path) }

    private static func removeAll(at path: String) {
        if let entries = opendir(path) {
            while let entry = readdir(entries) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { removeAll(at: "\(path)/\(name)") }
            }
            closedir(entries)
        }
        remove(path)
    }
}

/// A server on a real socket and a loop that is turned by hand, never longer than its limit.
final class ControlHarness {
    let loop: EventLoop
    let directory: TemporaryDirectory
    private(set) var server: ControlServer?
    var access: (ControlPeer) -> ControlAccess = { _ in .change }
    var handle: (ControlRequest, ControlResponder) -> Void = { _, responder in responder.reply(VersionReply()) }
    var notes: [String] = []
    private var tick: Timer?
    var path: String { "\(directory.path)/s" }

    init(_ adjust: (inout ControlLimits) -> Void = { _ in }) throws {
        loop = try EventLoop()
        directory = try TemporaryDirectory()
        var limits = ControlLimits()
        adjust(&limits)
        let listener = try owned(hasup_listen_unix("\(directory.path)/s", 1_024), "listen")
        server = try ControlServer(
            on: loop, listener: listener, version: "1.2", limits: limits,
            callbacks: ControlServer.Callbacks(
                access: { [unowned self] in access($0) }, handle: { [unowned self] in handle($0, $1) },
                note: { [unowned self] in notes.append($0) }))
        // The loop waits without a limit: the tick gives the condition a look.
        tick = loop.makeTimer { [unowned self] in rearm() }
        rearm()
    }

    private func rearm() { if let tick { loop.set(tick, to: Clock.now + .milliseconds(2)) } }

    /// Turns until it holds; false when it doesn't within the limit.
    func turn(within limit: Interval = .seconds(10), until holds: () throws -> Bool) throws -> Bool {
        let deadline = Clock.now + limit
        while try !holds() {
            if Clock.now > deadline { return false }
            try loop.turn()
        }
        return true
    }

    func connect() throws -> TestClient { try TestClient(path, harness: self) }
    var counters: ControlCounters { server?.counters ?? ControlCounters() }
    func publish(_ event: WatchEvent) { server?.publish(event) }
}

/// A client that never blocks: its waits turn the server's loop.
final class TestClient {
    private let descriptor: Descriptor
    private unowned let harness: ControlHarness
    private var input = VarlinkInput(messageMax: 64 * 1024 * 1024)
    private(set) var ended = false

    init(_ path: String, harness: ControlHarness) throws {
        self.harness = harness
        descriptor = try owned(hasup_connect_unix(path), "connect")
        _ = fcntl(descriptor.number, F_SETFL, O_NONBLOCK)
    }

    /// Sends what the socket takes; the number of bytes it took.
    @discardableResult func send(_ bytes: some Collection<UInt8>) -> Int {
        let bytes = Array(bytes)
        return max(0, Glibc.send(descriptor.number, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)))
    }
    func send(_ text: String) { send(Array(text.utf8)) }
    func call(_ method: String, more: Bool = false, oneway: Bool = false) {
        var call = VarlinkCall(method)
        call.wantsMore = more
        call.isOneway = oneway
        send(call.encoded)
    }
    func shutdownWriting() { shutdown(descriptor.number, Int32(SHUT_WR)) }

    /// Takes what is there.
    func receive() {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while !ended {
            let count = recv(descriptor.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                buffer.withUnsafeBytes { input.append(UnsafeRawBufferPointer(rebasing: $0[0..<count])) }
            } else {
                if count == 0 || errno != EAGAIN { ended = true }
                return
            }
        }
    }

    /// The next reply, waited for; nil when the connection ended or none came.
    func reply() throws -> VarlinkReply? {
        var message: ArraySlice<UInt8>?
        _ = try harness.turn {
            receive()
            message = try input.next()
            return message != nil || ended
        }
        return try message.map { try VarlinkReply(parsing: $0) }
    }

    /// Whether the server ends the connection.
    func isCutOff(within limit: Interval = .seconds(10)) throws -> Bool {
        try harness.turn(within: limit) {
            receive()
            return ended
        }
    }
}
