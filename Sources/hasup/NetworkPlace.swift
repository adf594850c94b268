import Base
import Control
import Glibc

/// Whether the interfaces and addresses that this program sees are those that a daemon sees: each network namespace has
/// its own.
enum NetworkPlace {
    /// Whether a process is in another network namespace; nil when nobody says so to this user.
    static func isElsewhere(pid: Int) -> Bool? {
        guard let theirs = identity("/proc/\(pid)/ns/net"), let ours = identity("/proc/self/ns/net") else { return nil }
        return theirs != ours
    }

    /// What a check of interfaces has to say of where it looked; nil when no daemon runs elsewhere, or one runs here.
    static func remark(
        socket: String? = ownSocket, in directory: String = ControlPath.standardRunDirectory,
        isElsewhere: (Int) -> Bool? = { isElsewhere(pid: $0) }
    ) -> String? {
        guard let socket else { return nil }
        let folder = String(socket.dropLast("/control.sock".count))
        if access(socket, F_OK) == 0 {
            guard let pid = daemon(in: folder), isElsewhere(pid) == true else { return nil }
            return sentence(
                "the hasupd of \(Printable.text(folder)) runs in another: nsenter --net --target \(pid) "
                    + "hasup check ... looks there")
        }
        let elsewhere = OtherSocket.all(but: socket, in: directory).filter { other in
            guard let pid = daemon(in: String(other.path.dropLast("/control.sock".count))) else { return false }
            return isElsewhere(pid) ?? other.path.contains("/netns-")
        }
        guard !elsewhere.isEmpty else { return nil }
        return sentence("hasupd runs in another: \(elsewhere.map(\.advice).joined(separator: "; "))")
    }

    private static func sentence(_ clause: String) -> String {
        "Interfaces and addresses were looked at in this network namespace, and \(clause)."
    }

    /// The control socket of a daemon in this network namespace.
    static var ownSocket: String? { try? ControlPath.socket(namespace: ControlPath.currentNamespace()) }

    private static func daemon(in folder: String) -> Int? {
        guard case .success(let bytes) = FileTail.bytes(of: "\(folder)/hasup.pid", max: 32) else { return nil }
        let digits = bytes.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        guard let pid = Int(String(decoding: digits, as: UTF8.self)), pid > 0, access("/proc/\(pid)", F_OK) == 0
        else { return nil }
        return pid
    }

    private static func identity(_ path: String) -> [UInt64]? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }
}
