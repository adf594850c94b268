import CLinux
import Glibc

/// A read-only view of a sealed memory file: what it holds can't change, and reading it can't fault.
package final class MappedMemory {
    /// The bytes; valid as long as the object lives.
    package let bytes: UnsafeRawBufferPointer
    private let descriptor: Descriptor

    /// Maps a memfd. - Throws: `SystemError` when it isn't sealed against writing and resizing, or can't be mapped.
    package init(sealed descriptor: consuming Descriptor) throws(SystemError) {
        let isSealed = try checked(hasup_memfd_is_sealed(descriptor.number), "read a memory file's seals")
        guard isSealed == 1 else { throw SystemError(EPERM, "use a memory file that isn't sealed") }
        var status = stat()
        try checked(fstat(descriptor.number, &status) < 0 ? -errno : 0, "read a memory file's size")
        let size = Int(status.st_size)
        guard size > 0, let memory = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor.number, 0), memory != MAP_FAILED
        else { throw SystemError(size > 0 ? errno : EINVAL, "map a memory file") }
        bytes = UnsafeRawBufferPointer(start: memory, count: size)
        self.descriptor = descriptor
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

    /// The memfd's number, to hand it over.
    package var number: Int32 { descriptor.number }

    /// A sealed memfd with these bytes. - Throws: `SystemError`.
    package static func sealed(_ bytes: [UInt8], name: String) throws(SystemError) -> Descriptor {
        let descriptor = try owned(hasup_memfd_create(name), "create a memory file")
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes {
                write(descriptor.number, $0.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            guard written > 0 else { throw SystemError(errno, "fill a memory file") }
            offset += written
        }
        try checked(hasup_memfd_seal_content(descriptor.number), "seal a memory file")
        return descriptor
    }
}
