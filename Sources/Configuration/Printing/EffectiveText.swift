import ConfigurationModel

/// The configuration after includes, conditional lines, definitions and generated lines have been applied, in the
/// canonical layout and without comments. Reading it again gives the same model.
package func effectiveConfiguration(path: String, files: some FileProvider, environment: Environment) -> [UInt8] {
    var preprocessor = Preprocessor(files, environment)
    _ = preprocessor.run(mainPath: path)
    return preprocessor.text.layout()
}

extension SourceText {
    /// All tokens in the canonical layout.
    func layout() -> [UInt8] {
        var writer = LayoutWriter()
        var depth = 0
        for line in lines {
            for (place, segment) in segments(of: tokens[line], escapes: true).enumerated() {
                if place > 0 || !writer.join(segment, comment: nil) {
                    if depth == 0 { writer.emptyLine() }
                    writer.line(segment, depth: depth)
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
