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

    private let path: String
    /// As the kernel takes it: it is looked for each second.
    private let lookedFor: [CChar]
    private var descriptor: Descriptor

    /// Nil when the file can't be opened, as it is for an ordinary user. One that holds what was passed stays, with
    /// `problem`.
    ///
    /// - Parameter passed: the number that `takePassed` gave.
    init?(path: String = Claims.file, passed: Int32? = nil) {
        self.path = path
        lookedFor = Array(path.utf8CString)
        let inherited = passed.flatMap { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 ? $0 : nil }
        isSuccessor = inherited != nil
        // Opened a second time, the file would lose its locks when one of the two is closed.
        if let inherited, SmallFile.leads(lookedFor, to: inherited) {
            descriptor = Descriptor(owning: inherited)
            return
        }
        do throws(SystemError) {
            descriptor = try Self.open(path)
            if let inherited { close(inherited) }
        } catch {
            guard let inherited else { return nil }
            descriptor = Descriptor(owning: inherited)
            problem = Self.removal(of: path, error)
        }
    }

    private static func open(_ path: String) throws(SystemError) -> Descriptor {
        mkdir(ControlPath.standardRunDirectory, 0o755)
        let number = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        let file = try owned(number < 0 ? -errno : number, "open \(path)")
        // Its number is one that it can keep at an upgrade.
        let kept = fcntl(file.number, F_DUPFD_CLOEXEC, Int32(HASUP_KEPT_MIN))
        return try owned(kept < 0 ? -errno : kept, "open \(path)")
    }

    // MARK: Upgrade

    private static let variable = "HASUP_CLAIMS"
    /// Whether this process was another program before, which had claimed what it ran.
    private let isSuccessor: Bool

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
    /// What of these isn't locked in the file that is there by now, and the number of the error: EAGAIN when another
    /// process has it.
    private var lost: [Int64: Int32] = [:]
    private var isRepairing = false
    /// Who waits for the end of the repair.
    private var waiting: [() -> Void] = []
    /// Why the claims don't keep another hasupd away, a sentence; nil when they do.
    private(set) var problem: String?
    private lazy var namespace: UInt64 = {
        var status = stat()
        // Another namespace is another network.
        return stat("/proc/self/ns/net", &status) == 0 ? UInt64(status.st_ino) : 0
    }()

    /// Claims all virtual routers of the first configuration at once.
    ///
    /// After an upgrade, what another process has taken while the file was missing is a `problem`, as it would have
    /// been without: the end of this one would be a failover. - Throws: `Conflict`; then none is claimed.
    func take(_ generation: Generation) throws(Conflict) {
        try take(generation, 0..<generation.instanceCount, goesOn: isSuccessor)
        if isSuccessor { releaseOthers() }
        settle()
        problem = problem ?? loss
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
                try self.take(generation, next..<end, goesOn: false)
            } catch {
                completion(error)
                return false
            }
            next = end
            if next == generation.instanceCount { completion(nil) }
            return next < generation.instanceCount
        }
    }

    /// Claims again what ran before, if somebody has removed the file: another hasupd would lock the new one, where it
    /// found nothing in its way. To be called again and again; the work is done in slices.
    ///
    /// - Parameters:
    ///   - done: called when all is done, and `problem` is what it is now.
    ///   - completion: called when the file was made anew, and when `problem` has changed.
    func keepInPlace(
        on loop: EventLoop, then done: (() -> Void)? = nil, _ completion: @escaping (_ isNew: Bool) -> Void
    ) {
        if let done { waiting.append(done) }
        guard !isRepairing else { return }
        let isNew = !SmallFile.leads(lookedFor, to: descriptor.number)
        if isNew {
            do throws(SystemError) {
                // The locks in the old file go with it, and nobody would find them there.
                descriptor = try Self.open(path)
                for place in held.union(wanted) { lost[place] = EAGAIN }
            } catch {
                return end(with: Self.removal(of: path, error), isNew: false, completion)
            }
        }
        guard isNew || !lost.isEmpty else { return end(with: nil, isNew: false, completion) }
        isRepairing = true
        var places = lost.keys.sorted()[...]
        loop.doInSlices { [unowned self] in
            for place in places.prefix(Self.slice) { self.claimAgain(place) }
            places = places.dropFirst(Self.slice)
            guard places.isEmpty else { return true }
            self.isRepairing = false
            self.end(with: self.loss, isNew: isNew, completion)
            return false
        }
    }

    private func claimAgain(_ place: Int64) {
        let isNeeded = held.contains(place) || wanted.contains(place)
        let result = isNeeded ? hasup_claim(descriptor.number, place) : 0
        lost[place] = result == 0 ? nil : -result
    }

    /// What isn't claimed, and why, in sentences; nil when nothing is missing.
    private var loss: String? {
        var sentences: [String] = []
        let taken = lost.filter { $0.value == EAGAIN }.keys
        if let place = taken.min() {
            let holder = hasup_claim_holder(descriptor.number, place)
            sentences.append(
                "While \(path) was missing, another hasupd\(holder > 0 ? " (pid \(holder))" : "") has claimed "
                    + "\(counted(taken.count, "virtual router")) of this one's (VRID \(place & 0xff)), and each takes "
                    + "the other's addresses for its own. Stop one of them.")
        }
        if let code = lost.values.first(where: { $0 != EAGAIN }) {
            sentences.append(
                "\(counted(lost.count - taken.count, "virtual router")) can't be claimed in \(path), and another "
                    + "hasupd with the same would take this one's addresses: \(SystemError.text(of: code)).")
        }
        return sentences.isEmpty ? nil : sentences.joined(separator: " ")
    }

    private static func removal(of path: String, _ error: SystemError) -> String {
        "\(path) was removed, and a hasupd that is started with the same virtual routers would take this one's "
            + "addresses: \(error). Restart hasupd."
    }

    private func end(with new: String?, isNew: Bool, _ completion: (_ isNew: Bool) -> Void) {
        let hasChanged = new != problem
        problem = new
        if isNew || hasChanged { completion(isNew) }
        let ended = waiting
        waiting = []
        for done in ended { done() }
    }

    /// The configuration that was claimed last runs: what only the one before needed is free.
    func settle() {
        release(held.subtracting(wanted))
        held = wanted
        lost = lost.filter { held.contains($0.key) }
    }

    /// The configuration that was claimed last won't run.
    func giveBack() {
        release(wanted.subtracting(held))
        wanted = held
        lost = lost.filter { held.contains($0.key) }
    }

    /// In their order: at random, the kernel's records would be cut into thousands.
    private func release(_ places: Set<Int64>) {
        for place in places.sorted() { hasup_unclaim(descriptor.number, place, 1) }
    }

    /// - Parameter goesOn: whether a conflict is noted only.
    private func take(_ generation: Generation, _ indices: Range<Int>, goesOn: Bool) throws(Conflict) {
        for index in indices {
            guard let settings = generation.instance(at: index), settings.faults.isEmpty,
                let id = settings.virtualRouterID
            else { continue }
            let place = Self.place(namespace, settings.interface, id, settings.family)
            let result = held.contains(place) ? 0 : hasup_claim(descriptor.number, place)
            if result == -EAGAIN, !goesOn {
                let holder = hasup_claim_holder(descriptor.number, place)
                giveBack()
                throw Conflict(
                    description: "another hasupd\(holder > 0 ? " (pid \(holder))" : "") runs virtual router \(id) on "
                        + "\(settings.interface) already (here: instance \(settings.name)), and each would take the "
                        + "other's addresses for its own")
            }
            wanted.insert(place)
            // Without a lock it runs all the same; the lock is tried again.
            if result != 0 { lost[place] = -result }
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
