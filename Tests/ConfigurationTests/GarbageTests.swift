import Base
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
        _ = loaded.renderedDiagnostics()
        return loaded
    }

    /// `{` minus `}` in what the preprocessor leaves.
    private func openBlocks(_ bytes: [UInt8]) -> Int {
        var files = SampleFiles([:])
        files.files["t.conf"] = bytes
        var preprocessor = Preprocessor(files, Environment())
        _ = preprocessor.run(mainPath: "t.conf")
        return preprocessor.text.tokens.reduce(0) { $0 + ($1.kind == .open ? 1 : $1.kind == .close ? -1 : 0) }
    }

    /// A file that was cut, at any line or anywhere, is read to its end, and what is missing is said.
    @Test func cutCorpus() throws {
        var random = SeededRandom(seed: 17)
        for sample in try Corpus.samples() {
            var cuts = sample.bytes.indices.filter { sample.bytes[$0] == Byte.newline }.map { $0 + 1 }
            for _ in 0..<40 { cuts.append(Int.random(in: 0...sample.bytes.count, using: &random)) }
            for cut in cuts {
                let bytes = Array(sample.bytes[..<cut])
                let loaded = survive(bytes)
                #expect(loaded.canStart || loaded.hasErrors, "\(sample.id) cut at \(cut)")
                if openBlocks(bytes) > 0 { #expect(loaded.hasErrors, "\(sample.id) cut at \(cut)") }
            }
        }
    }

    @Test func prefixesOfTheCorpus() throws {
        for sample in try Corpus.samples() where sample.bytes.count < 700 {
            for length in 0..<sample.bytes.count { survive(Array(sample.bytes[..<length])) }
        }
    }

    @Test func mutatedCorpus() throws {
        var random = SeededRandom(seed: 3)
        let pieces = ["{", "}", "\"", "$", "~SEQ(", ")", "@a ", "\\\n", "include ", "\n", "\0", "'", "#", "${"]
        for sample in try Corpus.samples() {
            for _ in 0..<8 {
                var bytes = sample.bytes
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    let place = Int.random(in: 0...bytes.count, using: &random)
                    if Bool.random(using: &random), let piece = pieces.randomElement(using: &random) {
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
