import Foundation
import Testing

/// Bytes in files, by which a form that changes without a new number is noticed.
enum Golden {
    private static func file(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Golden/\(name).hex")
    }

    /// Whether there is one of this name.
    static func isKept(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name).path) }

    /// 32 bytes a line; a line that is repeated is told once more with its count.
    static func bytes(_ name: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for line in try String(contentsOf: file(name), encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            var row: [UInt8] = []
            var digits = words[0][...]
            while !digits.isEmpty {
                row.append(try #require(UInt8(digits.prefix(2), radix: 16)))
                digits = digits.dropFirst(2)
            }
            for _ in 0..<(words.count == 2 ? Int(words[1]) ?? 1 : 1) { bytes += row }
        }
        return bytes
    }

    private static func text(_ bytes: [UInt8]) -> String {
        var lines: [(text: String, count: Int)] = []
        for start in stride(from: 0, to: bytes.count, by: 32) {
            let text = bytes[start..<min(start + 32, bytes.count)].map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
            if lines.last?.text == text { lines[lines.count - 1].count += 1 } else { lines.append((text, 1)) }
        }
        return lines.map { $0.count == 1 ? "\($0.text)\n" : "\($0.text) \($0.count)\n" }.joined()
    }

    /// Expects these bytes in the file of this name; HASUP_GOLDEN=write makes one that is missing.
    static func compare(_ bytes: [UInt8], _ name: String) throws {
        let file = file(name)
        if ProcessInfo.processInfo.environment["HASUP_GOLDEN"] == "write",
            !FileManager.default.fileExists(atPath: file.path)
        {
            try text(bytes).write(to: file, atomically: true, encoding: .utf8)
        }
        let kept = try Self.bytes(name)
        #expect(bytes == kept, "the form has changed: count its number up, and keep reading the one before")
    }
}
