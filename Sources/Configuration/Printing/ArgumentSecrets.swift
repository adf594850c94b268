import Base
import ConfigurationModel

/// Which of the words that scripts get are to go wherever they stand, in log lines and lists of processes as well.
///
/// A script's whole command line goes. A single word goes if it looks like nothing else, or stands behind `--password` or
/// the like: `-v`, `1` or `master` stands in many places and tells nothing, and without `eth0` or an address a report
/// would be of no use.
struct ArgumentSecrets {
    /// A word of fewer bytes may be a part of many.
    private static let lengthMin = 6
    /// Also one that is told to be secret.
    private static let announcedLengthMin = 4
    /// States of an instance: scripts get them, and a report is full of them.
    private static let states: Set<String> = ["init", "backup", "master", "fault", "stop"]

    /// The arguments of one script, as written and as the script gets them.
    private struct Command {
        var text: String
        var words: [String]
    }

    private var commands: [Command] = []
    /// Words elsewhere in the configuration, which may be shown.
    private var known: Set<String>

    /// - Parameter known: names that aren't secret, whatever scripts are told of them.
    init(known: Set<String>) { self.known = known }

    /// A word that isn't a script's.
    mutating func show(_ word: String) {
        known.insert(word)
        known.formUnion(word.split { $0 == " " || $0 == "\t" }.map { String($0) })
    }

    /// A script's arguments, without its path.
    mutating func add(_ bytes: ArraySlice<UInt8>) {
        let trimmed = bytes.drop(while: Byte.isBlank)
        let words = shellWords(trimmed, .everywhere) ?? trimmed.split(whereSeparator: Byte.isBlank).map { Array($0) }
        commands.append(
            Command(
                text: String(decoding: trimmed, as: UTF8.self), words: words.map { String(decoding: $0, as: UTF8.self) }
            ))
    }

    /// The words to take out.
    var secrets: Set<String> {
        var secrets: Set<String> = []
        for command in commands {
            let words = command.words.filter { !$0.isEmpty }
            guard !words.allSatisfy(isKnown) else { continue }
            if words.count > 1 { secrets.formUnion([command.text, command.words.joined(separator: " ")]) }
            var isAnnounced = false
            for word in command.words {
                // `--password=WORD` and `--password WORD`.
                let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    .map { String($0) }
                let value = parts.count > 1 ? parts[1] : word
                let isSecret = isAnnounced || parts.count > 1 && Self.looksLikeSecret(parts[0])
                isAnnounced = parts.count == 1 && word.hasPrefix("-") && Self.looksLikeSecret(word)
                let isLong = value.utf8.count >= Self.announcedLengthMin
                if isSecret && isLong && !isKnown(value) || isTelling(value) { secrets.insert(value) }
                if isTelling(word) { secrets.insert(word) }
            }
        }
        return secrets
    }

    /// True if what follows this name is likely to be one: `--db_pass` and `dbPass` say so, `--bypass` doesn't.
    static func looksLikeSecret(_ name: String) -> Bool {
        let small = name.lowercased()
        // They are parts of no other words: `PGPASSWORD` counts, too.
        let words = ["password", "passwd", "passphrase", "secret", "token", "credential"]
        if words.contains(where: { small.contains($0) }) { return true }
        let bytes = Array(name.utf8)
        return bytes.indices.contains { place in
            guard bytes[place...].prefix(4).map({ $0 | 0x20 }).elementsEqual("pass".utf8) else { return false }
            guard place > 0, isLetter(bytes[place - 1]) else { return true }
            return bytes[place] == UInt8(ascii: "P") && bytes[place - 1] & 0x20 != 0
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 }

    private func isKnown(_ word: String) -> Bool {
        if known.contains(word) || Self.states.contains(word.lowercased()) { return true }
        let address = word.split(separator: "/", maxSplits: 1).first ?? ""
        return IPAddress(address) != nil
    }

    /// Letters alone are a word of some language, or an option; a path is where something is.
    private func isTelling(_ word: String) -> Bool {
        guard word.utf8.count >= Self.lengthMin, !isKnown(word), word.utf8.first != UInt8(ascii: "/") else {
            return false
        }
        let isPlain = word.utf8.allSatisfy {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
        return !isPlain
    }
}
