import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor

/// The kernel's reports about processes that begin and change their names (proc connector). hasupd opens it, because before
/// Linux 6.6 that takes CAP_NET_ADMIN, and gives it to hasup-track.
enum ProcessConnector {
    /// Bytes of the receive buffer without process_monitor_rcv_bufs: more than a thousand events, so that a hasup-track that
    /// waits for a processor loses none.
    static let buffer = 1 << 20

    /// - Throws: `SystemError`; ENOTCONN where the kernel doesn't report.
    static func open(_ size: BufferSettings.Size) throws(SystemError) -> Descriptor {
        try owned(
            hasup_connector_open(Int32(clamping: size.bytes ?? buffer), size.bytes == nil || size.isForced ? 1 : 0),
            "get reports about processes")
    }

    /// A process's beginning or change of name.
    struct ProcessEvent {
        let kind: hasup_process_event_kind
        let pid: Int32
        /// The one that has forked it.
        let parent: Int32
    }

    /// Result of a call of `read`.
    enum Batch {
        case events([ProcessEvent])
        /// None at this moment.
        case none
        /// Some were lost.
        case lost
        case failed(SystemError)
    }

    /// Takes what has happened, at most 64 events.
    static func read(_ socket: Int32) -> Batch {
        withUnsafeTemporaryAllocation(of: hasup_process_event.self, capacity: Int(HASUP_CONNECTOR_BATCH)) {
            let count = hasup_connector_read(socket, $0.baseAddress, Int32($0.count))
            switch -count {
            case EAGAIN: return .none
            case ENOBUFS: return .lost
            case let error where error > 0: return .failed(SystemError(error, "read reports about processes"))
            default:
                return .events(
                    $0.prefix(Int(count)).map { ProcessEvent(kind: $0.kind, pid: $0.pid, parent: $0.parent) })
            }
        }
    }
}
