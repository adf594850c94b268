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
/// the locks with the process, so nothing has to be tidied up. It looks at all records of a file's locks for each lock
/// that is set or taken away, and joins neighbours to one record: so virtual routers of a link lie side by side.
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

    /// Another process runs one of the virtual routers.
    struct Conflict: Error, CustomStringConvertible {
        /// A sentence without its end.
        let description: String
    }

    /// Instances that are looked at in one piece.
    private static let slice = 16
    /// What the configuration that runs needs.
    private var held: Set<Int64> = []
    /// What the configuration needs that was claimed last.
    private var wanted: Set<Int64> = []
    private lazy var namespace: UInt64 = {
        var status = stat()
        // Another namespace is another network.
        return stat("/proc/self/ns/net", &status) == 0 ? UInt64(status.st_ino) : 0
    }()

    /// Claims all virtual routers of the first configuration at once. - Throws: `Conflict`; then none is claimed.
    func take(_ generation: Generation) throws(Conflict) {
        try take(generation, 0..<generation.instanceCount)
        settle()
    }

    /// Claims those of a configuration that is to replace the one that runs, in slices.
    ///
    /// `settle` or `giveBack` is to follow when there was no conflict; with one, nothing was claimed.
    func take(_ generation: Generation, on loop: EventLoop, then completion: @escaping (Conflict?) -> Void) {
        wanted = []
        var next = 0
        loop.doInSlices { [unowned self] in
            let end = min(next + Self.slice, generation.instanceCount)
            do throws(Conflict) {
                try self.take(generation, next..<end)
            } catch {
                completion(error)
                return false
            }
            next = end
            if next == generation.instanceCount { completion(nil) }
            return next < generation.instanceCount
        }
    }

    /// The configuration that was claimed last runs: what only the one before needed is free.
    func settle() {
        release(held.subtracting(wanted))
        held = wanted
    }

    /// The configuration that was claimed last won't run.
    func giveBack() {
        release(wanted.subtracting(held))
        wanted = held
    }

    /// In their order: at random, the kernel's records would be cut into thousands.
    private func release(_ places: Set<Int64>) {
        for place in places.sorted() { hasup_unclaim(descriptor.number, place) }
    }

    private func take(_ generation: Generation, _ indices: Range<Int>) throws(Conflict) {
        for index in indices {
            guard let settings = generation.instance(at: index), settings.faults.isEmpty,
                let id = settings.virtualRouterID
            else { continue }
            let place = Self.place(namespace, settings.interface, id, settings.family)
            if !held.contains(place), hasup_claim(descriptor.number, place) == -EAGAIN {
                let holder = hasup_claim_holder(descriptor.number, place)
                giveBack()
                throw Conflict(
                    description: "another hasupd\(holder > 0 ? " (pid \(holder))" : "") runs virtual router \(id) on "
                        + "\(settings.interface) already (here: instance \(settings.name)), and each would take the "
                        + "other's addresses for its own")
            }
            wanted.insert(place)
        }
    }

    /// The byte that stands for a virtual router: its family and VRID behind a hash of where it is. Two that fall
    /// together are as improbable as 2^-52.
    private static func place(_ namespace: UInt64, _ interface: String, _ id: VRID, _ family: AddressFamily) -> Int64 {
        // FNV-1a.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ namespace
        for byte in interface.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(hash >> 12) << 9 | (family == .ipv6 ? 256 : 0) | Int64(id.rawValue)
    }
}
