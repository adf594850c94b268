import Base
import Control
import Glibc
import Reactor
import Varlink

/// The history of events (docs/decisions, D26): the last 1,000 that mattered, a line of JSON each, as `Watch` sends them.
///
/// The file lies in the run directory: it outlives hasupd and its workers, and goes with a reboot.
final class History {
    /// The number of events that are kept.
    static let eventsMax = 1_000
    /// Bytes of a reload's texts that are kept …
    private static let eventMax = 4 << 10
    /// … of so many entries of each of its lists, or of as many as fit.
    private static let entries = [20, 5, 1, 0]
    /// Bytes that a new file begins with at most, and at which one is begun: names may be long, and each event has some.
    private static let keptMax = 4 << 20
    private static let fileMax = 8 << 20

    private let path: String
    private var file: Descriptor?
    private var size = 0
    private var lineCount = 0
    /// The reason why nothing is kept at the moment, a sentence; nil when all is well.
    private(set) var failure: String?

    /// The history of this run directory; what is in it already stays.
    init(directory: String) {
        path = "\(directory)/history"
        open()
    }

    /// Writes an event.
    func add(_ event: WatchEvent) { append(Self.line(event)) }

    /// Returns the kept events as lines with their ends, the oldest first, and how many they are.
    func text() -> (ArraySlice<UInt8>, count: Int) {
        let content = content()
        let lines = size > Self.fileMax ? content.count { $0 == 0x0a } : lineCount
        let surplus = max(0, lines - Self.eventsMax)
        return (content.dropFirst(Self.end(ofLines: surplus, in: content)), lines - surplus)
    }

    /// The place behind so many lines.
    private static func end(ofLines count: Int, in content: [UInt8]) -> Int {
        content.withUnsafeBytes { bytes in
            var place = 0
            for _ in 0..<count {
                guard let base = bytes.baseAddress, let end = memchr(base + place, 0x0a, bytes.count - place) else {
                    return bytes.count
                }
                place = base.distance(to: end) + 1
            }
            return place
        }
    }

    /// Writes what is kept to a new file if the file was removed or replaced.
    func restore() {
        guard let number = file?.number, !FileReader.leads(path, to: number) else { return }
        rewrite()
    }

    // MARK: The file

    private func open() {
        let number = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { return fail("open \(path)", errno) }
        file = Descriptor(owning: number)
        failure = nil
        var status = stat()
        guard fstat(number, &status) == 0 else { return fail("look at \(path)", errno) }
        let content = content()
        // A hasupd that died while it wrote has left a line without its end.
        let whole = content.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        size = max(0, Int(status.st_size) - content.count + whole)
        _ = ftruncate(number, off_t(size))
        lineCount = content[..<whole].count { $0 == 0x0a }
        if size > Self.fileMax { rewrite() }
    }

    /// The file's bytes; of one that is too long the last whole lines.
    private func content() -> [UInt8] {
        guard let number = file?.number else { return [] }
        var status = stat()
        guard fstat(number, &status) == 0, status.st_size > 0 else { return [] }
        let isTooLong = status.st_size > Self.fileMax
        let length = isTooLong ? Self.keptMax : Int(status.st_size)
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            count = max(0, pread(number, buffer.baseAddress, length, status.st_size - off_t(length)))
        }
        guard isTooLong else { return bytes }
        return Array(bytes.drop { $0 != 0x0a }.dropFirst())
    }

    /// An event as it is kept.
    static func line(_ event: WatchEvent) -> [UInt8] {
        let fitting = entries.lazy.map { event.brief(keeping: $0) }.first { $0.reload?.textBytes ?? 0 < eventMax }
        var writer = JSONWriter(capacity: 512)
        (fitting ?? event.brief(keeping: 0)).write(into: &writer)
        return writer.bytes + [0x0a]
    }

    private func append(_ text: [UInt8]) {
        if file == nil { open() }
        guard let number = file?.number else { return }
        let written = pwrite(number, text, text.count, off_t(size))
        guard written == text.count else {
            let code = written < 0 ? errno : ENOSPC
            // Half a line would spoil the next one.
            _ = ftruncate(number, off_t(size))
            return fail("write \(path)", code)
        }
        failure = nil
        size += written
        lineCount += 1
        if lineCount >= 2 * Self.eventsMax || size > Self.fileMax { rewrite() }
    }

    /// The newest events go to a new file, which takes the place of the old one in one step.
    private func rewrite() {
        let (kept, count) = text()
        let fresh = path + ".new"
        let number = Glibc.open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { return fail("open \(fresh)", errno) }
        let replacement = Descriptor(owning: number)
        let written = kept.withUnsafeBytes { write(number, $0.baseAddress, $0.count) }
        guard written == kept.count else { return fail("write \(fresh)", written < 0 ? errno : ENOSPC) }
        guard rename(fresh, path) == 0 else { return fail("rename \(fresh)", errno) }
        file = consume replacement
        size = kept.count
        lineCount = count
        failure = nil
    }

    private func fail(_ purpose: String, _ code: Int32) {
        failure = "'hasup history' misses events: can't \(purpose): \(SystemError.text(of: code))."
    }
}
