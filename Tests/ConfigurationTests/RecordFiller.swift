import Base
import ConfigurationModel
import Synchronization

/// Values of a type for the tests of records.
private protocol Sampled {
    static var samples: [Self] { get }
}

extension UInt64: Sampled {
    static var samples: [UInt64] { [0, 1, 2, 1 << 40] }
}
extension Int: Sampled {
    static var samples: [Int] { [1, 2, 3, -1, 0] }
}
extension String: Sampled {
    static var samples: [String] { ["a", "b", "c"] }
}
extension Interval: Sampled {
    static var samples: [Interval] { [.seconds(1), .seconds(2), .milliseconds(3)] }
}
extension IPAddress: Sampled {
    static var samples: [IPAddress] {
        [IPAddress(v4: 0x0a00_0001), IPAddress(v4: 0x0a00_0002), IPAddress(v6High: 1, low: 2)]
    }
}
extension Prefix: Sampled {
    static var samples: [Prefix] { IPAddress.samples.map { Prefix(host: $0) } }
}
extension MACAddress: Sampled {
    static var samples: [MACAddress] { [MACAddress(bits: 0), MACAddress(bits: 1)] }
}
extension Optional: Sampled where Wrapped: FieldValue {
    static var samples: [Wrapped?] { ConfigurationTests.samples(of: Wrapped.self).map { $0 } + [nil] }
}
extension Array: Sampled where Element: FieldValue {
    /// Of bytes as many as keys and digests have, too.
    static var samples: [[Element]] {
        let elements = ConfigurationTests.samples(of: Element.self)
        let counts = Element.self == UInt8.self ? [32, 16, 8, 1, 33] : [1]
        return counts.flatMap { count in elements.prefix(3).map { Array(repeating: $0, count: count) } } + [[]]
    }
}
extension ClosedRange: Sampled where Bound: FieldValue & FixedWidthInteger {
    static var samples: [ClosedRange<Bound>] {
        [200...299, 200...200, 255...300].map { Bound($0.lowerBound)...Bound($0.upperBound) }
    }
}
extension OutOfLine: Sampled where Value: FieldValue {
    static var samples: [OutOfLine] { ConfigurationTests.samples(of: Value.self).map { OutOfLine($0) } }
}

/// Values of each type, once they are known.
private let known = Mutex<[ObjectIdentifier: any Sendable]>([:])

/// Some values of a type, of records those that can be read again.
func samples<Value: FieldValue>(of type: Value.Type) -> [Value] {
    let id = ObjectIdentifier(type)
    if let found = known.withLock({ $0[id] }) as? [Value] { return found }
    let found = newSamples(of: type)
    known.withLock { $0[id] = found }
    return found
}

private func newSamples<Value: FieldValue>(of type: Value.Type) -> [Value] {
    if let type = type as? any Sampled.Type { return type.samples as? [Value] ?? [] }
    if let type = type as? any Record.Type { return records(type) as? [Value] ?? [] }
    if let type = type as? any CaseIterable.Type { return allCases(type) as? [Value] ?? [] }
    // Numbers, enumerations and flags.
    return [1, 2, 4].flatMap { length in
        (UInt8(0)...255).compactMap { byte in decoded(type, Array(repeating: 0, count: length - 1) + [byte]) }
    }
}

private func allCases<Value: CaseIterable>(_ type: Value.Type) -> [Any] { type.allCases.map { $0 } }

private func records<Value: Record>(_ type: Value.Type) -> [Value] {
    let beginnings = (type as? any Choice.Type).map { allChoices($0) as? [Value] ?? [] } ?? [Value()]
    return beginnings.flatMap { beginning in
        let values = (0..<12).map { Filler.filled(beginning, with: $0) } + [beginning]
        return values.filter { decoded(type, bytes($0)) == $0 }.prefix(3)
    }
}

private func allChoices<Value: Choice>(_ type: Value.Type) -> [Any] { type.cases }

func bytes(_ value: some FieldValue) -> [UInt8] {
    var writer = ByteWriter()
    value.write(to: &writer)
    return writer.bytes
}

