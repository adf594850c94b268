/// A value with one form in bytes, for what one process of hasup sends to another. Both ends are of one build
/// (docs/decisions, D7), so the form has no version; the sender may be compromised, so every read is checked.
package protocol ByteCoded {
    init(decoding reader: inout ByteReader) throws(ByteError)
    func encode(into writer: inout ByteWriter)
}

extension Bool: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) { self = try reader.readBool() }
    package func encode(into writer: inout ByteWriter) { writer.write(self) }
}

extension UInt8: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) { self = try reader.readUInt8() }
    package func encode(into writer: inout ByteWriter) { writer.write(self) }
}

extension UInt32: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) { self = try reader.readUInt32() }
    package func encode(into writer: inout ByteWriter) { writer.write(self) }
}

extension Int32: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init(bitPattern: try reader.readUInt32())
    }
    package func encode(into writer: inout ByteWriter) { writer.write(UInt32(bitPattern: self)) }
}

extension UInt64: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) { self = try reader.readUInt64() }
    package func encode(into writer: inout ByteWriter) { writer.write(self) }
}

extension Int: ByteCoded {
    /// A count.
    package init(decoding reader: inout ByteReader) throws(ByteError) { self.init(try reader.readUInt32()) }
    package func encode(into writer: inout ByteWriter) { writer.write(UInt32(clamping: self)) }
}

/// A name or a sentence. Its limit bounds the memory that thousands of observations take.
extension String: ByteCoded {
    private static let codedMax = 512

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self = try reader.readString()
        guard utf8.count <= Self.codedMax else { throw .invalid }
    }
    /// Appends as much of it as `init(decoding:)` takes.
    package func encode(into writer: inout ByteWriter) {
        guard utf8.count > Self.codedMax else { return writer.write(self) }
        // A character that is cut in two becomes U+FFFD, of three bytes.
        writer.write(String(decoding: utf8.prefix(Self.codedMax - 3), as: UTF8.self))
    }
}

extension IPAddress: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self = try reader.readTaggedAddress()
    }
    package func encode(into writer: inout ByteWriter) { writer.write(tagged: self) }
}

extension Prefix: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self = try reader.readPrefix()
    }
    package func encode(into writer: inout ByteWriter) { writer.write(self) }
}

extension Priority: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) { self.init(rawValue: try reader.readUInt8()) }
    package func encode(into writer: inout ByteWriter) { writer.write(rawValue) }
}

extension Interval: ByteCoded {
    /// A length of time; a negative one is refused.
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init(nanoseconds: try reader.readInt64())
        guard self >= .zero else { throw .invalid }
    }
    package func encode(into writer: inout ByteWriter) { writer.write(nanoseconds) }
}

extension Instant: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init(nanoseconds: try reader.readInt64())
    }
    package func encode(into writer: inout ByteWriter) { writer.write(nanoseconds) }
}

extension Optional: ByteCoded where Wrapped: ByteCoded {
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self = try reader.readBool() ? try Wrapped(decoding: &reader) : nil
    }
    package func encode(into writer: inout ByteWriter) {
        writer.write(self != nil)
        self?.encode(into: &writer)
    }
}

extension Array: ByteCoded where Element: ByteCoded {
    /// A count and that many values. A count that the remaining bytes can't hold is refused.
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        let count = Int(try reader.readUInt32())
        guard count <= reader.remaining else { throw .truncated }
        self = []
        for _ in 0..<count { append(try Element(decoding: &reader)) }
    }
    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt32(count))
        for element in self { element.encode(into: &writer) }
    }
}
