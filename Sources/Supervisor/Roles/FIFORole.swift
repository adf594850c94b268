import CLinux
import Glibc
import Reactor
import Sandbox
import Supervision

/// The role `hasup-fifo`: makes and opens a FIFO, or removes one, and ends. A process of its own because its folder may lie
/// on a server that doesn't answer (docs/decisions, D6, D47).
///
/// Arguments: those of `FIFOOrder`. Descriptor 3 takes the answer: `made` or `found` with the open FIFO, `removed`, or a
/// sentence that says what is wrong.
enum FIFORole {
    static let name = "hasup-fifo"
    static let made = "made"
    static let found = "found"
    private static let answers: Int32 = 3

    static func run(arguments: [String]) -> Int32 {
        guard let order = FIFOOrder(words: arguments) else { return 64 }
        _ = fcntl(answers, F_SETFD, FD_CLOEXEC)
        // The mode is the order's.
        umask(0)
        do throws(FIFORefusal) {
            switch order {
            case .open(let path, let mode, let owner, let replaced):
                if let replaced { remove(path, replaced) }
                try open(path, mode, owner)
            case .remove(let path, let identity): remove(path, identity)
            }
            return 0
        } catch {
            answer(error.sentence)
            return 74
        }
    }

    /// - Throws: `FIFORefusal`.
    private static func open(_ path: String, _ mode: UInt16, _ owner: FIFOPlan.Owner?) throws(FIFORefusal) {
        let isMade = try make(path, mode, owner)
        let place = try find(path)
        var status = stat()
        guard fstat(place.number, &status) == 0 else { throw FIFORefusal(errno, "look at \(path)") }
        guard status.st_mode & S_IFMT == S_IFIFO else {
            throw FIFORefusal(
                "\(path) is \(kind(status.st_mode)) and no FIFO: remove it, or write another path")
        }
        guard status.st_uid == geteuid() || status.st_uid == owner?.uid else {
            throw FIFORefusal(
                "\(path) belongs to uid \(status.st_uid), who could read and write what goes through it: "
                    + "name that user behind the path, or remove it")
        }
        let file = try reopen(place, path, owner)
        if isMade, let owner {
            guard fchown(file.number, owner.uid, owner.gid) == 0 else {
                let code = errno
                unlink(path)
                throw FIFORefusal(code, "give \(path) to uid \(owner.uid)")
            }
            // A change of the owner may take bits away.
            _ = fchmod(file.number, mode_t(mode))
        }
        let word = isMade ? made : found
        hasup_send_packet(answers, word, word.utf8.count, [file.number], 1)
    }

    /// Makes it, if nothing is there. In a folder of the owner's only that one may. - Returns: whether it was made.
    /// - Throws: `FIFORefusal`.
    private static func make(
        _ path: String, _ mode: UInt16, _ owner: FIFOPlan.Owner?
    ) throws(FIFORefusal) -> Bool {
        // With an owner to come, nobody else gets at it meanwhile.
        let first = owner == nil ? mode_t(mode) : 0o600
        if mkfifo(path, first) == 0 { return true }
        if errno == EACCES, let owner, acting(as: owner, { mkfifo(path, mode_t(mode)) }) == 0 { return true }
        let code = errno
        guard code == EEXIST else { throw FIFORefusal(code, "make the FIFO \(path)") }
        return false
    }

    /// Finds it without opening it: what is no FIFO might do something then. - Throws: `FIFORefusal`.
    private static func find(_ path: String) throws(FIFORefusal) -> Descriptor {
        // O_PATH (asm-generic/fcntl.h).
        let number = Glibc.open(path, 0o10000000 | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw FIFORefusal(errno, "find the FIFO \(path)") }
        return Descriptor(owning: number)
    }

