import Sandbox

/// The command line of `hasup-save`.
struct SaveOrder: Equatable {
    /// The sandbox that it enters after it has opened its files.
    var seal: SandboxArguments
    /// A reload_file that its maker couldn't remove.
    var mark: String?
    /// config_save_dir.
    var folder: String?
    /// Names of the copies of the first and second image; empty for one without a text.
    var copies = ["", ""]
    /// The file of reload_check_config.
    var log: String?
    /// Its first line.
    var verdict = ""
    /// True if the second image has findings for the log.
    var hasFindings = false

    init(seal: SandboxArguments) { self.seal = seal }

    var words: [String] {
        seal.words + [mark ?? "", folder ?? ""] + copies + [log ?? "", verdict, hasFindings ? "1" : "0"]
    }

    /// Nil for words that hasupd wouldn't pass.
    init?(words: [String]) {
        guard words.count == SandboxArguments.wordCount + 7,
            let seal = SandboxArguments(words: words.prefix(SandboxArguments.wordCount))
        else { return nil }
        let words = Array(words.dropFirst(SandboxArguments.wordCount))
        guard words[2...3].allSatisfy({ $0.isEmpty || Self.isName($0) }) else { return nil }
        self.seal = seal
        func optional(_ word: String) -> String? { word.isEmpty ? nil : word }
        mark = optional(words[0])
        folder = optional(words[1])
        copies = Array(words[2...3])
        log = optional(words[4])
        verdict = words[5]
        hasFindings = words[6] == "1"
    }

    /// True if there is nothing to do.
    var isEmpty: Bool { mark == nil && log == nil && (folder == nil || copies.allSatisfy(\.isEmpty)) }

    /// Returns a copy's name, as `hasup-20261126T120000Z-7.conf`: the time of its acceptance and its generation, or
    /// `refused`.
    static func name(of time: String, generation: UInt64?) -> String {
        "hasup-\(time)-\(generation.map { "\($0)" } ?? "refused").conf"
    }

    /// Returns true for the name of a copy.
    static func isName(_ name: String) -> Bool {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "hasup", parts[1].count == 16, name.hasSuffix(".conf") else { return false }
        let number = parts[2].dropLast(5)
        return parts[1].allSatisfy { $0.isASCII && ($0.isNumber || $0 == "T" || $0 == "Z") }
            && (number == "refused" || UInt64(number) != nil)
    }
}
