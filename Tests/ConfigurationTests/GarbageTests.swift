import Base
import ConfigurationModel
import Foundation
import Testing

@testable import Configuration

/// Text that nobody meant: the parser ends, says something, and its result can be encoded.
@Suite struct GarbageTests {
    @discardableResult
    private func survive(_ bytes: [UInt8]) -> LoadedConfiguration {
        let loaded = load(bytes: bytes, Environment(interfaces: ["eth0"], configID: "a"))
        let model = loaded.model
        let decoded = model.encode().withUnsafeBytes { try? EncodedModel($0).decode() }
        #expect(decoded == model)
        for diagnostic in loaded.diagnostics { _ = diagnostic.rendered(inColour: false) }
        let preprocessor = preprocessed(bytes)
        #expect(preprocessor.usesLeft >= -Self.lastUse)
        #expect(preprocessor.text.bytes.count <= bytes.count + 2 * Preprocessor.maximumGenerated)
        return loaded
    }

    /// Lines of the value whose use is one too many.
    private static let lastUse = 100_000

    private func preprocessed(_ bytes: [UInt8]) -> Preprocessor {
        var files = SampleFiles([:])
        files.files["t.conf"] = bytes
        var preprocessor = Preprocessor(files, Environment(configID: "a"))
        _ = preprocessor.run(mainPath: "t.conf")
        return preprocessor
    }

    /// `{` minus `}` in what the preprocessor leaves.
    private func openBlocks(_ bytes: [UInt8]) -> Int {
        preprocessed(bytes).text.tokens.reduce(0) { $0 + ($1.kind == .open ? 1 : $1.kind == .close ? -1 : 0) }
    }

    /// What is broken is said: a block that isn't closed, or nothing that could be started with.
    private func expectFindings(_ bytes: [UInt8], _ name: String) {
        let loaded = survive(bytes)
        #expect(loaded.canStart || loaded.hasErrors, "\(name) cut at \(bytes.count)")
        if openBlocks(bytes) > 0 { #expect(loaded.hasErrors, "\(name) cut at \(bytes.count)") }
    }

    /// A file that was cut, at any line or anywhere, is read to its end, and what is missing is said.
    @Test func cutCorpus() throws {
        var random = SeededRandom(seed: 17)
        for sample in try Corpus.samples() {
            var cuts = sample.bytes.indices.filter { sample.bytes[$0] == Byte.newline }.map { $0 + 1 }
            for _ in 0..<40 { cuts.append(Int.random(in: 0...sample.bytes.count, using: &random)) }
            for cut in cuts { expectFindings(Array(sample.bytes[..<cut]), sample.id) }
        }
    }

    @Test func prefixesOfTheCorpus() throws {
        // Every prefix of every file takes minutes: `make test LONG=1`.
        let isLong = ProcessInfo.processInfo.environment["LONG"].map { !$0.isEmpty } ?? false
        for sample in try Corpus.samples() where isLong || sample.bytes.count < 700 {
            for length in 0..<sample.bytes.count { expectFindings(Array(sample.bytes[..<length]), sample.id) }
        }
    }

    @Test func mutatedCorpus() throws {
        var random = SeededRandom(seed: 3)
        let pieces = ["{", "}", "\"", "$", "~SEQ(", ")", "@a ", "\\\n", "include ", "\n", "\0", "'", "#", "${"]
        // Definitions of a few names meet each other, and themselves.
        let names = ["A", "B", "C"]
        func definition() -> String {
            let name = { names.randomElement(using: &random) ?? "A" }
            return switch Int.random(in: 0..<5, using: &random) {
            case 0: "\n$\(name())=\\\n$\(name()) x\\\n$\(name())\n$\(name())\n"
            case 1: "\n$\(name())=${\(name())}y${\(name())}\n"
            case 2: "\n$\(name())=~SEQ(\(name()), 3) ${\(name())}\n"
            case 3: "\n~SEQ(I, 9) ${\(name())} ${I}\n"
            default: "${\(name())}"
            }
        }
        for sample in try Corpus.samples() {
            for _ in 0..<8 {
                var bytes = sample.bytes
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    let place = Int.random(in: 0...bytes.count, using: &random)
                    if Int.random(in: 0..<4, using: &random) == 0 {
                        bytes.insert(contentsOf: definition().utf8, at: place)
                    } else if Bool.random(using: &random), let piece = pieces.randomElement(using: &random) {
                        bytes.insert(contentsOf: piece.utf8, at: place)
                    } else if place < bytes.count {
                        bytes[place] = UInt8.random(in: 0...255, using: &random)
                    }
                }
                survive(bytes)
            }
        }
    }

    @Test func randomBytes() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<200 { survive((0..<400).map { _ in UInt8.random(in: 0...255, using: &random) }) }
        survive(Array(repeating: Byte.open, count: 100_000))
        survive(Array(repeating: Byte.close, count: 100_000))
        survive(Array(String(repeating: "vrrp_instance{", count: 20_000).utf8))
        survive(Array(String(repeating: "vrrp_instance {\n", count: 20_000).utf8))
        survive(Array(String(repeating: "$A=\\\n", count: 20_000).utf8))
        survive(Array(String(repeating: "@a ", count: 300).utf8))
    }
}
