import Base
import CLibnl
import Glibc
import Reactor

/// A change of an interface or an address.
package enum LinkEvent: Hashable, Sendable {
    /// An interface is new, or something of it has changed.
    case link(Link)
    /// An interface is gone, or has now another name (`link` follows then).
    case linkRemoved(index: Int32, name: String)
    /// An address is new, or its flags have changed.
    case address(LinkAddress)
    /// An address is gone, whichever program has removed it. One that went with its interface is reported, too.
    case addressRemoved(LinkAddress)
    /// An interface forwards IPv6 from now on, or doesn't any more; reported as `link` when it changes anything.
    case forwardsIPv6(index: Int32, Bool)
    /// Notifications were lost (ENOBUFS): everything has to be read again (`beginReload`).
    case overflow
}

/// Follows interfaces and addresses by the kernel's notifications, and keeps the little of them that is needed.
///
/// It reads a non-blocking NETLINK_ROUTE socket and never sends: a dump can wait for the RTNL lock
/// (docs/decisions, D5), so dumps come from a `RouteConnection`, at start directly, later by the `NetlinkThread`.
package final class LinkMonitor {
    /// Groups of the socket, for `hasup_route_socket`: RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, and
    /// RTNLGRP_IPV6_NETCONF (25), which has no such name.
    package static let groups: UInt32 = 0x1 | 0x10 | 0x100 | 1 << 24

    private let socket: Descriptor
    private let incoming: UnsafeMutableRawBufferPointer
    private var table = LinkTable()
    private var changed: Set<Int32> = []
    /// The events since `beginReload`; nil while none is under way.
    private var journal: [LinkEvent]?

    /// Takes over a socket as `hasup_route_socket(LinkMonitor.groups)` makes it. Nothing is known yet: open the socket
    /// first, then `beginReload`, then dump, then `finishReload`, and nothing is missed.
    package init(_ socket: consuming Descriptor) {
        self.socket = socket
        // Notifications have no fixed limit, but one interface's is far below this; a longer one counts as an overflow.
        incoming = .allocate(byteCount: 16 << 10, alignment: 16)
    }

    deinit { incoming.deallocate() }

    /// The socket's number, for the event loop.
    package var descriptor: Int32 { socket.number }

    // MARK: Notifications

    /// Reads all that has come and reports what it has changed. - Throws: `SystemError` when the socket fails.
    package func drain(_ handler: (LinkEvent) -> Void) throws(SystemError) {
        while true {
            let count = receiveFromKernel(socket.number, incoming, Int32(MSG_DONTWAIT))
            switch Int32(clamping: -count) {
            case EAGAIN: return
            case EINTR: continue
            case ENOBUFS, EMSGSIZE:
                // What was gathered for a reload under way has a gap now: it would end in a wrong table.
                journal = nil
                handler(.overflow)
            case let code where count < 0: throw SystemError(code, "read notifications of the kernel")
            default:
                var reader = RouteReader(UnsafeRawBufferPointer(rebasing: incoming[0..<count]))
                while let message = reader.next() { take(message, handler) }
            }
        }
    }

    /// Takes in one message as `drain` does. Public for replaying what was recorded.
    package func take(_ message: RouteMessage, _ handler: (LinkEvent) -> Void) {
        let event: LinkEvent
        switch message {
        case .link(let link): event = .link(link)
        case .linkRemoved(let link): event = .linkRemoved(index: link.index, name: link.name)
        case .address(let address): event = .address(address)
        case .addressRemoved(let address): event = .addressRemoved(address)
        case .forwardsIPv6(let index, let isOn): event = .forwardsIPv6(index: index, isOn)
        case .answer, .endOfDump, .other: return
        }
        journal?.append(event)
        table.apply(event) { note($0, handler) }
    }

    private func note(_ event: LinkEvent, _ handler: (LinkEvent) -> Void) {
        switch event {
        case .link(let link): changed.insert(link.index)
        case .linkRemoved(let index, _), .forwardsIPv6(let index, _): changed.insert(index)
        case .address(let address), .addressRemoved(let address): changed.insert(address.interfaceIndex)
        case .overflow: break
        }
        handler(event)
    }

    // MARK: Reading everything

    /// Call it before a snapshot is requested: from now on notifications are also kept, because the snapshot may be
    /// older than they are.
    package func beginReload() { journal = [] }

    /// Takes over a snapshot that was requested after `beginReload`, puts the notifications since then on top, and
    /// reports each difference from what was known. - Returns: false when notifications were lost in between; then
    /// nothing was changed, and it has to begin again.
    package func finishReload(with snapshot: RouteSnapshot, _ handler: (LinkEvent) -> Void) -> Bool {
        guard let since = journal else { return false }
        journal = nil
        var fresh = LinkTable(snapshot)
        for event in since { fresh.apply(event) { _ in } }
        table.become(fresh) { note($0, handler) }
        return true
    }

    // MARK: What is known

    /// Numbers of the interfaces that something has happened to since the last call, gone ones included.
    package func takeChangedInterfaces() -> [Int32] {
        guard !changed.isEmpty else { return [] }
        defer { changed.removeAll(keepingCapacity: true) }
        return changed.sorted()
    }

    /// The interface with this number.
    package func link(_ index: Int32) -> Link? { table.entries[index]?.link }

    /// The interface with this name.
    package func link(named name: String) -> Link? { table.entries.values.first { $0.link.name == name }?.link }

    /// The addresses of an interface, in the kernel's order; labels aren't kept.
    package func addresses(on index: Int32) -> [LinkAddress] {
        table.entries[index]?.addresses.map { $0.described(on: index) } ?? []
    }
}
