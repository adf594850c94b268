/// Decodes the chunked transfer coding (RFC 9112 section 7.1), at whatever places its bytes are split.
struct ChunkDecoder: Sendable {
    enum Progress {
        case more
        case complete
        case malformed
    }

    /// Bytes of one line: a chunk's size with its extensions, or a trailer field.
    private static let lineMax = 1_024
    /// Bytes of all trailer fields.
    private static let trailerMax = 16_384
    /// Bytes of all lines of sizes: a server may send chunks of one byte each.
    private static let digitsMax = 8

    private enum ChunkPhase {
        case size
        case extensions
        case data
        /// The line's end after a chunk's data.
        case dataEnd
        case trailer
    }

    private var phase = ChunkPhase.size
    private var size = 0
    private var digits = 0
    private var lineLength = 0
    private var trailerLength = 0
    private var hasReturn = false
    /// Bytes taken in all, sizes included.
    private(set) var total = 0

    /// Takes bytes and appends what they decode to. Returns the number of bytes that belong to this body.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, into body: inout [UInt8]
    ) -> (progress: Progress, used: Int) {
        var place = 0
        while place < bytes.count {
            if case .data = phase {
                let count = min(size, bytes.count - place)
                body.append(contentsOf: bytes[place..<place + count])
                place += count
                total += count
                size -= count
                if size == 0 { begin(.dataEnd) }
                continue
            }
            total += 1
            place += 1
            let progress = take(bytes[place - 1])
            if progress != .more { return (progress, place) }
        }
        return (.more, place)
    }

    private mutating func begin(_ phase: ChunkPhase) {
        self.phase = phase
        lineLength = 0
        hasReturn = false
    }

    private mutating func take(_ byte: UInt8) -> Progress {
        if byte == UInt8(ascii: "\n") { return endLine() }
        // A return stands before the line's end only.
        if hasReturn { return .malformed }
        if byte == UInt8(ascii: "\r") {
            hasReturn = true
            return .more
        }
        lineLength += 1
        switch phase {
        case .size: return take(sizeByte: byte)
        case .extensions: return lineLength <= Self.lineMax ? .more : .malformed
        case .trailer:
            trailerLength += 1
            return lineLength <= Self.lineMax && trailerLength <= Self.trailerMax ? .more : .malformed
        case .data, .dataEnd: return .malformed
        }
    }

    private mutating func take(sizeByte byte: UInt8) -> Progress {
        let digit: UInt8? =
            switch byte {
            case 48...57: byte - 48
            case 65...70: byte - 55
            case 97...102: byte - 87
            default: nil
            }
        guard let digit else {
            guard digits > 0, byte == UInt8(ascii: ";") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
            else { return .malformed }
            phase = .extensions
            return .more
        }
        digits += 1
        size = size << 4 | Int(digit)
        return digits <= Self.digitsMax ? .more : .malformed
    }

    private mutating func endLine() -> Progress {
        switch phase {
        case .size, .extensions:
            guard digits > 0 else { return .malformed }
            digits = 0
            begin(size == 0 ? .trailer : .data)
        case .dataEnd: begin(.size)
        case .trailer:
            if lineLength == 0 { return .complete }
            begin(.trailer)
        case .data: return .malformed
        }
        return .more
    }
}
