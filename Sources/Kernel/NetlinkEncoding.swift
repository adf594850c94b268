import Base
import CLibnl
import Glibc
import Reactor

/// Building of messages with libnl's functions. Pure: bytes out, nothing sent.
extension NetlinkMessages {
    /// Appends a request. - Throws: `SystemError` when there is no memory, or when it is longer than `maximum`.
    ///
    /// - Parameters:
    ///   - header: the fixed part behind struct nlmsghdr.
    ///   - attributes: puts the attributes; 0, or libnl's error.
    static func append<Header: BitwiseCopyable>(
        _ type: Int, _ flags: Int32, _ sequence: UInt32, maximum: Int, header: Header, to bytes: inout [UInt8],
        attributes: (OpaquePointer) -> Int32
    ) throws(SystemError) {
        guard let message = nlmsg_alloc_size(maximum) else { throw SystemError(ENOMEM, "build a netlink message") }
        defer { nlmsg_free(message) }
        guard let start = nlmsg_put(message, 0, sequence, Int32(type), 0, flags | NLM_F_REQUEST) else {
            throw SystemError(ENOMEM, "build a netlink message")
        }
        let failed = withUnsafeBytes(of: header) { raw -> Int32 in
            let result = nlmsg_append(
                message, UnsafeMutableRawPointer(mutating: raw.baseAddress), raw.count, Int32(NLMSG_ALIGNTO))
            return result != 0 ? result : attributes(message)
        }
        guard failed == 0 else { throw SystemError(EMSGSIZE, "build a netlink message") }
        let length = Int(start.pointee.nlmsg_len)
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: start, count: length))
        // The next message begins on a boundary of four bytes.
        while bytes.count % 4 != 0 { bytes.append(0) }
    }
}

/// Puts attributes into a message (netlink(7)).
struct AttributeWriter {
    private let message: OpaquePointer
    /// libnl's first error, 0 for none.
    private(set) var failure: Int32 = 0

    init(_ message: OpaquePointer) { self.message = message }

    mutating func put(_ type: Int, _ value: some FixedWidthInteger & BitwiseCopyable) {
        put(type, bytes: CollectionOfOne(value))
    }

    /// Puts these values one behind the other, in the host's order.
    mutating func put<Value: BitwiseCopyable>(_ type: Int, bytes values: some Sequence<Value>) {
        let result = Array(values).withUnsafeBytes { nla_put(message, Int32(type), Int32($0.count), $0.baseAddress) }
        if failure == 0 { failure = result }
    }

    /// Puts a text and its NUL.
    mutating func put(_ type: Int, text: String) {
        let result = nla_put_string(message, Int32(type), text)
        if failure == 0 { failure = result }
    }

    /// Puts an attribute that consists of attributes.
    mutating func nest(_ type: Int, _ attributes: (inout AttributeWriter) -> Void) {
        guard let start = nla_nest_start(message, Int32(type)) else {
            if failure == 0 { failure = -1 }
            return
        }
        attributes(&self)
        nla_nest_end(message, start)
    }
}
