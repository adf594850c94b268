import ConfigurationModel

/// One node of a cluster as its configuration describes it.
package struct ClusterNode: Sendable {
    /// The main file.
    package let path: String
    /// Its meaning.
    package let loaded: LoadedConfiguration
    /// For each instance by name: tokens of its settings' keywords.
    private let places: [String: [String: Int]]
    private let text: SourceText

    /// The place of something that a finding is about.
    struct Place {
        var location: SourceLocation
        var length = 1
        var sourceLine: String?
        var includedFrom: [SourceLocation] = []
    }

    /// Reads a node's configuration.
    package init(path: String, files: some FileProvider, environment: Environment) {
        self.path = path
        let (elaborator, loaded) = elaborate(path: path, files: files, environment: environment, keepsPlaces: true)
        self.loaded = loaded
        text = elaborator.text
        places = elaborator.settingPlaces
    }

    /// True if the instance's block has this keyword.
    func says(_ keyword: String, _ instance: InstanceSettings) -> Bool { places[instance.name]?[keyword] != nil }

    /// The place of a block, with its line.
    func place(of location: SourceLocation) -> Place {
        guard let file = text.files.firstIndex(where: { $0.path == location.file }) else {
            return Place(location: location)
        }
        return Place(
            location: location, sourceLine: text.lineText(file: file, line: location.line),
            includedFrom: text.includeChain(of: file))
    }

    /// The place of the first of these keywords in the instance's block; the block's beginning without any.
    func place(_ keywords: [String], _ instance: InstanceSettings) -> Place {
        guard let found = keywords.lazy.compactMap({ places[instance.name]?[$0] }).first else {
            return Place(location: instance.location)
        }
        let token = text.tokens[found]
        return Place(
            location: text.location(token), length: Int(token.length),
            sourceLine: text.lineText(file: Int(token.file), line: Int(token.line)),
            includedFrom: text.includeChain(of: Int(token.file)))
    }
}
