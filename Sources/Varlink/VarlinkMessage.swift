/// A method call.
package struct VarlinkCall: Hashable, Sendable {
    /// `INTERFACE.Method`.
    package var method: String
    /// Arguments; an empty object when there are none.
    package var parameters: JSON = .object([])
    /// The caller takes several replies.
    package var wantsMore = false
    /// The caller takes no reply.
    package var isOneway = false
    /// The caller wants to speak another protocol afterwards.
    package var wantsUpgrade = false

    /// A call that wants one reply.
    package init(_ method: String) { self.method = method }

    /// Reads a message without its NUL. - Throws: `JSONError` when it is no call.
    package init(parsing message: some Collection<UInt8>) throws(JSONError) {
        let json = try JSON(parsing: message)
        guard case .object = json else { throw JSONError("a call should be an object and is \(json.kind)") }
        guard let method = json["method"]?.text else { throw JSONError("a call should name a method") }
        self.method = method
        switch json["parameters"] {
        case .object(let members)?: parameters = .object(members)
        case nil, .null?: break
        case let other?: throw JSONError("parameters should be an object and is \(other.kind)")
        }
        wantsMore = try Self.flag("more", json)
        isOneway = try Self.flag("oneway", json)
        wantsUpgrade = try Self.flag("upgrade", json)
    }

    private static func flag(_ name: String, _ json: JSON) throws(JSONError) -> Bool {
        switch json[name] {
        case .bool(let value)?: return value
        case nil, .null?: return false
        case let other?: throw JSONError("\(name) should be true or false and is \(other.kind)")
        }
    }

    /// The message with its NUL.
    package var encoded: [UInt8] {
        var writer = JSONWriter(capacity: 128)
        writer.beginObject()
        writer.name("method")
        writer.write(method)
        if case .object(let members) = parameters, !members.isEmpty {
            writer.name("parameters")
            writer.write(parameters)
        }
        if wantsMore {
            writer.name("more")
            writer.write(true)
        }
        if isOneway {
            writer.name("oneway")
            writer.write(true)
        }
        writer.endObject()
        return writer.bytes + [0]
    }
}

/// A reply as a client sees it.
package struct VarlinkReply: Hashable, Sendable {
    /// Results, or details of the error.
    package var parameters: JSON
    /// The error's full name.
    package var error: String?
    /// True if more replies follow.
    package var continues: Bool

    /// Reads a message without its NUL. - Throws: `JSONError` when it is no reply.
    package init(parsing message: some Collection<UInt8>) throws(JSONError) {
        let json = try JSON(parsing: message)
        guard case .object = json else { throw JSONError("a reply should be an object and is \(json.kind)") }
        parameters = json["parameters"] ?? .object([])
        error = json["error"]?.text
        continues = json["continues"]?.boolean ?? false
    }

    /// The message of a reply with its NUL.
    package static func encode(_ results: some JSONRecord, continues: Bool = false) -> [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        if continues {
            writer.name("continues")
            writer.write(true)
        }
        writer.name("parameters")
        results.write(into: &writer)
        writer.endObject()
        return writer.bytes + [0]
    }
}

/// A reply whose parameters aren't parsed.
package struct VarlinkEnvelope: JSONRecord {
    package static let summary = "A reply"
    package var continues: Bool?
    package var error: String?
    package var parameters = JSONText()

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("continues", &continues)
        members.member("error", &error)
        members.member("parameters", &parameters)
    }
}

/// An error reply.
package struct VarlinkError: Error, Hashable, Sendable {
    /// Full name.
    package var name: String
    /// Details as the interface declares them.
    package var parameters: [JSONMember]

    /// An error of this name.
    package init(_ name: String, _ parameters: [JSONMember] = []) {
        self.name = name
        self.parameters = parameters
    }

    /// The service has no such interface.
    package static func interfaceNotFound(_ interface: String) -> VarlinkError {
        VarlinkError("org.varlink.service.InterfaceNotFound", [JSONMember("interface", .string(interface))])
    }
    /// The interface has no such method.
    package static func methodNotFound(_ method: String) -> VarlinkError {
        VarlinkError("org.varlink.service.MethodNotFound", [JSONMember("method", .string(method))])
    }
    /// The method exists and can't be called like this.
    package static func methodNotImplemented(_ method: String) -> VarlinkError {
        VarlinkError("org.varlink.service.MethodNotImplemented", [JSONMember("method", .string(method))])
    }
    /// An argument is missing, unknown or of another type.
    package static func invalidParameter(_ parameter: String) -> VarlinkError {
        VarlinkError("org.varlink.service.InvalidParameter", [JSONMember("parameter", .string(parameter))])
    }
    /// The caller may not do this.
    package static let permissionDenied = VarlinkError("org.varlink.service.PermissionDenied")
    /// The method streams and the caller didn't ask for more than one reply.
    package static let expectedMore = VarlinkError("org.varlink.service.ExpectedMore")

    /// The message with its NUL.
    package var encoded: [UInt8] {
        var writer = JSONWriter(capacity: 128)
        writer.beginObject()
        writer.name("error")
        writer.write(name)
        writer.name("parameters")
        writer.write(.object(parameters))
        writer.endObject()
        return writer.bytes + [0]
    }
}
