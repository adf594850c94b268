import ConfigurationModel

/// The names that stand behind `@` in a configuration.
struct NodeNames {
    /// Names for which there are lines, in their order, each once.
    private(set) var names: [String] = []
    /// The first line that is for a name.
    private(set) var first: TextLine?
    /// True if this node was spoken of: by its name, or as one that isn't another one.
    private(set) var isSpokenOf = false
    /// Names that are kept for the message.
    static var maximumKept: Int { 8 }

    mutating func note(_ name: ArraySlice<UInt8>, at line: TextLine, isNegated: Bool, isKept: Bool) {
        isSpokenOf = isSpokenOf || isNegated || isKept
        guard !isSpokenOf, names.count < Self.maximumKept else { return }
        let name = String(decoding: name, as: UTF8.self)
        guard !names.contains(name) else { return }
        names.append(name)
        first = first ?? line
    }
}

extension Preprocessor {
    /// Behind `@`, this is hasup itself and no node: keepalived skips such lines.
    static var ownName: String { "hasup" }

    /// `@NAME text` and `@^NAME text`. - Returns: the text when the line is kept.
    mutating func condition(_ line: TextLine) -> TextLine? {
        var name = line.start + 1
        let isNegated = name < line.end && text.bytes[name] == Byte.caret
        if isNegated { name += 1 }
        var end = name
        while end < line.end, !Byte.isBlank(text.bytes[end]) { end += 1 }
        let rest = skippingBlanks(line.dropping(to: end))
        guard end > name, let rest else {
            // No node is called nothing, so `@^ text` is for all of them.
            let isKept = end == name && isNegated && rest != nil
            report(
                .warning,
                "a conditional line is `@NAME text`; this one has no \(end > name ? "text" : "name")"
                    + (isKept ? ", so it is for every node" : ""), at: line)
            return isKept ? rest : nil
        }
        if text.bytes[name..<end].elementsEqual(Self.ownName.utf8) {
            firstOwnLine = firstOwnLine ?? line
            guard !isNegated else { return nil }
            text.noteOwnLine(line)
            return rest
        }
        let isHere = text.bytes[name..<end].elementsEqual(environment.configID.utf8)
        nodeNames.note(text.bytes[name..<end], at: line, isNegated: isNegated, isKept: isHere)
        return isHere != isNegated ? rest : nil
    }

    /// A node of that name would have keepalived read what only hasup is meant to read.
    mutating func refuseOwnNameOfNode() {
        guard environment.configID == Self.ownName, let line = firstOwnLine else { return }
        report(
            .error,
            "this node is called `\(Self.ownName)`, and `@\(Self.ownName)` stands before lines for the program of that name: "
                + "give the node another name by `--config-id`", at: line)
        let (its, others) = ("`@\(Self.ownName)` lines", "`@^\(Self.ownName)` lines")
        diagnostics.amendLast(
            atStart: StartAction(
                "read \(its) and skip \(others)", past: "read \(its) and skipped \(others)"))
    }

    /// Lines for two nodes or more, and none for this one: its name is seldom what they were written for.
    mutating func warnOfOtherNodes() {
        guard !environment.configID.isEmpty, !nodeNames.isSpokenOf, nodeNames.names.count > 1,
            let line = nodeNames.first
        else { return }
        let names = nodeNames.names.map { "`@\($0)`" }.joined(separator: ", ")
        report(
            .warning,
            "no line is for this node, `\(environment.configID)`: there are \(names) (`-i` says another name)",
            at: line)
    }
}
