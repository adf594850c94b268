import CLinux
import Control
import Glibc
import Reactor

/// The process that a client talks to, whatever program it becomes.
final class DaemonProcess {
    let pid: Int32
    private let descriptor: Descriptor

    /// Nil when it can't be named here.
    init?(of client: ControlClient) {
        guard let pid = client.daemon else { return nil }
        let opened = hasup_pidfd_open(pid)
        guard opened >= 0 else { return nil }
        self.pid = pid
        descriptor = Descriptor(owning: opened)
    }

    /// Whether it ends within this time.
    func ends(within milliseconds: Int32) -> Bool {
        var ready = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, milliseconds) == 1
    }
}
