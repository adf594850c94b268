import CLinux
import Glibc
import Reactor

/// Files of the run directory and of /proc, read whole. What can't be read is empty: none of them decides alone.
enum SmallFile {
    /// The first 256 bytes as text.
    static func text(of path: String) -> String {
        String(decoding: bytes(of: path, max: 256).prefix(256), as: UTF8.self)
    }

    /// The file's bytes; of more than `max`, some more.
    static func bytes(of path: String, max: Int) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { return [] }
        let file = Descriptor(owning: number)
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: min(max, 64 << 10))
        while bytes.count < max {
            let count = read(file.number, &part, part.count)
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        return bytes
    }

    /// Whether this path leads to the file that is open.
    static func leads(_ path: String, to open: Int32) -> Bool {
        var there = stat()
        var ours = stat()
        return lstat(path, &there) == 0 && fstat(open, &ours) == 0
            && there.st_ino == ours.st_ino && there.st_dev == ours.st_dev
    }
}
