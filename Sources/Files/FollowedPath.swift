import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Reactor

/// A path, followed step by step as the kernel does it, and who could make it lead elsewhere (pain point S5).
///
/// Each folder that is gone through is checked, those in which symbolic links lie as well as those that the links lead to,
/// and at last the file itself. Where nobody but root may change any of them, it's this file that runs whenever `resolved`
/// is executed.
package struct FollowedPath: Sendable {
    /// The file's own path: absolute, without symbolic links.
    package var resolved: String { "/" + place.joined(separator: "/") }
    /// The steps that users other than root may change, in the order in which it was gone through, with owner and
    /// mode.
    package private(set) var weaknesses: [PathWeakness] = []

    /// Names of folders from the root on, and at last the file's.
    private var place: [String] = []
    /// True for a step in which others than its owner may write. That something can be reached by several links doesn't
    /// make it weaker.
    private var isOpen: [String: Bool] = [:]

    /// Links that are followed, as many as the kernel follows (path_resolution(7)).
    private static let linksMax = 40

    /// Follows a path; a relative one begins in the process's folder. - Throws: `SystemError` where it leads nowhere.
    package init(_ path: String) throws(SystemError) {
        var start = path
        if !Self.isAbsolute(path) {
            guard let folder = getcwd(nil, 0) else { throw Self.error(path) }
            defer { free(folder) }
            start = String(cString: folder) + "/" + path
        }
        _ = try visit("/", in: "/")
        // The next name is the last one.
        var names: [String] = Self.names(in: start).reversed()
        var links = 0
        while let name = names.popLast() {
            if name == ".." {
                _ = place.popLast()
                continue
            }
            let folder = resolved
            let next = place.isEmpty ? "/" + name : folder + "/" + name
            guard let target = try visit(next, in: folder) else {
                place.append(name)
                continue
            }
            links += 1
            guard links <= Self.linksMax else { throw SystemError(ELOOP, "follow \(path)") }
            if Self.isAbsolute(target) { place = [] }
            names += Self.names(in: target).reversed()
        }
    }

    /// Checks the thing at a path whose folders have been checked. - Returns: where it leads to, if it is a link.
    private mutating func visit(_ path: String, in folder: String) throws(SystemError) -> String? {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw Self.error(path) }
        guard status.st_mode & S_IFMT == S_IFLNK else {
            check(path, status)
            return nil
        }
        // The mode of a link means nothing: who may replace it is up to its folder. In one with the sticky bit that is
        // its owner.
        if status.st_uid != 0, isOpen[folder] == true, isOpen.updateValue(false, forKey: path) == nil {
            weaknesses.append(Self.weakness(path, "a link, owner \(status.st_uid)", owner: status.st_uid))
        }
        return try Self.target(ofLink: path)
    }

    /// In a folder with the sticky bit nobody can replace what isn't his own.
    private mutating func check(_ path: String, _ status: stat) {
        guard isOpen[path] == nil else { return }
        let mode = status.st_mode & 0o7777
        let isSticky = status.st_mode & S_IFMT == S_IFDIR && mode & 0o1000 != 0
        // Of a file with an access control list, the group's bits say what the list grants at most.
        let isGroupWritable = mode & 0o020 != 0
        let hasList = isGroupWritable && hasup_has_access_list(path) != 0
        let isWritable = mode & 0o002 != 0 || isGroupWritable && (status.st_gid != 0 || hasList)
        isOpen[path] = isWritable
        guard status.st_uid != 0 || isWritable && !isSticky else { return }
        let list = hasList ? " and an access control list" : ""
        weaknesses.append(
            Self.weakness(
                path, "owner \(status.st_uid), mode \(String(mode, radix: 8))\(list)",
                owner: isWritable && !isSticky ? nil : status.st_uid))
    }

    private static func weakness(_ path: String, _ what: String, owner: UInt32?) -> PathWeakness {
        PathWeakness("\(path) (\(what)) can be changed by users other than root", owner: owner)
    }

    private static func target(ofLink path: String) throws(SystemError) -> String {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &bytes, bytes.count)
        guard count >= 0 else { throw error(path) }
        guard count < bytes.count else { throw SystemError(ENAMETOOLONG, "follow \(path)") }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static func error(_ path: String) -> SystemError { SystemError(errno, "follow \(path)") }

    private static func isAbsolute(_ path: String) -> Bool { path.utf8.first == UInt8(ascii: "/") }

    /// Splits by bytes: to Swift a slash with a combining mark behind it isn't a slash.
    private static func names(in path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }.filter { $0 != "." }
    }
}
