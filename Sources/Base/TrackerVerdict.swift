/// The state of knowledge about a tracked object: its result, and what led to it. A restarted hasup-track goes on with it
/// (docs/decisions, D45).
package struct TrackerVerdict: ByteCoded, Hashable, Sendable {
    /// Bytes of a detail that are kept.
    package static let detailMax = 160

    package var result = TrackerResult.none
    /// Runs in a row that contradict the result: rise or fall of them change it.
    package var streak: UInt32 = 0
    /// Runs in a row that made the result; 1 for a file or a process.
    package var count: UInt32 = 0
    /// The last observation: `exit status 1`, `signal 9`, `timed out`; empty for a success.
    package var detail = ""

    package init() {}
    package init(_ result: TrackerResult, streak: UInt32 = 0, count: UInt32 = 0, detail: String = "") {
        self.result = result
        self.streak = streak
        self.count = count
        self.detail = Self.cut(detail)
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        result = try TrackerResult(decoding: &reader)
        streak = try UInt32(decoding: &reader)
        count = try UInt32(decoding: &reader)
        detail = try String(decoding: &reader)
        guard detail.utf8.count <= Self.detailMax else { throw .invalid }
    }

    package func encode(into writer: inout ByteWriter) {
        result.encode(into: &writer)
        streak.encode(into: &writer)
        count.encode(into: &writer)
        Self.cut(detail).encode(into: &writer)
    }

    private static func cut(_ text: String) -> String {
        // A character that is cut in two becomes U+FFFD, of three bytes.
        text.utf8.count <= detailMax ? text : String(decoding: text.utf8.prefix(detailMax - 3), as: UTF8.self)
    }
}
