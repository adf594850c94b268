// Configuration: the text of the files to the model, with findings; formatter, effective text, comparisons.
// Imports: Base, ConfigurationModel.
// Begin with Configuration.swift, whose `elaborate` is the way from the files to the model.

import Base
import ConfigurationModel

/// Result of reading a configuration.
package struct LoadedConfiguration: Sendable {
    /// Meaning of the files, as far as they have one.
    package var model: ConfigurationModel
    /// Findings in the order in which they were made; `orderedDiagnostics` is for people.
    package var diagnostics: [Diagnostic]
    /// The files that were read, the main file first.
    var paths: [String] = []
    /// Number of errors, also of those that aren't among `diagnostics` any more because there are too many.
    package var errorCount: Int
    /// Number of warnings.
    package var warningCount: Int
    /// Of the errors, those about which a start does no more than leave an instance in FAULT.
    var faultCount: Int
    /// True if the main file could be read.
    package var isReadable: Bool
    /// True if a daemon may start with it (docs/decisions, D18): the main file could be read and has a valid block.
    package var canStart: Bool
    /// True if all that it says would run: no errors, and no instance that stays in FAULT.
    package var isWhole: Bool { canStart && !hasErrors && model.instances.allSatisfy(\.faults.isEmpty) }
    /// Instances that a start or reload would leave in FAULT on the machine that was looked at, in the order of the
    /// files.
    package var startFaults: [StartFault] = []
    /// The contents of the files of SSL, for the checker.
    package var credentials = TLSCredentials()
    /// A note on the first script, which a hasupd that runs none can't begin with (docs/decisions, D2); nil without
    /// scripts.
    package var firstScript: Diagnostic?
    /// True if a start would leave out some of it, and not only leave instances in FAULT.
    package var leavesOut: Bool { errorCount > faultCount }
    /// True if a reload refuses it.
    package var hasErrors: Bool { errorCount > 0 }
}

/// An instance that can't run when it starts.
package struct StartFault: Hashable, Sendable {
    package var name: String
    /// The fault: a clause.
    package var reason: String
}

/// Reads the main file and everything it includes, and nothing else: the only part that needs the right to read them.
///
/// The text says which files are included, so conditional lines and definitions are applied here already. Files that
/// can't be read are remembered as such; `parse` reports them.
package func readSources(
    path: String, files: some FileProvider, environment: Environment
) -> SourceSet {
    let recorder = RecordingProvider(files, mainPath: path)
    var preprocessor = Preprocessor(recorder, environment)
    _ = preprocessor.run(mainPath: path)
    SurroundingsScan(preprocessor.text).run(recorder)
    if let guardText = GuardFile.read(beside: path, preprocessor.text, recorder, environment) {
        SurroundingsScan(guardText.text).run(recorder)
    }
    return recorder.sources
}

/// Parses files that were read before. The same sources and environment give the same result.
package func parse(_ sources: SourceSet, environment: Environment) -> LoadedConfiguration {
    load(path: sources.path, files: sources, environment: environment)
}

/// Reads and parses a configuration. Never fails: what is wrong stands in the diagnostics.
package func loadConfiguration(
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
    let guardText = GuardFile.read(beside: path, preprocessor.text, files, environment)
    let guards = guardText.map { Elaborator(guardText: $0, behind: elaborator) }
    var diagnostics = elaborator.diagnostics
    if let guards { diagnostics.append(guards.diagnostics) }
    if isReadable, elaborator.statements.isEmpty {
        diagnostics.add(
            .error, "\(path) configures nothing: it has no valid block", at: SourceLocation(file: path, line: 1),
            code: .file)
    }
    var loaded = LoadedConfiguration(
        model: guards?.model ?? elaborator.model, diagnostics: diagnostics.diagnostics,
        errorCount: diagnostics.errorCount, warningCount: diagnostics.warningCount, faultCount: diagnostics.faultCount,
        isReadable: isReadable,
        canStart: isReadable && elaborator.hasValidBlock(errorCount: diagnostics.errorCount))
    loaded.credentials = elaborator.services.credentials
    loaded.paths = (elaborator.text.files + (guards?.text.files ?? [])).map(\.path)
    loaded.startFaults = loaded.model.instances.compactMap { instance in
        let reason = instance.faults.first ?? elaborator.shared.startFaults[instance.name]
        return reason.map { StartFault(name: instance.name, reason: $0) }
    }
    if loaded.model.hasScripts {
        for reader in [elaborator, guards].compactMap({ $0 }) where loaded.firstScript == nil {
            loaded.firstScript = reader.shared.firstScript.map { .firstScript(reader.text.tokens[$0], in: reader.text) }
        }
    }
    return (elaborator, loaded)
}

extension Elaborator {
    /// True if there is something to start with. Definitions alone run nothing: beside an error that is a configuration
    /// whose only block was misspelt, without one it's what somebody wants.
    fileprivate func hasValidBlock(errorCount: Int) -> Bool {
        if errorCount == 0 { return !statements.isEmpty }
        return topLevel().contains { place in
            statements[place].row.isBlock && statements[place].row.stage != .globals
        }
    }
}
