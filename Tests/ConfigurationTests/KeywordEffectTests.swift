import ConfigurationModel
import Foundation
import Testing

@testable import Configuration

/// Sends every row of the keyword table through the parser: what is said to be read changes the model, and what is said
/// to have no effect doesn't.
@Suite struct KeywordEffectTests {
    /// The model of a scaffold with a text in the place of its `%`, without what depends on how much was left out, and
    /// without faults: that something can't run is no setting.
    ///
    /// - Parameters:
    ///   - allowingErrors: whether the text may have errors; nil is returned for one that has them otherwise.
    ///   - keepsFaults: whether that something can't run is what the text is about.
    private static func model(_ scaffold: String, with text: String, allowingErrors: Bool, keepsFaults: Bool = false)
        -> ConfigurationModel?
    {
        let loaded = load(EffectSamples.fill(scaffold, with: text))
        let first = scaffold.prefix { $0 != "%" }.count { $0 == "\n" } + 1
        let lines = first...(first + text.count { $0 == "\n" })
        let isWrong = loaded.diagnostics.contains { finding in
            finding.severity == .error && finding.location.map { lines.contains($0.line) } ?? true
        }
        guard allowingErrors || text.isEmpty || !isWrong else { return nil }
        var model = loaded.model.withoutPlaces
        model.ignoredSettings = 0
        guard !keepsFaults else { return model }
        for index in model.instances.indices { model.instances[index].faults = [] }
        for index in model.virtualServers.indices { model.virtualServers[index].faults = [] }
        return model
    }

    /// Whether one of these texts changes what one of the scaffolds means. `%` in a scaffold is where the text goes.
    private static func hasEffect(_ texts: [String], in scaffolds: [String], allowingErrors: Bool = false) -> Bool {
        let keepsFaults = texts.contains { EffectSamples.aboutFaults.contains($0.trimmingCharacters(in: .whitespaces)) }
        for scaffold in scaffolds {
            guard let without = model(scaffold, with: "", allowingErrors: true, keepsFaults: keepsFaults) else {
                continue
            }
            for text in texts {
                let with = model(scaffold, with: text, allowingErrors: allowingErrors, keepsFaults: keepsFaults)
                guard let with else { continue }
                if with != without { return true }
            }
        }
        return false
    }

    @Test func whatIsReadChangesTheModel() {
        var idle: [String] = []
        for row in KeywordTable.shared.keywords where row.context != "(lexical)" {
            let isRead = row.status == .acts || row.status == .typed
            guard isRead, !EffectSamples.withoutModel.contains("\(row.context) \(row.name)") else { continue }
            let isFound = Self.hasEffect(
                EffectSamples.texts(of: row), in: EffectSamples.scaffolds(of: row),
                allowingErrors: EffectSamples.isFaulty(row))
            if !isFound {
                idle.append("\(row.context) \(row.name)")
            }
        }
        #expect(idle == [], "\(idle.joined(separator: "\n"))")
    }

    /// That a number is there isn't all: which one it is must matter, too.
    @Test func numbersReachTheModel() {
        var idle: [String] = []
        for row in KeywordTable.shared.keywords where row.status == .acts && !row.name.hasPrefix("(") {
            let title = "\(row.context) \(row.name)"
            guard !EffectSamples.withoutModel.contains(title), let limits = row.limits else { continue }
            let numbers = Set([limits.lowerBound, limits.lowerBound + 1, 2, 3, 7, limits.upperBound])
                .filter { limits.contains($0) }
            let reaches = EffectSamples.scaffolds(of: row).contains { scaffold in
                let models = numbers.compactMap {
                    Self.model(
                        scaffold, with: EffectSamples.text(of: row, number: "\($0)"), allowingErrors: false)
                }
                return models.contains { $0 != models[0] }
            }
            if !reaches { idle.append(title) }
        }
        #expect(idle == [], "\(idle.joined(separator: "\n"))")
    }

    /// What acts is looked at by the programs: one of the properties of the model that a keyword changes is named
    /// outside of what reads, checks, shows and encodes configurations.
    @Test func whatActsIsLookedAt() throws {
        let consumers = try Self.consumers()
        var idle: [String] = []
        for row in KeywordTable.shared.keywords where row.status == .acts && row.context != "(lexical)" {
            let title = "\(row.context) \(row.name)"
            guard !EffectSamples.withoutModel.contains(title), EffectSamples.judged[title] == nil else { continue }
            var changed: Set<String> = []
            let isLookedAt = EffectSamples.scaffolds(of: row).contains { scaffold in
                let keepsFaults = EffectSamples.aboutFaults.contains(row.name)
                let without = Self.model(scaffold, with: "", allowingErrors: true, keepsFaults: keepsFaults)
                guard let without else { return false }
                return EffectSamples.texts(of: row).contains { text in
                    let allowsErrors = EffectSamples.isFaulty(row)
                    let with = Self.model(
                        scaffold, with: text, allowingErrors: allowsErrors, keepsFaults: keepsFaults)
                    guard let with else { return false }
                    let properties = Self.changedProperties(with, without)
                    changed.formUnion(properties)
                    return properties.contains { consumers.contains(".\($0)") }
                }
            }
            if !isLookedAt { idle.append("\(title): nobody looks at \(changed.sorted())") }
        }
        #expect(idle == [], "\(idle.joined(separator: "\n"))")
    }

