import ConfigurationModel
import Foundation
import Testing

@testable import Configuration

/// Configurations of strangers, with what keepalived says about them (Tests/Corpus/index.tsv).
enum Corpus {
    struct Sample {
        var id: String
        var bytes: [UInt8]
        var exit: Int
        var messages: [String]
    }

    static func samples() throws -> [Sample] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Corpus")
        let index = try String(contentsOf: folder.appending(path: "index.tsv"), encoding: .utf8)
        return try index.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            return Sample(
                id: fields[0], bytes: Array(try Data(contentsOf: folder.appending(path: fields[0] + ".conf"))),
                exit: Int(fields[7]) ?? -1, messages: fields.count > 8 ? fields[8].components(separatedBy: " | ") : [])
        }
    }
}

/// What keepalived and hasup say about one file, line by line.
struct Agreement {
    var id: String
    var lineCount: Int
    /// Lines at which keepalived complains about the text, not about the machine it ran on.
    var named: Set<Int>
    /// Those at which hasup says nothing.
    var missed: Set<Int>
    /// Those at which hasup only says that it doesn't handle the keyword yet: no judgement of the text.
    var unjudged: Set<Int>
    /// What keepalived says about the text without a line, and hasup doesn't.
    var unsaid: [String]
    /// How much keepalived says about the text without a line.
    var unplacedCount: Int
    /// Lines with an error of hasup's at which keepalived says nothing.
    var alone: Set<Int>
    /// keepalived has nothing to say and takes the file.
    var isClean: Bool
    var errorCount: Int
    var warningCount: Int

    /// What keepalived takes is taken, and what it complains about is complained about.
    var isGiven: Bool { missed.isEmpty && unjudged.isEmpty && unsaid.isEmpty && !(isClean && errorCount > 0) }

    /// What keepalived says without a line, and the words of hasup's finding about the same thing; nil when it is about
    /// the machine that the samples were judged on.
    /// An error on what `cause` names says it, too: what follows from it isn't told twice.
    private static let unplaced: [(reference: String, own: String?, cause: String)] = [
        ("Disabling track script", nil, ""), ("SECURITY VIOLATION", nil, ""), ("Non-existent interface", nil, ""),
        ("Unknown interface", nil, ""), ("WARNING - interface", nil, ""), ("doesn't exist", nil, ""),
        ("virtual router id must be set", "virtual_router_id is missing", "virtual_router_id"),
        ("No VIP specified", "no virtual address", "isn't an IP address"),
        ("nopreempt will not work", "`nopreempt` has no effect with `state MASTER`", ""),
        ("protocol will be ignored", "`protocol`", ""), ("has only 1 virtual router", "has only one member", ""),
        ("since own interface", "own interface", ""),
    ]

    init(_ sample: Corpus.Sample, _ loaded: LoadedConfiguration) {
        let aboutTheMachine = ["WARNING - interface", "doesn't exist"]
        // keepalived misses members where the block ends; hasup says so where the group's name is.
        let elsewhere = "has no members"
        id = sample.id
        lineCount = sample.bytes.count { $0 == Byte.newline }
        named = Set(
            sample.messages.compactMap { message in
                guard let range = message.firstRange(of: /Line ([0-9]+)\)/),
                    !aboutTheMachine.contains(where: message.contains), !message.contains(elsewhere)
                else { return nil }
                return Int(message[range].dropFirst(5).dropLast())
            })
        let said = loaded.diagnostics.filter { $0.severity != .note }
        missed = named.subtracting(said.compactMap { $0.location?.line })
        let judged = said.filter { $0.code != .notYet }
        unjudged = named.subtracting(judged.compactMap { $0.location?.line }).subtracting(missed)
        let placeless = sample.messages.filter { message in
            guard !message.isEmpty, message.firstRange(of: /Line [0-9]+\)/) == nil else { return false }
            let known = Self.unplaced.first { message.contains($0.reference) }
            return known == nil || known?.own != nil
        }
        unplacedCount = placeless.count
        unsaid = placeless.filter { message in
            guard let known = Self.unplaced.first(where: { message.contains($0.reference) }), let own = known.own
            else { return true }
            return !judged.contains { finding in
                finding.message.contains(own)
                    || finding.severity == .error && !known.cause.isEmpty
                        && (finding.message + (finding.sourceLine ?? "")).contains(known.cause)
            }
        }
        alone = Set(said.filter { $0.severity == .error }.compactMap { $0.location?.line }).subtracting(named)
        isClean = sample.exit == 0
        errorCount = loaded.errorCount
        warningCount = loaded.warningCount
    }

    static let header = row(
        "file", "lines", "keepalived", "errors", "warnings", "named", "found", "not yet", "without line", "found",
        "only hasup's", "agree")

    var row: String {
        Self.row(
            id, "\(lineCount)", isClean ? "takes it" : "complains", "\(errorCount)", "\(warningCount)",
            "\(named.count)", "\(named.count - missed.count - unjudged.count)", "\(unjudged.count)", "\(unplacedCount)",
            "\(unplacedCount - unsaid.count)", "\(alone.count)", isGiven ? "yes" : "NO")
    }

    private static func row(_ cells: String...) -> String {
        cells.map { $0.padding(toLength: 14, withPad: " ", startingAt: 0) }.joined()
    }
}

@Suite struct CorpusTests {
    /// Prints the table; `make agreement` shows it.
    @Test func agreement() throws {
        var table: [Agreement] = []
        for sample in try Corpus.samples() {
            let loaded = load(bytes: sample.bytes)
            let agreement = Agreement(sample, loaded)
            table.append(agreement)
            #expect(agreement.missed.isEmpty, "\(sample.id): nothing said about lines \(agreement.missed.sorted())")
            #expect(agreement.unsaid.isEmpty, "\(sample.id): nothing said about \(agreement.unsaid)")
            #expect(!agreement.isClean || !loaded.hasErrors, "\(sample.id): \(loaded.findings)")
            #expect(loaded.canStart, "\(sample.id)")
        }
        let named = table.reduce(0) { $0 + $1.named.count }
        let missed = table.reduce(0) { $0 + $1.missed.count }
        let unjudged = table.reduce(0) { $0 + $1.unjudged.count }
        let unplaced = table.reduce(0) { $0 + $1.unplacedCount }
        let unsaid = table.reduce(0) { $0 + $1.unsaid.count }
        let alone = table.reduce(0) { $0 + $1.alone.count }
        let text =
            ([Agreement.header] + table.map(\.row)).joined(separator: "\n") + """

                agreement: \(table.count { $0.isGiven }) of \(table.count) files; \
                \(named - missed - unjudged) of \(named) lines that keepalived complains about, and \(unjudged) more whose \
                keyword isn't handled yet; \(unplaced - unsaid) of \(unplaced) complaints without a line; \(table.count { $0.isClean }) clean files stay without an error; \
                \(alone) lines with an error of hasup's alone
                """
        print(text)
    }
}
