import CLinux
import Glibc

/// sd_notify(3): a datagram to the socket that systemd names; nothing without one.
struct SystemdNotify {
    private let path: String?

    init() { path = getenv("NOTIFY_SOCKET").map { String(cString: $0) } }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(status)\nMAINPID=\(getpid())") }

    func reloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        send("RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000)")
    }

    func stopping() { send("STOPPING=1") }

    private func send(_ text: String) {
        guard let path, !path.isEmpty else { return }
        let socket = hasup_connect_unix_datagram(path)
        guard socket >= 0 else { return }
        _ = Glibc.send(socket, text, text.utf8.count, Int32(MSG_NOSIGNAL))
        close(socket)
    }
}
