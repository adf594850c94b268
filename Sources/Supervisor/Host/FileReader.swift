import CLinux
import Glibc
import Reactor

/// Reads whole files of the run directory and of /proc. One that can't be read counts as empty: none of them decides alone.
///
/// A path is a `String`, or an array of the kernel's form for a path that is needed each second.
enum FileReader {
    /// Returns the first 256 bytes as text.
    static func text(of path: UnsafePointer<CChar>) -> String {
        String(decoding: bytes(of: path, max: 256).prefix(256), as: UTF8.self)
    }

    /// A name of this boot of the machine; empty if the kernel has none.
    static var bootID: String { text(of: "/proc/sys/kernel/random/boot_id").filter { $0.isHexDigit || $0 == "-" } }

    /// Returns the file's bytes; of one longer than `max`, at least that many.
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

    /// Returns the number at the beginning of an open pid file; nil when there is none.
    static func processNumber(in file: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let size = pread(file, &bytes, bytes.count, 0)
        guard size > 0 else { return nil }
        return Int32(String(decoding: bytes.prefix(size), as: UTF8.self).prefix { $0.isNumber })
    }

    /// Returns true if this path leads to the open file.
    static func leads(_ path: UnsafePointer<CChar>, to open: Int32) -> Bool {
        var there = stat()
        var ours = stat()
        return lstat(path, &there) == 0 && fstat(open, &ours) == 0
            && there.st_ino == ours.st_ino && there.st_dev == ours.st_dev
    }
}
