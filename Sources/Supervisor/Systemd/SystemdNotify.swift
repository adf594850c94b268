import Base
import CLinux
import Glibc
import Reactor

/// sd_notify(3): datagrams to the socket that systemd names. Without one they do nothing.
struct SystemdNotify {
    private let path: String?

    /// The socket that is named in the environment.
    init() { self.init(path: getenv("NOTIFY_SOCKET").map { String(cString: $0) }) }

    init(path: String?) { self.path = path }

    var isAvailable: Bool { path?.isEmpty == false }

    /// - Throws: `SystemError`.
    func notify(_ state: NotifiedState) throws(SystemError) {
        switch state {
        case .ready(let status): try send("READY=1\nSTATUS=\(status)\nMAINPID=\(getpid())")
        case .reloading: try send("RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonicMicroseconds)")
        case .starting(let limit): try send("EXTEND_TIMEOUT_USEC=\(limit.nanoseconds / 1_000)")
        case .stopping(let limit): try send("STOPPING=1\nEXTEND_TIMEOUT_USEC=\(limit.nanoseconds / 1_000)")
        }
    }

    /// Feeds the watchdog: to be called more often than `watchdogLimit`.
    func keepAlive() { try? send("WATCHDOG=1") }

    /// WatchdogSec of the service (sd_watchdog_enabled(3)): after this long without `keepAlive`, systemd restarts it. Nil
    /// without one.
    var watchdogLimit: Interval? {
        func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        return Self.watchdogLimit(
            microseconds: text("WATCHDOG_USEC"), pid: text("WATCHDOG_PID"), ownPID: getpid())
    }

    /// The time in the two variables. Nil for another process, and for what isn't a time.
    static func watchdogLimit(microseconds: String?, pid: String?, ownPID: Int32) -> Interval? {
        guard let limit = microseconds.flatMap({ Int64($0) }), limit > 0, limit <= 86_400_000_000 else { return nil }
        if let pid, Int32(pid) != ownPID { return nil }
        return .microseconds(limit)
    }

    /// Stores a copy of a descriptor under this name. systemd doesn't watch it: memory has no events.
    /// - Throws: `SystemError`.
    func store(_ descriptor: Int32, as name: String) throws(SystemError) {
        try send("FDSTORE=1\nFDNAME=\(name)\nFDPOLL=0", descriptors: [descriptor])
    }

    /// Removes the descriptors of this name from the store. - Throws: `SystemError`.
    func unstore(_ name: String) throws(SystemError) { try send("FDSTOREREMOVE=1\nFDNAME=\(name)") }

    private func send(_ text: String, descriptors: [Int32] = []) throws(SystemError) {
        guard isAvailable, let path else { return }
        let socket = try owned(hasup_connect_unix_datagram(path), "reach systemd at \(path)")
        let sent = hasup_send_packet(socket.number, text, text.utf8.count, descriptors, Int32(descriptors.count))
        try checked(Int32(clamping: sent), "send to systemd at \(path)")
    }
}
