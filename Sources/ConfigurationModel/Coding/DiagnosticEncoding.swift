import Base

extension [Diagnostic] {
    /// "hasD"
    private static var magic: UInt32 { 0x6861_7344 }

    /// Findings in bytes, as they go from the parser to whoever asked.
    package func encode() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Self.magic)
        write(to: &writer)
        return writer.bytes
    }

    /// Findings from bytes of a stranger. - Throws: `truncated`, `trailing`, `invalid`.
    package init(decoding bytes: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(bytes)
        guard try reader.readUInt32() == Self.magic else { throw .invalid }
        try self.init(from: &reader)
        try reader.finish()
    }
}

extension Diagnostic: Record {
    package init() { self.init(.note, "") }

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("severity", &severity)
        try fields.field("location", &location)
        try fields.field("length", &length, in: 1...Limits.number.upperBound)
        try fields.field("message", &message)
        try fields.field("source line", &sourceLine)
        try fields.field("code", &code)
        try fields.list("included from", &includedFrom)
        try fields.field("at start", &atStart)
    }
}
