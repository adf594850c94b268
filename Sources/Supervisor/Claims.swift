import Base
import CLinux
import Configuration
import Glibc
import IPC
import Reactor

/// Which virtual routers this hasupd runs: a lock for each of them, in one file for all hasupds of the machine, whatever
/// their run directories are (docs/decisions.md, D35).
///
/// Two daemons that run the same virtual router would each take the other's addresses for their own. The kernel drops
/// the locks with the process, so nothing has to be tidied up.
final class Claims {
    /// In the standard run directory, because that is the one that all have in common.
    static let file = ControlPath.standardRunDirectory + "/claims"

    private let descriptor: Descriptor

    /// Nil when the file can't be opened, as it is for an ordinary user.
    init?(path: String = Claims.file) {
        mkdir(ControlPath.standardRunDirectory, 0o755)
        let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { return nil }
        descriptor = Descriptor(owning: number)
    }

    /// Claims all virtual routers of a configuration. - Throws: `StartError` when another process has one of them.
    func take(_ generation: Generation) throws(StartError) {
        var status = stat()
        // Another namespace is another network.
        let namespace = stat("/proc/self/ns/net", &status) == 0 ? UInt64(status.st_ino) : 0
        for index in 0..<generation.instanceCount {
            guard let settings = generation.instance(at: index), settings.faults.isEmpty,
                let id = settings.virtualRouterID
            else { continue }
            let place = Self.place(namespace, settings.interface, id, settings.family)
            guard hasup_claim(descriptor.number, place) == -EAGAIN else { continue }
            let holder = hasup_claim_holder(descriptor.number, place)
            throw StartError(
                .temporary,
                "another hasupd\(holder > 0 ? " (pid \(holder))" : "") runs virtual router \(id) on "
                    + "\(settings.interface) already (here: instance \(settings.name)), and each would take the other's "
                    + "addresses for its own. Stop it, or give this one another configuration.")
        }
    }

    /// The byte that stands for a virtual router: its VRID and family behind a hash of where it is. Two that fall
    /// together are as improbable as 2^-52.
    private static func place(_ namespace: UInt64, _ interface: String, _ id: VRID, _ family: AddressFamily) -> Int64 {
        // FNV-1a.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ namespace
        for byte in interface.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(hash >> 12) << 9 | Int64(id.rawValue) << 1 | (family == .ipv6 ? 1 : 0)
    }
}
