/// What a configuration says after includes, conditional lines, definitions and generated lines were obeyed, in the
/// canonical layout and without comments. Reading it again gives the same model.
public func effectiveConfiguration(path: String, files: some FileProvider, environment: Environment) -> [UInt8] {
    var preprocessor = Preprocessor(files, environment)
    _ = preprocessor.run(mainPath: path)
    let text = preprocessor.text
    var writer = LayoutWriter()
    var depth = 0
    var first = 0
    while first < text.tokens.count {
        var end = first + 1
        while end < text.tokens.count, !text.tokens[end].startsLine { end += 1 }
        for (place, segment) in text.segments(of: text.tokens[first..<end], escapes: true).enumerated() {
            if place > 0 || !writer.join(segment, comment: nil) {
                if depth == 0 { writer.emptyLine() }
                writer.line(segment, depth: depth)
            }
            depth = max(0, depth + segment.nesting)
        }
        first = end
    }
    return writer.finish()
}
