import Base
import CLinux
import Glibc
import Reactor

/// The addresses of the machine's interfaces and who has added them, as the kernel lists them (rtnetlink(7)).
/// getifaddrs(3) doesn't say which program.
struct AddressTable {
    /// An address of an interface.
    struct Entry: Hashable {
        /// The kernel's number of the interface.
        var interfaceIndex: UInt32
        /// The address with the length of its network.
        var prefix: Prefix
        /// IFA_PROTO; nil when nobody has marked it, or the kernel keeps no marks.
        var addedBy: UInt8?
        /// A virtual router's, which goes with its role.
        var isVirtual: Bool { addedBy == AddressProtocol.ours || addedBy == AddressProtocol.keepalived }
    }

    var entries: [Entry] = []
    /// The kernel's list has ended.
    private(set) var isWhole = false

    /// True if the kernel keeps marks (5.18 and later): it marks its own addresses, such as the loopback's, too.
    var hasMarks: Bool { entries.contains { $0.addedBy != nil } }

    /// Reads the kernel's table; nil when it fails.
    static func current() -> AddressTable? {
        let number = hasup_route_socket(0)
        guard number >= 0 else { return nil }
        let socket = Descriptor(owning: number)
        var request = Self.request
        guard send(socket.number, &request, request.count, 0) == request.count else { return nil }
        var table = AddressTable()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while !table.isWhole {
            let count = recv(socket.number, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            let isUnderstood = buffer.withUnsafeBytes { table.read(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            guard isUnderstood else { return nil }
        }
        return table
    }

    /// RTM_GETADDR with NLM_F_REQUEST and NLM_F_DUMP, of all families: a message's head and that of an address.
    private static let request: [UInt8] = {
        var head: [UInt16] = [UInt16(headLength + addressLength), 0, 22, 0x301]
        if UInt16(bigEndian: 1) == 1 { head.swapAt(0, 1) }
        let bytes = head.withUnsafeBytes { Array($0) }
        return bytes + [UInt8](repeating: 0, count: headLength + addressLength - bytes.count)
    }()

    /// Bytes of struct nlmsghdr and struct ifaddrmsg (linux/netlink.h, linux/if_addr.h).
    private static let headLength = 16
    private static let addressLength = 8

    /// Reads what the kernel sent. - Returns: false when it is an error or not understood.
    mutating func read(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while rest.count >= Self.headLength {
            let length = Int(rest.loadUnaligned(as: UInt32.self))
            guard length >= Self.headLength, length <= rest.count else { return false }
            let body = UnsafeRawBufferPointer(rebasing: rest[Self.headLength..<length])
            switch rest.loadUnaligned(fromByteOffset: 4, as: UInt16.self) {
            // NLMSG_ERROR, NLMSG_DONE, RTM_NEWADDR.
            case 2: return false
            case 3:
                isWhole = true
                return true
            case 20: if let entry = Self.entry(body) { entries.append(entry) }
            default: break
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[min(rest.count, (length + 3) & ~3)...])
        }
        return true
    }

    private static func entry(_ body: UnsafeRawBufferPointer) -> Entry? {
        guard body.count >= addressLength else { return nil }
        let index = body.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        var local: IPAddress?
        var other: IPAddress?
        var addedBy: UInt8?
        var rest = UnsafeRawBufferPointer(rebasing: body[addressLength...])
        while rest.count >= 4 {
            let length = Int(rest.loadUnaligned(as: UInt16.self))
            guard length >= 4, length <= rest.count else { return nil }
            let value = Array(rest[4..<length])
            switch rest.loadUnaligned(fromByteOffset: 2, as: UInt16.self) {
            // IFA_ADDRESS, which is the peer's where there is IFA_LOCAL, and IFA_PROTO.
            case 1: other = IPAddress(bytes: value)
            case 2: local = IPAddress(bytes: value)
            case 11: addedBy = value.first
            default: break
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[min(rest.count, (length + 3) & ~3)...])
        }
        guard let address = local ?? other, let prefix = Prefix(address: address, length: Int(body[1])) else {
            return nil
        }
        return Entry(interfaceIndex: index, prefix: prefix, addedBy: addedBy)
    }
}
