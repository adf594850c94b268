import Control
import Varlink

/// What a hasupd that doesn't answer has left of its history: a file of the run directory, a line of JSON for each event.
enum KeptHistory {
    /// As long as the daemon lets it become.
    private static let bytesMax = 8 << 20

    /// Its events, the oldest first; of a file that can't be read none, and no line that isn't one.
    static func events(in path: String) -> [WatchEvent] {
        guard case .success(let bytes) = FileTail.bytes(of: path, max: bytesMax) else { return [] }
        return bytes.split(separator: 0x0a).compactMap { try? WatchEvent(parsing: Array($0)) }
    }
}
