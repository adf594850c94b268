import Base
import CNettle

/// The reason a file has no usable keys. No text has anything of the file in it.
package enum KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLong
    case noKey
    /// A line that isn't a number and a key.
    case line(Int)
    /// A number that isn't from 0 to 15.
    case number(line: Int)
    /// A number that a line before has.
    case repeated(line: Int)

    /// The reason, as it continues "the key file ".
    package var description: String {
        switch self {
        case .tooLong: "has more than \(KeyFile.bytesMax) bytes"
        case .noKey: "has no key: `hasup keygen` makes one"
        case .line(let line):
            "has in line \(line) no number followed by 32 bytes in base64, as `hasup keygen` prints them"
        case .number(let line): "has in line \(line) a number that isn't from 0 to \(KeyFile.numberMax)"
        case .repeated(let line): "has in line \(line) a number that another line has, too"
        }
    }
}

/// The keys of a cluster (docs/decisions, D105): lines of a number and 32 bytes in base64. The first one signs, all of them
/// verify, so that keys change without a gap.
package struct KeyFile: Sendable {
    package struct Key: Sendable {
        package var number: UInt8
        package var bytes: [UInt8]

        package init(number: UInt8, bytes: [UInt8]) {
            self.number = number
            self.bytes = bytes
        }
    }

    package static let keyLength = 32
    package static let numberMax: UInt8 = 15
    package static let bytesMax = 4_096

    /// In the order of the lines; at least one.
    package let keys: [Key]

    /// Reads a file's bytes. Empty lines and those that begin with # mean nothing. - Throws: `KeyFileError`.
    package init(_ bytes: some Collection<UInt8>) throws(KeyFileError) {
        guard bytes.count <= Self.bytesMax else { throw .tooLong }
        var found: [Key] = []
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let words = line.split { [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r")].contains($0) }
            guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
            let place = index + 1
            guard words.count == 2, let key = Self.decode(Array(words[1])) else { throw .line(place) }
            guard let number = UInt8(String(decoding: first, as: UTF8.self)), number <= Self.numberMax else {
                throw .number(line: place)
            }
            guard !found.contains(where: { $0.number == number }) else { throw .repeated(line: place) }
            found.append(Key(number: number, bytes: key))
        }
        guard !found.isEmpty else { throw .noKey }
        keys = found
    }

    /// The line of a key, without its end.
    package static func line(_ key: Key) -> String {
        var text = [CChar](repeating: 0, count: (key.bytes.count + 2) / 3 * 4)
        nettle_base64_encode_raw(&text, key.bytes.count, key.bytes)
        return "\(key.number) \(String(decoding: text.lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self))"
    }

    private static func decode(_ text: [UInt8]) -> [UInt8]? {
        // One byte more than a key: what doesn't fit is no key, and mustn't be written.
        guard text.count == (keyLength + 2) / 3 * 4 else { return nil }
        var context = base64_decode_ctx()
        nettle_base64_decode_init(&context)
        var bytes = [UInt8](repeating: 0, count: keyLength + 4)
        var count = bytes.count
        let isRead = text.withUnsafeBytes { text in
            nettle_base64_decode_update(
                &context, &count, &bytes, text.count, text.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        guard isRead == 1, nettle_base64_decode_final(&context) == 1, count == keyLength else { return nil }
        return Array(bytes.prefix(count))
    }
}
