import Base
import CLinux
import Glibc
import Reactor

/// The memory that hasupd and one worker share: a sealed memfd whose size nobody can change, so that a hostile worker
/// can't make hasupd's mapping fault (docs/decisions.md, D9, D13).
///
/// Words of 8 bytes: 0 format, 1 generation of the worker that owns it, 2 time of its last loop turn. What a worker
/// must leave to its successor is kept behind these by a later format.
public final class StatePage {
    /// Bytes of the page.
    public static let size = 4_096
    private static let format: Int64 = 0x6861_7375_7000_0001
    private let words: UnsafeMutablePointer<Int64>
    private let descriptor: Descriptor

    /// A page of our own making. - Throws: `SystemError`.
    public static func create() throws(SystemError) -> StatePage {
        let descriptor = try owned(hasup_memfd_create("hasup-state"), "create shared memory")
        try checked(ftruncate(descriptor.number, off_t(size)) < 0 ? -errno : 0, "size shared memory")
        try checked(hasup_memfd_seal_size(descriptor.number), "seal shared memory")
        let page = try StatePage(mapping: descriptor)
        hasup_atomic_store(page.words, format)
        return page
    }

    /// A page that was handed over. - Throws: `SystemError` when it can't be mapped.
    public init(mapping descriptor: consuming Descriptor) throws(SystemError) {
        let memory = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0)
        guard let memory, memory != MAP_FAILED else { throw SystemError(errno, "map shared memory") }
        words = memory.bindMemory(to: Int64.self, capacity: Self.size / 8)
        self.descriptor = descriptor
    }

    deinit { munmap(words, Self.size) }

    /// The memfd's number, to hand it over.
    public var number: Int32 { descriptor.number }

    /// The worker that owns the page: a higher number than one's own means to end silently (D9).
    public var generation: Int64 {
        get { hasup_atomic_load(words + 1) }
        set { hasup_atomic_store(words + 1, newValue) }
    }

    /// When the owner's loop last turned.
    public var stamp: Instant {
        get { Instant(nanoseconds: hasup_atomic_load(words + 2)) }
        set { hasup_atomic_store(words + 2, newValue.nanoseconds) }
    }
}
