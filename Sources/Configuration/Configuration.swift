import Base

/// What came of reading a configuration.
public struct LoadedConfiguration: Sendable {
    /// What the files mean, as far as they mean anything.
    public var model: ConfigurationModel
    /// Findings in the order in which they were made.
    public var diagnostics: [Diagnostic]
    /// Number of errors, also of those that aren't among `diagnostics` any more because there are too many.
    public var errorCount: Int
    /// Number of warnings.
    public var warningCount: Int
    /// Whether the main file could be read.
    public var isReadable: Bool
    /// Whether a daemon may start with it (docs/decisions.md, D18): the main file could be read and has a valid block.
    public var canStart: Bool
    /// Whether all that it says would run: no errors, and no instance that stays in FAULT.
    public var isWhole: Bool { canStart && !hasErrors && model.instances.allSatisfy(\.faults.isEmpty) }
    /// Whether a reload refuses it.
    public var hasErrors: Bool { errorCount > 0 }
}

/// Reads the main file and everything it includes, and nothing else: the only part that needs the right to read them.
///
/// What is included follows from the text, so conditional lines and definitions are obeyed here already. Files that
/// can't be read are remembered as such; `parse` reports them.
public func readSources(
    path: String, files: some FileProvider, environment: Environment
) -> SourceSet {
    let recorder = RecordingProvider(files, mainPath: path)
    var preprocessor = Preprocessor(recorder, environment)
    _ = preprocessor.run(mainPath: path)
    SurroundingsScan(preprocessor.text).run(recorder)
    return recorder.sources
}

/// Parses files that were read before. The same sources and environment give the same result.
public func parse(_ sources: SourceSet, environment: Environment) -> LoadedConfiguration {
    load(path: sources.path, files: sources, environment: environment)
}

/// Reads and parses a configuration. Never fails: what is wrong stands in the diagnostics.
public func loadConfiguration(
    path: String, files: some FileProvider, environment: Environment
) -> LoadedConfiguration {
    load(path: path, files: files, environment: environment)
}

private func load(path: String, files: any FileProvider, environment: Environment) -> LoadedConfiguration {
    elaborate(path: path, files: files, environment: environment, keepsPlaces: false).loaded
}

/// Reads and parses, and keeps what the parts of the parser know.
///
/// - Parameter keepsPlaces: whether the elaborator remembers where each setting of each instance stands.
func elaborate(
    path: String, files: any FileProvider, environment: Environment, keepsPlaces: Bool
) -> (elaborator: Elaborator, loaded: LoadedConfiguration) {
    var preprocessor = Preprocessor(files, environment)
    let isReadable = preprocessor.run(mainPath: path)
    var parser = StatementParser(preprocessor.text, preprocessor.diagnostics)
    parser.run()
    var elaborator = Elaborator(parser, environment, files)
    elaborator.keepsPlaces = keepsPlaces
    elaborator.run()
    var diagnostics = elaborator.diagnostics
    if isReadable, elaborator.statements.isEmpty {
        diagnostics.add(
            .error, "\(path) configures nothing: it has no valid block", at: SourceLocation(file: path, line: 1),
            code: .file)
    }
    let loaded = LoadedConfiguration(
        model: elaborator.model, diagnostics: diagnostics.diagnostics, errorCount: diagnostics.errorCount,
        warningCount: diagnostics.warningCount, isReadable: isReadable,
        canStart: isReadable && !elaborator.statements.isEmpty)
    return (elaborator, loaded)
}