    /// The text of what runs a configuration.
    private static func consumers() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../Sources")
        return try ["VRRP", "VRRPWorker", "LoadBalancing", "CheckerWorker", "Supervision", "Supervisor"].map { folder in
            let files = FileManager.default.enumerator(
                at: root.appending(path: folder), includingPropertiesForKeys: nil)
            return try (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
                .map { try String(contentsOf: $0, encoding: .utf8) }.joined()
        }.joined()
    }

    /// Names of the properties that differ, those of the values in them included: of an array's elements, too, as long
    /// as there are equally many.
    private static func changedProperties(_ left: Any, _ right: Any) -> Set<String> {
        let (one, other) = (Array(Mirror(reflecting: left).children), Array(Mirror(reflecting: right).children))
        guard one.count == other.count else { return [] }
        var names: Set<String> = []
        for (a, b) in zip(one, other) where String(reflecting: a.value) != String(reflecting: b.value) {
            if let label = a.label, label.first?.isLetter == true { names.insert(label) }
            names.formUnion(changedProperties(a.value, b.value))
        }
        return names
    }

    @Test func whatHasNoEffectChangesNothing() {
        for row in KeywordTable.shared.keywords where row.context != "(lexical)" {
            guard row.status != .acts, row.status != .typed, !EffectSamples.kept.contains("\(row.context) \(row.name)"),
                !row.row.isBlock
            else { continue }
            #expect(
                !Self.hasEffect(EffectSamples.texts(of: row), in: EffectSamples.scaffolds(of: row)),
                "\(row.context) \(row.name)")
        }
    }

    // MARK: - Limits

    /// The printed range is the one that the parser takes: its ends are read, and what is next to them is refused.
    @Test func rangesAreWhatTheParserTakes() {
        var wrong: [String] = []
        for row in KeywordTable.shared.keywords where row.status == .acts || row.status == .typed {
            guard let ends = Self.printedEnds(of: row) else {
                if row.row.value.range != nil { wrong.append("\(row.context) \(row.name): \(row.range)") }
                continue
            }
            // A value in milliseconds has six decimals, too.
            let step = row.row.value.times == nil ? Decimal(1) : Decimal(sign: .plus, exponent: -6, significand: 1)
            for value in [ends.low, ends.high] where !Self.isRead(value, row) {
                wrong.append("\(row.context) \(row.name): \(value) is refused")
            }
            for value in [ends.low - step, ends.high + step] where Self.isReadEverywhere(value, row) {
                wrong.append("\(row.context) \(row.name): \(value) is read")
            }
        }
        #expect(wrong == [], "\(wrong.joined(separator: "\n"))")
    }

    /// `LOW..HIGH` at the beginning of a range.
    private static func printedEnds(of row: Keyword) -> (low: Decimal, high: Decimal)? {
        let powers = ["2^31-1": Decimal(Int(Int32.max)), "2^32-1": Decimal(Int(UInt32.max))]
        let ends = row.range.prefix { $0 != ";" }.components(separatedBy: "..")
            .map { powers[$0] ?? Decimal(string: $0) }
        guard row.row.value.range != nil, ends.count == 2, let low = ends[0], let high = ends[1] else { return nil }
        return (low, high)
    }

    /// Whether a number is read in one of the places of a keyword: what stands beside it may allow less.
    private static func isRead(_ value: Decimal, _ row: Keyword) -> Bool {
        EffectSamples.scaffolds(of: row).contains { complaints(value, row, in: $0).allSatisfy { $0 != .error } }
    }

    private static func isReadEverywhere(_ value: Decimal, _ row: Keyword) -> Bool {
        EffectSamples.scaffolds(of: row).allSatisfy { complaints(value, row, in: $0).isEmpty }
    }

    /// Complaints about a number: errors, and warnings when it's clamped.
    private static func complaints(_ value: Decimal, _ row: Keyword, in scaffold: String) -> [Severity] {
        let line = scaffold.prefix { $0 != "%" }.count { $0 == "\n" } + 1
        let patterns = [" is \\S+( s)? to ", "isn't a (whole )?number", "isn't a status code"]
        return load(EffectSamples.fill(scaffold, with: EffectSamples.text(of: row, number: "\(value)"))).diagnostics
            .filter { finding in
                finding.location?.line == line
                    && patterns.contains { finding.message.range(of: $0, options: .regularExpression) != nil }
            }.map(\.severity)
    }
}
