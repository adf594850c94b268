import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// Finds the records that a record has among its fields.
private struct RecordTypes: Fields {
    private(set) var found: [any Record.Type]

    /// - Parameter roots: those that belong to no other.
    init(_ roots: [any Record.Type]) {
        found = roots
        var next = 0
        while next < found.count {
            let type = found[next]
            list(fieldsOf: type)
            next += 1
        }
    }

    private mutating func list<Value: Record>(fieldsOf type: Value.Type) {
        let values = (type as? any Choice.Type).map { RecordTypes.cases($0) } ?? [Value()]
        for case var value as Value in values { try? value.visit(&self) }
    }

    private static func cases<Value: Choice>(_ type: Value.Type) -> [Any] { type.cases }

    mutating func unlisted<Value: FieldValue>(_: inout Value) {
        var type: Any.Type = Value.self
        while let container = type as? any Container.Type { type = container.content }
        guard let type = type as? any Record.Type, !found.contains(where: { $0 == type }) else { return }
        found.append(type)
    }
}

private protocol Container {
    static var content: Any.Type { get }
}
extension Optional: Container { static var content: Any.Type { Wrapped.self } }
extension Array: Container { static var content: Any.Type { Element.self } }
extension OutOfLine: Container { static var content: Any.Type { Value.self } }

/// Counts the properties that a record lists.
private struct Count: Fields {
    private(set) var properties = 0

    mutating func unlisted<Value: FieldValue>(_: inout Value) { properties += 1 }
    mutating func part<Value: Record>(_: inout Value, prefix: String) { properties += 1 }
}

/// What holds for each record and each of its fields, whoever adds one.
@Suite struct RecordTests {
    private static let types = RecordTypes([ConfigurationModel.self, InstanceSettings.self, Diagnostic.self]).found

    @Test func allAreFound() {
        #expect(Self.types.count > 60)
        for type: any Record.Type in [
            HTTPRequest.self, ExtraSettings.self, HMACSettings.Key.self, RuleAction.self, SourceLocation.self,
        ] {
            #expect(Self.types.contains { $0 == type })
        }
    }

    /// The instances stand in bytes by themselves, and the header has the number of ignored settings.
    private static let beside = ["ConfigurationModel": 2]

    @Test func everyPropertyIsListed() {
        for type in Self.types where !(type is any Choice.Type) {
            var record = type.init()
            let properties = Mirror(reflecting: record).children.count - (Self.beside["\(type)"] ?? 0)
            #expect(Self.count(&record) == properties, "\(type)")
        }
    }

    private static func count(_ record: inout some Record) -> Int {
        var count = Count()
        try? record.visit(&count)
        return count.properties
    }

    @Test(arguments: types.indices)
    func roundTrip(_ index: Int) { Self.check(Self.types[index]) }

    private static func check<Value: Record>(_ type: Value.Type) {
        let values = samples(of: type)
        #expect(!values.isEmpty, "\(type) has no value that can be read again")
        for value in values {
            let bytes = bytes(value)
            for length in bytes.indices {
                #expect(
                    decoded(type, bytes[..<length]) == nil, "\(type) is read from \(length) of \(bytes.count) bytes")
            }
            checkFields(value, among: values)
        }
    }

    /// Each field can have another value that is read again, and then the record has other lines. A number over its limit
    /// is refused.
    private static func checkFields<Value: Record>(_ value: Value, among others: [Value]) {
        var place = 0
        while let (beyond, filler) = Filler.change(value, at: place, .beyond) {
            if filler.hasChanged { #expect(decoded(Value.self, bytes(beyond)) == nil, "field \(place) of \(beyond)") }
            let changes = (0..<8).compactMap { Filler.change(value, at: place, .sample($0)) }.filter {
                $0.filler.hasChanged
            }
            let read = changes.filter { decoded(Value.self, bytes($0.value)) == $0.value && $0.value != value }
            // Some fields depend on each other.
            #expect(!read.isEmpty || others.count > 1, "field \(place) of \(value)")
            for (changed, filler) in read where filler.keyword != nil {
                let lines = zip(lines(value), lines(changed))
                #expect(lines.contains { $0.bytes != $1.bytes }, "\(filler.keyword ?? "") of \(changed)")
            }
            place += 1
        }
    }

    private static func lines(_ value: some Record) -> [FieldTexts.Line] {
        FieldTexts(of: value, instances: ["a", "b", "c", "d"]).lines
    }

    @Test func everyFieldIsInTheDifference() {
        Self.checkDifference(ConfigurationModel())
        Self.checkDifference(InstanceSettings())
    }

    private static func checkDifference<Value: Record>(_ value: Value) {
        var place = 0
        while let (changed, filler) = Filler.change(value, at: place, .sample(1)) {
            if let keyword = filler.keyword {
                let settings = SettingTexts.differences(value, changed)
                #expect(settings.contains { $0.name == keyword }, "\(keyword): \(settings)")
            }
            place += 1
        }
        #expect(place > 30)
    }

    @Test func flagsHaveWords() {
        func words<Value: FlagSet>(_: Value.Type) -> Value { Value(Value.words.map(\.flag)) }
        #expect(words(AddressFlags.self) == .all)
        #expect(words(InstanceOptions.self) == .all)
        #expect(words(SchedulerFlags.self) == .all)
    }
}
