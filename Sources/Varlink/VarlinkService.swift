/// `org.varlink.service`: the self-description of each Varlink service.
package struct VarlinkService: Sendable {
    /// The answer to a call.
    package enum Answer: Hashable, Sendable {
        /// The call is one of these interfaces' own; `method` is without the interface.
        case other(interface: String, method: String)
        /// The complete message.
        case reply([UInt8])
        /// It can't be answered.
        case failure(VarlinkError)
    }

    private let version: String
    private let interfaces: [(name: String, text: String)]

    /// A service with these interfaces beside its own.
    package init(version: String, interfaces: [(name: String, text: String)]) {
        self.version = version
        self.interfaces = [(Self.name, Self.text)] + interfaces
    }

    /// Answers a call, or returns the interface that has to.
    package func answer(_ call: VarlinkCall) -> Answer {
        guard let dot = call.method.lastIndex(of: ".") else {
            return .failure(.interfaceNotFound(call.method))
        }
        let interface = String(call.method[..<dot])
        let method = String(call.method[call.method.index(after: dot)...])
        guard interfaces.contains(where: { $0.name == interface }) else {
            return .failure(.interfaceNotFound(interface))
        }
        if interface != Self.name { return .other(interface: interface, method: method) }
        switch method {
        case "GetInfo": return .reply(VarlinkReply.encode(information))
        case "GetInterfaceDescription":
            guard let wanted = call.parameters["interface"]?.text else {
                return .failure(.invalidParameter("interface"))
            }
            guard let found = interfaces.first(where: { $0.name == wanted }) else {
                return .failure(.interfaceNotFound(wanted))
            }
            return .reply(VarlinkReply.encode(Description(description: found.text)))
        default: return .failure(.methodNotFound(method))
        }
    }

    private var information: Information {
        Information(version: version, interfaces: interfaces.map(\.name))
    }

    private struct Information: JSONRecord {
        static let summary = "The service"
        var vendor = "hasup"
        var product = "hasup"
        var version = ""
        var url = ""
        var interfaces: [String] = []

        init() {}
        init(version: String, interfaces: [String]) {
            self.version = version
            self.interfaces = interfaces
        }
        mutating func visit(_ members: inout some Members) {
            members.member("vendor", &vendor)
            members.member("product", &product)
            members.member("version", &version)
            members.member("url", &url)
            members.member("interfaces", &interfaces)
        }
    }

    private struct Description: JSONRecord {
        static let summary = "An interface's text"
        var description = ""

        init() {}
        init(description: String) { self.description = description }
        mutating func visit(_ members: inout some Members) { members.member("description", &description) }
    }

    /// The interface's name.
    package static let name = "org.varlink.service"
    /// The interface's text as Varlink publishes it.
    package static let text = """
        # The Varlink Service Interface is provided by every varlink service. It
        # describes the service and the interfaces it implements.
        interface org.varlink.service

        # Get a list of all the interfaces a service provides and information
        # about the implementation.
        method GetInfo() -> (
          vendor: string,
          product: string,
          version: string,
          url: string,
          interfaces: []string
        )

        # Get the description of an interface that is implemented by this service.
        method GetInterfaceDescription(interface: string) -> (description: string)

        # The requested interface was not found.
        error InterfaceNotFound (interface: string)

        # The requested method was not found
        error MethodNotFound (method: string)

        # The interface defines the requested method, but the service does not
        # implement it.
        error MethodNotImplemented (method: string)

        # One of the passed parameters is invalid.
        error InvalidParameter (parameter: string)

        # Client is denied access
        error PermissionDenied ()

        # Method is expected to be called with 'more' set to true, but wasn't
        error ExpectedMore ()

        """
}
