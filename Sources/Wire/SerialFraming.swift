/// Frames on a serial line (docs/decisions, D104): Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999) takes the zero
/// bytes out of a frame, and zero bytes stand between frames. So whatever noise does, the next zero byte ends it.
package enum SerialFraming {
    /// The byte that stands between frames.
    package static let delimiter: UInt8 = 0
    /// The longest run without a zero byte, and the code that stands before it.
    private static let longestCode = 255

    /// Bytes that a frame of this length takes on the line at most, with both delimiters.
    package static func length(of frameLength: Int) -> Int { frameLength + frameLength / (longestCode - 1) + 3 }

    /// Returns a frame as it goes on the line: a delimiter, which ends what noise has left there, the stuffed bytes, and a
    /// delimiter.
    package static func encode(_ frame: [UInt8]) -> [UInt8] {
        var line: [UInt8] = [delimiter, 0]
        line.reserveCapacity(length(of: frame.count))
        var codePlace = 1
        for (place, byte) in frame.enumerated() {
            if byte != delimiter { line.append(byte) }
            let run = line.count - codePlace
            guard byte == delimiter || run == longestCode else { continue }
            line[codePlace] = UInt8(run)
            // A whole run at the end needs no other one behind it.
            if byte != delimiter, place + 1 == frame.count {
                line.append(delimiter)
                return line
            }
            codePlace = line.count
            line.append(0)
        }
        line[codePlace] = UInt8(line.count - codePlace)
        line.append(delimiter)
        return line
    }

    /// Takes the stuffing out of what stood between two delimiters; nil if no frame can have given that.
    static func decode(_ stuffed: [UInt8]) -> [UInt8]? {
        var frame: [UInt8] = []
        frame.reserveCapacity(stuffed.count)
        var place = 0
        while place < stuffed.count {
            let code = Int(stuffed[place])
            guard code > 0, place + code <= stuffed.count else { return nil }
            frame += stuffed[place + 1..<place + code]
            place += code
            if code < longestCode, place < stuffed.count { frame.append(delimiter) }
        }
        return frame
    }
}

/// The frames in what comes from a serial line. It keeps one frame at most, whatever comes.
package struct SerialReader: Sendable {
    private let frameMax: Int
    private let stuffedMax: Int
    private var stuffed: [UInt8] = []
    /// True from a piece that is too long up to the next delimiter.
    private var isDropping = false
    /// Pieces that can't be a frame: too long, or not stuffed.
    package private(set) var dropped: UInt64 = 0

    /// - Parameter frameMax: the longest frame.
    package init(frameMax: Int) {
        self.frameMax = frameMax
        stuffedMax = SerialFraming.length(of: frameMax) - 2
    }

    /// Takes in bytes, and gives each frame that they end.
    package mutating func take(_ bytes: UnsafeRawBufferPointer, _ give: ([UInt8]) -> Void) {
        for byte in bytes {
            guard byte == SerialFraming.delimiter else {
                guard !isDropping else { continue }
                if stuffed.count < stuffedMax {
                    stuffed.append(byte)
                } else {
                    isDropping = true
                }
                continue
            }
            end(give)
        }
    }

    private mutating func end(_ give: ([UInt8]) -> Void) {
        defer {
            stuffed.removeAll(keepingCapacity: true)
            isDropping = false
        }
        guard !isDropping else {
            dropped += 1
            return
        }
        guard !stuffed.isEmpty else { return }
        guard let frame = SerialFraming.decode(stuffed), frame.count <= frameMax else {
            dropped += 1
            return
        }
        give(frame)
    }
}
