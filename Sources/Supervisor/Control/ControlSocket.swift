import Base
import CLinux
import Control
import Glibc
import LogOutput
import Logging
import Reactor
import Sandbox

/// The control socket: its file, who may use it, and its server.
final class ControlSocket {
    private let context: DaemonContext
    private let path: String
    /// For lstat(2) each second.
    private let filePath: [CChar]
    private let lines: RepeatLog
    private var server: ControlServer?
    /// The socket's file, to find out whether it was removed or replaced.
    private var file: (device: UInt, inode: UInt)?

    /// - Parameter handle: answers a request; the counters are the server's.
    /// - Throws: `SystemError` when the socket can't be made.
    init(
        _ context: DaemonContext,
        handle: @escaping (ControlRequest, ControlResponder, ControlCounters) -> Void
    ) throws(SystemError) {
        self.context = context
        path = context.paths.controlSocket
        filePath = Array(path.utf8CString)
        lines = RepeatLog(context.log, on: context.loop)
        let listener = try Self.listen(path, context.host.operatorGroup)
        file = Self.identity(of: path)
        let policy = ControlPolicy(
            refusedUsers: Set([context.host.identity, context.host.mailArguments.identity].compactMap { $0?.uid }),
            daemonUser: getuid(),
            operatorGroup: context.host.operatorGroup)
        var limits = ControlLimits()
        limits.clientsMax = context.budget.clientsMax
        limits.streamsMax = min(limits.streamsMax, max(1, limits.clientsMax / 2))
        server = try ControlServer(
            on: context.loop, listener: listener, version: hasupVersion, limits: limits,
            callbacks: ControlServer.Callbacks(
                access: { policy.access(of: $0) },
                handle: { [unowned self] in handle($0, $1, self.server?.counters ?? ControlCounters()) },
                note: { [unowned self] in self.log($0) }))
    }

    private static func listen(_ path: String, _ operatorGroup: UInt32?) throws(SystemError) -> Descriptor {
        let listener = try owned(hasup_listen_unix(path, 1024), "listen on the control socket \(path)")
        // The first gate is the file's mode: root and the operators' group.
        if let operatorGroup { OperatorGroup.give(path, to: operatorGroup) }
        try checked(chmod(path, 0o660) < 0 ? -errno : 0, "set the mode of \(path)")
        return listener
    }

    private static func identity(of path: UnsafePointer<CChar>) -> (device: UInt, inode: UInt)? {
        var status = stat()
        return lstat(path, &status) == 0 ? (UInt(status.st_dev), UInt(status.st_ino)) : nil
    }

    /// True if clients find the socket.
    var isInPlace: Bool { Self.identity(of: filePath).map { there in file.map { $0 == there } ?? false } ?? false }

    /// Makes the socket's file anew. Clients stay connected. - Throws: `SystemError`.
    func restore() throws(SystemError) {
        try server?.listen(at: try Self.listen(path, context.host.operatorGroup))
        file = Self.identity(of: path)
    }

    /// Removes the socket's file, unless another program has replaced it.
    func remove() { if isInPlace { unlink(path) } }

    /// Sends an event to the clients that watch. Without one the event isn't made.
    func publish(_ event: () -> WatchEvent) {
        guard let server, server.isWatched else { return }
        server.publish(event())
    }

    /// Writes the lines that were only counted so far: before the end.
    func flushRest() { lines.flushRest() }

    private func log(_ text: String) { lines.write(.info, "control socket", text, kind: text.withoutNumbers) }
}
