import Control
import Glibc

/// The paths of this hasupd's files, by the same rule as those of `hasup`. All are absolute, because hasupd changes its
/// working directory.
struct Paths {
    let configuration: String
    /// The file of cluster blocks; nil for guard.conf beside the configuration.
    let guardFile: String?
    let runDirectory: String
    let controlSocket: String
    /// The working directory of the start; nil when no given path is relative to it.
    let startDirectory: String?

    /// - Throws: `StartError` for names that can't be part of a path.
    init(_ options: DaemonOptions) throws(StartError) {
        let namespace = ControlPath.currentNamespace()
        do throws(ControlPath.Failure) {
            let runDirectory = try ControlPath.runDirectory(
                explicit: options.runDirectory, instance: options.instance, namespace: namespace)
            let controlSocket = try ControlPath.socket(
                explicit: options.controlPath, runDirectory: options.runDirectory, instance: options.instance,
                namespace: namespace)
            let paths = [options.file, options.guardFile ?? "/", runDirectory, controlSocket]
            let isAbsolute = paths.allSatisfy { $0.hasPrefix("/") }
            startDirectory = isAbsolute ? nil : Self.currentDirectory
            let folder = startDirectory
            configuration = Self.absolute(options.file, folder)
            guardFile = options.guardFile.map { Self.absolute($0, folder) }
            self.runDirectory = Self.absolute(runDirectory, startDirectory)
            self.controlSocket = Self.absolute(controlSocket, startDirectory)
        } catch {
            throw StartError(.usage, error.description)
        }
    }

    /// The root directory when it can't be read.
    private static var currentDirectory: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    private static func absolute(_ path: String, _ folder: String?) -> String {
        path.hasPrefix("/") ? path : "\(folder ?? "")/\(path)"
    }

    /// Makes the run directory the working directory of hasupd and its children: only root can write there.
    func enterRunDirectory() { if chdir(runDirectory) < 0 { _ = chdir("/") } }
}
