import Base
import ConfigurationModel
import Varlink

/// A change of an instance's priority by something that it tracks.
package struct Contribution: JSONRecord, ByteCoded, Hashable {
    package static let typeName = "ContributionReport"
    package static let summary =
        "What a tracked object adds to the base priority; kind is one of interface, script, file, process, bfd"
    /// The number that a status shows.
    static let most = 256

    package enum Kind: UInt8, Sendable, NamedCase {
        case interface = 0
        case script
        case file
        case process
        case bfd

        package var name: String { "\(self)" }
    }

    package var kind = Kind.interface
    package var name = ""
    package var amount: Int32 = 0

    package init() {}
    package init(_ kind: Kind, _ name: String, _ amount: Int32) {
        self.kind = kind
        self.name = name
        self.amount = amount
    }

    init(_ key: TrackerKey, _ amount: Int) {
        let kind: Kind =
            switch key.kind {
            case .script: .script
            case .file: .file
            case .process: .process
            case .bfd: .bfd
            }
        self.init(kind, key.name, Int32(clamping: amount))
    }

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("kind", &kind)
        try members.field("name", &name)
        try members.field("amount", &amount)
    }
}
