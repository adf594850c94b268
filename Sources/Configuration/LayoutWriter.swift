/// Writes lines in the canonical layout: four blanks for each open block, at most one empty line, none at the edges of
/// a block.
struct LayoutWriter {
    private(set) var bytes: [UInt8] = []
    /// Where an empty line was asked for.
    private var wantsEmptyLine = false
    /// The last line, while the next one may still change it.
    private var last: Line?

    private struct Line {
        var segment: LayoutSegment
        var comment: ArraySlice<UInt8>?
        var depth: Int
    }

    /// More blocks than this aren't indented any further: only garbage nests so deep.
    private static let maximumIndent = 16

    mutating func emptyLine() { wantsEmptyLine = true }

    /// A line as it is.
    mutating func raw(_ line: ArraySlice<UInt8>) {
        flush()
        bytes += line
        bytes.append(Byte.newline)
    }

    /// A line of code, a comment, or both.
    mutating func line(_ segment: LayoutSegment, comment: ArraySlice<UInt8>? = nil, depth: Int) {
        let line = Line(segment: segment, comment: comment, depth: max(0, depth - segment.closes))
        if wantsEmptyLine {
            let follows = last.map { !$0.segment.opens } ?? !bytes.isEmpty
            flush()
            if follows, segment.closes == 0 { bytes.append(Byte.newline) }
            wantsEmptyLine = false
        }
        flush()
        last = line
    }

    /// Puts a `{` that stood on its own line behind the words of the line before. - Returns: false when it can't.
    mutating func join(_ segment: LayoutSegment, comment: ArraySlice<UInt8>?) -> Bool {
        guard !wantsEmptyLine, segment.code == [Byte.open], var line = last, line.segment.takesBrace,
            line.comment == nil || comment == nil
        else { return false }
        line.segment.add(brace: Byte.open)
        line.comment = line.comment ?? comment
        last = line
        return true
    }

    private mutating func flush() {
        guard let line = last else { return }
        last = nil
        let code = line.segment.code
        let separator = !code.isEmpty && line.comment != nil ? 1 : 0
        let length = code.count + separator + (line.comment?.count ?? 0)
        let indent = min(line.depth, Self.maximumIndent) * 4
        // A line that would become too long for the parser goes without its indentation.
        if indent + length <= Preprocessor.maximumLineLength {
            bytes += repeatElement(Byte.space, count: indent)
        }
        bytes += code
        if let comment = line.comment {
            if separator > 0 { bytes.append(Byte.space) }
            bytes += comment
        }
        bytes.append(Byte.newline)
    }

    /// Everything that was written.
    mutating func finish() -> [UInt8] {
        flush()
        return bytes
    }
}
