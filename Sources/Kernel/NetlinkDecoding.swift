import CLibnl
import Glibc

/// The messages of one datagram (struct nlmsghdr). Every length is checked: what doesn't fit ends the reading.
struct NetlinkMessages {
    struct Message {
        let type: Int
        /// nlmsg_seq: the request that it answers, 0 for a notification.
        let sequence: UInt32
        /// True if something has changed during the dump (NLM_F_DUMP_INTR).
        let isInterrupted: Bool
        let payload: UnsafeRawBufferPointer

        /// The result in NLMSG_ERROR and NLMSG_DONE: 0 for done, else an error number.
        var errorNumber: Int32? {
            guard payload.count >= 4 else { return nil }
            let code = payload.loadUnaligned(as: Int32.self)
            return code == .min ? nil : -code
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    /// It must not outlive the bytes.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next message, nil at the end.
    mutating func next() -> Message? {
        guard bytes.count - offset >= 16 else { return nil }
        let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        guard length >= 16, length <= bytes.count - offset else { return nil }
        let flags = bytes.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self)
        let message = Message(
            type: Int(bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self)),
            sequence: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self),
            isInterrupted: Int32(flags) & NLM_F_DUMP_INTR != 0,
            payload: UnsafeRawBufferPointer(rebasing: bytes[offset + 16..<offset + length]))
        offset = min(offset + (length + 3) & ~3, bytes.count)
        return message
    }
}

/// The attributes behind a message's fixed part (struct rtattr).
struct AttributeReader {
    struct Attribute {
        let type: Int
        let value: UnsafeRawBufferPointer

        var halfWord: UInt16? { value.count >= 2 ? value.loadUnaligned(as: UInt16.self) : nil }
        /// Two bytes in network order.
        var port: UInt16? { halfWord.map { UInt16(bigEndian: $0) } }
        var word: UInt32? { value.count >= 4 ? value.loadUnaligned(as: UInt32.self) : nil }
        /// A name up to its NUL; nil when it isn't UTF-8 or longer than an interface's name may be.
        var text: String? {
            let name = value.prefix { $0 != 0 }
            return name.count < 64 ? String(validating: name, as: UTF8.self) : nil
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private var offset: Int

    init(_ payload: UnsafeRawBufferPointer, from start: Int) {
        bytes = payload
        offset = (start + 3) & ~3
    }

    mutating func next() -> Attribute? {
        guard bytes.count - offset >= 4 else { return nil }
        let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        // The two upper bits say "nested" and "network order" (linux/netlink.h).
        let type = Int(bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self) & 0x3fff)
        guard length >= 4, length <= bytes.count - offset else { return nil }
        let value = UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<offset + length])
        offset = min(offset + (length + 3) & ~3, bytes.count)
        return Attribute(type: type, value: value)
    }

    /// The value of the first attribute of this type.
    mutating func first(_ type: Int) -> UnsafeRawBufferPointer? {
        while let attribute = next() {
            if attribute.type == type { return attribute.value }
        }
        return nil
    }
}
