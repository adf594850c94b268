import Base

/// The settings of a record, each under its keyword.
package struct FieldTexts: Fields {
    /// The text of a setting.
    package enum Text {
        /// One value; nil when it isn't set, empty for a flag that is.
        case value(String?)
        case entries([String])
        /// Blocks by their names; the bytes tell whether one is another than before.
        case blocks([(name: String, bytes: [UInt8])])
        case secret(isSet: Bool)
    }

    package struct Line {
        package var keyword: String
        /// Bytes that differ for each value, also where the text doesn't.
        package var bytes: [UInt8]
        /// Made only for the few that are of interest: a configuration has hundreds of thousands.
        package var text: () -> Text

        /// Keyword and value; nil when there is nothing to say.
        fileprivate var words: String? {
            let value: String? =
                switch text() {
                case .value(let value): value
                case .entries(let entries): entries.isEmpty ? nil : entries.joined(separator: " ")
                case .blocks(let blocks): blocks.isEmpty ? nil : blocks.map(\.name).joined(separator: " ")
                case .secret(let isSet): isSet ? "" : nil
                }
            guard let value else { return nil }
            return [keyword, value].filter { !$0.isEmpty }.joined(separator: " ")
        }
    }

    package private(set) var lines: [Line] = []
    private var prefix = ""
    private let instances: [String]

    /// - Parameter instances: the names that `members` refers to.
    package init(of record: some Record, instances: [String] = []) {
        self.instances = instances
        var copy = record
        try? copy.visit(&self)
    }

    fileprivate static func words(of lines: some Sequence<Line>) -> String {
        lines.compactMap(\.words).joined(separator: " ")
    }

    private mutating func add(_ keyword: String, _ value: some FieldValue, _ text: @escaping () -> Text) {
        var writer = ByteWriter()
        value.write(to: &writer)
        lines.append(Line(keyword: prefix + keyword, bytes: writer.bytes, text: text))
    }

    package func unlisted<Value: FieldValue>(_: inout Value) {}

    package mutating func field<Value: FieldValue>(_ keyword: String, _ value: inout Value) {
        add(keyword, value) { [value] in .value(value.settingText) }
    }

    package mutating func field<Value: FieldValue>(
        _ keyword: String, _ value: inout Value, text: (Value) -> String?
    ) {
        let text = text(value)
        add(keyword, value) { .value(text) }
    }

    package mutating func secret<Value: FieldValue>(_ keyword: String, _ value: inout Value?) {
        let isSet = value != nil
        add(keyword, value) { .secret(isSet: isSet) }
    }

    package mutating func flags<Value: FlagSet>(_ keyword: String, _ value: inout Value) {
        add(keyword, value) { [value] in .entries(Value.words.filter { value.contains($0.flag) }.map(\.word)) }
    }

    package mutating func command(_ keyword: String, _ words: inout [String]) {
        add(keyword, words) { [words] in .value("\"\(words.joined(separator: " "))\"") }
    }

    package mutating func list<Value: FieldValue>(_ keyword: String, _ values: inout [Value]) {
        add(keyword, values) { [values] in .entries(values.map(\.fieldText)) }
    }

    package mutating func blocks<Value: Record>(
        _ keyword: String, _ values: inout [Value], name: (Value) -> String
    ) {
        let blocks = values.map { value in
            (name: name(value), bytes: FieldTexts(of: value, instances: instances).lines.flatMap(\.bytes))
        }
        lines.append(Line(keyword: keyword, bytes: blocks.flatMap(\.bytes)) { .blocks(blocks) })
    }

    package mutating func members(_ keyword: String, _ places: inout [Int]) {
        var names = places.compactMap { instances.indices.contains($0) ? instances[$0] : nil }
        list(keyword, &names)
    }

    package mutating func part<Value: Record>(_ value: inout Value, prefix: String) {
        self.prefix = prefix
        try? value.visit(&self)
        self.prefix = ""
    }

    package mutating func part<Value: Record>(_ value: inout OutOfLine<Value>?) {
        // Without it there are as many lines.
        var inside = value?.value ?? Value()
        try? inside.visit(&self)
    }

    package mutating func word(_ word: String) {
        lines.append(Line(keyword: word, bytes: []) { .value("") })
    }
}

extension FieldValue {
    package var fieldText: String { "\(self)" }
    package var settingText: String? { fieldText }
}

extension Record {
    /// The fields that aren't as they are when nothing is said. What has no keyword is always said.
    package var fieldText: String {
        let pairs = zip(FieldTexts(of: self).lines, FieldTexts(of: Self()).lines)
        return FieldTexts.words(of: pairs.lazy.filter { $0.keyword.isEmpty || $0.bytes != $1.bytes }.map { $0.0 })
    }
    package var settingText: String? { self == Self() ? nil : fieldText }
}

extension Choice {
    package var fieldText: String { FieldTexts.words(of: FieldTexts(of: self).lines) }
    package var settingText: String? { fieldText }
}
