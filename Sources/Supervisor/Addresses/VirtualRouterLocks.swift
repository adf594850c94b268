import Base
import CLinux
import Configuration
import ConfigurationModel
import Control
import Glibc
import Reactor

/// The locks of the virtual routers that this hasupd runs, one for each, and of the IPVS table that it writes, in one file for
/// all hasupds of the machine, whatever their run directories are (docs/decisions, D35, D68).
///
/// Two daemons that run the same virtual router would each take the other's addresses for their own. The kernel drops
/// the locks with the process, so nothing has to be tidied up. It looks at all records of a file's locks for each lock
/// that is set or taken away, and joins neighbours to one record: so virtual routers of a link lie side by side.
final class VirtualRouterLocks {
    /// In the standard run directory, because that is the one that all have in common.
    static let file = ControlPath.standardRunDirectory + "/claims"

    private let path: String
    /// As the kernel takes it: it is looked for each second.
    private let lookedFor: [CChar]
    private let descriptor: Descriptor
    /// True if this process was another program before, which had claimed what it ran.
    private let isSuccessor: Bool
    /// The locks that the configuration that runs needs.
    private var held: Set<Int64> = []
    /// The locks that the configuration needs that was claimed last.
    private var wanted: Set<Int64> = []
    /// Those that couldn't be taken, and the number of the error.
    private var unlocked: [Int64: Int32] = [:]
    private lazy var namespace: UInt64 = {
        var status = stat()
        // Another namespace is another network.
        return stat("/proc/self/ns/net", &status) == 0 ? UInt64(status.st_ino) : 0
    }()

    /// Nil when the file can't be opened, as it is for an ordinary user.
    ///
    /// - Parameter passed: the number in the predecessor's handover. It is kept even when the file was removed meanwhile: its
    ///   locks go with the last descriptor.
    init?(path: String = VirtualRouterLocks.file, passed: Int32? = nil) {
        self.path = path
        lookedFor = Array(path.utf8CString)
        if let passed {
            descriptor = Descriptor(owning: passed)
            isSuccessor = true
            return
        }
        isSuccessor = false
        do throws(SystemError) { descriptor = try Self.open(path) } catch { return nil }
    }

    private static func open(_ path: String) throws(SystemError) -> Descriptor {
        mkdir(ControlPath.standardRunDirectory, 0o755)
        let number = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        return try owned(number < 0 ? -errno : number, "open \(path)")
    }

    /// The reason why another hasupd may run the same virtual routers, a sentence; nil when it can't.
    var problem: String? {
        guard FileReader.leads(lookedFor, to: descriptor.number) else {
            return "\(path) was removed: a hasupd that is started with the same virtual routers would take this one's "
                + "addresses. Restart hasupd."
        }
        guard let (_, code) = unlocked.first else { return nil }
        return
            "\(counted(unlocked.count, "virtual router")) can't be locked in \(path): \(SystemError.text(of: code)). "
            + "Another hasupd with the same would take this one's addresses."
    }

    // MARK: Upgrade

    /// The number at which the file stays open for the program that this process becomes: the locks are the process's as long
    /// as no descriptor of the file is closed, so that at no moment the virtual routers are free.
    var number: Int32 { descriptor.number }

    /// Releases what the program before needed and this one doesn't: all that lies between what is wanted.
    private func releaseOthers() {
        var next: Int64 = 0
        for place in wanted.sorted() {
            if place > next { hasup_unlock_bytes(descriptor.number, next, place - next) }
            next = place + 1
        }
        hasup_unlock_bytes(descriptor.number, next, 0)
    }

    // MARK: Claiming

    /// Another process runs one of the virtual routers.
    struct Conflict: Error, CustomStringConvertible {
        /// A sentence without its end.
        let description: String
    }

    /// Takes the locks of all virtual routers of a configuration. `commit` or `release` is to follow. - Throws: `Conflict`; then
    /// nothing was claimed.
    func take(_ generation: Generation) throws(Conflict) {
        wanted = []
        for index in 0..<generation.instanceCount {
            guard let settings = generation.instance(at: index), settings.faults.isEmpty,
                let id = settings.virtualRouterID
            else { continue }
            let place = Self.place(namespace, settings.interface, id.rawValue, settings.family)
            try take(place) { holder in
                "another hasupd\(holder) runs virtual router \(id) on "
                    + "\(settings.interface) already (here: instance \(settings.name)), and each would take the "
                    + "other's addresses for its own"
            }
        }
        guard generation.model.virtualServerCount > 0 else { return }
        let named = generation.tableNamespace
        guard let place = named.map(TableSocket.number) ?? namespace else { return }
        // No virtual router has this number.
        try take(Self.place(place, "ipvs", 0, .ipv4)) { holder in
            "another hasupd\(holder) has virtual servers in \(named.map { "network namespace \($0)" } ?? "this network namespace") "
                + "already, and each would remove the other's"
        }
    }

    /// - Parameter conflict: the sentence about another process, whose pid it is given as ` (pid 4711)`.
    private func take(_ place: Int64, conflict: (String) -> String) throws(Conflict) {
        let result = held.contains(place) && unlocked[place] == nil ? 0 : hasup_lock_byte(descriptor.number, place)
        if result == -EAGAIN {
            let holder = hasup_byte_lock_holder(descriptor.number, place)
            release()
            throw Conflict(description: conflict(holder > 0 ? " (pid \(holder))" : ""))
        }
        wanted.insert(place)
        // Without a lock it runs all the same.
        unlocked[place] = result == 0 ? nil : -result
    }

    /// The configuration that was claimed last runs: what only the one before needed is free.
    func commit() {
        if isSuccessor, held.isEmpty { releaseOthers() }
        release(held.subtracting(wanted))
        held = wanted
        unlocked = unlocked.filter { held.contains($0.key) }
    }

    /// The configuration that was claimed last won't run.
    func release() {
        release(wanted.subtracting(held))
        wanted = held
        unlocked = unlocked.filter { held.contains($0.key) }
    }

    /// In their order: at random, the kernel's records would be cut into thousands.
    private func release(_ places: Set<Int64>) {
        for place in places.sorted() { hasup_unlock_bytes(descriptor.number, place, 1) }
    }

    /// The byte that stands for a virtual router: its family and VRID behind a hash of where it is. Two that fall
    /// together are as improbable as 2^-52; without a name the numbers of neighbouring namespaces would.
    private static func place(_ namespace: UInt64, _ interface: String, _ id: UInt8, _ family: AddressFamily) -> Int64 {
        var hash = FNV1a(salt: namespace)
        hash.add(interface.utf8)
        return Int64(hash.value >> 12) << 9 | (family == .ipv6 ? 256 : 0) | Int64(id)
    }
}
