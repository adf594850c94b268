package enum ByteError: Error, Hashable, Sendable {
    /// Fewer bytes were left than asked for.
    case truncated
    /// Bytes were left when the value was complete.
    case trailing
    /// A length, count or tag beyond what the format allows.
    case invalid
}

/// A cursor over bytes in network order. Every read is checked, also in release builds, where
/// `UnsafeRawBufferPointer`'s own subscripts are not. It must not outlive the buffer.
package struct ByteReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    /// Place of the next read.
    package private(set) var offset = 0

    /// A reader from the first byte.
    @inlinable package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Bytes not yet read.
    package var remaining: Int { bytes.count - offset }

    private mutating func advance(_ count: Int) throws(ByteError) -> Int {
        guard count >= 0, count <= remaining else { throw .truncated }
        defer { offset += count }
        return offset
    }

    /// Reads one byte. - Throws: `truncated`.
    package mutating func readUInt8() throws(ByteError) -> UInt8 { bytes[try advance(1)] }
    /// Reads two bytes. - Throws: `truncated`.
    package mutating func readUInt16() throws(ByteError) -> UInt16 { try readInteger() }
    /// Reads four bytes. - Throws: `truncated`.
    package mutating func readUInt32() throws(ByteError) -> UInt32 { try readInteger() }
    /// Reads eight bytes. - Throws: `truncated`.
    package mutating func readUInt64() throws(ByteError) -> UInt64 { try readInteger() }
    /// Reads eight bytes as a signed number. - Throws: `truncated`.
    package mutating func readInt64() throws(ByteError) -> Int64 { try readInteger() }

    private mutating func readInteger<Value: FixedWidthInteger>() throws(ByteError) -> Value {
        let start = try advance(MemoryLayout<Value>.size)
        return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: start, as: Value.self))
    }

    /// Reads a number of 7 bits a byte, the lowest first. - Throws: `truncated`, `invalid` for more than 64 bits.
    package mutating func readCompact() throws(ByteError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try readUInt8()
            guard shift < 63 || byte <= 1 else { throw .invalid }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw .invalid
    }

    /// Reads one byte that must be 0 or 1. - Throws: `truncated`, `invalid`.
    package mutating func readBool() throws(ByteError) -> Bool {
        switch try readUInt8() {
        case 0: return false
        case 1: return true
        default: throw .invalid
        }
    }

    /// A view of the next bytes, not copied. - Throws: `truncated`.
    package mutating func readView(_ count: Int) throws(ByteError) -> UnsafeRawBufferPointer {
        let start = try advance(count)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
    }

    /// A copy of the next bytes. - Throws: `truncated`.
    package mutating func readBytes(_ count: Int) throws(ByteError) -> [UInt8] { Array(try readView(count)) }

    /// Reads a 32-bit length and that much UTF-8. - Throws: `truncated`, `invalid` for text that isn't UTF-8.
    package mutating func readString() throws(ByteError) -> String {
        let view = try readView(Int(try readUInt32()))
        guard let text = String(validating: view, as: UTF8.self) else { throw .invalid }
        return text
    }

    /// Reads the address of this family. - Throws: `truncated`.
    package mutating func readAddress(_ family: AddressFamily) throws(ByteError) -> IPAddress {
        if family == .ipv4 { return IPAddress(v4: try readUInt32()) }
        return IPAddress(v6High: try readUInt64(), low: try readUInt64())
    }

    /// Reads a family and its address. - Throws: `truncated`, `invalid`.
    package mutating func readTaggedAddress() throws(ByteError) -> IPAddress {
        try readAddress(try readCase(AddressFamily.self))
    }

    /// Reads an address and its length. - Throws: `truncated`, `invalid`.
    package mutating func readPrefix() throws(ByteError) -> Prefix {
        let address = try readTaggedAddress()
        guard let prefix = Prefix(address: address, length: Int(try readUInt8())) else { throw .invalid }
        return prefix
    }

    /// Reads nanoseconds. - Throws: `truncated`.
    package mutating func readInterval() throws(ByteError) -> Interval { Interval(nanoseconds: try readInt64()) }

    /// Reads one of an enumeration's cases. - Throws: `truncated`, `invalid`.
    @inlinable package mutating func readCase<Value: RawRepresentable<UInt8>>(
        _: Value.Type
    ) throws(ByteError) -> Value {
        guard let value = Value(rawValue: try readUInt8()) else { throw .invalid }
        return value
    }

    /// Reads whether there is a value, and the value. - Throws: `truncated`, `invalid`.
    @inlinable package mutating func readOptional<Value>(
        _ body: (inout ByteReader) throws(ByteError) -> Value
    ) throws(ByteError) -> Value? {
        try readBool() ? try body(&self) : nil
    }

    /// Says that the value is complete. - Throws: `trailing` when bytes are left.
    package func finish() throws(ByteError) {
        if remaining != 0 { throw .trailing }
    }
}

/// Appends values in network order.
package struct ByteWriter: Sendable {
    package var bytes: [UInt8]

    /// An empty writer with room for this many bytes.
    package init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    @inlinable package mutating func write(_ value: UInt8) { bytes.append(value) }
    @inlinable package mutating func write(_ value: UInt16) { writeInteger(value) }
    @inlinable package mutating func write(_ value: UInt32) { writeInteger(value) }
    @inlinable package mutating func write(_ value: UInt64) { writeInteger(value) }
    @inlinable package mutating func write(_ value: Int64) { writeInteger(value) }
    /// Appends a number as 7 bits a byte, the lowest first: small ones take one byte.
    @inlinable package mutating func write(compact value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
    @inlinable package mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }
    /// Appends the bytes alone, without a length.
    package mutating func write(_ value: some Sequence<UInt8>) { bytes.append(contentsOf: value) }
    /// Appends a 32-bit length and the text's UTF-8.
    package mutating func write(_ text: String) {
        write(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }
    /// Appends the address's 4 or 16 bytes; the family isn't written.
    package mutating func write(_ address: IPAddress) {
        if address.family == .ipv6 {
            write(address.high)
            write(address.low)
        } else {
            write(UInt32(truncatingIfNeeded: address.low))
        }
    }

    /// Appends the family and the address.
    package mutating func write(tagged address: IPAddress) {
        write(address.family.rawValue)
        write(address)
    }
    /// Appends the address and its length.
    package mutating func write(_ prefix: Prefix) {
        write(tagged: prefix.address)
        write(UInt8(prefix.length))
    }
    /// Appends whether there is a value, and the value.
    // Generic code copies by way of tables that lie all over Swift's library, and this runs at every advert.
    @inlinable @inline(__always)
    package mutating func write<Value>(optional value: Value?, _ body: (inout ByteWriter, Value) -> Void) {
        write(value != nil)
        if let value { body(&self, value) }
    }

    @inlinable mutating func writeInteger(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Replaces two bytes that were written before, for checksums and lengths. The place must exist.
    package mutating func patch(_ value: UInt16, at offset: Int) {
        bytes[offset] = UInt8(truncatingIfNeeded: value >> 8)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}
