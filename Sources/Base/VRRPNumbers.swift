/// A Virtual Router Identifier, 1...255 (RFC 9568 §5.2.3).
public struct VRID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 1...255.
    public let rawValue: UInt8
    /// Nil for 0, which names no virtual router.
    public init?(rawValue: UInt8) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }
    /// Order of the numbers.
    public static func < (left: VRID, right: VRID) -> Bool { left.rawValue < right.rawValue }
    /// The number.
    public var description: String { String(rawValue) }
}

/// A priority as it stands in an advertisement (RFC 9568 §5.2.4): 0 releases, 255 owns the addresses.
public struct Priority: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 0...255.
    public let rawValue: UInt8
    /// Any value of the field.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// 0: the sender has stopped participating.
    @inlinable public static var release: Priority { Priority(rawValue: 0) }
    /// 100: what a router without a configured priority uses.
    @inlinable public static var standard: Priority { Priority(rawValue: 100) }
    /// 255: the sender owns the virtual router's addresses.
    @inlinable public static var owner: Priority { Priority(rawValue: 255) }
    /// Whether it is outranked.
    @inlinable public static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
    /// The number.
    public var description: String { String(rawValue) }
}

/// The protocol's version.
public enum VRRPVersion: UInt8, Hashable, Sendable {
    /// RFC 3768.
    case v2 = 2
    /// RFC 9568 (and 5798).
    case v3 = 3
}
