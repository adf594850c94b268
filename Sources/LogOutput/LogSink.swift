import Base
import CLinux
import Glibc
import Reactor

/// The output of the log. Writing never waits: a line that the other side doesn't take is dropped and counted
/// (docs/architecture.md §3).
package final class LogSink {
    /// The form of a line.
    package enum Form: Sendable {
        /// Standard error with time and level, for a person.
        case plain
        /// Standard error with `<level>` in front, as the journal wants it (sd-daemon(3)).
        case journal
        /// A datagram to /dev/log (RFC 3164 as syslog(3) writes it); standard error while no program listens there.
        case syslog
    }

    /// The size of a pipe's atomic write, so that a writable pipe takes a line without waiting.
    private static let lineMax = 4_000
    private let form: Form
    private let identity: String
    private var syslog: Int32 = -1
    /// The number of lines that were dropped.
    package private(set) var dropped = 0
    /// True if the last line was dropped.
    package private(set) var isBlocked = false

    /// A sink that signs lines with this program name.
    package init(_ form: Form, identity: String) {
        self.form = form
        self.identity = identity
    }

    deinit { if syslog >= 0 { close(syslog) } }

    /// The form that fits how the program was started: the journal's under systemd, a person's in the foreground or on
    /// a terminal, syslog otherwise.
    package static func suitable(foreground: Bool, identity: String) -> LogSink {
        if getenv("JOURNAL_STREAM") != nil { return LogSink(.journal, identity: identity) }
        return LogSink(foreground || isatty(2) == 1 ? .plain : .syslog, identity: identity)
    }

    /// Writes a line; `level` is syslog's number. What could steer a terminal or fake a line is escaped.
    package func write(level: UInt8, _ text: String) {
        let text = Printable.text(text, limit: Self.lineMax)
        let isSent = deliver(form, line(form, level, text))
        // Better there than nowhere.
        if !isSent, form == .syslog, syslog < 0, deliver(.plain, line(.plain, level, text)) { return isBlocked = false }
        isBlocked = !isSent
        if !isSent { dropped += 1 }
    }

    private func line(_ form: Form, _ level: UInt8, _ text: String) -> String {
        var line: String
        switch form {
        case .plain: line = "\(Self.timestamp()) \(identity)[\(getpid())] \(Self.word(level)): \(text)\n"
        case .journal: line = "<\(level)>\(text)\n"
        // 3 << 3 is the facility daemon.
        case .syslog: line = "<\(3 << 3 | level)>\(identity)[\(getpid())]: \(text)"
        }
        if line.utf8.count > Self.lineMax {
            line = String(decoding: line.utf8.prefix(Self.lineMax), as: UTF8.self) + "\n"
        }
        return line
    }

    private func deliver(_ form: Form, _ line: String) -> Bool {
        var line = line
        guard form == .syslog else { return StandardError.write(line) }
        return line.withUTF8 { sendToSyslog(UnsafeRawBufferPointer($0)) }
    }

    private func sendToSyslog(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for _ in 0..<2 {
            if syslog < 0 { syslog = hasup_connect_unix_datagram("/dev/log") }
            guard syslog >= 0 else { return false }
            if send(syslog, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count { return true }
            // A restarted syslog daemon has a new socket.
            if errno == EAGAIN { return false }
            close(syslog)
            syslog = -1
        }
        return false
    }

    private static func timestamp() -> String {
        let wall = Clock.wallNanoseconds
        var seconds = time_t(wall / 1_000_000_000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        func padded(_ value: Int32, _ width: Int = 2) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let milliseconds = padded(Int32(wall / 1_000_000 % 1_000), 3)
        return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday)) "
            + "\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec)).\(milliseconds)"
    }

    private static func word(_ level: UInt8) -> String {
        switch level {
        case ...3: "error"
        case 4: "warning"
        case 5: "notice"
        case 6: "info"
        default: "debug"
        }
    }
}
