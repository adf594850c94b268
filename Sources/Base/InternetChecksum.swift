/// The Internet checksum (RFC 1071): one's complement of the one's complement sum of 16-bit words.
package struct InternetChecksum: Sendable {
    @usableFromInline var sum: UInt64 = 0

    @inlinable package init() {}

    /// Adds bytes as big-endian words; an odd last byte is padded with zero, so only the last piece may be odd.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 1 < bytes.count {
            sum &+= UInt64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
            offset += 2
        }
        if offset < bytes.count { sum &+= UInt64(bytes[offset]) << 8 }
    }

    /// Adds the words of an address.
    package mutating func add(_ address: IPAddress) {
        add(UInt32(address.high >> 32))
        add(UInt32(truncatingIfNeeded: address.high))
        add(UInt32(address.low >> 32))
        add(UInt32(truncatingIfNeeded: address.low))
    }

    /// Adds a number as two 16-bit words.
    @inlinable package mutating func add(_ word: UInt32) { sum &+= UInt64(word >> 16) + UInt64(word & 0xffff) }

    /// The field's value; 0 over data that holds a right checksum.
    package var value: UInt16 {
        var folded = sum
        while folded >> 16 != 0 { folded = (folded & 0xffff) + folded >> 16 }
        return ~UInt16(truncatingIfNeeded: folded)
    }
}