    /// Opens for reading and writing, so that it neither waits for a reader nor ends with one. - Throws: `FIFORefusal`.
    private static func reopen(
        _ place: borrowing Descriptor, _ path: String, _ owner: FIFOPlan.Owner?
    ) throws(FIFORefusal) -> Descriptor {
        let name = "/proc/self/fd/\(place.number)"
        let flags = O_RDWR | O_NONBLOCK | O_CLOEXEC
        var number = Glibc.open(name, flags)
        if number < 0, errno == EACCES, let owner { number = acting(as: owner) { Glibc.open(name, flags) } }
        guard number >= 0 else { throw FIFORefusal(errno, "open the FIFO \(path)") }
        return Descriptor(owning: number)
    }

    /// Does something as another user, whose files hasupd without CAP_DAC_OVERRIDE can't reach.
    private static func acting(as owner: FIFOPlan.Owner, _ body: () -> Int32) -> Int32 {
        let (uid, gid) = (geteuid(), getegid())
        guard setegid(owner.gid) == 0 else { return -1 }
        guard seteuid(owner.uid) == 0 else {
            let code = errno
            _ = setegid(gid)
            errno = code
            return -1
        }
        let result = body()
        let code = errno
        _ = seteuid(uid)
        _ = setegid(gid)
        errno = code
        return result
    }

    /// Removes it, if it is still the one that was made.
    static func remove(_ path: String, _ identity: FIFOIdentity) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFIFO, FIFOIdentity(status) == identity else {
            return
        }
        unlink(path)
    }

    private static func kind(_ mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFREG: "a file"
        case S_IFDIR: "a folder"
        case S_IFLNK: "a symbolic link"
        case S_IFSOCK: "a socket"
        default: "a device"
        }
    }

    private static func answer(_ text: String) { hasup_send_packet(answers, text, text.utf8.count, [], 0) }
}

/// The reason that a FIFO can't be had.
private struct FIFORefusal: Error {
    /// Without its end.
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }

    init(_ code: Int32, _ operation: String) { sentence = SystemError(code, operation).description }
}

/// Stands for a FIFO, whatever its path leads to by now.
struct FIFOIdentity: Hashable {
    var device: UInt64
    var inode: UInt64

    init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    init(_ status: stat) { self.init(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)) }

    /// The form for another process.
    var word: String { "\(device):\(inode)" }

    /// Reads `word`; nil for anything else.
    init?(word: String) {
        let numbers = word.split(separator: ":").compactMap { UInt64($0) }
        guard numbers.count == 2 else { return nil }
        self.init(device: numbers[0], inode: numbers[1])
    }

    /// Nil for an open file that is no FIFO.
    init?(of file: Int32) {
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return nil }
        self.init(status)
    }
}

/// An order to `hasup-fifo`.
enum FIFOOrder: Equatable {
    /// With one that was made before, which is removed first.
    case open(path: String, mode: UInt16, owner: FIFOPlan.Owner?, replacing: FIFOIdentity?)
    case remove(path: String, FIFOIdentity)

    var words: [String] {
        switch self {
        case .open(let path, let mode, let owner, let replaced):
            ["open", path, "\(mode)", owner.map { "\($0.uid):\($0.gid)" } ?? "", replaced?.word ?? ""]
        case .remove(let path, let identity): ["remove", path, identity.word]
        }
    }

    /// Reads `words`; nil for anything else.
    init?(words: [String]) {
        switch (words.first, words.count) {
        case ("open", 5):
            guard let mode = UInt16(words[2]), mode <= 0o777 else { return nil }
            var owner: FIFOPlan.Owner?
            if !words[3].isEmpty {
                let numbers = words[3].split(separator: ":").compactMap { UInt32($0) }
                guard numbers.count == 2 else { return nil }
                owner = FIFOPlan.Owner(uid: numbers[0], gid: numbers[1])
            }
            let replaced = FIFOIdentity(word: words[4])
            guard replaced != nil || words[4].isEmpty else { return nil }
            self = .open(path: words[1], mode: mode, owner: owner, replacing: replaced)
        case ("remove", 3):
            guard let identity = FIFOIdentity(word: words[2]) else { return nil }
            self = .remove(path: words[1], identity)
        default: return nil
        }
    }
}
