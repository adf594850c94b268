import Base
import Configuration
import ConfigurationModel
import Files
import Reactor
import Sandbox

/// The files of the host, read with the right to read those of other users (CAP_DAC_READ_SEARCH) where hasupd has it.
/// hasupd keeps that right only if a file needs it at the start (docs/decisions, D2).
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
                "permission denied: hasupd has given up the right to read files of other users, because no file needed it "
                    + "at the start. Restart hasupd"))
    }

    func glob(pattern: String) -> Result<[String], FileError> { files.glob(pattern: pattern) }
    func inspect(program: String) -> ProgramFinding? { files.inspect(program: program) }
    func account(user: String, group: String?) -> AccountFinding? { files.account(user: user, group: group) }
    func identity(of path: String) -> FileIdentity? { files.identity(of: path) }
    func library(_ library: CheckLibrary) -> LibraryFinding? { files.library(library) }

    /// Returns true if these files need that right. The process has given it up afterwards.
    func needsReadRight(for sources: SourceSet) -> Bool {
        guard hasReadRight, (try? ReadRight.lower()) != nil else { return false }
        return sources.paths.contains { path in
            guard case .success = sources.read(path: path) else { return false }
            return ReadRight.isNeeded(for: path)
        } || sources.patterns.contains { files.glob(pattern: $0) != sources.glob(pattern: $0) }
    }
}
