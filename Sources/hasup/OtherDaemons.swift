import Base
import Control
import Glibc

/// A control socket other than the one in use.
struct OtherDaemon: Hashable {
    var path: String
    /// The command or option that reaches it.
    var advice: String

    /// Sockets in the run directory and right below it, where namespaces and instances have theirs; at most eight.
    static func all(except used: String, in directory: String = ControlPath.standardRunDirectory) -> [OtherDaemon] {
        var found = [OtherDaemon(path: "\(directory)/control.sock", advice: "\(directory)/control.sock (--control)")]
        for name in names(in: directory) {
            let path = "\(directory)/\(name)/control.sock"
            let shown = Printable.text(path)
            if name.hasPrefix("netns-") {
                found.append(OtherDaemon(path: path, advice: "\(shown) (\(wayInto(name, below: directory)) hasup ...)"))
            } else {
                found.append(OtherDaemon(path: path, advice: "\(shown) (--instance \(Printable.text(name)))"))
            }
        }
        return Array(found.filter { $0.path != used && access($0.path, F_OK) == 0 }.prefix(8))
    }

    /// The command that runs others in the network namespace of this folder.
    private static func wayInto(_ folder: String, below directory: String) -> String {
        let name = String(folder.dropFirst("netns-".count))
        if access("\(ControlPath.namespaceDirectory)/\(name)", F_OK) == 0 || !name.allSatisfy(\.isNumber) {
            return "ip netns exec \(Printable.text(name))"
        }
        return "nsenter --net --target $(cat \(directory)/\(folder)/hasup.pid)"
    }

    private static func names(in directory: String) -> [String] {
        guard let entries = opendir(directory) else { return [] }
        defer { closedir(entries) }
        var names: [String] = []
        while let entry = readdir(entries) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

/// Comparison of this program's network namespace with a daemon's: each has its own interfaces and addresses.
enum NamespaceCheck {
    /// True if a process is in another network namespace; nil if this user may not know.
    static func isElsewhere(pid: Int) -> Bool? {
        guard let theirs = identity("/proc/\(pid)/ns/net"), let ours = identity("/proc/self/ns/net") else { return nil }
        return theirs != ours
    }

    /// A remark on a check of interfaces; nil when no daemon runs in another namespace, or one runs in this one.
    static func remark(
        socket: String? = ownSocket, in directory: String = ControlPath.standardRunDirectory,
        isElsewhere: (Int) -> Bool? = { isElsewhere(pid: $0) }
    ) -> String? {
        guard let socket else { return nil }
        let folder = String(socket.dropLast("/control.sock".count))
        if access(socket, F_OK) == 0 {
            guard let pid = daemon(in: folder), isElsewhere(pid) == true else { return nil }
            return sentence(
                "the hasupd of \(Printable.text(folder)) runs in another: use nsenter --net --target \(pid) "
                    + "hasup check ...")
        }
        let elsewhere = OtherDaemon.all(except: socket, in: directory).filter { other in
            guard let pid = daemon(in: String(other.path.dropLast("/control.sock".count))) else { return false }
            return isElsewhere(pid) ?? other.path.contains("/netns-")
        }
        guard !elsewhere.isEmpty else { return nil }
        return sentence("hasupd runs in another: \(elsewhere.map(\.advice).joined(separator: "; "))")
    }

    private static func sentence(_ clause: String) -> String {
        "Interfaces and addresses were checked in this network namespace, but \(clause)."
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
