import Base
import CLinux
import Configuration
import Glibc
import IPC
import Reactor

/// Which virtual routers and addresses this hasupd has: a lock for each of them, in one file for all hasupds of the
/// machine, whatever their run directories are (docs/decisions.md, D35).
///
/// Two daemons with the same virtual router or address would each take the other's addresses for their own. The kernel
/// drops the locks with the process, so nothing has to be tidied up.
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

    /// Claims all that the first configuration needs, at once. - Throws: `Conflict`; then none is claimed.
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
        for place in held.subtracting(wanted) { hasup_unclaim(descriptor.number, place) }
        held = wanted
    }

    /// The configuration that was claimed last won't run.
    func giveBack() {
        for place in wanted.subtracting(held) { hasup_unclaim(descriptor.number, place) }
        wanted = held
    }

    private func take(_ generation: Generation, _ indices: Range<Int>) throws(Conflict) {
        for index in indices {
            guard let settings = generation.instance(at: index), settings.faults.isEmpty,
                let id = settings.virtualRouterID
            else { continue }
            let router = Self.place(namespace, settings.interface, id, settings.family)
            try take(router, of: settings.name) { "runs virtual router \(id) on \(settings.interface) already" }
            for address in settings.virtualAddresses + settings.excludedAddresses {
                let interface = address.interface ?? settings.interface
                try take(Self.place(namespace, interface, address.prefix.address), of: settings.name) {
                    "has virtual address \(address.prefix.address) on \(interface) already"
                }
            }
        }
    }

    private func take(_ place: Int64, of instance: String, _ what: () -> String) throws(Conflict) {
        if !held.contains(place), hasup_claim(descriptor.number, place) == -EAGAIN {
            let holder = hasup_claim_holder(descriptor.number, place)
            giveBack()
            throw Conflict(
                description: "another hasupd\(holder > 0 ? " (pid \(holder))" : "") \(what()) (here: instance "
                    + "\(instance)), and each would take the other's addresses for its own")
        }
        wanted.insert(place)
    }

    // The byte that stands for something is its last 8 or 9 bits behind a hash of where it is: neighbours share one of the
    // kernel's records of locks, of which it looks at all for each lock. Two that fall together are as improbable as 2^-52.

    private static func place(_ namespace: UInt64, _ interface: String, _ id: VRID, _ family: AddressFamily) -> Int64 {
        place(hash(namespace, interface), family == .ipv6 ? 256 : 0, id.rawValue)
    }

    private static func place(_ namespace: UInt64, _ interface: String, _ address: IPAddress) -> Int64 {
        let bytes = address.bytes
        return place(hash(namespace, interface, [0] + bytes.dropLast()), 0, bytes.last ?? 0)
    }

    private static func place(_ hash: UInt64, _ offset: Int64, _ last: UInt8) -> Int64 {
        Int64(hash >> 12) << 9 | offset | Int64(last)
    }

    /// FNV-1a.
    private static func hash(_ namespace: UInt64, _ interface: String, _ rest: [UInt8] = []) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ namespace
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in interface.utf8 { add(byte) }
        for byte in rest { add(byte) }
        return hash
    }
}
