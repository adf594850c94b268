import Base
import CLibnl
import CLinux
import Glibc
import Reactor

/// Requests to rtnetlink(7) over a blocking NETLINK_ROUTE socket, one thread at a time.
///
/// A request runs inside send(2) under the kernel's RTNL lock and may take as long as others hold that
/// (docs/decisions, D5), so this belongs on the `NetlinkThread`, or before an event loop runs.
package final class RouteConnection {
    /// Most requests in one datagram.
    static let batchMaximum = 32
    /// The kernel's dumps come in datagrams of at most 32 KiB (netlink_recvmsg, linux/netlink).
    private static let datagramMaximum = 32 << 10

    private let socket: Descriptor
    private let incoming: UnsafeMutableRawBufferPointer
    private var outgoing: [UInt8] = []
    private var sequence: UInt32 = 0

    /// Takes over a socket as `hasup_route_socket(0)` makes it. - Throws: `SystemError` when it isn't a netlink socket.
    package init(_ socket: consuming Descriptor) throws(SystemError) {
        // Answers are in the queue when send(2) returns; if one was lost after all, the thread must not hang for ever.
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        let failed = setsockopt(
            socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let code = errno
        self.socket = socket
        incoming = .allocate(byteCount: Self.datagramMaximum, alignment: 16)
        if failed != 0 { throw SystemError(code, "limit the wait for the kernel's answers") }
        // With it a dump is for one interface only; kernels before 4.20 don't know it and send everything.
        var yes: Int32 = 1
        _ = setsockopt(
            self.socket.number, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &yes, socklen_t(MemoryLayout<Int32>.size))
        outgoing.reserveCapacity(Self.batchMaximum * RouteRequest.addressRequestMaximum)
    }

    deinit { incoming.deallocate() }

    // MARK: Dumps

    /// All interfaces and addresses. - Throws: `SystemError`.
    package func snapshot() throws(SystemError) -> RouteSnapshot {
        var snapshot = RouteSnapshot()
        try forEachLink {
            snapshot.links.append($0)
        } restart: {
            snapshot.links = []
        }
        try forEachAddress(on: 0) {
            snapshot.addresses.append($0)
        } restart: {
            snapshot.addresses = []
        }
        return snapshot
    }

    /// The addresses of one interface, or of all for index 0. - Throws: `SystemError`.
    package func addresses(on interfaceIndex: Int32 = 0) throws(SystemError) -> [LinkAddress] {
        var result: [LinkAddress] = []
        try forEachAddress(on: interfaceIndex) {
            result.append($0)
        } restart: {
            result = []
        }
        return result
    }

    private func forEachLink(_ body: (Link) -> Void, restart: () -> Void) throws(SystemError) {
        try dump("read the interfaces", restart) { (number, bytes) throws(SystemError) in
            try RouteRequest.appendLinkDump(sequence: number, to: &bytes)
        } body: {
            if case .link(let link) = $0 { body(link) }
        }
    }

    func forEachAddress(
        on interfaceIndex: Int32, _ body: (LinkAddress) -> Void, restart: () -> Void
    ) throws(SystemError) {
        try dump("read the addresses", restart) { (number, bytes) throws(SystemError) in
            try RouteRequest.appendAddressDump(interfaceIndex: interfaceIndex, sequence: number, to: &bytes)
        } body: { message in
            guard case .address(let address) = message else { return }
            if interfaceIndex == 0 || address.interfaceIndex == interfaceIndex { body(address) }
        }
    }

    private func dump(
        _ purpose: String, _ restart: () -> Void,
        request: (UInt32, inout [UInt8]) throws(SystemError) -> Void, body: (RouteMessage) -> Void
    ) throws(SystemError) {
        // A dump during which something has changed may have gaps; after some tries its best is taken.
        for attempt in 1...4 {
            restart()
            let number = nextSequence()
            outgoing.removeAll(keepingCapacity: true)
            try request(number, &outgoing)
            try send(purpose)
            var interrupted = false
            var failure: Int32?
            while failure == nil {
                var reader = RouteReader(try receive(purpose))
                while let message = reader.next() {
                    guard reader.sequence == number else { continue }
                    interrupted = interrupted || reader.isInterrupted
                    switch message {
                    case .endOfDump(let code), .answer(let code): failure = code
                    default: body(message)
                    }
                }
            }
            // An interface that is gone has no addresses; the kernel calls that an error.
            if let failure, failure != 0, failure != ENODEV { throw SystemError(failure, purpose) }
            if !interrupted || attempt == 4 { return }
        }
    }

    // MARK: Requests

    /// Sends up to `batchMaximum` requests in one datagram and gives each one's error number, 0 for done.
    ///
    /// Only the last one asks to be acknowledged: the kernel works through a datagram in order and reports every
    /// error unasked, so when the last answer is there, the others' are too.
    func perform(
        _ count: Int, into codes: inout [Int32],
        request: (_ index: Int, _ sequence: UInt32, _ acknowledge: Bool, inout [UInt8]) throws(SystemError) -> Void
    ) throws(SystemError) {
        let purpose = "change addresses"
        let first = sequence &+ 1
        outgoing.removeAll(keepingCapacity: true)
        for index in 0..<count {
            try request(index, nextSequence(), index == count - 1, &outgoing)
        }
        codes.removeAll(keepingCapacity: true)
        codes.append(contentsOf: repeatElement(0, count: count))
        try send(purpose)
        var finished = count == 0
        while !finished {
            var reader = RouteReader(try receive(purpose))
            while let message = reader.next() {
                let index = Int(reader.sequence &- first)
                guard case .answer(let code) = message, index < count else { continue }
                codes[index] = code
                if index == count - 1 { finished = true }
            }
        }
    }

    /// True if an interface promotes secondary addresses; nil when the kernel doesn't say. - Throws: `SystemError`.
    func promotesSecondaries(on interfaceIndex: Int32) throws(SystemError) -> Bool? {
        let purpose = "read an interface's settings"
        let number = nextSequence()
        outgoing.removeAll(keepingCapacity: true)
        try RouteRequest.appendLinkRequest(interfaceIndex: interfaceIndex, sequence: number, to: &outgoing)
        try send(purpose)
        var result: Bool?
        while true {
            var reader = RouteReader(try receive(purpose))
            while let message = reader.next() {
                guard reader.sequence == number else { continue }
                if case .link = message { result = reader.promotesSecondaries }
                if case .answer = message { return result }
            }
        }
    }

    private func nextSequence() -> UInt32 {
        // 0 is what notifications have.
        sequence = sequence == .max ? 1 : sequence + 1
        return sequence
    }

    private func send(_ purpose: String) throws(SystemError) {
        while true {
            let sent = Glibc.send(socket.number, outgoing, outgoing.count, 0)
            if sent == outgoing.count { return }
            if sent < 0, errno == EINTR { continue }
            throw SystemError(sent < 0 ? errno : EMSGSIZE, purpose)
        }
    }

    private func receive(_ purpose: String) throws(SystemError) -> UnsafeRawBufferPointer {
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
