import Base
import ConfigurationModel

/// An HTTP_GET or SSL_GET block while it is read.
struct HTTPCheckDraft {
    var settings = HTTPCheck(isEncrypted: false)
    var host: String?
    var sendsName = false
    var serverName: String?
    var isTLSCompliant = false
}

/// A url block while it is read.
struct RequestDraft {
    var path: String?
    var host: String?
    var isTLSCompliant: Bool?
    var digest: [UInt8]?
    var statusCodes: [ClosedRange<UInt16>]?
    var pattern: BodyPattern?
    /// The word of `regex`.
    var expressionPlace: Int?
    var mustNotMatch = false
    var options: [PatternOption] = []
    var minimumOffset = 0
    var maximumOffset: Int?
    /// The last keyword that means nothing without `regex`.
    var patternPlace: Int?
}

/// HTTP_GET and SSL_GET.
extension Elaborator {
    mutating func httpCheck(_ block: Statement, isEncrypted: Bool) {
        let urls = readCheck(block)
        check.http.settings.isEncrypted = isEncrypted
        if isEncrypted { _ = judge(.tls, at: block.token) }
        let sendsName = isEncrypted && check.http.sendsName
        var tokens: [Int] = []
        for url in urls {
            guard var request = readRequest(url) else { continue }
            if sendsName { request.serverName = check.http.serverName ?? request.host }
            check.http.settings.requests.append(request)
            tokens.append(url.token)
        }
        let requests = check.http.settings.requests
        guard !requests.isEmpty else { return leaveOut(missing: "url") }
        if sendsName, let nameless = requests.firstIndex(where: { $0.serverName == nil }) {
            report(
                .warning, "`enable_sni` needs a name: `sni_name` or `virtualhost`; none is sent", at: tokens[nameless])
        }
        finish(.http(check.http.settings), over: .tcp)
    }

    /// Settings of TLS, which HTTP_GET hasn't got.
    mutating func tls(_ statement: Statement, _ effect: (inout Elaborator, Statement) -> Void) {
        if check.name == "HTTP_GET" {
            report(.warning, "`\(statement.row.name)` has no effect in HTTP_GET", at: statement.token)
        }
        effect(&self, statement)
    }

    mutating func serverName(_ statement: Statement) {
        check.http.sendsName = true
        if !statement.words.isEmpty { set(\.check.http.serverName, text: statement) }
    }

    mutating func httpVersion(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        switch string(word) {
        case "1.0": check.http.settings.version = .http10
        case "1.1": check.http.settings.version = .http11
        case "1.0C", "1.0c": check.http.settings.version = .http10WithClose
        default:
            refuse(
                "`http_protocol` is 1.0, 1.0C or 1.1, not `\(string(word))`; 1.0 is used", at: word, atStart: .inMessage
            )
        }
    }

    private mutating func readRequest(_ block: Statement) -> HTTPRequest? {
        request = RequestDraft()
        perform(inside: block)
        let draft = request
        guard let path = draft.path else {
            if tries("path", in: block) { return nil }
            refuse("`url` needs a `path`; it is left out", at: block.token, atStart: .inMessage)
            return nil
        }
        var request = HTTPRequest(path: path)
        request.host = draft.host ?? check.http.host ?? server.host
        request.isTLSCompliant =
            check.http.settings.isEncrypted && draft.isTLSCompliant ?? check.http.isTLSCompliant
        request.digest = draft.digest
        if let codes = draft.statusCodes { request.statusCodes = codes }
        guard var pattern = draft.pattern else {
            if let token = draft.patternPlace, !tries("regex", in: block) {
                report(.warning, "`\(string(token))` has no effect without `regex`", at: token)
            }
            return request
        }
        pattern.mustNotMatch = draft.mustNotMatch
        pattern.options = draft.options
        pattern.minimumOffset = draft.minimumOffset
        pattern.maximumOffset = draft.maximumOffset
        if let high = draft.maximumOffset, high <= draft.minimumOffset, let token = draft.patternPlace {
            let result = draft.mustNotMatch ? "never fail" : "never succeed"
            report(.error, "regex_max_offset isn't above regex_min_offset: this regex would \(result)", at: token)
        }
        if let token = draft.expressionPlace { examine(pattern, at: token) }
        request.pattern = pattern
        return request
    }

    /// A setting that means nothing without `regex`.
    mutating func patternSetting(_ statement: Statement, _ effect: (inout Elaborator, Statement) -> Void) {
        request.patternPlace = statement.token
        effect(&self, statement)
    }

    mutating func pattern(_ statement: Statement) {
        guard let words = quotedWords(statement), let first = statement.words.first else { return }
        guard !words[0].isEmpty else { return refuse("the regex is empty", at: first) }
        if words.count > 1 {
            report(.warning, "only the first word counts; put the regex into double quotes", at: first + 1)
        }
        request.pattern = BodyPattern(expression: words[0])
        request.expressionPlace = first
    }

    mutating func patternOptions(_ statement: Statement) {
        if statement.words.isEmpty { refuseMissing(statement) }
        for word in statement.words {
            if let option = patternOption(at: word) { request.options.append(option) }
        }
    }

    mutating func requestPath(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        let path = string(word)
        guard !path.isEmpty else { return refuse("a path can't be empty; write `/`", at: word) }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            return refuse("a path can't have blanks or control characters; write them as %20 and so on", at: word)
        }
        // RFC 9112 section 3.2: the path of the server, or a whole URL for a proxy.
        if path.utf8.first != Byte.slash, !path.hasPrefix("http://"), !path.hasPrefix("https://") {
            report(.warning, "a path begins with `/`; servers refuse a request for this one", at: word)
        }
        request.path = path
    }

    /// An MD5 digest, 32 hexadecimal digits.
    mutating func digest(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        let digits = bytes(word)
        guard digits.count == 32 else {
            return refuse(
                "a digest is 32 hexadecimal digits, not \(counted(digits.count, "character")); it is ignored", at: word,
                atStart: .inMessage)
        }
        guard let digest = hexadecimalBytes(digits, allowsWildcards: false)?.map(\.value) else {
            return refuse("a digest is 32 hexadecimal digits; it is ignored", at: word, atStart: .inMessage)
        }
        request.digest = digest
    }

    /// `N` or `N-M`, several of them, as ranges in order that don't touch.
    mutating func statusCodes(_ statement: Statement) {
        let known = statement.row.limits ?? 100...599
        if statement.words.isEmpty { refuseMissing(statement) }
        var ranges: [ClosedRange<UInt16>] = []
        for word in statement.words {
            let parts = bytes(word).split(
                separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
            let limits = parts.compactMap { wholeNumber($0) }
            guard limits.count == parts.count, let low = limits.first, let high = limits.last, low <= high,
                known.contains(low), known.contains(high)
            else {
                refuse(
                    "`\(string(word))` isn't a status code of \(known.lowerBound) to \(known.upperBound), or a range of them",
                    at: word)
                continue
            }
            ranges.append(UInt16(low)...UInt16(high))
        }
        guard !ranges.isEmpty else { return }
        var merged: [ClosedRange<UInt16>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        request.statusCodes = merged
    }

    private mutating func patternOption(at word: Int) -> PatternOption? {
        let name = string(word)
        if let option = PatternOption(rawValue: name.lowercased()) { return option }
        let hint = nearestWord(to: name, among: PatternOption.allCases.map(\.rawValue))
        refuse("unknown regex option `\(name)`\(hint.map { "; did you mean `\($0)`?" } ?? "")", at: word)
        return nil
    }
}
