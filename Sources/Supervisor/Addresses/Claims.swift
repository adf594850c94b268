import Base
import CLinux
import Configuration
import ConfigurationModel
import Control
import Glibc
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

    private let path: String
    /// As the kernel takes it: it is looked for each second.
    private let lookedFor: [CChar]
    private let descriptor: Descriptor
    /// Whether this process was another program before, which had claimed what it ran.
    private let isSuccessor: Bool
    /// What the configuration that runs needs.
    private var held: Set<Int64> = []
    /// What the configuration needs that was claimed last.
    private var wanted: Set<Int64> = []
    /// What of these couldn't be locked, and the number of the error.
    private var unlocked: [Int64: Int32] = [:]
    private lazy var namespace: UInt64 = {
        var status = stat()
        // Another namespace is another network.
        return stat("/proc/self/ns/net", &status) == 0 ? UInt64(status.st_ino) : 0
    }()

    /// Nil when the file can't be opened, as it is for an ordinary user.
    ///
    /// - Parameter passed: the number that `takePassed` gave. It is kept even when the file was removed meanwhile: its locks
    ///   go with the last descriptor.
    init?(path: String = Claims.file, passed: Int32? = nil) {
        self.path = path
        lookedFor = Array(path.utf8CString)
        if let passed, fcntl(passed, F_SETFD, FD_CLOEXEC) == 0 {
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
        let file = try owned(number < 0 ? -errno : number, "open \(path)")
        // Its number is one that it can keep at an upgrade.
        let kept = fcntl(file.number, F_DUPFD_CLOEXEC, Int32(HASUP_KEPT_MIN))
        return try owned(kept < 0 ? -errno : kept, "open \(path)")
    }

    /// Why another hasupd may run the same virtual routers, a sentence; nil when it can't.
    var problem: String? {
        guard SmallFile.leads(lookedFor, to: descriptor.number) else {
            return "\(path) was removed: a hasupd that is started with the same virtual routers would take this one's "
                + "addresses. Restart hasupd."
        }
        guard let (_, code) = unlocked.first else { return nil }
        return
            "\(counted(unlocked.count, "virtual router")) can't be locked in \(path): \(SystemError.text(of: code)). "
            + "Another hasupd with the same would take this one's addresses."
    }

    // MARK: Upgrade

    private static let variable = "HASUP_CLAIMS"

    /// What stays open for the program that this process becomes: the locks are the process's as long as no descriptor
    /// of the file is closed, so that at no moment the virtual routers are free.
    var number: Int32 { descriptor.number }

    /// Says to that program where it finds them.
    func announce() { setenv(Self.variable, "\(getpid()) \(number)", 1) }

    /// Takes that back.
    static func unannounce() { unsetenv(variable) }

    /// What was said to this one; no child is told.
    static func takePassed() -> Int32? {
        defer { unannounce() }
        guard let text = getenv(variable) else { return nil }
        let words = String(cString: text).split(separator: " ").map { Int32($0) }
        guard words.count == 2, words[0] == getpid(), let number = words[1] else { return nil }
        return number >= HASUP_KEPT_MIN ? number : nil
    }

    /// What the program before needed and this one doesn't is free: all that lies between what is wanted.
    private func releaseOthers() {
        var next: Int64 = 0
        for place in wanted.sorted() {
            if place > next { hasup_unclaim(descriptor.number, next, place - next) }
            next = place + 1
        }
        hasup_unclaim(descriptor.number, next, 0)
    }

    // MARK: Claiming

    /// Another process runs one of the virtual routers.
    struct Conflict: Error, CustomStringConvertible {
        /// A sentence without its end.
        let description: String
    }

    /// Claims all virtual routers of a configuration. `settle` or `giveBack` is to follow. - Throws: `Conflict`; then
    /// nothing was claimed.
    func take(_ generation: Generation) throws(Conflict) {
        wanted = []
        for index in 0..<generation.instanceCount {
            guard let settings = generation.instance(at: index), settings.faults.isEmpty,
                let id = settings.virtualRouterID
            else { continue }
            let place = Self.place(namespace, settings.interface, id, settings.family)
            let result = held.contains(place) && unlocked[place] == nil ? 0 : hasup_claim(descriptor.number, place)
            if result == -EAGAIN {
                let holder = hasup_claim_holder(descriptor.number, place)
                giveBack()
                throw Conflict(
                    description: "another hasupd\(holder > 0 ? " (pid \(holder))" : "") runs virtual router \(id) on "
                        + "\(settings.interface) already (here: instance \(settings.name)), and each would take the "
                        + "other's addresses for its own")
            }
            wanted.insert(place)
            // Without a lock it runs all the same.
            unlocked[place] = result == 0 ? nil : -result
        }
    }

    /// The configuration that was claimed last runs: what only the one before needed is free.
    func settle() {
        if isSuccessor, held.isEmpty { releaseOthers() }
        release(held.subtracting(wanted))
        held = wanted
        unlocked = unlocked.filter { held.contains($0.key) }
    }

    /// The configuration that was claimed last won't run.
    func giveBack() {
        release(wanted.subtracting(held))
        wanted = held
        unlocked = unlocked.filter { held.contains($0.key) }
    }

    /// In their order: at random, the kernel's records would be cut into thousands.
    private func release(_ places: Set<Int64>) {
        for place in places.sorted() { hasup_unclaim(descriptor.number, place, 1) }
    }

    /// The byte that stands for a virtual router: its family and VRID behind a hash of where it is. Two that fall
    /// together are as improbable as 2^-52.
    private static func place(_ namespace: UInt64, _ interface: String, _ id: VRID, _ family: AddressFamily) -> Int64 {
        var hash = FNV1a(salt: namespace)
        hash.add(interface.utf8)
        return Int64(hash.value >> 12) << 9 | (family == .ipv6 ? 256 : 0) | Int64(id.rawValue)
    }
}
