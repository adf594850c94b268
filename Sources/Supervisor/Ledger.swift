import Base
import CLinux
import Configuration
import Glibc
import IPC
import Kernel
import Reactor

/// What this hasupd may have put into the kernel: copies of the configurations that it has given to its workers, in the
/// run directory, good for this boot (docs/decisions.md, D14).
///
/// A hasupd that dies with everything leaves addresses behind, and its successor's file may not name them any more. An
/// address goes only when all three say that it is ours: the ledger, the interface, and the kernel's mark.
final class Ledger {
    private static let sizeMax = 256 << 20

    private let current: String
    private let previous: String

    /// A ledger in this folder. Those of earlier boots are removed.
    init(directory: String) {
        let prefix = "ledger-"
        let boot = Self.text(of: "/proc/sys/kernel/random/boot_id").filter { $0.isHexDigit || $0 == "-" }
        current = "\(directory)/\(prefix)\(boot)"
        previous = current + ".old"
        guard let folder = opendir(directory) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(prefix), !name.contains(boot) { unlink("\(directory)/\(name)") }
        }
    }

    /// Notes a configuration before a worker is given it. The one before it stays noted: its addresses may still be
    /// there. - Throws: `SystemError`.
    func record(_ image: ConfigurationImage) throws(SystemError) {
        let fresh = current + ".new"
        let file = Descriptor(
            owning: try checked(
                errnoOf(open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)), "write \(fresh)"))
        var rest = image.model
        while rest.count > 0 {
            let count = try checked(
                errnoOf(Int32(clamping: write(file.number, rest.baseAddress, rest.count))), "write \(fresh)")
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(count)...])
        }
        rename(current, previous)
        try checked(errnoOf(rename(fresh, current)), "write \(current)")
    }

    /// Removes from the kernel what is noted, marked as ours and still there. Only to be called while no worker lives.
    /// - Returns: the addresses that were removed. - Throws: `SystemError`.
    func withdraw() throws(SystemError) -> [IPAddress] {
        let noted = notedAddresses()
        guard !noted.isEmpty else { return [] }
        let connection = try RouteConnection(try owned(hasup_route_socket(0), "open an rtnetlink socket"))
        var left: [InterfaceAddress] = []
        for address in try connection.markedAddresses() {
            var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
            guard if_indextoname(UInt32(bitPattern: address.interfaceIndex), &name) != nil else { continue }
            let interface = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard noted[interface]?.contains(address.address) == true else { continue }
            left.append(InterfaceAddress(address, interfaceName: interface))
        }
        var outcomes: [AddressOutcome] = left.map { _ in .pending }
        connection.withdraw(left, into: &outcomes)
        return left.map(\.address)
    }

    /// Forgets everything: nothing of ours is in the kernel.
    func clear() {
        unlink(current)
        unlink(previous)
    }

    /// Whether the kernel keeps the mark (IFA_PROTO, since Linux 5.18). Without it nothing that was left is recognized.
    static var isKernelMarking: Bool {
        let numbers = text(of: "/proc/sys/kernel/osrelease").split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { return true }
        return (numbers[0], numbers[1]) >= (5, 18)
    }

    /// Addresses by interface, of both copies. A copy that can't be read says nothing: its form may be that of another
    /// version.
    private func notedAddresses() -> [String: Set<IPAddress>] {
        var noted: [String: Set<IPAddress>] = [:]
        for path in [current, previous] {
            let model = Self.bytes(of: path).withUnsafeBytes { bytes in
                Result { () throws(ByteError) in try EncodedModel(bytes).decode() }
            }
            guard case .success(let model) = model else { continue }
            for instance in model.instances {
                for address in instance.virtualAddresses + instance.excludedAddresses {
                    noted[address.interface ?? instance.interface, default: []].insert(address.prefix.address)
                }
            }
        }
        return noted
    }

    private static func text(of path: String) -> String { String(decoding: bytes(of: path).prefix(256), as: UTF8.self) }

    private static func bytes(of path: String) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { return [] }
        let file = Descriptor(owning: number)
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < sizeMax {
            let count = read(file.number, &part, part.count)
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        return bytes
    }
}

/// A result of -1 as -errno.
private func errnoOf(_ result: Int32) -> Int32 { result < 0 ? -errno : result }
