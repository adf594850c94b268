import CLinux
import Control
import Glibc
import Reactor

/// The process at the other end of a connection, also after an upgrade.
final class DaemonProcess {
    let pid: Int32
    private let descriptor: Descriptor

    /// Nil if it has no pid in this pid namespace.
    init?(of client: ControlClient) {
        guard let pid = client.daemon else { return nil }
        let opened = hasup_pidfd_open(pid)
        guard opened >= 0 else { return nil }
        self.pid = pid
        descriptor = Descriptor(owning: opened)
    }

    /// True if it exits within this time.
    func ends(within milliseconds: Int32) -> Bool {
        var ready = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, milliseconds) == 1
    }
}
