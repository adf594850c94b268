import ConfigurationModel

/// A configuration that may be shown to strangers.
package struct RedactedConfiguration: Sendable {
    /// Its effective text without secrets.
    package var text: [UInt8] = []
    /// The secrets that were taken out: where else they stand, they go, too.
    package var secrets: Set<String> = []
    /// Number of words that were taken out as secrets.
    package var secretCount = 0
    /// Scripts whose arguments were taken out.
    package var argumentCount = 0
}

/// The effective text of a configuration without what the keyword table calls secret, without the arguments of scripts,
/// which often hold passwords, and without names and passwords in URLs. A secret that is in a wrong place, or behind a
/// keyword that looks like one for secrets, goes as well.
package func redactedConfiguration(
    path: String, files: some FileProvider, environment: Environment
) -> RedactedConfiguration {
    var preprocessor = Preprocessor(files, environment)
    _ = preprocessor.run(mainPath: path)
    let guardText = GuardFile.read(beside: path, preprocessor.text, files, environment)
    let parts = [preprocessor.text, guardText?.text].compactMap { $0 }.map { text in
        var redaction = Redaction(text, known: environment.interfaces ?? [])
        redaction.run()
        return redaction.result
    }
    var result = RedactedConfiguration(text: joined(parts.map(\.text)))
    for part in parts {
        result.secrets.formUnion(part.secrets)
        result.secretCount += part.secretCount
        result.argumentCount += part.argumentCount
    }
    return result
}

struct Redaction {
    var result = RedactedConfiguration()
    private var text: SourceText
    /// New texts of tokens.
    private var replacements: [Int: [UInt8]] = [:]
    private var arguments: ArgumentSecrets
    private static let gone = Array("<redacted>".utf8)

    private static let secretNames = Set(
        KeywordTable.shared.keywords.filter { $0.row.traits.contains(.secret) }.map(\.name))
    private static let scriptNames = Set(KeywordTable.shared.keywords.filter { $0.shape == .script }.map(\.name))
    private static let names = Set(KeywordTable.shared.keywords.map(\.name))

    init(_ text: SourceText, known: Set<String>) {
        self.text = text
        arguments = ArgumentSecrets(known: known.union(Self.names))
    }

    mutating func run() {
        let lines = text.lines
        // A keyword for a secret that has no word on its line: the next line's are meant.
        var isOpen = false
        for line in lines {
            var isSecret = isOpen
            isOpen = false
            var script = 0
            for place in line {
                let token = text.tokens[place]
                guard token.isText else {
                    isSecret = false
                    script = 0
                    isOpen = false
                    continue
                }
                if isSecret {
                    if !namesFile(place) { takeOut(place) }
                    isOpen = false
                    continue
                }
                let isStart = place == line.lowerBound || !text.tokens[place - 1].isText
                let name = text.string(token)
                if Self.announcesSecret(name, isStart: isStart) {
                    isSecret = true
                    isOpen = true
                } else if script > 0 {
                    shorten(place, isFirst: script == 1)
                    script += 1
                } else if isStart, Self.scriptNames.contains(name) {
                    script = 1
                } else if !removeUser(place) {
                    arguments.show(name)
                }
            }
        }
        for line in lines where line.contains(where: { replacements[$0] != nil }) { rebuild(line) }
        result.text = text.layout()
        result.secrets.formUnion(arguments.secrets)
    }

    private static func announcesSecret(_ name: String, isStart: Bool) -> Bool {
        // `key` is a word of many things where it isn't the first one.
        if secretNames.contains(name) { return isStart || name.contains("pass") }
        return isStart && !names.contains(name) && ArgumentSecrets.looksLikeSecret(name)
    }

    /// True for `secret file:PATH`: the path is none.
    private func namesFile(_ place: Int) -> Bool {
        place > 0 && text.matches(text.tokens[place - 1], "secret")
            && text.slice(text.tokens[place]).starts(with: "file:/".utf8)
    }

    private mutating func takeOut(_ place: Int) {
        let secret = text.string(text.tokens[place])
        if !secret.isEmpty { result.secrets.insert(secret) }
        result.secretCount += 1
        replacements[place] = Self.gone
    }

    /// Of a script its path stays.
    private mutating func shorten(_ place: Int, isFirst: Bool) {
        let bytes = Array(text.slice(text.tokens[place]))
        guard isFirst else {
            arguments.add(bytes[...])
            return replacements[place] = Self.gone
        }
        let trimmed = bytes.drop(while: Byte.isBlank)
        let path = trimmed.prefix { !Byte.isBlank($0) && $0 != Byte.apostrophe }
        guard path.count < trimmed.count else { return }
        result.argumentCount += 1
        arguments.add(trimmed[path.endIndex...])
        replacements[place] = Array(path) + [Byte.space] + Self.gone
    }

    /// `scheme://user:password@host` without what stands before the `@`. - Returns: whether there was something.
    private mutating func removeUser(_ place: Int) -> Bool {
        let word = text.slice(text.tokens[place])
        guard let scheme = word.firstRange(of: Array("://".utf8)),
            let at = word[scheme.upperBound...].firstIndex(of: Byte.at), scheme.upperBound < at
        else { return false }
        result.secrets.insert(String(decoding: word[scheme.upperBound..<at], as: UTF8.self))
        result.secretCount += 1
        replacements[place] = Array(word[..<scheme.upperBound]) + Self.gone + Array(word[at...])
        return true
    }

    /// Puts a line's words anew, side by side: nothing of the old ones lies between them.
    private mutating func rebuild(_ line: Range<Int>) {
        for place in line {
            let token = text.tokens[place]
            let bytes = replacements[place] ?? Array(text.slice(token))
            if place > line.lowerBound { text.bytes.append(Byte.space) }
            if token.kind == .quoted { text.bytes.append(Byte.quote) }
            text.tokens[place].start = UInt32(text.bytes.count)
            text.bytes += bytes
            text.tokens[place].end = UInt32(text.bytes.count)
            if token.kind == .quoted { text.bytes.append(Byte.quote) }
        }
        text.bytes.append(Byte.newline)
    }
}