/// A value of all of these bytes; nil when they are refused.
func decoded<Value: FieldValue>(_: Value.Type, _ bytes: some Collection<UInt8>) -> Value? {
    Array(bytes).withUnsafeBytes { bytes in
        var reader = ByteReader(bytes)
        guard let value = try? Value(from: &reader), reader.remaining == 0 else { return nil }
        return value
    }
}

/// Gives fields of a record another value.
struct Filler: Fields {
    /// What becomes of a field.
    enum Purpose {
        /// One of its type's values that it doesn't have.
        case sample(Int)
        /// A number that is too large or, when that isn't one, too small.
        case beyond
    }
    /// Place of the field in the order of the list; nil for all of them.
    let target: Int?
    let purpose: Purpose
    private var place = 0
    private var prefix = ""
    /// Keyword of the field that was changed; nil for one that has none.
    private(set) var keyword: String?
    private(set) var hasChanged = false
    /// Whether there was a target.
    var hasTarget: Bool { target.map { $0 < place } ?? true }

    private init(target: Int?, _ purpose: Purpose) {
        self.target = target
        self.purpose = purpose
    }

    /// The value with one field changed; nil when it has no field at this place.
    static func change<Value: Record>(
        _ value: Value, at target: Int, _ purpose: Purpose
    ) -> (value: Value, filler: Filler)? {
        var filler = Filler(target: target, purpose)
        var copy = value
        try? copy.visit(&filler)
        return filler.hasTarget ? (copy, filler) : nil
    }

    static func filled<Value: Record>(_ value: Value, with number: Int) -> Value {
        var filler = Filler(target: nil, .sample(number))
        var copy = value
        try? copy.visit(&filler)
        return copy
    }

    private mutating func isTarget() -> Bool {
        defer { place += 1 }
        return target.map { $0 == place } ?? true
    }

    private mutating func change<Value: FieldValue>(_ value: inout Value, _ keyword: String?, to candidates: [Value]) {
        guard isTarget(), case .sample(let number) = purpose else { return }
        let others = candidates.filter { $0 != value }
        guard !others.isEmpty else { return }
        value = others[number % others.count]
        (self.keyword, hasChanged) = (keyword.map { prefix + $0 }, true)
    }

    mutating func unlisted<Value: FieldValue>(_ value: inout Value) {
        change(&value, nil, to: samples(of: Value.self))
    }

    mutating func field<Value: FieldValue>(_ keyword: String, _ value: inout Value) {
        change(&value, keyword, to: samples(of: Value.self))
    }

    mutating func field<Value: FieldValue & Comparable>(
        _ keyword: String, _ value: inout Value, in limits: ClosedRange<Value>
    ) {
        var optional: Value? = value
        field(keyword, &optional, in: limits)
        value = optional ?? value
    }

    mutating func field<Value: FieldValue & Comparable>(
        _ keyword: String, _ value: inout Value?, in limits: ClosedRange<Value>
    ) {
        if case .beyond = purpose {
            guard isTarget(), let beyond = beyond(limits) else { return }
            (value, hasChanged) = (beyond, true)
        } else {
            let inside = samples(of: Value.self).filter(limits.contains)
            change(&value, keyword, to: [limits.lowerBound, limits.upperBound] + inside)
        }
    }

    mutating func part<Value: Record>(_ value: inout Value, prefix: String) {
        self.prefix = prefix
        try? value.visit(&self)
        self.prefix = ""
    }

    mutating func part<Value: Record>(_ value: inout OutOfLine<Value>?) {
        var inside = value?.value ?? Value()
        try? inside.visit(&self)
        if inside != value?.value ?? Value() { value = OutOfLine(inside) }
    }
}

private func beyond<Value: Comparable>(_ limits: ClosedRange<Value>) -> Value? {
    let (low, high) = (limits.lowerBound, limits.upperBound)
    return switch (low, high) {
    case (_, let high as Int): high + 1 as? Value
    case (let low as UInt8, let high as UInt8): (high < .max ? high + 1 : low - 1) as? Value
    case (let low as Priority, _): Priority(rawValue: low.rawValue - 1) as? Value
    case (_, let high as Interval): Interval(nanoseconds: high.nanoseconds + 1) as? Value
    default: nil
    }
}
