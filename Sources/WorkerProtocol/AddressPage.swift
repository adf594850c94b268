import Base
import CLinux
import Glibc
import Reactor

/// The memory in which each VRRP worker leaves to the next one which virtual address it has put where: a sealed memfd
/// whose size nobody can change, which outlives the worker, its state page and hasupd (docs/decisions, D10, D14).
///
///     page 0   words of 8 bytes: format, slots used
///     then     slots
///
/// Only a worker and `hasup-withdraw` map it. Room is reserved for more addresses than anybody has: only pages that were
/// written take memory.
package final class AddressPage {
    /// The kernel's name for it.
    package static let name = "hasup-addresses"
    /// The form of the page: to be counted up with every change of its layout.
    package static let formatVersion = 1
    /// Forms that are read: its own, and that of the minor version before, when there is one.
    package static let readableFormats = [1]
    /// Bytes of the part before the slots.
    package static let headSize = 4_096
    package static let slotSize = 64
    /// Slots that there is room for.
    package static let slotCount = 262_144
    /// Bytes of all of it.
    package static let size = headSize + slotCount * slotSize
    private static let magic: Int64 = 0x6861_7361_6400_0000
    private let memory: UnsafeMutableRawBufferPointer

    /// An empty one. - Throws: `SystemError`.
    package static func create() throws(SystemError) -> Descriptor {
        let descriptor = try owned(hasup_memfd_create(name), "create shared memory")
        try checked(ftruncate(descriptor.number, off_t(size)) < 0 ? -errno : 0, "set the size of shared memory")
        try checked(hasup_memfd_seal_size(descriptor.number), "seal shared memory")
        var word = magic + Int64(formatVersion)
        let count = pwrite(descriptor.number, &word, MemoryLayout<Int64>.size, 0)
        try checked(count < 0 ? -errno : 0, "write shared memory")
        return descriptor
    }

    /// Requires that nobody can make a mapping of it fault. - Throws: `SystemError` when somebody could.
    fileprivate static func requireSealedSize(_ descriptor: borrowing Descriptor) throws(SystemError) {
        let isSealed = try checked(hasup_memfd_is_size_sealed(descriptor.number), "read the seals of shared memory")
        guard isSealed == 1 else { throw SystemError(EPERM, "use shared memory whose size isn't sealed") }
        var status = stat()
        try checked(fstat(descriptor.number, &status) < 0 ? -errno : 0, "read the size of shared memory")
        guard status.st_size == size else { throw SystemError(EINVAL, "use shared memory of another size") }
    }

    fileprivate static func requireReadable(_ word: Int64) throws(SystemError) {
        guard readableFormats.contains(Int(truncatingIfNeeded: word &- magic)) else {
            throw SystemError(EINVAL, "use shared memory of another format version")
        }
    }

    /// One that was handed over, all of it. - Throws: `SystemError` when it can't be mapped or isn't one.
    package init(mapping descriptor: consuming Descriptor) throws(SystemError) {
        try Self.requireSealedSize(descriptor)
        let address = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0)
        guard let address, address != MAP_FAILED else { throw SystemError(errno, "map shared memory") }
        memory = UnsafeMutableRawBufferPointer(start: address, count: Self.size)
        try Self.requireReadable(hasup_atomic_load(address.assumingMemoryBound(to: Int64.self)))
    }

    deinit { munmap(memory.baseAddress, memory.count) }

    /// The number of slots from the first one on that were ever written: what is behind them isn't looked at, because a
    /// look would make memory of it.
    package var slotsUsed: Int {
        get { min(max(0, memory.loadUnaligned(fromByteOffset: 8, as: Int.self)), Self.slotCount) }
        set { memory.storeBytes(of: newValue, toByteOffset: 8, as: Int.self) }
    }

    /// The bytes behind the head, zero where nobody has written.
    package var slots: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[Self.headSize...])
    }
}

/// The address page as hasupd has it: it hands it on and reads nothing of it but its form.
package final class AddressFile {
    private let descriptor: Descriptor

    /// An empty one. - Throws: `SystemError`.
    package init() throws(SystemError) { descriptor = try AddressPage.create() }

    /// One that another hasupd has left: untrusted. - Throws: `SystemError` when it isn't one.
    package init(inherited: consuming Descriptor) throws(SystemError) {
        try AddressPage.requireSealedSize(inherited)
        descriptor = inherited
        try requireReadable()
    }

    /// Another descriptor of it. - Throws: `SystemError`.
    package func copy() throws(SystemError) -> Descriptor {
        let number = fcntl(descriptor.number, F_DUPFD_CLOEXEC, 3)
        return Descriptor(owning: try checked(number < 0 ? -errno : number, "copy a descriptor"))
    }

    /// Its number, to hand it over.
    package var number: Int32 { descriptor.number }

    /// True if a worker that is given it can use it: the one before may have written over its form.
    package var isReadable: Bool { (try? requireReadable()) != nil }

    private func requireReadable() throws(SystemError) {
        var word: Int64 = 0
        let count = pread(descriptor.number, &word, MemoryLayout<Int64>.size, 0)
        try checked(count < 0 ? -errno : 0, "read the format of shared memory")
        try AddressPage.requireReadable(word)
    }
}
