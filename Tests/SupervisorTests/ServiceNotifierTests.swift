import Base
import Glibc
import Logging
import Reactor
import Testing

@testable import Supervisor

@Suite("What systemd is told (C2)")
final class ServiceNotifierTests {
    private let loop: EventLoop
    private let path: String
    private let manager: Descriptor
    private let lines = Lines()

    init() throws {
        loop = try EventLoop()
        var template = Array("/tmp/hasup-notify-XXXXXX".utf8CString)
        close(mkstemp(&template))
        let path = template.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        self.path = path
        unlink(path)
        manager = Descriptor(owning: socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0))
        try #require(Self.address(path) { bind(manager.number, $0, $1) } == 0)
    }

    deinit { unlink(path) }

    private static func address(_ path: String, _ use: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { use($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }

    /// Others have so much to say that nothing more fits in.
    private func fill() throws {
        let other = Descriptor(
            owning: socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0))
        try #require(Self.address(path) { connect(other.number, $0, $1) } == 0)
        while send(other.number, "X=1", 3, 0) > 0 {}
        try #require(errno == EAGAIN)
    }

    /// What has arrived besides that, by first words.
    private func received() -> [String] {
        var words: [String] = []
        var buffer = [UInt8](repeating: 0, count: 512)
        while true {
            let count = recv(manager.number, &buffer, buffer.count, 0)
            guard count > 0 else { return words.filter { $0 != "X=1" } }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            words.append(String(text.prefix { $0 != "\n" }))
        }
    }

    private func notifier() -> ServiceNotifier {
        let lines = lines
        return ServiceNotifier(
            SystemdNotify(path: path), on: loop, log: Logger(label: "test") { _ in LineHandler(lines) },
            period: .milliseconds(1))
    }

    @Test("a word that didn't arrive is said again until it does, and the log tells of both")
    func again() throws {
        let notifier = notifier()
        try fill()
        notifier.notify(.ready("1 instance"))
        #expect(lines.texts.count == 1)
        #expect(lines.texts[0].hasPrefix("systemd isn't notified that hasupd is ready: can't send to systemd at "))
        for _ in 0..<3 { try loop.turn() }
        #expect(lines.texts.count == 1, "once")
        #expect(received().isEmpty)
        try loop.turn { lines.texts.count == 2 }
        #expect(received() == ["READY=1"])
        #expect(lines.texts.last == "systemd is notified that hasupd is ready")
        notifier.notify(.stopping(within: .seconds(9)))
        #expect(received() == ["STOPPING=1"] && lines.texts.count == 2)
    }

    @Test("what isn't true any more isn't said, and the beginning of a reload comes before its end")
    func latest() throws {
        let notifier = notifier()
        try fill()
        for _ in 0..<3 {
            notifier.notify(.reloading)
            notifier.notify(.ready("1 instance"))
        }
        #expect(received().isEmpty)
        try loop.turn { lines.texts.count == 2 }
        #expect(received() == ["RELOADING=1", "READY=1"])
        try fill()
        notifier.notify(.ready("1 instance"))
        notifier.notify(.stopping(within: .seconds(9)))
        #expect(received().isEmpty)
        try loop.turn { lines.texts.count == 4 }
        #expect(received() == ["READY=1", "STOPPING=1"])
    }
}
