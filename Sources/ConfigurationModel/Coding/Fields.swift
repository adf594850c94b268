import Base

/// The value of a field of the configuration: its form in bytes and its text.
package protocol FieldValue: Hashable, Sendable {
    /// - Throws: `truncated`, and `invalid` for what the type can't be.
    init(from reader: inout ByteReader) throws(ByteError)
    func write(to writer: inout ByteWriter)
    /// As an operator writes it.
    var fieldText: String { get }
    /// The same behind its keyword: nil when it isn't set, empty for a flag that is.
    var settingText: String? { get }
}

/// A structure that lists its fields once, for everybody who has to know them all: the writer and the reader of bytes, the
/// difference of two configurations, and the tests.
package protocol Record: FieldValue {
    /// The value that a reader begins with.
    init()
    mutating func visit(_ fields: inout some Fields) throws(ByteError)
}

/// An enumeration whose cases have fields: `visit` lists those of its case.
package protocol Choice: Record {
    /// One value of each case, in the order of their numbers.
    static var cases: [Self] { get }
    /// Place of its case among `cases`.
    var number: UInt8 { get }
}

/// Flags of which each has a word.
package protocol FlagSet: OptionSet, FieldValue where RawValue: FieldValue, Element == Self {
    static var words: [(flag: Self, word: String)] { get }
    static var all: Self { get }
}

/// A visitor, to which a record lists its fields. Only a reader throws.
package protocol Fields {
    /// A field that is no setting: a place in the files, or what follows from others.
    mutating func unlisted<Value: FieldValue>(_ value: inout Value) throws(ByteError)
    mutating func field<Value: FieldValue>(_ keyword: String, _ value: inout Value) throws(ByteError)
    mutating func field<Value: FieldValue>(
        _ keyword: String, _ value: inout Value, text: (Value) -> String?
    ) throws(ByteError)
    mutating func field<Value: FieldValue & Comparable>(
        _ keyword: String, _ value: inout Value, in limits: ClosedRange<Value>
    ) throws(ByteError)
    mutating func field<Value: FieldValue & Comparable>(
        _ keyword: String, _ value: inout Value?, in limits: ClosedRange<Value>
    ) throws(ByteError)
    /// Nobody may read it.
    mutating func secret<Value: FieldValue>(_ keyword: String, _ value: inout Value?) throws(ByteError)
    mutating func flags<Value: FlagSet>(_ keyword: String, _ value: inout Value) throws(ByteError)
    /// A program and its arguments.
    mutating func command(_ keyword: String, _ words: inout [String]) throws(ByteError)
    /// Entries, of which each says all of itself.
    mutating func list<Value: FieldValue>(_ keyword: String, _ values: inout [Value]) throws(ByteError)
    /// Blocks, which are told apart by their names.
    mutating func blocks<Value: Record>(
        _ keyword: String, _ values: inout [Value], name: (Value) -> String
    ) throws(ByteError)
    /// Places of instances, which change when others come before them.
    mutating func members(_ keyword: String, _ places: inout [Int]) throws(ByteError)
    /// The fields of a part, whose keywords may have a prefix in common.
    mutating func part<Value: Record>(_ value: inout Value, prefix: String) throws(ByteError)
    mutating func part<Value: Record>(_ value: inout OutOfLine<Value>?) throws(ByteError)
    /// A keyword without a value, of a case without fields.
    mutating func word(_ word: String)
    /// Throws in a reader when the condition, on which the record's users rely, doesn't hold.
    mutating func require(_ condition: @autoclosure () -> Bool) throws(ByteError)
}

extension Fields {
    package mutating func field<Value: FieldValue>(_: String, _ value: inout Value) throws(ByteError) {
        try unlisted(&value)
    }
    package mutating func field<Value: FieldValue>(
        _ keyword: String, _ value: inout Value, text: (Value) -> String?
    ) throws(ByteError) {
        try field(keyword, &value)
    }
    package mutating func field<Value: FieldValue & Comparable>(
        _ keyword: String, _ value: inout Value, in limits: ClosedRange<Value>
    ) throws(ByteError) {
        try field(keyword, &value)
        try require(limits.contains(value))
    }
    package mutating func field<Value: FieldValue & Comparable>(
        _ keyword: String, _ value: inout Value?, in limits: ClosedRange<Value>
    ) throws(ByteError) {
        try field(keyword, &value)
        try require(value.map(limits.contains) ?? true)
    }
    package mutating func secret<Value: FieldValue>(_ keyword: String, _ value: inout Value?) throws(ByteError) {
        try field(keyword, &value)
    }
    package mutating func flags<Value: FlagSet>(_ keyword: String, _ value: inout Value) throws(ByteError) {
        try field(keyword, &value)
    }
    package mutating func command(_ keyword: String, _ words: inout [String]) throws(ByteError) {
        try field(keyword, &words)
        // Whoever starts it takes the first word as the program.
        try require(!words.isEmpty)
    }
    package mutating func list<Value: FieldValue>(_ keyword: String, _ values: inout [Value]) throws(ByteError) {
        try field(keyword, &values)
    }
    package mutating func blocks<Value: Record>(
        _ keyword: String, _ values: inout [Value], name: (Value) -> String
    ) throws(ByteError) {
        try field(keyword, &values)
    }
    package mutating func members(_ keyword: String, _ places: inout [Int]) throws(ByteError) {
        try field(keyword, &places)
    }
    package mutating func part<Value: Record>(_ value: inout Value, prefix: String) throws(ByteError) {
        try value.visit(&self)
    }
    package mutating func part<Value: Record>(_ value: inout Value) throws(ByteError) {
        try part(&value, prefix: "")
    }
    package mutating func part<Value: Record>(_ value: inout OutOfLine<Value>?) throws(ByteError) {
        try unlisted(&value)
    }
    package mutating func word(_: String) {}
    package mutating func require(_: @autoclosure () -> Bool) throws(ByteError) {}
}
