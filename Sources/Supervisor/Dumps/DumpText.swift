import Base
import Glibc

/// The text of keepalived.data while it is written: sections, lines and pairs.
struct DumpText {
    private(set) var bytes: [UInt8] = []

    /// The blanks before the lines of a block, and before the entries of a list in it.
    static let (block, entry) = (3, 5)

    mutating func section(_ title: String) { bytes.append(contentsOf: "------< \(title) >------\n".utf8) }

    mutating func line(_ indent: Int = block, _ text: String) {
        begin(indent)
        append(text)
        bytes.append(0x0a)
    }

    mutating func pair(_ indent: Int = block, _ name: StaticString, _ value: String) {
        begin(indent, name)
        append(value)
        bytes.append(0x0a)
    }

    mutating func pair(_ indent: Int = block, _ name: StaticString, _ value: Int) {
        begin(indent, name)
        bytes.append(contentsOf: String(value).utf8)
        bytes.append(0x0a)
    }

    /// A list's title, if there is one, and its entries.
    mutating func list(_ title: String, _ entries: [String]) {
        guard !entries.isEmpty else { return }
        line(title)
        for entry in entries { line(Self.entry, entry) }
    }

    mutating func line(_ text: String) { line(Self.block, text) }
    mutating func pair(_ name: StaticString, _ value: String) { pair(Self.block, name, value) }
    mutating func pair(_ name: StaticString, _ value: Int) { pair(Self.block, name, value) }
    mutating func pair(_ name: StaticString, _ value: Bool, _ yes: String, _ no: String) {
        pair(name, value ? yes : no)
    }

    private mutating func begin(_ indent: Int) { for _ in 0..<indent { bytes.append(0x20) } }

    private mutating func begin(_ indent: Int, _ name: StaticString) {
        begin(indent)
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: " = ".utf8)
    }

    /// A configuration's text can't end the line that it stands in.
    private mutating func append(_ text: String) {
        for byte in text.utf8 { bytes.append(byte < 0x20 || byte == 0x7f ? UInt8(ascii: "?") : byte) }
    }

    /// Seconds and microseconds, and the local time: `1796046672.927053 (Mon Nov 30 13:51:12.927053 2026)`.
    static func time(_ nanoseconds: Int64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        let fraction = String(1_000_000 + abs(nanoseconds % 1_000_000_000) / 1_000).dropFirst()
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return "\(seconds).\(fraction)" }
        func text(_ format: String) -> String {
            var buffer = [CChar](repeating: 0, count: 64)
            let count = strftime(&buffer, buffer.count, format, &parts)
            return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return "\(seconds).\(fraction) (\(text("%a %b %e %H:%M:%S")).\(fraction) \(text("%Y")))"
    }

    /// A script's words, as keepalived quotes them.
    static func command(_ words: [String]) -> String { words.map { "'\($0)'" }.joined(separator: " ") }
}
