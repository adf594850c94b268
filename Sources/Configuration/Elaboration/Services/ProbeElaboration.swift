import Base
import ConfigurationModel

/// A MISC_CHECK block while it is read.
struct ScriptCheckDraft {
    var arguments: [String] = []
    var commandPlace: Int?
    var identity: ScriptIdentity?
    var timeout: Interval?
    var setsWeight = false
}

/// UDP_CHECK, MISC_CHECK, FILE_CHECK and BFD_CHECK.
extension Elaborator {
    mutating func udpCheck(_ block: Statement) {
        readCheck(block)
        let probe = check.probe
        if probe.minimumReplyLength > probe.maximumReplyLength {
            report(
                .error,
                "no reply is at least \(probe.minimumReplyLength) and at most \(probe.maximumReplyLength) bytes long: "
                    + "the server would always be down", at: block.token)
        } else if probe.reply.count > probe.maximumReplyLength, let replyPlace = check.replyPlace {
            report(
                .error,
                "the reply is longer than max_reply_length \(probe.maximumReplyLength): the server would always be down",
                at: replyPlace)
        }
        finish(.udp(probe), over: .udp)
    }

    mutating func payload(_ statement: Statement) {
        guard let bytes = hexadecimal(statement, allowsWildcards: false) else { return }
        check.probe.payload = bytes.map(\.value)
    }

    mutating func reply(_ statement: Statement) {
        check.probe.requiresReply = true
        guard !statement.words.isEmpty, let bytes = hexadecimal(statement, allowsWildcards: true) else { return }
        check.probe.reply = bytes
        check.replyPlace = statement.token
    }

    /// Bytes as pairs of hexadecimal digits, with blanks between them where one likes; a digit before a blank that is
    /// left over is a byte of its own. A wildcard is `X` for a digit.
    private mutating func hexadecimal(_ statement: Statement, allowsWildcards: Bool) -> [ReplyByte]? {
        guard let first = statement.words.first else {
            refuseMissing(statement)
            return nil
        }
        var bytes: [ReplyByte] = []
        for word in statement.words {
            // Quoted text may hold blanks itself.
            for group in self.bytes(word).split(whereSeparator: Byte.isBlank) {
                guard let read = hexadecimalBytes(group, allowsWildcards: allowsWildcards) else {
                    let wildcard = allowsWildcards ? " or X" : ""
                    refuse("`\(string(word))` isn't pairs of hexadecimal digits\(wildcard)", at: word)
                    return nil
                }
                bytes += read
            }
        }
        guard bytes.count <= 65_507 else {
            refuse("a datagram has at most 65507 bytes", at: first)
            return nil
        }
        return bytes
    }

    mutating func scriptCheck(_ block: Statement) {
        readCheck(block)
        let draft = check.script
        guard !draft.arguments.isEmpty else { return leaveOut(missing: "misc_path") }
        var script = ScriptCheck(
            arguments: draft.arguments, timeout: draft.timeout ?? check.defaults.interval ?? .seconds(60))
        script.identity = draft.identity
        // It stays even when it can't run: a server that nobody checks would count as good.
        if let place = draft.commandPlace {
            let use = ScriptUse(program: draft.arguments[0], identity: draft.identity, isTracker: true)
            _ = checkProgram(use, at: place)
        }
        script.setsWeight = draft.setsWeight
        append(.script(script))
    }

    mutating func checkCommand(_ statement: Statement) {
        guard let words = quotedWords(statement, by: commandWords), let first = statement.words.first else { return }
        if words.count > 1 {
            report(
                .warning, "only the first word counts; put the command and its arguments into double quotes",
                at: first + 1)
        }
        check.script.arguments = command(words[0], at: first) ?? []
        check.script.commandPlace = first
    }

    mutating func checkTime(_ statement: Statement) {
        if let value = integer(statement), value > 0 { check.script.timeout = .seconds(Int64(value)) }
    }

    mutating func checkUser(_ statement: Statement) {
        guard let identity = identity(statement.words) else { return refuseMissing(statement) }
        check.script.identity = identity
    }

    mutating func fileCheck(_ block: Statement) {
        readCheck(block)
        guard var file = check.file else { return leaveOut(missing: "track_file") }
        if let weight = check.fileWeight { (file.weight, file.isReversed) = weight }
        append(.file(file))
    }

    /// The file's own weight counts where the check says none.
    mutating func checkedFile(_ statement: Statement) {
        guard let (name, definition) = definition(.file, statement) else { return }
        var file = FileCheck(tracker: name)
        (file.weight, file.isReversed) = (definition.weight, definition.reverse)
        check.file = file
    }

    /// `N [reverse|noreverse]`.
    mutating func fileWeight(_ statement: Statement) {
        guard let first = statement.words.first else { return refuseMissing(statement) }
        guard let value = integer(at: first, of: statement) else { return }
        check.fileWeight = (value, false)
        guard statement.words.count > 1 else { return }
        let option = string(first + 1)
        if option != "reverse", option != "noreverse" {
            refuse("`\(option)` isn't reverse or noreverse", at: first + 1)
        }
        ignore(statement.words.dropFirst(2))
        check.fileWeight = (value, option == "reverse")
    }

    mutating func sessionCheck(_ block: Statement) {
        readCheck(block)
        guard let session = check.session else { return leaveOut(missing: "name") }
        append(.bfd(session: session))
    }

    mutating func checkedSession(_ statement: Statement) {
        if let (name, _) = definition(.bfd, statement) { check.session = name }
    }

    /// The definition that a statement names.
    private mutating func definition(_ kind: TrackerKind, _ statement: Statement) -> (String, TrackerDefinition)? {
        guard let word = word(of: statement) else { return nil }
        let name = string(word)
        guard let definition = shared.trackers[kind]?[name] else {
            guard !tries(kind.keyword, named: name) else {
                model.ignoredSettings += 1
                return nil
            }
            let known = shared.trackers[kind] ?? [:]
            let hint = suggestion(for: name, among: known.keys.sorted())
            refuse("there is no \(kind.keyword) `\(name)`\(hint)", at: word, code: .check)
            return nil
        }
        warnIfLater(definition.token, word)
        return (name, definition)
    }

    /// A check without a keyword that it needs. An attempt at it has had its error.
    mutating func leaveOut(missing keyword: String) {
        guard !tries(keyword, in: check.block) else {
            model.ignoredSettings += 1
            return
        }
        refuse(
            "`\(check.name)` without a valid `\(keyword)`; the check is left out", at: check.token, atStart: .inMessage,
            code: .check)
    }
}
