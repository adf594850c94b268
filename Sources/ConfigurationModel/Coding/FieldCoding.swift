import Base

// The form of fields in bytes. What is read may be a stranger's.

extension ByteWriter: Fields {
    package mutating func unlisted<Value: FieldValue>(_ value: inout Value) { value.write(to: &self) }
}

extension ByteReader: Fields {
    package mutating func unlisted<Value: FieldValue>(_ value: inout Value) throws(ByteError) {
        value = try Value(from: &self)
    }

    package mutating func require(_ condition: @autoclosure () -> Bool) throws(ByteError) {
        guard condition() else { throw .invalid }
    }
}

extension Record {
    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        try visit(&reader)
    }

    package func write(to writer: inout ByteWriter) {
        var copy = self
        try? copy.visit(&writer)
    }
}

extension Choice {
    package init() { self = Self.cases[0] }

    package init(from reader: inout ByteReader) throws(ByteError) {
        let number = Int(try reader.readUInt8())
        guard number < Self.cases.count else { throw .invalid }
        self = Self.cases[number]
        try visit(&reader)
    }

    package func write(to writer: inout ByteWriter) {
        writer.write(number)
        var copy = self
        try? copy.visit(&writer)
    }
}

extension FieldValue where Self: RawRepresentable, RawValue: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let value = Self(rawValue: try RawValue(from: &reader)) else { throw .invalid }
        self = value
    }

    package func write(to writer: inout ByteWriter) { rawValue.write(to: &writer) }
}

extension FlagSet {
    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(rawValue: try RawValue(from: &reader))
        guard isSubset(of: Self.all) else { throw .invalid }
    }
}

extension Bool: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self = try reader.readBool() }
    package func write(to writer: inout ByteWriter) { writer.write(self) }
    package var settingText: String? { self ? "" : nil }
}

extension UInt8: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self = try reader.readUInt8() }
    package func write(to writer: inout ByteWriter) { writer.write(self) }
}

extension UInt16: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self = try reader.readUInt16() }
    package func write(to writer: inout ByteWriter) { writer.write(self) }
}

extension UInt32: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self = try reader.readUInt32() }
    package func write(to writer: inout ByteWriter) { writer.write(self) }
}

extension UInt64: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self = try reader.readUInt64() }
    package func write(to writer: inout ByteWriter) { writer.write(self) }
}

extension Int: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self = Int(try reader.readInt64()) }
    package func write(to writer: inout ByteWriter) { writer.write(Int64(self)) }
}

extension String: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self = try reader.readString() }
    package func write(to writer: inout ByteWriter) { writer.write(self) }
    package var fieldText: String { self }
}

extension Interval: FieldValue {
    /// A length of time that a configuration can name: readers multiply and add without fear of an overflow.
    package init(from reader: inout ByteReader) throws(ByteError) {
        self = try reader.readInterval()
        guard Limits.interval.contains(self) else { throw .invalid }
    }
    package func write(to writer: inout ByteWriter) { writer.write(nanoseconds) }
    package var settingText: String? { self == .zero ? nil : fieldText }
}

extension IPAddress: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self = try reader.readTaggedAddress() }
    package func write(to writer: inout ByteWriter) { writer.write(tagged: self) }
}

extension Prefix: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self = try reader.readPrefix() }
    package func write(to writer: inout ByteWriter) { writer.write(self) }
}

extension MACAddress: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) {
        let bits = try reader.readUInt64()
        guard bits >> 48 == 0 else { throw .invalid }
        self.init(bits: bits)
    }
    package func write(to writer: inout ByteWriter) { writer.write(bits) }
}

extension VRID: FieldValue {}
extension Priority: FieldValue {}

extension VRRPVersion: FieldValue {
    package var fieldText: String { "\(rawValue)" }
}

extension AddressFamily: FieldValue {
    package var fieldText: String { self == .ipv4 ? "IPv4" : "IPv6" }
}

extension Optional: FieldValue where Wrapped: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) {
        self = try reader.readBool() ? try Wrapped(from: &reader) : nil
    }
    package func write(to writer: inout ByteWriter) {
        writer.write(self != nil)
        self?.write(to: &writer)
    }
    package var fieldText: String { settingText ?? "" }
    package var settingText: String? { self?.fieldText }
}

extension Array: FieldValue where Element: FieldValue {
    /// A count and that many values. The count is refused when the bytes left can't hold as many.
    package init(from reader: inout ByteReader) throws(ByteError) {
        let count = Int(try reader.readUInt32())
        guard count <= reader.remaining else { throw .truncated }
        self = []
        for _ in 0..<count { append(try Element(from: &reader)) }
    }
    package func write(to writer: inout ByteWriter) {
        writer.write(UInt32(count))
        for value in self { value.write(to: &writer) }
    }
    package var fieldText: String { map(\.fieldText).joined(separator: " ") }
}

extension ClosedRange: FieldValue where Bound: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) {
        let (low, high) = (try Bound(from: &reader), try Bound(from: &reader))
        guard low <= high else { throw .invalid }
        self = low...high
    }
    package func write(to writer: inout ByteWriter) {
        lowerBound.write(to: &writer)
        upperBound.write(to: &writer)
    }
    package var fieldText: String {
        lowerBound == upperBound ? lowerBound.fieldText : "\(lowerBound.fieldText)-\(upperBound.fieldText)"
    }
}

extension OutOfLine: FieldValue where Value: FieldValue {
    package init(from reader: inout ByteReader) throws(ByteError) { self.init(try Value(from: &reader)) }
    package func write(to writer: inout ByteWriter) { value.write(to: &writer) }
    package var fieldText: String { value.fieldText }
}
