import Configuration
import ConfigurationModel
import Glibc
import Reactor

/// The end of a file that may be large.
enum FileTail {
    /// At most this many last bytes.
    static func bytes(of path: String, max: Int) -> Result<[UInt8], FileError> {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { return .failure(error(errno)) }
        let file = Descriptor(owning: number)
        // A file of /proc has no size and can't be read from its end.
        let size = lseek(file.number, 0, SEEK_END)
        lseek(file.number, Swift.max(0, size - off_t(max)), SEEK_SET)
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < max {
            let count = read(file.number, &part, part.count)
            guard count >= 0 else { return .failure(error(errno)) }
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        return .success(bytes)
    }

    /// The last lines of its last 8 MiB that have this word.
    static func lines(of path: String, containing word: String, max: Int) -> Result<[String], FileError> {
        bytes(of: path, max: 8 << 20).map { bytes in
            let lines = bytes.split(separator: UInt8(ascii: "\n")).filter { $0.firstRange(of: Array(word.utf8)) != nil }
            return lines.suffix(max).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    private static func error(_ code: Int32) -> FileError {
        switch code {
        case ENOENT, ENOTDIR: .notFound
        case EACCES, EPERM: .permissionDenied
        default: .other(String(cString: strerror(code)))
        }
    }
}
