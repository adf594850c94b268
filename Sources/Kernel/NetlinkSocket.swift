import CLibnl
import Glibc
import Reactor

/// A blocking netlink(7) socket, used by one thread at a time.
final class NetlinkSocket {
    /// The kernel's dumps come in datagrams of at most 32 KiB (netlink_recvmsg, linux/netlink).
    private static let datagramMaximum = 32 << 10

    private let socket: Descriptor
    private let incoming: UnsafeMutableRawBufferPointer
    /// nlmsg_seq of the last request.
    private(set) var sequence: UInt32 = 0

    /// Takes over a bound socket. - Throws: `SystemError` when it isn't a socket.
    init(_ socket: consuming Descriptor) throws(SystemError) {
        // Answers are in the queue when send(2) returns; if one was lost after all, the thread must not hang for ever.
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        let failed = setsockopt(
            socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let code = errno
        self.socket = socket
        incoming = .allocate(byteCount: Self.datagramMaximum, alignment: 16)
        if failed != 0 { throw SystemError(code, "limit the wait for the kernel's answers") }
    }

    deinit { incoming.deallocate() }

    /// Switches an option of SOL_NETLINK on, where the kernel knows it.
    func set(_ option: Int32) {
        var yes: Int32 = 1
        _ = setsockopt(socket.number, SOL_NETLINK, option, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The number of the next request.
    func nextSequence() -> UInt32 {
        // 0 is what notifications have.
        sequence = sequence == .max ? 1 : sequence + 1
        return sequence
    }

    func send(_ bytes: [UInt8], _ purpose: String) throws(SystemError) {
        while true {
            let sent = Glibc.send(socket.number, bytes, bytes.count, 0)
            if sent == bytes.count { return }
            if sent < 0, errno == EINTR { continue }
            throw SystemError(sent < 0 ? errno : EMSGSIZE, purpose)
        }
    }

    /// The next datagram; it lasts until the next call.
    func receive(_ purpose: String) throws(SystemError) -> UnsafeRawBufferPointer {
        while true {
            let count = receiveFromKernel(socket.number, incoming, 0)
            if count >= 0 { return UnsafeRawBufferPointer(rebasing: incoming[0..<count]) }
            if count == -Int(EINTR) { continue }
            throw SystemError(Int32(-count), purpose)
        }
    }
}

/// One datagram from the kernel: its length, or -errno (EMSGSIZE when it didn't fit). Another process's datagram,
/// which only a privileged one could send, counts as empty.
func receiveFromKernel(_ socket: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ flags: Int32) -> Int {
    var sender = sockaddr_nl()
    var size = socklen_t(MemoryLayout<sockaddr_nl>.size)
    let count = withUnsafeMutablePointer(to: &sender) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            recvfrom(socket, buffer.baseAddress, buffer.count, flags | Int32(MSG_TRUNC), $0, &size)
        }
    }
    if count < 0 { return -Int(errno) }
    if sender.nl_pid != 0 { return 0 }
    return count > buffer.count ? -Int(EMSGSIZE) : count
}
