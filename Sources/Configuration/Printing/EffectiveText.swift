import ConfigurationModel

/// The configuration after includes, conditional lines, definitions and generated lines have been applied, in the
/// canonical layout and without comments. Reading it again gives the same model.
package func effectiveConfiguration(path: String, files: some FileProvider, environment: Environment) -> [UInt8] {
    var preprocessor = Preprocessor(files, environment)
    _ = preprocessor.run(mainPath: path)
    let guardText = GuardFile.read(beside: path, preprocessor.text, files, environment)
    return joined([preprocessor.text, guardText?.text].compactMap { $0?.layout() })
}

/// Texts of several files as one. The cluster blocks of guard.conf stand behind `@hasup` in it.
func joined(_ layouts: [[UInt8]]) -> [UInt8] { Array(layouts.filter { !$0.isEmpty }.joined(separator: [Byte.newline])) }

extension SourceText {
    /// All tokens in the canonical layout.
    func layout() -> [UInt8] {
        var writer = LayoutWriter()
        var depth = 0
        var isCluster = false
        for line in lines {
            let first = tokens[line.lowerBound]
            if depth == 0, first.kind != .open { isCluster = matches(first, "cluster") }
            for (place, segment) in segments(of: tokens[line], escapes: true).enumerated() {
                if place > 0 || !writer.join(segment, comment: nil) {
                    if depth == 0 { writer.emptyLine() }
                    var line = segment
                    // An open line of such a block is an error.
                    if isCluster { line.code = Array("@\(Preprocessor.ownName) ".utf8) + line.code }
                    writer.line(line, depth: depth)
                }
                depth = max(0, depth + segment.nesting)
            }
        }
        return writer.finish()
    }

    /// The tokens of each line.
    var lines: [Range<Int>] {
        var lines: [Range<Int>] = []
        var first = 0
        while first < tokens.count {
            var end = first + 1
            while end < tokens.count, !tokens[end].startsLine { end += 1 }
            lines.append(first..<end)
            first = end
        }
        return lines
    }
}
