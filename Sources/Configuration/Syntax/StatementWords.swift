import ConfigurationModel

/// Checks of a statement by itself: its keyword's status, and words that nothing else will look at.
extension StatementParser {
    /// Complains about a keyword that has no effect.
    mutating func judge(_ keyword: KeywordRow, at place: Int, isSilent: Bool) {
        switch keyword.status {
        case .acts, .accepted: break
        case .refused(let reason):
            ignored += 1
            report(.error, "`\(keyword.name)` is refused: \(reason)", at: place, code: .refusedKeyword)
        case .notYet, .typed:
            ignored += 1
            if !isSilent {
                let loss = Self.losses[keyword.name].map { ": \($0)" } ?? ""
                report(
                    .warning, "`\(keyword.name)` isn't handled yet and has no effect\(loss)", at: place, code: .notYet)
            }
        }
    }

    /// The loss of a cluster by keywords that aren't handled yet, where it may be more than an operator thinks.
    private static let losses = [
        "vrrp_track_process": "whatever ends, this node keeps its role",
        "vrrp_track_file": "whatever the file says, this node keeps its role",
        "track_file": "whatever the file says, this node keeps its role",
        "track_script": "whatever it finds, this node keeps its role",
        "track_process": "whatever ends, this node keeps its role",
        "track_bfd": "whatever is cut, this node keeps its role",
        "vrrp_sync_group": "each of its instances changes its role by itself",
        "virtual_routes": "they aren't set, whichever node is MASTER",
        "virtual_rules": "they aren't set, whichever node is MASTER",
        "references": "a MASTER whose own link is cut stays MASTER, and isn't replaced while its heartbeats are heard",
        "probe": "an address that another machine still has is claimed all the same",
        "lock": "when nodes hear nothing of each other at all, both become MASTER",
    ]

    /// Once: keepalived should be able to read the same files.
    mutating func warnOfOwnKeyword(_ keyword: KeywordRow, at place: Int) {
        // Of a whole block the elaborator says it, as an error.
        guard !hasWarnedOfOwnKeyword, !isInCluster, keyword.stage != .clusters, !text.isOwn(text.tokens[place]) else {
            return
        }
        hasWarnedOfOwnKeyword = true
        report(
            .warning,
            "keepalived doesn't know `\(keyword.name)`, and its test ends with exit status 5; it skips the line "
                + "`@hasup \(keyword.name)`", at: place, code: .setting)
    }

    /// Complains about words before the `{` of a block that has no name.
    mutating func checkHead(of statement: Statement, _ keyword: KeywordRow) {
        guard !keyword.value.isNamed, let word = statement.words.first else { return }
        if keyword.shape == .list {
            ignored += 1
            diagnostics.add(
                .error, "`\(keyword.name)` takes its entries in `{ }`; this is ignored", at: text.tokens[word],
                in: text,
                code: .setting, atStart: .inMessage)
        } else {
            report(.warning, "`\(text.string(text.tokens[word]))` and what follows is ignored", at: word)
        }
    }

    /// Checks the words of keywords that nothing else will look at.
    mutating func checkWords(of statement: Statement, _ keyword: KeywordRow) {
        if case .refused = keyword.status { return }
        if keyword.traits.contains(.deprecated) {
            report(.warning, "`\(keyword.name)` is deprecated", at: statement.token, code: .deprecated)
        }
        if keyword.status == .typed || keyword.status == .acts { return }
        guard let word = statement.words.first else {
            if [.integer, .script, .words].contains(keyword.shape), !keyword.value.isOptional {
                report(.error, "`\(keyword.name)` needs \(keyword.arguments)", at: statement.token, code: .setting)
            }
            return
        }
        if keyword.shape == .boolean, boolean(text.string(text.tokens[word])) == nil {
            let message = "`\(text.string(text.tokens[word]))` isn't one of true, on, yes, false, off, no"
            return report(.error, message, at: word, code: .setting)
        }
        guard keyword.shape == .integer || keyword.shape == .optionalInteger else { return }
        let digits = text.slice(text.tokens[word])
        guard let value = wholeNumber(digits) else {
            return report(.error, "`\(text.string(text.tokens[word]))` isn't a whole number", at: word, code: .setting)
        }
        if let limits = keyword.limits, !limits.contains(value) {
            report(
                .error, "`\(keyword.name)` is \(limits.lowerBound) to \(limits.upperBound)", at: word, code: .setting)
        }
    }
}
