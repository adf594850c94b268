/// A JSON value (RFC 8259). Members of an object keep their order.
package enum JSON: Hashable, Sendable {
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number without fraction and exponent that fits.
    case int(Int64)
    /// Any other number.
    case double(Double)
    /// Text.
    case string(String)
    /// A list.
    case array([JSON])
    /// Names and values in their order. Of two members with one name, the first counts.
    case object([JSONMember])

    /// The value of this member; nil when there is none, or when it isn't an object.
    package subscript(_ name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The text, when it is one.
    package var text: String? {
        if case .string(let text) = self { return text }
        return nil
    }

    /// The whole number, when it is one.
    package var integer: Int64? {
        if case .int(let number) = self { return number }
        return nil
    }

    /// The truth value, when it is one.
    package var boolean: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    /// The elements, when it is a list.
    package var elements: [JSON]? {
        if case .array(let elements) = self { return elements }
        return nil
    }

    /// The kind of value, for error messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .int: "a whole number"
        case .double: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// The value as compact text.
    package var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.write(self)
        return writer.bytes
    }
}

/// One member of an object.
package struct JSONMember: Hashable, Sendable {
    package var name: String
    package var value: JSON

    /// A member.
    package init(_ name: String, _ value: JSON) {
        self.name = name
        self.value = value
    }
}

/// The reason bytes aren't the expected JSON.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    package var reason: String
    /// Place in bytes from the beginning; nil if the syntax is right and the meaning isn't.
    package var offset: Int?
    /// True for a name that an enumeration hasn't: a newer program may have it.
    package var isUnknownName = false

    /// An error.
    package init(_ reason: String, at offset: Int? = nil) {
        self.reason = reason
        self.offset = offset
    }

    static func unknownName(_ name: String) -> JSONError {
        var error = JSONError("is \(name), which isn't known")
        error.isUnknownName = true
        return error
    }

    /// `REASON at byte OFFSET`.
    package var description: String {
        guard let offset else { return reason }
        return "\(reason) at byte \(offset)"
    }
}
