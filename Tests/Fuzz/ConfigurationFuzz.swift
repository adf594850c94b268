import Base
import Configuration
import ConfigurationModel
import Foundation

/// The configuration's text. Every file that it includes is itself.
enum ConfigurationFuzz: FuzzTarget {
    private struct Mirror: FileProvider {
        var bytes: [UInt8]
        func read(path: String) -> Result<[UInt8], FileError> { .success(bytes) }
        func glob(pattern: String) -> Result<[String], FileError> { .success([pattern]) }
    }

    static let environment = Environment(interfaces: ["eth0", "eth1"], configID: "a", variables: ["HOME": "/root"])

    static func seeds() -> [[UInt8]] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Corpus")
        let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let texts = (files ?? []).filter { $0.pathExtension == "conf" }.compactMap { try? Data(contentsOf: $0) }
        return texts.map { [UInt8]($0) } + ([ModelFuzz.text] + definitions).map { Array($0.utf8) }
    }

    /// Definitions that refer to themselves and to each other, which the corpus has none of.
    private static let definitions = [
        "$A=\\\n$A x\\\n$A\n$A\n", "$A=${B}y${B}\n$B=${A}${A}\nx ${A}\n", "$A=~SEQ(I, 3) $A ${I}\n$A\n",
        (0..<20).map { "$A\($0)=${A\($0 + 1)}${A\($0 + 1)}\n" }.joined() + "$A20=1\nx ${A0}\n",
    ]

    static func load(_ bytes: [UInt8]) -> LoadedConfiguration {
        loadConfiguration(path: "fuzz.conf", files: Mirror(bytes: bytes), environment: environment)
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        let loaded = load(Array(input))
        precondition(loaded.canStart || loaded.hasErrors, "nothing can start, and nobody says why")
        for diagnostic in loaded.diagnostics.prefix(20) { _ = diagnostic.rendered(inColour: true) }
        // What one process writes, the other reads.
        let decoded = loaded.model.encode().withUnsafeBytes { try? EncodedModel($0).decode() }
        precondition(decoded == loaded.model, "the model isn't what it was after encoding")
    }
}
