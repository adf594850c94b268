import ConfigurationModel

/// Checks of the beginning of a file before it is read as lines.
enum FileHead {
    /// The byte order mark that some editors put in front of UTF-8 text.
    private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
    /// As much as is looked at.
    private static let size = 4096

    /// Bytes of a byte order mark in front of the text.
    static func markLength(_ bytes: [UInt8]) -> Int { bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0 }

    /// The reason these bytes aren't the text of a configuration; nil when they may be.
    static func objection(to bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
            return "it is UTF-16 text: save it as UTF-8"
        }
        let head = bytes.prefix(size)
        // A stray control character costs its line; this many mean that there are no lines. ESC is what a terminal's
        // colours begin with.
        let controls = head.count { $0 < 0x20 && !(9...13).contains($0) && $0 != 0x1b || $0 == 0x7f }
        guard controls >= 4, controls > head.count / 32 else { return nil }
        return "it isn't text (\(controls) of its first \(head.count) bytes are control characters)"
    }
}
