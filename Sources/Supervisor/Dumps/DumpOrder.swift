import ConfigurationModel
import Sandbox

/// The command line of `hasup-save` that writes a dump.
struct DumpOrder: Equatable {
    /// The first word, which no other order of `hasup-save` begins with.
    static let verb = "dump"

    var seal: SandboxArguments
    var kind: DumpKind
    /// The files, as `DumpPaths.files`.
    var paths: [String]
    /// Permissions of the files that are made.
    var mode: UInt32

    init(seal: SandboxArguments, _ kind: DumpKind, paths: [String], umask: UInt16) {
        self.seal = seal
        self.kind = kind
        self.paths = paths
        mode = 0o666 & ~UInt32(umask)
    }

    var words: [String] { [Self.verb] + seal.words + [kind.rawValue, String(mode, radix: 8)] + paths }

    /// Nil for words that hasupd wouldn't pass.
    init?(words: [String]) {
        let head = SandboxArguments.wordCount + 1
        guard words.count > head + 2, words[0] == Self.verb, let seal = SandboxArguments(words: words[1..<head]),
            let kind = DumpKind(rawValue: words[head]), let mode = UInt32(words[head + 1], radix: 8), mode <= 0o666
        else { return nil }
        self.seal = seal
        self.kind = kind
        self.mode = mode
        paths = Array(words[(head + 2)...])
        guard paths.count == (kind == .data ? 2 : 1), paths.allSatisfy({ $0.hasPrefix("/") && !$0.hasSuffix("/") })
        else { return nil }
    }
}
