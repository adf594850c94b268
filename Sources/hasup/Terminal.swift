import Configuration
import ConfigurationModel
import Glibc
import Reactor

/// Standard input, output and error.
enum Terminal {
    static func write(_ text: String) { write(Array(text.utf8)) }

    /// Writes all of it. A closed pipe ends the program quietly, as SIGPIPE does; a full disk ends it with a message and
    /// sysexits(3)'s EX_IOERR, which is no statement about hasupd.
    static func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let count = Glibc.write(1, buffer.baseAddress.map { $0 + written }, buffer.count - written)
                if count < 0, errno != EINTR {
                    if errno == EPIPE { exit(1) }
                    complain("can't write the output: \(SystemError.text(of: errno)).")
                    exit(74)
                }
                written += max(count, 0)
            }
        }
    }

    /// All of standard input.
    static func readInput(limit: Int) -> Result<[UInt8], FileError> {
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(0, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return .failure(.other(String(cString: strerror(errno)))) }
            if count == 0 { return .success(content) }
            content += chunk[..<count]
            if content.count > limit { return .failure(.tooLarge) }
        }
    }

    /// A sentence about what can't be done, in lines of the terminal's width or of 80 columns.
    static func complain(_ sentence: String) { writeError(complaint(sentence)) }

    /// The text of a complaint; every error of the command line has this form.
    static func complaint(_ sentence: String, width: Int = Terminal.errorWidth) -> String {
        Layout.wrap("hasup: \(sentence)", width: width, indent: 0).joined(separator: "\n") + "\n"
    }

    /// To standard error, for what isn't the result.
    static func writeError(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }

    /// True if standard output is a terminal.
    static var isTerminal: Bool { isatty(1) == 1 }

    /// Columns of the terminal; 80 where there is none, so that what scripts see never changes.
    static var width: Int { width(of: 1) }

    /// The same for standard error.
    static var errorWidth: Int { width(of: 2) }

    private static func width(of number: Int32) -> Int {
        var size = winsize()
        guard isatty(number) == 1, ioctl(number, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else { return 80 }
        return Int(size.ws_col)
    }

    /// Colour on a terminal only, and never with NO_COLOR (https://no-color.org).
    static var style: Style {
        let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let isDumb = getenv("TERM").map { strcmp($0, "dumb") == 0 } ?? true
        return isatty(1) == 1 && !refused && !isDumb ? .coloured : .plain
    }
}

/// Emphasis of words.
enum Style {
    case plain
    case coloured

    enum Colour: String {
        case red = "31;1"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
        case bold = "1"
    }

    func paint(_ text: String, _ colour: Colour?) -> String {
        guard self == .coloured, let colour else { return text }
        return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
    }

    static func colour(ofState state: String) -> Colour? {
        switch state {
        case "MASTER": .green
        case "BACKUP": .cyan
        case "FAULT": .red
        default: .yellow
        }
    }
}

/// A moment as the wall clock shows it.
struct LocalTime {
    var year = 1970
    var month = 1
    var day = 1
    var hour: Int
    var minute: Int
    var second: Int
    var millisecond: Int

    init(hour: Int, minute: Int, second: Int, millisecond: Int) {
        self.hour = hour
        self.minute = minute
        self.second = second
        self.millisecond = millisecond
    }

    init(unixSeconds: Double) {
        // The number is the daemon's: it may be anything.
        let milliseconds = Int(min(max(unixSeconds * 1_000, 0), 1e15).rounded(.down))
        var seconds = time_t(milliseconds / 1_000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        self.init(
            hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec),
            millisecond: milliseconds % 1_000)
        year = Int(parts.tm_year) + 1900
        month = Int(parts.tm_mon) + 1
        day = Int(parts.tm_mday)
    }

    /// This moment.
    static var now: LocalTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return LocalTime(unixSeconds: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
    }

    /// `HH:MM:SS.mmm`.
    var text: String {
        "\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2)).\(padded(millisecond, 3))"
    }

    /// `YYYY-MM-DD`.
    var date: String { "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))" }

    private func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
