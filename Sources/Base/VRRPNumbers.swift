/// A Virtual Router Identifier, 1...255 (RFC 9568 §5.2.3).
package struct VRID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 1...255.
    package let rawValue: UInt8
    /// Nil for 0, which names no virtual router.
    package init?(rawValue: UInt8) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }
    package static func < (left: VRID, right: VRID) -> Bool { left.rawValue < right.rawValue }
    package var description: String { String(rawValue) }
}

/// A priority as it stands in an advertisement (RFC 9568 §5.2.4): 0 releases, 255 owns the addresses.
package struct Priority: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 0...255.
    package let rawValue: UInt8
    /// Any value of the field.
    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// 0: the sender has stopped participating.
    @inlinable package static var release: Priority { Priority(rawValue: 0) }
    /// 100: what a router without a configured priority uses.
    @inlinable package static var standard: Priority { Priority(rawValue: 100) }
    /// 255: the sender owns the virtual router's addresses.
    @inlinable package static var owner: Priority { Priority(rawValue: 255) }
    @inlinable package static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
    package var description: String { String(rawValue) }
}

/// The protocol's version.
package enum VRRPVersion: UInt8, Hashable, Sendable {
    /// RFC 3768.
    case v2 = 2
    /// RFC 9568 (and 5798).
    case v3 = 3
}
