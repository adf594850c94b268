/// Named types of an interface in the order in which they were first needed.
package struct VarlinkTypes: Sendable {
    private var names: Set<String> = []
    /// The definitions, each with the comment before it.
    package private(set) var definitions: [String] = []

    package init() {}

    /// Adds the record's definition, once.
    package mutating func add<Record: JSONRecord>(_ record: Record.Type) {
        guard names.insert(Record.typeName).inserted else { return }
        var members = VarlinkMemberList(types: self)
        var sample = Record()
        try? sample.visit(&members)
        self = members.types
        definitions.append("# \(Record.summary)\ntype \(Record.typeName) (\n\(members.text)\n)")
    }
}

package struct VarlinkMemberList: Members {
    package var types: VarlinkTypes
    private var lines: [String] = []

    package init(types: VarlinkTypes) { self.types = types }

    package mutating func member<Value: JSONCoded>(_ name: StaticString, _ value: inout Value) {
        lines.append("  \(name): \(Value.varlinkType(&types))")
    }

    package var text: String { lines.joined(separator: ",\n") }
    package var inline: String { lines.map { $0.trimmedStart }.joined(separator: ", ") }
}

extension String {
    fileprivate var trimmedStart: Substring { drop { $0 == " " } }
}

/// An interface that grows method by method; the text comes from the records that are sent.
package struct VarlinkInterface: Sendable {
    private let name: String
    private let summary: String
    private var types = VarlinkTypes()
    private var methods: [String] = []
    private var errors: [String] = []

    /// An interface without methods.
    package init(_ name: String, summary: String) {
        self.name = name
        self.summary = summary
    }

    /// A method with this record's members as results. - Parameter arguments: in Varlink's language.
    package mutating func method<Results: JSONRecord>(
        _ name: String, arguments: String = "", _ results: Results.Type, _ comment: String
    ) {
        var members = VarlinkMemberList(types: types)
        var sample = Results()
        try? sample.visit(&members)
        types = members.types
        methods.append("# \(comment)\nmethod \(name)(\(arguments)) -> (\(members.inline))")
    }

    /// An error with these members, written in Varlink's language.
    package mutating func error(_ name: String, _ members: String, _ comment: String) {
        errors.append("# \(comment)\nerror \(name) (\(members))")
    }

    /// The interface's text.
    package var text: String {
        let head = "# \(summary)\ninterface \(name)"
        return ([head] + types.definitions + methods + errors).joined(separator: "\n\n") + "\n"
    }
}
