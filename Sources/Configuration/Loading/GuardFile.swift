import ConfigurationModel

/// guard.conf: cluster blocks in a file of their own, the same on all nodes (docs/decisions, D100).
///
/// It is text like the main file's, and stands by itself: neither definitions nor open blocks of one reach the other.
enum GuardFile {
    static let name = "guard.conf"

    /// Its path when nobody says another.
    static func path(beside mainPath: String) -> String {
        let directory = Preprocessor.directory(of: mainPath)
        return directory.isEmpty ? name : directory == "/" ? "/" + name : directory + "/" + name
    }

    /// The text of guard.conf that belongs to a main file; nil when there is none and none was asked for.
    static func read(
        beside mainPath: String, _ mainText: SourceText, _ files: any FileProvider, _ environment: Environment
    ) -> Preprocessor? {
        let file: String
        switch environment.guardFile {
        case .none: return nil
        case .named(let path): file = path
        // The main path may be a pattern.
        case .beside: file = path(beside: mainText.files.first?.path ?? mainPath)
        }
        var preprocessor = Preprocessor(files, environment)
        guard preprocessor.runGuard(path: file, isRequired: environment.guardFile != .beside) else { return nil }
        return preprocessor
    }
}

extension Preprocessor {
    /// Reads guard.conf. - Returns: false when there is none, which is fine unless it is required.
    fileprivate mutating func runGuard(path: String, isRequired: Bool) -> Bool {
        let result = provider.read(path: path)
        if !isRequired, result == .failure(.notFound) { return false }
        _ = readMain(path, result)
        refuseOwnNameOfNode()
        warnOfOtherNodes()
        return true
    }
}

extension Elaborator {
    /// Reads the cluster blocks of guard.conf into a model that has all else.
    init(guardText preprocessor: Preprocessor, behind reader: Elaborator) {
        var parser = StatementParser(preprocessor.text, preprocessor.diagnostics)
        // keepalived doesn't read this file.
        parser.hasWarnedOfOwnKeyword = true
        parser.run()
        self.init(parser, reader.environment, reader.files)
        let ignored = model.ignoredSettings
        model = reader.model
        model.ignoredSettings += ignored
        clusters = reader.clusters
        clusters.isGuardFile = true
        clusters.misplacedInMain = reader.misplaced
        runClusters()
        if model.hasScripts { model.global.defaultScriptAccount = defaultScriptAccount }
    }

    private mutating func runClusters() {
        let isUnread = diagnostics.errorCount > 0
        for place in topLevel() where statements[place].row.stage == .clusters { perform(statements[place]) }
        refuseForeignBlocks()
        if statements.isEmpty, diagnostics.errorCount == 0, let file = text.files.first {
            report(
                .warning, "\(file.path) has no `cluster` block, so nothing is guarded",
                at: SourceLocation(file: file.path, line: 1))
        }
        if isUnread { faultUnguarded() }
    }

    /// Leaves in FAULT what no block guards, as a start does with what a block guards that has errors: what can't be read
    /// outside of all blocks may be the block of any instance.
    private mutating func faultUnguarded() {
        let isInBlock = topLevel().contains {
            statements[$0].row.stage == .clusters && hasErrors(inside: statements[$0])
        }
        guard !isInBlock else { return }
        let guarded = model.guardedGroups
        for index in model.instances.indices where guarded[model.instances[index].name] == nil {
            model.instances[index].faults.append(
                "\(GuardFile.name) can't be read as a whole, and may have its cluster block: `hasup check` shows the errors"
            )
        }
    }

    private mutating func report(_ severity: Severity, _ message: String, at place: SourceLocation) {
        diagnostics.add(severity, message, at: place, code: .file)
    }
}
