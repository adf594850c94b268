import Base
import ConfigurationModel

/// HTTP_GET and SSL_GET.
extension Elaborator {
    /// A url block while it is read.
    private struct RequestDraft {
        var path: String?
        var host: String?
        var isTLSCompliant: Bool?
        var digest: [UInt8]?
        var statusCodes: [ClosedRange<UInt16>]?
        var pattern: BodyPattern?
        var mustNotMatch = false
        var options: [PatternOption] = []
        var minimumOffset = 0
        var maximumOffset: Int?
        /// The last keyword that means nothing without `regex`.
        var patternPlace: Int?
    }

    mutating func httpCheck(_ place: Int, _ draft: inout CheckDraft, _ server: inout RealServerDraft) {
        let isEncrypted = draft.name == "SSL_GET"
        var check = HTTPCheck(isEncrypted: isEncrypted)
        var host: String?
        var sendsName = false
        var serverName: String?
        var isTLSCompliant = false
        forEach(inside: place) { elaborator, statement, child in
            let name = elaborator.keyword(child)
            switch name {
            case "virtualhost": if let word = elaborator.word(of: statement) { host = elaborator.string(word) }
            case "http_protocol":
                if let word = elaborator.word(of: statement), let version = elaborator.httpVersion(at: word) {
                    check.version = version
                }
            case "enable_sni", "sni_name", "tls_compliant":
                if !isEncrypted {
                    elaborator.report(.warning, "`\(name)` has no effect in HTTP_GET", at: statement.token)
                }
                if name == "sni_name" {
                    sendsName = true
                    if !statement.words.isEmpty, let word = elaborator.word(of: statement) {
                        serverName = elaborator.string(word)
                    }
                } else if let value = elaborator.boolean(statement) {
                    if name == "enable_sni" { sendsName = value } else { isTLSCompliant = value }
                }
            case "fast_recovery": if let value = elaborator.boolean(statement) { check.recoversFast = value }
            case "url": break
            default: elaborator.endpointStatement(statement, name, &draft)
            }
        }
        let inherited = host ?? server.host
        var tokens: [Int] = []
        forEach(inside: place) { elaborator, statement, child in
            guard elaborator.keyword(child) == "url",
                var request = elaborator.request(statement, child, inherited, isEncrypted ? isTLSCompliant : nil)
            else { return }
            if isEncrypted, sendsName { request.serverName = serverName ?? request.host }
            check.requests.append(request)
            tokens.append(statement.token)
        }
        guard !check.requests.isEmpty else {
            return leaveOut(draft, missing: "url", in: place)
        }
        if isEncrypted, sendsName, let nameless = check.requests.firstIndex(where: { $0.serverName == nil }) {
            report(
                .warning, "`enable_sni` needs a name: `sni_name` or `virtualhost`; none is sent", at: tokens[nameless])
        }
        finish(draft, .http(check), over: .tcp, &server)
    }

    private mutating func httpVersion(at word: Int) -> HTTPVersion? {
        switch string(word) {
        case "1.0": return .http10
        case "1.1": return .http11
        case "1.0C", "1.0c": return .http10WithClose
        default:
            refuse("`http_protocol` is 1.0, 1.0C or 1.1, not `\(string(word))`; 1.0 is used", at: word, atStart: "")
            return nil
        }
    }

    private mutating func request(
        _ block: Statement, _ place: Int, _ host: String?, _ isTLSCompliant: Bool?
    ) -> HTTPRequest? {
        var draft = RequestDraft()
        forEach(inside: place) { elaborator, statement, child in
            elaborator.requestStatement(statement, elaborator.keyword(child), &draft)
        }
        guard let path = draft.path else {
            if tries("path", in: place) { return nil }
            refuse("`url` needs a `path`; it is left out", at: block.token, atStart: "")
            return nil
        }
        var request = HTTPRequest(path: path)
        request.host = draft.host ?? host
        request.isTLSCompliant = isTLSCompliant.map { draft.isTLSCompliant ?? $0 } ?? false
        request.digest = draft.digest
        if let codes = draft.statusCodes { request.statusCodes = codes }
        guard var pattern = draft.pattern else {
            if let token = draft.patternPlace, !tries("regex", in: place) {
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
        request.pattern = pattern
        return request
    }

    private mutating func requestStatement(_ statement: Statement, _ name: String, _ draft: inout RequestDraft) {
        if name.hasPrefix("regex_") { draft.patternPlace = statement.token }
        switch name {
        case "path": path(statement, &draft)
        case "virtualhost": if let word = word(of: statement) { draft.host = string(word) }
        case "digest": if let word = word(of: statement), let digest = digest(at: word) { draft.digest = digest }
        case "status_code": if let codes = statusCodes(statement) { draft.statusCodes = codes }
        case "tls_compliant": if let value = boolean(statement) { draft.isTLSCompliant = value }
        case "regex":
            guard let words = quotedWords(statement), let first = statement.words.first else { return }
            guard !words[0].isEmpty else { return refuse("the regex is empty", at: first) }
            if words.count > 1 {
                report(.warning, "only the first word counts; put the regex into double quotes", at: first + 1)
            }
            draft.pattern = BodyPattern(expression: words[0])
        case "regex_no_match": draft.mustNotMatch = flag(statement)
        case "regex_options":
            if statement.words.isEmpty { refuseMissing(statement) }
            for word in statement.words {
                if let option = patternOption(at: word) { draft.options.append(option) }
            }
        case "regex_min_offset": if let value = integer(statement, 0...Int(UInt32.max)) { draft.minimumOffset = value }
        case "regex_max_offset": if let value = integer(statement, 0...Int(UInt32.max)) { draft.maximumOffset = value }
        default: break
        }
    }

    private mutating func path(_ statement: Statement, _ draft: inout RequestDraft) {
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
        draft.path = path
    }

    /// An MD5 digest, 32 hexadecimal digits.
    private mutating func digest(at word: Int) -> [UInt8]? {
        let digits = bytes(word)
        guard digits.count == 32 else {
            refuse(
                "a digest is 32 hexadecimal digits, not \(counted(digits.count, "character")); it is ignored", at: word,
                atStart: "")
            return nil
        }
        guard let digest = hexadecimalBytes(digits, allowsWildcards: false)?.map(\.value) else {
            refuse("a digest is 32 hexadecimal digits; it is ignored", at: word, atStart: "")
            return nil
        }
        return digest
    }

    /// `N` or `N-M`, several of them. - Returns: ranges in order that don't touch; nil when there is none.
    private mutating func statusCodes(_ statement: Statement) -> [ClosedRange<UInt16>]? {
        if statement.words.isEmpty { refuseMissing(statement) }
        var ranges: [ClosedRange<UInt16>] = []
        for word in statement.words {
            let parts = bytes(word).split(
                separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
            let limits = parts.compactMap { wholeNumber($0) }
            guard limits.count == parts.count, let low = limits.first, let high = limits.last, low >= 100, low <= high,
                high <= 599
            else {
                refuse("`\(string(word))` isn't a status code of 100 to 599, or a range of them", at: word)
                continue
            }
            ranges.append(UInt16(low)...UInt16(high))
        }
        guard !ranges.isEmpty else { return nil }
        var merged: [ClosedRange<UInt16>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    private mutating func patternOption(at word: Int) -> PatternOption? {
        let name = string(word)
        if let option = PatternOption(rawValue: name.lowercased()) { return option }
        let hint = nearestWord(to: name, among: PatternOption.allCases.map(\.rawValue))
        refuse("unknown regex option `\(name)`\(hint.map { "; did you mean `\($0)`?" } ?? "")", at: word)
        return nil
    }
}
