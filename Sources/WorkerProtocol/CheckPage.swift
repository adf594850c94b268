import Base
import CLinux
import Glibc
import Reactor

/// The memory in which a checker keeps what it knows of its checks, for status and for the checker after it (docs/decisions,
/// D73). A sealed memfd whose size nobody can change. The LoadBalancing room has the form of its records.
///
///     page 0   words of 8 bytes: format, time of the checker's last loop turn, places that were ever used
///     then     places of 64 bytes, one a check, written in place: a torn one has a wrong checksum
///
/// Room is reserved for more checks than anybody has: only pages that were written take memory.
package final class CheckPage {
    package static let placeSize = 64
    package static let placesMax = 1 << 17
    private static let headSize = 4_096
    package static let size = headSize + placesMax * placeSize
    /// The form of the page and of its records: to be counted up with every change of their layout.
    package static let formatVersion = 1
    package static let readableFormats = [1]
    private static let magic: Int64 = 0x6861_7363_6865_0000

    private let words: UnsafeMutablePointer<Int64>
    private let memory: UnsafeMutableRawPointer
    private let descriptor: Descriptor

    /// A page of our own making. - Throws: `SystemError`.
    package static func create() throws(SystemError) -> CheckPage {
        let descriptor = try owned(hasup_memfd_create("hasup-checks"), "create shared memory")
        try checked(ftruncate(descriptor.number, off_t(size)) < 0 ? -errno : 0, "set the size of shared memory")
        try checked(hasup_memfd_seal_size(descriptor.number), "seal shared memory")
        let page = try CheckPage(unchecked: descriptor)
        hasup_atomic_store(page.words, magic + Int64(formatVersion))
        return page
    }

    /// A page that was handed over: untrusted bytes. - Throws: `SystemError` when it isn't one, or could be made to fault.
    package convenience init(_ descriptor: consuming Descriptor) throws(SystemError) {
        let isSealed = try checked(hasup_memfd_is_size_sealed(descriptor.number), "read the seals of shared memory")
        guard isSealed == 1 else { throw SystemError(EPERM, "use shared memory whose size isn't sealed") }
        var status = stat()
        try checked(fstat(descriptor.number, &status) < 0 ? -errno : 0, "read the size of shared memory")
        guard status.st_size == Self.size else { throw SystemError(EINVAL, "use shared memory of another size") }
        try self.init(unchecked: descriptor)
        guard Self.readableFormats.contains(Int(truncatingIfNeeded: hasup_atomic_load(words) &- Self.magic)) else {
            throw SystemError(EINVAL, "use shared memory of another format version")
        }
    }

    private init(unchecked descriptor: consuming Descriptor) throws(SystemError) {
        let memory = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0)
        guard let memory, memory != MAP_FAILED else { throw SystemError(errno, "map shared memory") }
        self.memory = memory
        words = memory.bindMemory(to: Int64.self, capacity: Self.headSize / 8)
        self.descriptor = descriptor
    }

    deinit { munmap(memory, Self.size) }

    /// The memfd's number, to hand it over.
    package var number: Int32 { descriptor.number }

    /// The last turn of the checker's loop.
    package var stamp: Instant {
        get { Instant(nanoseconds: hasup_atomic_load(words + 1)) }
        set { hasup_atomic_store(words + 1, newValue.nanoseconds) }
    }

    /// Places that were ever used.
    package private(set) var placeCount: Int {
        get { Int(min(max(hasup_atomic_load(words + 2), 0), Int64(Self.placesMax))) }
        set { hasup_atomic_store(words + 2, Int64(newValue)) }
    }

    /// The memory of a place for writing; nil when there is no room for it.
    package func place(_ number: Int) -> UnsafeMutableRawPointer? {
        guard (0..<Self.placesMax).contains(number) else { return nil }
        if number >= placeCount { placeCount = number + 1 }
        return memory + Self.headSize + number * Self.placeSize
    }

    /// The memory of a used place; nil for another.
    package func usedPlace(_ number: Int) -> UnsafeRawPointer? {
        guard (0..<placeCount).contains(number) else { return nil }
        return UnsafeRawPointer(memory + Self.headSize + number * Self.placeSize)
    }

    package func clear(_ number: Int) {
        guard (0..<placeCount).contains(number) else { return }
        memset(memory + Self.headSize + number * Self.placeSize, 0, Self.placeSize)
    }
}
