import CLinux
import Glibc
import Reactor

/// Files of the run directory and of /proc, read whole. What can't be read is empty: none of them decides alone.
///
/// A path is what the kernel takes: a `String`, or, for what is looked at each second, an array that was made once.
enum FileReader {
    /// The first 256 bytes as text.
    static func text(of path: UnsafePointer<CChar>) -> String {
        String(decoding: bytes(of: path, max: 256).prefix(256), as: UTF8.self)
    }

    /// The file's bytes; of more than `max`, some more.
    static func bytes(of path: UnsafePointer<CChar>, max: Int) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { return [] }
        let file = Descriptor(owning: number)
        var bytes: [UInt8] = []
        while bytes.count < max {
            let part = [UInt8](unsafeUninitializedCapacity: min(max, 64 << 10)) { buffer, count in
                count = Swift.max(0, read(file.number, buffer.baseAddress, buffer.count))
            }
            if part.isEmpty { break }
            if bytes.isEmpty { bytes = part } else { bytes += part }
        }
        return bytes
    }

    /// The number at the beginning of a pid file that is open; nil when there is none.
    static func processNumber(in file: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let size = pread(file, &bytes, bytes.count, 0)
        guard size > 0 else { return nil }
        return Int32(String(decoding: bytes.prefix(size), as: UTF8.self).prefix { $0.isNumber })
    }

    /// Whether this path leads to the file that is open.
    static func leads(_ path: UnsafePointer<CChar>, to open: Int32) -> Bool {
        var there = stat()
        var ours = stat()
        return lstat(path, &there) == 0 && fstat(open, &ours) == 0
            && there.st_ino == ours.st_ino && there.st_dev == ours.st_dev
    }
}
