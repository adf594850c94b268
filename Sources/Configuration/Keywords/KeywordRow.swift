import ConfigurationModel

/// A row of the keyword table's text: where its fields stand. Nothing of it is copied, because each start and reload makes
/// the table, and most of what it says is for people.
struct KeywordRow: Sendable {
    /// The fields in their order.
    enum Field: Int, CaseIterable {
        case name
        case arguments
        case defaultValue
        case range
        case status
        case meaning
    }

    private let rows: StaticString
    /// Where each field begins, and where one behind the last would.
    private let starts: InlineArray<7, UInt32>

    /// A line as a row; nil when it has another number of fields.
    init?(_ rows: StaticString, _ line: Range<Int>) {
        var starts = InlineArray<7, UInt32>(repeating: UInt32(line.lowerBound))
        var count = 0
        for place in line where rows.utf8Start[place] == UInt8(ascii: "\t") {
            count += 1
            guard count < Field.allCases.count else { return nil }
            starts[count] = UInt32(place + 1)
        }
        guard count + 1 == Field.allCases.count else { return nil }
        starts[count + 1] = UInt32(line.upperBound + 1)
        self.rows = rows
        self.starts = starts
    }

    /// A field's bytes, which stay where they are for as long as the program runs.
    subscript(field: Field) -> UnsafeBufferPointer<UInt8> {
        let range = Int(starts[field.rawValue])..<Int(starts[field.rawValue + 1]) - 1
        return Self.bytes(rows, range)
    }

    /// A field for people.
    func text(_ field: Field) -> String { String(decoding: self[field], as: UTF8.self) }

    static func bytes(_ text: StaticString, _ range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: text.utf8Start + range.lowerBound, count: range.count)
    }

    /// Each line that isn't empty.
    static func forEachLine(of text: StaticString, _ body: (Range<Int>) -> Void) {
        var start = 0
        let end = text.utf8CodeUnitCount
        for place in 0...end where place == end || text.utf8Start[place] == UInt8(ascii: "\n") {
            if place > start { body(start..<place) }
            start = place + 1
        }
    }

    /// What stands in a line's square brackets; nil when it isn't a heading.
    static func heading(_ text: StaticString, _ line: Range<Int>) -> UnsafeBufferPointer<UInt8>? {
        let bytes = bytes(text, line)
        guard bytes.begins(with: "["), bytes.ends(with: "]") else { return nil }
        return UnsafeBufferPointer(rebasing: bytes[1..<bytes.count - 1])
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether it is this text.
    func equals(_ text: StaticString) -> Bool { count == text.utf8CodeUnitCount && has(text, at: 0) }

    /// Whether it begins like this.
    func begins(with text: StaticString) -> Bool { has(text, at: 0) }

    /// Whether it ends like this.
    func ends(with text: StaticString) -> Bool { has(text, at: count - text.utf8CodeUnitCount) }

    /// Whether this stands in it.
    func holds(_ text: StaticString) -> Bool {
        let first = text.utf8Start[0]
        return indices.contains { self[$0] == first && has(text, at: $0) }
    }

    private func has(_ text: StaticString, at place: Int) -> Bool {
        guard place >= 0, count - place >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where self[place + index] != text.utf8Start[index] { return false }
        return true
    }
}
