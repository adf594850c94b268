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

@Suite struct CorpusTests {
    /// Lines at which keepalived complains about the text, not about the machine it ran on.
    private func lines(of sample: Corpus.Sample) -> Set<Int> {
        let aboutTheMachine = ["WARNING - interface", "doesn't exist"]
        // Members of sync groups aren't looked at yet.
        let notHandled = "Sync group"
        return Set(
            sample.messages.compactMap { message in
                guard let range = message.firstRange(of: /Line ([0-9]+)\)/),
                    !aboutTheMachine.contains(where: message.contains), !message.contains(notHandled)
                else { return nil }
                return Int(message[range].dropFirst(5).dropLast())
            })
    }

    @Test func agreement() throws {
        var agreed = 0
        var silent = 0
        for sample in try Corpus.samples() {
            let loaded = load(bytes: sample.bytes)
            let found = Set(loaded.diagnostics.filter { $0.severity != .note }.compactMap { $0.location?.line })
            let missed = lines(of: sample).subtracting(found)
            #expect(missed.isEmpty, "\(sample.id): nothing said about lines \(missed.sorted())")
            if missed.isEmpty { agreed += 1 }
            if sample.exit == 0 {
                #expect(!loaded.hasErrors, "\(sample.id): \(loaded.findings)")
                silent += 1
            }
            #expect(loaded.canStart, "\(sample.id)")
        }
        print("corpus: \(agreed) files agree line by line; \(silent) clean files stay without an error")
    }
}
