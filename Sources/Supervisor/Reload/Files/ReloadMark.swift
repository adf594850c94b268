import Glibc
import Reactor

/// The file of reload_file: it exists, and is empty, while the files of the configuration are being read. A program that
/// changes them may have made it before, with some content, and waits until it is gone.
enum ReloadMark {
    /// Makes the file, or empties the one that exists. It follows no symbolic or hard link.
    /// - Throws: `SystemError`.
    static func make(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            let file = try open(path, O_CREAT | O_EXCL)
            _ = file
        } catch {
            guard error.code == EEXIST else { throw error }
            let file = try open(path, 0)
            try OwnFile.require(file, path)
            guard ftruncate(file.number, 0) == 0 else { throw SystemError(errno, "empty \(path)") }
        }
    }

    private static func open(_ path: String, _ flags: Int32) throws(SystemError) -> Descriptor {
        let number = Glibc.open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0o600)
        guard number >= 0 else { throw SystemError(errno, "write reload_file \(path)") }
        return Descriptor(owning: number)
    }

    /// - Throws: `SystemError`.
    static func remove(_ path: String) throws(SystemError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemError(errno, "remove reload_file \(path)") }
    }
}

/// A file that root may overwrite: an ordinary one with one name. Any other could be a trap in another user's folder.
enum OwnFile {
    /// - Throws: `SystemError`.
    static func require(_ file: borrowing Descriptor, _ path: String) throws(SystemError) {
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw SystemError(errno, "inspect \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
            throw SystemError(EPERM, "write \(path), which isn't an ordinary file with one name")
        }
    }
}
