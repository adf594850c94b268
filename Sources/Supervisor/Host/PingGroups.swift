import Glibc
import Logging
import Reactor
import Varlink

/// net.ipv4.ping_group_range: the groups that may make ping sockets. It is widened by the checker's group while a
/// configuration has PING_CHECK, and put back unless it was changed since (docs/decisions, D79).
final class PingGroups {
    /// As the run directory keeps it, for a hasupd that comes after a crash.
    struct Widened: JSONRecord {
        static let name = "ping-groups"
        static let formatVersion = 1
        static let typeName = "WidenedPingGroups"
        static let summary = "net.ipv4.ping_group_range before hasupd widened it, and after"
        /// Lowest and highest group; empty when nothing was widened.
        var before: [Int] = []
        var after: [Int] = []

        mutating func visit(_ members: inout some Members) {
            members.member("before", &before)
            members.member("after", &after)
        }
    }

    /// Its name among the files that hasupd passes on at an upgrade.
    static let storedName = "hasup-ping-groups"
    private static let path = "/proc/sys/net/ipv4/ping_group_range"

    private let file: BootFile<Widened>
    private let log: Logger
    /// Opened before the seal, after which no such file can be opened for writing.
    private let setting: Int32
    /// The reason that it can't be written.
    private var refusal = ""
    private var widened = Widened()

    /// - Parameter passed: what the hasupd before has passed on.
    init(directory: String, passed: Int32?, log: Logger) {
        self.log = log
        file = BootFile(Widened.name, in: directory, form: Widened.formatVersion)
        if let passed {
            setting = passed
        } else {
            setting = open(Self.path, O_RDWR | O_CLOEXEC)
            if setting < 0 { refusal = SystemError.text(of: errno) }
        }
        do throws(BootFile<Widened>.UnreadableFile) {
            widened = try file.read() ?? Widened()
        } catch {
            log.warning("\(error)")
        }
    }

    deinit { if setting >= 0 { close(setting) } }

    /// The open file, for an upgrade.
    var stored: [StoredDescriptor] {
        setting < 0 ? [] : [StoredDescriptor(name: Self.storedName, number: setting)]
    }

    /// Lets a group make ping sockets.
    func admit(_ group: UInt32) {
        guard let range = read(), !Self.admits(range, group) else { return }
        let wanted = Self.widened(range, by: Int(group))
        // Noted first: whoever dies in between leaves what is put back.
        if widened.after != range { widened.before = range }
        widened.after = wanted
        file.write(widened)
        if write(wanted) {
            log.notice(
                "net.ipv4.ping_group_range is \(Self.text(wanted)) now, for PING_CHECK; it was \(Self.text(range))")
        } else {
            widened = Widened()
            file.write(widened)
            log.warning("PING_CHECK can't be done: net.ipv4.ping_group_range leaves group \(group) out (\(refusal))")
        }
    }

    /// Puts back what was widened, unless it was changed since.
    func putBack() {
        guard !widened.after.isEmpty else { return }
        if read() == widened.after, write(widened.before) {
            log.notice("net.ipv4.ping_group_range is \(Self.text(widened.before)) again")
        }
        widened = Widened()
        file.write(widened)
    }

    static func admits(_ range: [Int], _ group: UInt32) -> Bool {
        range.count == 2 && range[0] <= Int(group) && Int(group) <= range[1]
    }

    /// The smallest range with a group in it. The kernel's default, `1 0`, is none.
    static func widened(_ range: [Int], by group: Int) -> [Int] {
        guard range.count == 2, range[0] <= range[1] else { return [group, group] }
        return [min(range[0], group), max(range[1], group)]
    }

    private static func text(_ range: [Int]) -> String { range.map(String.init).joined(separator: " ") }

    private func read() -> [Int]? {
        let text = FileReader.text(of: Self.path)
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        return numbers.count == 2 ? numbers : nil
    }

    private func write(_ range: [Int]) -> Bool {
        guard setting >= 0 else { return false }
        let bytes = Array(Self.text(range).utf8)
        let written = bytes.withUnsafeBytes { pwrite(setting, $0.baseAddress, $0.count, 0) }
        if written < 0 { refusal = SystemError.text(of: errno) }
        return written == bytes.count
    }
}
