import Base
import CLinux
import Configuration
import Glibc
import IPC
import Kernel
import Reactor
import VRRPWorker

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
        let boot = SmallFile.text(of: "/proc/sys/kernel/random/boot_id").filter { $0.isHexDigit || $0 == "-" }
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

    /// Removes from the kernel what is noted, marked as ours and still there, except what this model names, too. Only to
    /// be called while no worker lives.
    /// - Returns: the addresses that were removed. - Throws: `SystemError`.
    func withdraw(except kept: EncodedModel? = nil) throws(SystemError) -> [IPAddress] {
        var noted = notedAddresses()
        if let kept, let model = try? kept.decode() {
            for (interface, addresses) in model.addresses(of: Set(model.instances.indices)) {
                noted[interface]?.subtract(addresses)
            }
        }
        guard !noted.isEmpty else { return [] }
        let connection = try RouteConnection(try owned(hasup_route_socket(0), "open an rtnetlink socket"))
        return try connection.withdrawMarked(noted).map(\.address)
    }

    /// Forgets everything: nothing of ours is in the kernel.
    func clear() {
        unlink(current)
        unlink(previous)
    }

    /// Whether the kernel keeps the mark (IFA_PROTO, since Linux 5.18). Without it nothing that was left is recognized.
    static var isKernelMarking: Bool {
        let numbers = SmallFile.text(of: "/proc/sys/kernel/osrelease").split { !$0.isNumber }.prefix(2).compactMap {
            Int($0)
        }
        guard numbers.count == 2 else { return true }
        return (numbers[0], numbers[1]) >= (5, 18)
    }

    /// Addresses by interface, of both copies. A copy that can't be read says nothing: its form may be that of another
    /// version.
    private func notedAddresses() -> [String: Set<IPAddress>] {
        var noted: [String: Set<IPAddress>] = [:]
        for path in [current, previous] {
            let model = SmallFile.bytes(of: path, max: Self.sizeMax).withUnsafeBytes { bytes in
                Result { () throws(ByteError) in try EncodedModel(bytes).decode() }
            }
            guard case .success(let model) = model else { continue }
            noted.merge(model.addresses(of: Set(model.instances.indices))) { $0.union($1) }
        }
        return noted
    }
}

/// A result of -1 as -errno.
private func errnoOf(_ result: Int32) -> Int32 { result < 0 ? -errno : result }
