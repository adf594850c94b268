/// A method call.
public struct VarlinkCall: Hashable, Sendable {
    /// `INTERFACE.Method`.
    public var method: String
    /// Arguments; an empty object when there are none.
    public var parameters: JSON = .object([])
    /// The caller takes several replies.
    public var wantsMore = false
    /// The caller takes no reply.
    public var isOneway = false
    /// The caller wants to speak another protocol afterwards.
    public var wantsUpgrade = false

    /// A call that wants one reply.
    public init(_ method: String) { self.method = method }

    /// Reads a message without its NUL. - Throws: `JSONError` when it is no call.
    public init(parsing message: some Collection<UInt8>) throws(JSONError) {
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
    public var encoded: [UInt8] {
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
public struct VarlinkReply: Hashable, Sendable {
    /// Results, or details of the error.
    public var parameters: JSON
    /// The error's full name.
    public var error: String?
    /// Whether more replies follow.
    public var continues: Bool

    /// Reads a message without its NUL. - Throws: `JSONError` when it is no reply.
    public init(parsing message: some Collection<UInt8>) throws(JSONError) {
        let json = try JSON(parsing: message)
        guard case .object = json else { throw JSONError("a reply should be an object and is \(json.kind)") }
        parameters = json["parameters"] ?? .object([])
        error = json["error"]?.text
        continues = json["continues"]?.boolean ?? false
    }

    /// The message of a reply with its NUL.
    public static func encode(_ results: some JSONRecord, continues: Bool = false) -> [UInt8] {
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

/// A reply whose parameters are left as they came.
struct VarlinkEnvelope: JSONRecord {
    static let summary = "A reply"
    var continues: Bool?
    var error: String?
    var parameters = JSONText()

    init() {}
    mutating func visit(_ members: inout some JSONMembers) {
        members.member("continues", &continues)
        members.member("error", &error)
        members.member("parameters", &parameters)
    }
}

/// An error reply.
public struct VarlinkError: Error, Hashable, Sendable {
    /// Full name.
    public var name: String
    /// Details as the interface declares them.
    public var parameters: [JSONMember]

    /// An error of this name.
    public init(_ name: String, _ parameters: [JSONMember] = []) {
        self.name = name
        self.parameters = parameters
    }

    /// Nobody here has this interface.
    public static func interfaceNotFound(_ interface: String) -> VarlinkError {
        VarlinkError("org.varlink.service.InterfaceNotFound", [JSONMember("interface", .string(interface))])
    }
    /// The interface has no such method.
    public static func methodNotFound(_ method: String) -> VarlinkError {
        VarlinkError("org.varlink.service.MethodNotFound", [JSONMember("method", .string(method))])
    }
    /// The method exists and can't be called like this.
    public static func methodNotImplemented(_ method: String) -> VarlinkError {
        VarlinkError("org.varlink.service.MethodNotImplemented", [JSONMember("method", .string(method))])
    }
    /// An argument is missing, unknown or of another type.
    public static func invalidParameter(_ parameter: String) -> VarlinkError {
        VarlinkError("org.varlink.service.InvalidParameter", [JSONMember("parameter", .string(parameter))])
    }
    /// The caller may not do this.
    public static let permissionDenied = VarlinkError("org.varlink.service.PermissionDenied")
    /// The method streams and the caller didn't ask for more than one reply.
    public static let expectedMore = VarlinkError("org.varlink.service.ExpectedMore")

    /// The message with its NUL.
    public var encoded: [UInt8] {
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
