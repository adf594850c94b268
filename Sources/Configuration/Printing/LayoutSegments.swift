import ConfigurationModel

/// A line of the canonical layout before it is indented.
struct LayoutSegment {
    /// Its text without indentation and comment.
    var code: [UInt8]
    /// `{` minus `}` in it.
    var nesting = 0
    /// It begins by closing this many blocks, so that it is indented like their keywords.
    var closes = 0
    /// Nothing but words: a `{` of the next line may join it.
    var takesBrace = false

    var opens: Bool { nesting + closes > 0 }
}

extension SourceText {
    /// First byte of a token with its quote.
    private func rawStart(_ token: Token) -> Int { Int(token.start) - (token.kind == .quoted ? 1 : 0) }

    /// One past the last byte of a token with its quote, if it has one.
    private func rawEnd(_ token: Token) -> Int {
        let end = Int(token.end)
        return token.kind == .quoted && end < bytes.count && bytes[end] == Byte.quote ? end + 1 : end
    }

    /// Tokens of one line as lines of the layout: one for each statement, `{` at its end, `}` alone. A line that this
    /// could change the meaning of stays one line.
    ///
    /// - Parameter escapes: whether `#` and `!` need a backslash, because the one that they had is gone.
    func segments(of tokens: ArraySlice<Token>, escapes: Bool) -> [LayoutSegment] {
        let isFragile = tokens.contains { token in
            token.isText && bytes[token.range].contains { $0 == Byte.apostrophe || $0 == Byte.backslash }
        }
        guard !isFragile else { return [whole(tokens, escapes: escapes)] }
        var segments: [LayoutSegment] = []
        var words: [Token] = []
        func flush() {
            guard !words.isEmpty else { return }
            // Behind a quote that is open a brace would be a part of it.
            let isClosed = words.last.map { $0.kind == .word || rawEnd($0) > Int($0.end) } ?? true
            segments.append(LayoutSegment(code: code(of: words[...], escapes: escapes), takesBrace: isClosed))
            words = []
        }
        for token in tokens {
            switch token.kind {
            case .word, .quoted:
                // After a brace this word would begin a line, where it could mean something else.
                if words.isEmpty, !segments.isEmpty, isSpecialAtLineStart(token) {
                    return [whole(tokens, escapes: escapes)]
                }
                words.append(token)
            case .open:
                flush()
                if let last = segments.last, last.takesBrace {
                    segments[segments.count - 1].add(brace: Byte.open)
                } else {
                    segments.append(LayoutSegment(code: [Byte.open], nesting: 1))
                }
            case .close:
                flush()
                segments.append(LayoutSegment(code: [Byte.close], nesting: -1, closes: 1))
            }
        }
        flush()
        return segments
    }

    /// The bytes of a whole line as they are.
    private func whole(_ tokens: ArraySlice<Token>, escapes: Bool) -> LayoutSegment {
        guard let first = tokens.first, let last = tokens.last else { return LayoutSegment(code: []) }
        let raw = bytes[rawStart(first)..<rawEnd(last)]
        var segment = LayoutSegment(code: escapes ? Self.escaped(raw) : Array(raw))
        segment.closes = tokens.prefix { $0.kind == .close }.count
        for token in tokens where !token.isText { segment.nesting += token.kind == .open ? 1 : -1 }
        return segment
    }

    /// Words with one blank between them; what stood together stays together.
    private func code(of words: ArraySlice<Token>, escapes: Bool) -> [UInt8] {
        var code: [UInt8] = []
        var end: Int?
        for word in words {
            if let end, end < rawStart(word) { code.append(Byte.space) }
            if word.kind == .quoted {
                code += bytes[rawStart(word)..<rawEnd(word)]
            } else {
                code += escapes ? Self.escaped(bytes[word.range]) : Array(bytes[word.range])
            }
            end = rawEnd(word)
        }
        return code
    }

    /// A backslash before each `#` and `!` outside double quotes; what stands behind a backslash begins no comment.
    private static func escaped(_ raw: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var isQuoted = false
        var isPaired = false
        for byte in raw {
            if isPaired || byte == Byte.backslash {
                isPaired.toggle()
                result.append(byte)
                continue
            }
            if byte == Byte.quote { isQuoted.toggle() }
            if !isQuoted, byte == Byte.hash || byte == Byte.bang { result.append(Byte.backslash) }
            result.append(byte)
        }
        return result
    }

    /// True if a word means something to the preprocessor when a line begins with it.
    private func isSpecialAtLineStart(_ token: Token) -> Bool {
        guard token.kind == .word, let first = bytes[token.range].first else { return false }
        switch first {
        case Byte.at, Byte.dollar, Byte.tilde: return true
        default: return isInclude(bytes[token.range])
        }
    }

    /// `include` and its variants. `include_check` is an ordinary keyword.
    func isInclude(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.count <= 8, word.starts(with: "include".utf8) else { return false }
        return word.count == 7 || word.last.map { "rmwba".utf8.contains($0) } == true
    }
}

extension LayoutSegment {
    /// Ends the words with a brace of their own.
    mutating func add(brace: UInt8) {
        code += [Byte.space, brace]
        nesting += 1
        takesBrace = false
    }
}
