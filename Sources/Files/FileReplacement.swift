import Configuration
import ConfigurationModel
import Glibc

extension SystemFiles {
    /// Replaces a file's content in one step: whoever reads it sees the old one or the new one. Mode and owner stay,
    /// and a symbolic link goes on pointing to the same file.
    ///
    /// - Returns: nil, or why the old content is still there.
    package static func replace(path: String, with content: [UInt8]) -> FileError? {
        guard let resolved = realpath(path, nil) else { return failure(errno) }
        defer { free(resolved) }
        let target = String(cString: resolved)
        var status = stat()
        guard stat(target, &status) == 0 else { return failure(errno) }
        var name = Array("\(target).XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { return failure(errno) }
        defer { close(descriptor) }
        var written = 0
        while written < content.count {
            let count = content.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count < 0, errno != EINTR { return abandon(name, errno) }
            written += max(count, 0)
        }
        // The owner first: changing it takes bits out of the mode.
        guard fchown(descriptor, status.st_uid, status.st_gid) == 0, fchmod(descriptor, status.st_mode & 0o7777) == 0,
            fsync(descriptor) == 0, rename(name, target) == 0
        else { return abandon(name, errno) }
        return nil
    }

    private static func abandon(_ temporary: [CChar], _ code: Int32) -> FileError {
        unlink(temporary)
        return failure(code)
    }

    private static func failure(_ code: Int32) -> FileError {
        switch code {
        case ENOENT, ENOTDIR: .notFound
        case EACCES, EPERM: .permissionDenied
        default: .other(String(cString: strerror(code)))
        }
    }
}
