import Base
import ConfigurationModel

/// UDP_CHECK, MISC_CHECK, FILE_CHECK and BFD_CHECK.
extension Elaborator {
    mutating func udpCheck(_ place: Int, _ draft: inout CheckDraft, _ server: inout RealServerDraft) {
        var probe = UDPProbe()
        var replyPlace: Int?
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "payload":
                guard let bytes = elaborator.hexadecimal(statement, allowsWildcards: false) else { return }
                probe.payload = bytes.map(\.value)
            case "require_reply":
                probe.requiresReply = true
                guard !statement.words.isEmpty,
                    let bytes = elaborator.hexadecimal(statement, allowsWildcards: true)
                else { return }
                probe.reply = bytes
                replyPlace = statement.token
            case "min_reply_length":
                if let value = elaborator.integer(statement, 0...65_535) { probe.minimumReplyLength = value }
            case "max_reply_length":
                if let value = elaborator.integer(statement, 0...65_535) {
                    probe.maximumReplyLength = value
                }
            case let name: elaborator.endpointStatement(statement, name, &draft)
            }
        }
        if probe.minimumReplyLength > probe.maximumReplyLength {
            report(
                .error,
                "no reply is at least \(probe.minimumReplyLength) and at most \(probe.maximumReplyLength) bytes long: "
                    + "the server would always be down", at: draft.token)
        } else if probe.reply.count > probe.maximumReplyLength, let replyPlace {
            report(
                .error,
                "the reply is longer than max_reply_length \(probe.maximumReplyLength): the server would always be down",
                at: replyPlace)
        }
        finish(draft, .udp(probe), over: .udp, &server)
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

    mutating func scriptCheck(_ place: Int, _ draft: inout CheckDraft, _ server: inout RealServerDraft) {
        var arguments: [String] = []
        var identity: ScriptIdentity?
        var timeout: Interval?
        var setsWeight = false
        var commandPlace: Int?
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "misc_path":
                guard let words = elaborator.quotedWords(statement, by: commandWords), let first = statement.words.first
                else { return }
                if words.count > 1 {
                    elaborator.report(
                        .warning,
                        "only the first word counts; put the command and its arguments into double quotes",
                        at: first + 1)
                }
                arguments = elaborator.command(words[0], at: first) ?? []
                commandPlace = first
            case "misc_timeout":
                if let value = elaborator.integer(statement, Limits.seconds), value > 0 {
                    timeout = .seconds(Int64(value))
                }
            case "misc_dynamic": setsWeight = elaborator.flag(statement)
            case "user":
                if let value = elaborator.identity(statement.words) {
                    identity = value
                } else {
                    elaborator.refuseMissing(statement)
                }
            case let name: elaborator.endpointStatement(statement, name, &draft)
            }
        }
        guard !arguments.isEmpty else {
            return leaveOut(draft, missing: "misc_path", in: place)
        }
        var script = ScriptCheck(arguments: arguments, timeout: timeout ?? draft.defaults.interval ?? .seconds(60))
        script.identity = identity
        // It stays even when it can't run: a server that nobody checks would count as good.
        if let commandPlace {
            _ = checkProgram(ScriptUse(program: arguments[0], identity: identity, isTracker: true), at: commandPlace)
        }
        script.setsWeight = setsWeight
        append(draft, .script(script), nil, &server)
    }

    mutating func fileCheck(_ place: Int, _ draft: inout CheckDraft, _ server: inout RealServerDraft) {
        var check: FileCheck?
        var weight: (value: Int, isReversed: Bool)?
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "track_file":
                guard let word = elaborator.word(of: statement) else { return }
                let name = elaborator.string(word)
                guard let tracker = elaborator.services.trackers[name] else {
                    let known = elaborator.services.trackers
                    return elaborator.refuseUnknown("track_file", known.keys.sorted(), at: word)
                }
                elaborator.warnIfLater(elaborator.statements[tracker].words.lowerBound, word)
                check = FileCheck(tracker: name)
            case "weight": weight = elaborator.fileWeight(statement)
            default: break
            }
        }
        guard var check else {
            return leaveOut(draft, missing: "track_file", in: place)
        }
        if let weight = weight ?? trackerWeight(check.tracker) { (check.weight, check.isReversed) = weight }
        append(draft, .file(check), nil, &server)
    }

    /// `N [reverse|noreverse]`.
    private mutating func fileWeight(_ statement: Statement) -> (value: Int, isReversed: Bool)? {
        guard let first = statement.words.first else {
            refuseMissing(statement)
            return nil
        }
        guard let value = integer(at: first, -Limits.weight.upperBound...Limits.weight.upperBound, for: "weight") else {
            return nil
        }
        guard statement.words.count > 1 else { return (value, false) }
        let option = string(first + 1)
        if option != "reverse", option != "noreverse" {
            refuse("`\(option)` isn't reverse or noreverse", at: first + 1)
        }
        ignore(statement.words.dropFirst(2))
        return (value, option == "reverse")
    }

    /// The weight in a track_file's own block. What is wrong with it is said where that block is read.
    private func trackerWeight(_ name: String) -> (value: Int, isReversed: Bool)? {
        guard let place = services.trackers[name] else { return nil }
        for child in place + 1..<max(place + 1, statements[place].end) where keyword(child) == "weight" {
            guard let first = statements[child].words.first, let value = wholeNumber(bytes(first)),
                Limits.weight.contains(abs(value))
            else { continue }
            let words = statements[child].words
            return (value, words.count > 1 && string(first + 1) == "reverse")
        }
        return nil
    }

    mutating func sessionCheck(_ place: Int, _ draft: inout CheckDraft, _ server: inout RealServerDraft) {
        var session: String?
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "name":
                guard let word = elaborator.word(of: statement) else { return }
                let name = elaborator.string(word)
                guard let definition = elaborator.services.sessions[name] else {
                    let known = elaborator.services.sessions
                    return elaborator.refuseUnknown("bfd_instance", known.keys.sorted(), at: word)
                }
                elaborator.warnIfLater(definition, word)
                session = name
            case let name: _ = elaborator.checkDefault(statement, name, &draft.defaults, retries: Limits.rounds)
            }
        }
        guard let session else {
            return leaveOut(draft, missing: "name", in: place)
        }
        append(draft, .bfd(session: session), nil, &server)
    }

    /// A check without what it needs. - Parameter keyword: what that is. An attempt at it has had its error.
    mutating func leaveOut(_ draft: CheckDraft, missing keyword: String, in place: Int) {
        guard !tries(keyword, in: place) else {
            model.ignoredSettings += 1
            return
        }
        refuse("`\(draft.name)` without a valid `\(keyword)`; the check is left out", at: draft.token, atStart: "")
    }

    /// A reference to a block that doesn't exist.
    private mutating func refuseUnknown(_ keyword: String, _ known: @autoclosure () -> [String], at word: Int) {
        guard !tries(keyword, named: string(word)) else {
            model.ignoredSettings += 1
            return
        }
        let hint = suggestion(for: string(word), among: known())
        refuse("there is no \(keyword) `\(string(word))`\(hint)", at: word)
    }
}
