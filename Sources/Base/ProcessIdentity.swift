/// A process for good: the kernel gives its number to another one only with another start.
package struct ProcessIdentity: ByteCoded, Hashable, Sendable {
    package var pid: Int32
    /// Clock ticks after boot.
    package var startTicks: UInt64

    package init(pid: Int32, startTicks: UInt64) {
        self.pid = pid
        self.startTicks = startTicks
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        pid = try Int32(decoding: &reader)
        startTicks = try UInt64(decoding: &reader)
        guard pid > 1 else { throw .invalid }
    }

    package func encode(into writer: inout ByteWriter) {
        pid.encode(into: &writer)
        startTicks.encode(into: &writer)
    }
}
