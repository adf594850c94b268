import Base

extension [Diagnostic] {
    /// "hasD"
    private static var magic: UInt32 { 0x6861_7344 }

    /// Findings in bytes, as they go from the parser to whoever asked.
    package func encode() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Self.magic)
        writer.write(list: self) { writer, diagnostic in
            writer.write(diagnostic.severity.rawValue)
            writer.write(optional: diagnostic.location) { $0.write($1) }
            writer.write(diagnostic.length)
            writer.write(diagnostic.message)
            writer.write(optional: diagnostic.sourceLine) { $0.write($1) }
            writer.write(diagnostic.code.rawValue)
            writer.write(list: diagnostic.includedFrom) { $0.write($1) }
            writer.write(diagnostic.atStart)
        }
        return writer.bytes
    }

    /// Findings from bytes of a stranger. - Throws: `truncated`, `trailing`, `invalid`.
    package init(decoding bytes: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(bytes)
        guard try reader.readUInt32() == Self.magic else { throw .invalid }
        self = try reader.readList { reader throws(ByteError) in try reader.readDiagnostic() }
        try reader.finish()
    }
}

extension ByteReader {
    fileprivate mutating func readDiagnostic() throws(ByteError) -> Diagnostic {
        guard let severity = Severity(rawValue: try readUInt8()) else { throw .invalid }
        let location = try readOptional { reader throws(ByteError) in try reader.readLocation() }
        let length = try readInt(1...Int(UInt32.max))
        let message = try readString()
        let line = try readOptional { reader throws(ByteError) in try reader.readString() }
        guard let code = DiagnosticCode(rawValue: try readString()) else { throw .invalid }
        let chain = try readList { reader throws(ByteError) in try reader.readLocation() }
        return Diagnostic(
            severity, message, at: location, length: length, sourceLine: line, code: code, includedFrom: chain,
            atStart: try readString())
    }
}
