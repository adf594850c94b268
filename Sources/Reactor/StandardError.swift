import Glibc

/// Standard error, which may be a pipe that nobody reads: writing to it never waits.
package enum StandardError {
    /// The bytes that a writable pipe takes at once (PIPE_BUF, pipe(7)).
    package static let lineMax = 4_096

    /// Writes a line without its end; whether it was taken.
    @discardableResult package static func writeLine(_ text: String) -> Bool { write(text + "\n") }

    /// Writes these bytes, at most `lineMax` of them; whether they were taken.
    @discardableResult package static func write(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            let count = min(bytes.count, lineMax)
            // The journal's stream is a socket.
            let sent = send(2, bytes.baseAddress, count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            if sent >= 0 { return sent == count }
            guard errno == ENOTSOCK else { return false }
            var ready = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
            guard poll(&ready, 1, 0) == 1, ready.revents & Int16(POLLOUT) != 0 else { return false }
            return Glibc.write(2, bytes.baseAddress, count) == count
        }
    }
}
