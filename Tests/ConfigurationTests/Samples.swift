import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// Files that exist only in a test.
struct SampleFiles: FileProvider {
    var files: [String: [UInt8]] = [:]
    var failures: [String: FileError] = [:]
    /// Inodes; files without one are known by their paths alone.
    var identities: [String: UInt64] = [:]

    init(_ files: [String: String]) { self.files = files.mapValues { Array($0.utf8) } }

    func read(path: String) -> Result<[UInt8], FileError> {
        if let failure = failures[path] { return .failure(failure) }
        return files[path].map { .success($0) } ?? .failure(.notFound)
    }

    func identity(of path: String) -> FileIdentity? {
        identities[path].map { FileIdentity(device: 1, inode: $0) }
    }

    /// Knows one `*`, which is what the tests use; two are too much for it.
    func glob(pattern: String) -> Result<[String], FileError> {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count < 3 else { return .failure(.tooLarge) }
        let paths = Set(files.keys).union(failures.keys).filter { path in
            guard parts.count == 2 else { return path == pattern }
            return path.hasPrefix(parts[0]) && path.hasSuffix(parts[1]) && path.utf8.count >= pattern.utf8.count - 1
                && !path.dropFirst(parts[0].count).contains("/")
        }
        return .success(paths.sorted())
    }
}

/// Parses a text as `t.conf`.
func load(_ text: String, _ environment: Environment = Environment(), others: [String: String] = [:])
    -> LoadedConfiguration
{
    load(bytes: Array(text.utf8), environment, others: others)
}

func load(bytes: [UInt8], _ environment: Environment = Environment(), others: [String: String] = [:])
    -> LoadedConfiguration
{
    var files = SampleFiles(others)
    files.files["t.conf"] = bytes
    return loadConfiguration(path: "t.conf", files: files, environment: environment)
}

/// An instance that is complete but for these lines, which begin on line 5.
func instance(_ lines: String, addresses: String = "10.0.0.1/24") -> String {
    "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { \(addresses) }\n\(lines)\n}\n"
}

extension LoadedConfiguration {
    /// `line:column severity message` of each finding.
    var findings: [String] {
        diagnostics.map { "\($0.location.map { "\($0.line):\($0.column)" } ?? "-") \($0.severity) \($0.message)" }
    }
    /// The only instance.
    func only() throws -> InstanceSettings {
        try #require(model.instances.count == 1)
        return model.instances[0]
    }
}

/// The words of a text after preprocessing, braces included, one string a line.
func words(_ text: String, _ environment: Environment = Environment(), others: [String: String] = [:]) -> [String] {
    var files = SampleFiles(others)
    files.files["t.conf"] = Array(text.utf8)
    var preprocessor = Preprocessor(files, environment)
    _ = preprocessor.run(mainPath: "t.conf")
    var lines: [String] = []
    for token in preprocessor.text.tokens {
        let word = preprocessor.text.string(token)
        if token.startsLine || lines.isEmpty { lines.append(word) } else { lines[lines.count - 1] += " " + word }
    }
    return lines
}

extension ConfigurationModel {
    /// The same model from files with other line numbers.
    var withoutPlaces: ConfigurationModel {
        var model = self
        for index in instances.indices {
            model.instances[index].location = SourceLocation()
            model.instances[index].faultLocation = nil
        }
        for index in clusters.indices { model.clusters[index].location = SourceLocation() }
        for index in virtualServers.indices { model.virtualServers[index].location = SourceLocation() }
        for index in virtualServerGroups.indices { model.virtualServerGroups[index].location = SourceLocation() }
        return model
    }
}
