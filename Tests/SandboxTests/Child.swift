import CLinux
import Glibc
import Reactor

/// A child of the test that seals itself: what it does can't be taken back.
///
/// The product never forks; a test must, because the seal is for a process and not for a program. The child has one
/// thread, ends by `_exit`, and is killed by its alarm if it hangs.
enum Child {
    /// How a child ended.
    enum End: Equatable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    /// Runs the body in a child and gives its end and what it has written to the descriptor that it's given.
    ///
    /// - Parameter kept: what the child has open besides the first three; nil for all that the test has, which may be
    ///   more than a sealed process may have.
    static func run(
        keeping kept: [Int32]? = nil, _ body: (_ report: Int32) -> Int32
    ) throws -> (end: End, report: String) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError(errno, "make a pipe") }
        let readable = Descriptor(owning: ends[0])
        let writable = Descriptor(owning: ends[1])
        let pid = fork()
        guard pid >= 0 else { throw SystemError(errno, "fork") }
        if pid == 0 {
            alarm(20)
            if let kept {
                for number in 3..<Int32(4096) where number != writable.number && !kept.contains(number) {
                    close(number)
                }
            }
            _exit(body(writable.number))
        }
        close(writable.release())
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(readable.number, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            text += buffer[0..<count]
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        let end = signal == 0 ? End.exited(status >> 8 & 0xff) : .killed(signal: signal)
        return (end, String(decoding: text, as: UTF8.self))
    }

    /// Writes a line to the report.
    static func say(_ text: String, to report: Int32) {
        let bytes = Array((text + "\n").utf8)
        _ = write(report, bytes, bytes.count)
    }

    /// Whether the kernel lets a process of this one's into the realtime class.
    static let mayBeRealtime = (try? run { _ in hasup_set_realtime(1, 0) == 0 ? 0 : 1 })?.end == .exited(0)

    /// Root with the capabilities that a seal gives up.
    static var canSeal: Bool {
        guard let own = try? ProcessCapabilities.effective() else { return false }
        return geteuid() == 0 && own & 0x11c0 == 0x11c0
    }
}

private enum ProcessCapabilities {
    /// CapEff of this process.
    static func effective() throws -> UInt64 {
        let file = open("/proc/self/status", O_RDONLY)
        guard file >= 0 else { throw SystemError(errno, "read the own status") }
        let owner = Descriptor(owning: file)
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = read(owner.number, &buffer, buffer.count)
        let text = String(decoding: buffer[0..<max(count, 0)], as: UTF8.self)
        for line in text.split(separator: "\n") where line.hasPrefix("CapEff:") {
            return UInt64(line.dropFirst(7).drop { $0 == "\t" }, radix: 16) ?? 0
        }
        return 0
    }
}
