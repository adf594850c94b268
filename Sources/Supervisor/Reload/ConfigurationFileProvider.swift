import Configuration
import ConfigurationModel
import Files
import Reactor
import Sandbox

/// The machine's files as the role `hasup-config` reads them: with the right to read what belongs to others, where hasupd
/// has that. hasupd keeps it when a file of its start needs it (docs/decisions.md, D2).
struct ConfigurationFileProvider: FileProvider {
    private let files = SystemFiles()
    private let hasReadRight = ReadRight.isThere
    private let isReload: Bool

    init(isReload: Bool) { self.isReload = isReload }

    func read(path: String) -> Result<[UInt8], FileError> {
        let result = files.read(path: path)
        guard case .failure(.permissionDenied) = result, isReload, !hasReadRight else { return result }
        return .failure(
            .other(
                "permission denied, and hasupd has no right to read what belongs to others, which it keeps when a file of "
                    + "its start needs it: restart hasupd"))
    }

    func glob(pattern: String) -> Result<[String], FileError> { files.glob(pattern: pattern) }
    func inspect(program: String) -> ProgramFinding? { files.inspect(program: program) }
    func account(user: String, group: String?) -> AccountFinding? { files.account(user: user, group: group) }
    func identity(of path: String) -> FileIdentity? { files.identity(of: path) }

    /// Whether these could be read by that right only, which the process hasn't any more afterwards.
    func needsReadRight(for sources: SourceSet) -> Bool {
        guard hasReadRight, (try? ReadRight.lower()) != nil else { return false }
        return sources.paths.contains { path in
            guard case .success = sources.read(path: path) else { return false }
            return ReadRight.isNeeded(for: path)
        } || sources.patterns.contains { files.glob(pattern: $0) != sources.glob(pattern: $0) }
    }
}
