import Base
import CLinux
import Glibc
import Reactor

/// The two ways in which a hook says something: the socket for the reason why `hasup-exec` doesn't become it, and a pipe
/// for what it writes to its standard output and error.
final class HookOutput {
    /// Bytes of the end that are kept.
    private static let keptMax = 4_096
    private static let lineMax = 200

    private let complaints: Descriptor
    private let pipe: Descriptor
    private var theirComplaints: Descriptor?
    private var theirPipe: Descriptor?
    /// Descriptors for the child, which become 3 and 4.
    let theirs: [Int32]
    private var kept: [UInt8] = []

    init() throws(SystemError) {
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        complaints = Descriptor(owning: pair[0])
        theirComplaints = Descriptor(owning: pair[1])
        var ends: [Int32] = [-1, -1]
        try checked(hasup_pipe(&ends), "create a pipe")
        pipe = Descriptor(owning: ends[0])
        theirPipe = Descriptor(owning: ends[1])
        theirs = [pair[1], ends[1]]
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    }

    /// The child has been started.
    func closeTheirs() {
        theirComplaints = nil
        theirPipe = nil
    }

    /// Reads what is there, as much as a pipe holds at most.
    func read() {
        var part = [UInt8](repeating: 0, count: 64 << 10)
        let count = Glibc.read(pipe.number, &part, part.count)
        guard count > 0 else { return }
        kept = (kept + part.prefix(count)).suffix(Self.keptMax)
    }

    /// Its last line that isn't empty, for an operator.
    var lastLine: String? {
        read()
        let lines = kept.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d })
        let last = lines.last { line in line.contains { $0 > 0x20 } }
        return last.map { Printable.text(String(decoding: $0, as: UTF8.self), limit: Self.lineMax) }
    }

    /// The reason that it didn't become the hook.
    var complaint: String? {
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = recv(complaints.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count > 0 ? String(decoding: buffer[0..<count], as: UTF8.self) : nil
    }
}
