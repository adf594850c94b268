/// Bytes in, complete messages out: each ends with a NUL (https://varlink.org).
package struct VarlinkInput: Sendable {
    /// The reason bytes can't become a message.
    package enum Failure: Error, Hashable, Sendable {
        /// More bytes than a message may have came without a NUL.
        case tooLong(limit: Int)
    }

    /// The longest message, without its NUL.
    package let messageMax: Int
    private var buffer: [UInt8] = []
    private var start = 0
    /// Up to here there is no NUL.
    private var scanned = 0

    /// Nothing received yet.
    package init(messageMax: Int) { self.messageMax = messageMax }

    /// Bytes that were received and not yet taken.
    package var pending: Int { buffer.count - start }

    /// Adds what was received.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start > 0 {
            buffer.removeFirst(start)
            scanned -= start
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next complete message without its NUL; nil when it isn't complete. - Throws: `Failure` when it never will be.
    package mutating func next() throws(Failure) -> ArraySlice<UInt8>? {
        guard let end = buffer[scanned...].firstIndex(of: 0) else {
            scanned = buffer.count
            if pending > messageMax { throw .tooLong(limit: messageMax) }
            return nil
        }
        if end - start > messageMax { throw .tooLong(limit: messageMax) }
        defer {
            start = end + 1
            scanned = start
        }
        return buffer[start..<end]
    }

    /// Gives memory back when nothing is pending.
    package mutating func shrink() {
        guard pending == 0 else { return }
        buffer = []
        start = 0
        scanned = 0
    }
}
