import ConfigurationModel

/// Writes lines in the canonical layout: four blanks for each open block, at most one empty line, none at the edges of
/// a block, and comments behind neighbouring lines of one depth below each other.
struct LayoutWriter {
    private(set) var bytes: [UInt8] = []
    private var wantsEmptyLine = false
    /// The last line, while the next one may still change it.
    private var last: LayoutLine?
    /// Definitions that stand for parts of long lines.
    private var definitionCount = 0
    /// Lines before it whose comments are to be aligned.
    private var aligned: [LayoutLine] = []

    private struct LayoutLine {
        var segment: LayoutSegment
        var comment: ArraySlice<UInt8>?
        var depth: Int

        /// Its comment goes with those of its neighbours.
        var isAligned: Bool { comment != nil && !segment.code.isEmpty && !segment.opens }
        /// Columns of its code: bytes that begin a character.
        var width: Int { segment.code.count { $0 & 0xc0 != 0x80 } }
    }

    /// More blocks than this aren't indented any further: only garbage nests so deep.
    private static let maximumIndent = 16

    mutating func emptyLine() { wantsEmptyLine = true }

    mutating func raw(_ line: ArraySlice<UInt8>) {
        flushAll()
        bytes += line
        bytes.append(Byte.newline)
    }

    /// A line of code, a comment, or both.
    mutating func line(_ segment: LayoutSegment, comment: ArraySlice<UInt8>? = nil, depth: Int) {
        let line = LayoutLine(segment: segment, comment: comment, depth: max(0, depth - segment.closes))
        if wantsEmptyLine {
            let follows = last.map { !$0.segment.opens } ?? !bytes.isEmpty
            flushAll()
            if follows, segment.closes == 0 { bytes.append(Byte.newline) }
            wantsEmptyLine = false
        }
        flush()
        last = line
    }

    /// Puts a `{` that stood on its own line behind the words of the line before. - Returns: false when it can't.
    mutating func join(_ segment: LayoutSegment, comment: ArraySlice<UInt8>?) -> Bool {
        guard !wantsEmptyLine, segment.code == [Byte.open], var line = last, line.segment.takesBrace,
            line.comment == nil || comment == nil, line.segment.code.count + 2 <= Preprocessor.maximumLineLength
        else { return false }
        line.segment.add(brace: Byte.open)
        line.comment = line.comment ?? comment
        last = line
        return true
    }

    /// Writes the last line, or puts it to those that are aligned.
    private mutating func flush() {
        guard let line = last else { return }
        last = nil
        if let neighbour = aligned.last, !line.isAligned || line.depth != neighbour.depth { writeAligned() }
        if line.isAligned { aligned.append(line) } else { write(line, commentColumn: 0) }
    }

    private mutating func flushAll() {
        flush()
        writeAligned()
    }

    private mutating func writeAligned() {
        let column = aligned.reduce(0) { max($0, $1.width) } + 1
        for line in aligned { write(line, commentColumn: column) }
        aligned = []
    }

    private mutating func write(_ line: LayoutLine, commentColumn: Int) {
        if line.comment == nil, let parts = LongLine.parts(of: line.segment.code, number: &definitionCount) {
            bytes += parts
            return
        }
        let code = line.segment.code
        let comment = line.comment ?? []
        let indent = min(line.depth, Self.maximumIndent) * 4
        var gap = code.isEmpty || comment.isEmpty ? 0 : max(1, commentColumn - line.width)
        // A line that would become too long for the parser goes without its indentation.
        let fits = indent + code.count + gap + comment.count <= Preprocessor.maximumLineLength
        if fits { bytes += repeatElement(Byte.space, count: indent) } else { gap = min(gap, 1) }
        bytes += code
        bytes += repeatElement(Byte.space, count: gap)
        bytes += comment
        bytes.append(Byte.newline)
    }

    /// Everything that was written.
    mutating func finish() -> [UInt8] {
        flushAll()
        return bytes
    }
}
