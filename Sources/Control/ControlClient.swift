import Base
import CLinux
import Glibc
import Reactor
import Varlink

/// A client that waits, with a limit on each wait: for programs that have nothing else to do.
package final class ControlClient {
    /// The reason there is no answer.
    package enum Failure: Error, Hashable, Sendable {
        /// The socket can't be connected to.
        case unreachable(SystemError)
        /// Nothing came in time.
        case timeout(Interval)
        /// The connection ended without an answer.
        case ended
        /// The message isn't a reply.
        case malformed(String)
        /// The daemon answered with an error.
        case refused(VarlinkError)
    }

    private let descriptor: Descriptor
    private let timeout: Interval
    private var input = VarlinkInput(messageMax: ControlInterface.replyMax)

    /// Connects to the control socket. - Throws: `Failure.unreachable`, `Failure.timeout`.
    package init(path: String, timeout: Interval) throws(Failure) {
        self.timeout = timeout
        let number = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        if number < 0 { throw .unreachable(SystemError(errno, "open a socket")) }
        descriptor = Descriptor(owning: number)
        let deadline = Clock.now + timeout
        while let error = Self.connect(number, path) {
            guard error == EAGAIN || error == EINTR else {
                throw .unreachable(SystemError(error, "connect to \(path)"))
            }
            // The daemon's backlog is full; there is nothing to poll for.
            if Clock.now >= deadline { throw .timeout(timeout) }
            _ = poll(nil, 0, 10)
        }
    }

    /// The process at the other end; nil when it can't be named here, as from another pid namespace.
    package var daemon: Int32? {
        var pid: Int32 = 0
        var (user, group): (UInt32, UInt32) = (0, 0)
        guard hasup_peer_credentials(descriptor.number, &pid, &user, &group) == 0, pid > 0 else { return nil }
        return pid
    }

    private static func connect(_ number: Int32, _ path: String) -> Int32? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count <= ControlPath.lengthMax else { return ENAMETOOLONG }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 ? nil : errno
    }

    /// Calls a method and waits for its only reply's parameters. - Throws: `Failure`.
    package func call(_ method: ControlMethod, _ arguments: [JSONMember] = []) throws(Failure) -> JSONText {
        var call = VarlinkCall(method.fullName)
        call.parameters = .object(arguments)
        try send(call)
        return try receive(within: timeout)
    }

    /// Calls a method and reads its reply. - Throws: `Failure`.
    package func call<Results: JSONRecord>(_ method: ControlMethod, _ results: Results.Type) throws(Failure) -> Results
    {
        try Self.read(results, from: try call(method))
    }

    /// Reads parameters. - Throws: `Failure.malformed`.
    package static func read<Results: JSONRecord>(
        _ results: Results.Type, from parameters: JSONText
    ) throws(Failure) -> Results {
        do throws(JSONError) {
            return try Results(parsing: parameters.bytes)
        } catch {
            throw .malformed(error.description)
        }
    }

    /// Begins a stream; `nextEvent` takes its events. - Throws: `Failure`.
    package func watch() throws(Failure) {
        var call = VarlinkCall(ControlMethod.watch.fullName)
        call.wantsMore = true
        try send(call)
    }

    /// The stream's next reply, within `limit` if there is one. - Throws: `Failure`.
    package func nextEvent(within limit: Interval?) throws(Failure) -> JSONText {
        try receive(within: limit)
    }

    /// Waits until the daemon ends this connection. - Throws: `Failure.timeout` when it doesn't within `limit`.
    package func waitForEnd(within limit: Interval) throws(Failure) {
        do throws(Failure) {
            _ = try receive(within: limit)
        } catch {
            if case .timeout = error { throw error }
        }
    }

    private func send(_ call: VarlinkCall) throws(Failure) {
        let bytes = call.encoded
        let deadline = Clock.now + timeout
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor.number, $0.baseAddress.map { $0 + sent }, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN || errno == EINTR {
                try wait(for: Int16(POLLOUT), until: deadline)
            } else {
                throw .unreachable(SystemError(errno, "send a request"))
            }
        }
    }

    private func receive(within limit: Interval?) throws(Failure) -> JSONText {
        let deadline = limit.map { Clock.now + $0 }
        while true {
            if let message = try nextMessage() { return try Self.reply(message) }
            let outcome = withUnsafeTemporaryAllocation(byteCount: 256 * 1024, alignment: 16) { buffer -> Int in
                let count = recv(descriptor.number, buffer.baseAddress, buffer.count, 0)
                if count > 0 { input.append(UnsafeRawBufferPointer(rebasing: buffer[0..<count])) }
                return count < 0 ? -Int(errno) : count
            }
            switch outcome {
            case 1...: continue
            case 0: throw .ended
            case -Int(EAGAIN), -Int(EINTR): try wait(for: Int16(POLLIN), until: deadline)
            case -Int(ECONNRESET): throw .ended
            default: throw .unreachable(SystemError(Int32(-outcome), "receive a reply"))
            }
        }
    }

    private func nextMessage() throws(Failure) -> ArraySlice<UInt8>? {
        do throws(VarlinkInput.Failure) { return try input.next() } catch { throw .malformed("the reply is too long") }
    }

    private static func reply(_ message: ArraySlice<UInt8>) throws(Failure) -> JSONText {
        do {
            let envelope = try VarlinkEnvelope(parsing: message)
            guard let name = envelope.error else { return envelope.parameters }
            var error = VarlinkError(name)
            if case .object(let members) = try JSON(parsing: envelope.parameters.bytes) { error.parameters = members }
            throw Failure.refused(error)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .malformed("\(error)")
        }
    }

    private func wait(for events: Int16, until deadline: Instant?) throws(Failure) {
        var milliseconds: Int32 = -1
        if let deadline {
            let left = deadline - Clock.now
            if left <= .zero { throw .timeout(timeout) }
            milliseconds = Int32(clamping: left.nanoseconds / 1_000_000 + 1)
        }
        var entry = pollfd(fd: descriptor.number, events: events, revents: 0)
        _ = poll(&entry, 1, milliseconds)
    }
}
