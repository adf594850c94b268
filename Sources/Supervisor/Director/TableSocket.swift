import CLinux
import ConfigurationModel
import Glibc
import Reactor

/// The socket to IPVS when net_namespace_ipvs names another network namespace. It is opened there at the start, because hasupd
/// gives up the right to enter namespaces then; a program that it becomes gets it.
final class TableSocket {
    /// Its name among the files that hasupd passes on at an upgrade.
    static let storedName = "hasup-ipvs"

    /// The namespace's name.
    let namespace: String
    private var socket: Descriptor?
    /// The reason that there is none, a sentence without its end.
    private(set) var failure: String?

    /// - Parameters:
    ///   - passed: what the predecessor has passed on.
    ///   - isSuccessor: true if there is one, so that none can be opened.
    init(_ namespace: String, passed: Int32?, isSuccessor: Bool) {
        self.namespace = namespace
        if let passed {
            socket = Descriptor(owning: passed)
            return
        }
        guard !isSuccessor else {
            failure = "net_namespace_ipvs \(namespace): hasupd has given up the right to enter it. Restart hasupd"
            return
        }
        do throws(SystemError) {
            let path = Self.path(of: namespace)
            socket = try owned(hasup_generic_socket_in(path), "enter the network namespace \(path)")
        } catch {
            failure = "net_namespace_ipvs: \(error)"
        }
    }

    /// As ip-netns(8) has it.
    static func path(of namespace: String) -> String { "/run/netns/\(namespace)" }

    /// The number of the namespace; nil when there is none of this name.
    static func number(of namespace: String) -> UInt64? {
        var status = stat()
        return stat(path(of: namespace), &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Hands it over. - Throws: `SystemError` when there is none.
    func take() throws(SystemError) -> Descriptor {
        guard let taken = socket.take() else { throw SystemError(EBADF, "use IPVS in \(Self.path(of: namespace))") }
        return taken
    }
}

extension Generation {
    /// The name of the network namespace whose IPVS table is written; nil for hasupd's own.
    var tableNamespace: String? {
        global.daemon.ipvsNamespace.flatMap { $0.isEmpty ? nil : $0 }
    }
}
