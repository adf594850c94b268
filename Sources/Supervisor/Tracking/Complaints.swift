import Glibc
import Reactor

/// Memory in which processes that don't become scripts say why. They share it with this process until they execute.
final class Complaints {
    static let size = 256
    private let memory: UnsafeMutableRawBufferPointer

    /// - Throws: `SystemError` when there is no memory.
    init(count: Int) throws(SystemError) {
        let size = max(1, count) * Self.size
        let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
        guard let address, address != MAP_FAILED else { throw SystemError(errno, "share memory") }
        memory = UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    deinit { munmap(memory.baseAddress, memory.count) }

    /// The text in a place, which is empty afterwards; nil for none.
    func take(_ place: Int) -> String? {
        let bytes = slot(place)
        // Where nobody has written, a store would make memory of it.
        guard bytes[0] != 0 else { return nil }
        defer { bytes[0] = 0 }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    func write(_ text: String, at place: Int) {
        let bytes = slot(place)
        var count = 0
        for byte in text.utf8.prefix(bytes.count - 1) {
            bytes[count] = byte
            count += 1
        }
        bytes[count] = 0
    }

    private func slot(_ place: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[place * Self.size..<(place + 1) * Self.size])
    }
}
