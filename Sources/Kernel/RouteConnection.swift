import Base
import CLibnl
import Glibc
import Reactor

/// Requests to rtnetlink(7) over a blocking NETLINK_ROUTE socket, one thread at a time.
///
/// A request runs inside send(2) under the kernel's RTNL lock and may take as long as others hold that
/// (docs/decisions, D5), so this belongs on the `NetlinkThread`, or before an event loop runs.
package final class RouteConnection {
    /// Most requests in one datagram.
    static let batchMaximum = 32

    private let socket: NetlinkSocket
    private var outgoing: [UInt8] = []

    /// Takes over a socket as `hasup_route_socket(0)` makes it. - Throws: `SystemError` when it isn't a netlink socket.
    package init(_ socket: consuming Descriptor) throws(SystemError) {
        self.socket = try NetlinkSocket(socket)
        // With it a dump is for one interface only; kernels before 4.20 don't know it and send everything.
        self.socket.set(NETLINK_GET_STRICT_CHK)
        outgoing.reserveCapacity(Self.batchMaximum * RouteRequest.addressRequestMaximum)
    }

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
            let number = socket.nextSequence()
            outgoing.removeAll(keepingCapacity: true)
            try request(number, &outgoing)
            try socket.send(outgoing, purpose)
            var interrupted = false
            var failure: Int32?
            while failure == nil {
                var reader = RouteReader(try socket.receive(purpose))
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
        let first = socket.sequence &+ 1
        outgoing.removeAll(keepingCapacity: true)
        for index in 0..<count {
            try request(index, socket.nextSequence(), index == count - 1, &outgoing)
        }
        codes.removeAll(keepingCapacity: true)
        codes.append(contentsOf: repeatElement(0, count: count))
        try socket.send(outgoing, purpose)
        var finished = count == 0
        while !finished {
            var reader = RouteReader(try socket.receive(purpose))
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
        let number = socket.nextSequence()
        outgoing.removeAll(keepingCapacity: true)
        try RouteRequest.appendLinkRequest(interfaceIndex: interfaceIndex, sequence: number, to: &outgoing)
        try socket.send(outgoing, purpose)
        var result: Bool?
        while true {
            var reader = RouteReader(try socket.receive(purpose))
            while let message = reader.next() {
                guard reader.sequence == number else { continue }
                if case .link = message { result = reader.promotesSecondaries }
                if case .answer = message { return result }
            }
        }
    }
}
