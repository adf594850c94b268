import Control
import Glibc

/// Where this hasupd keeps its files: the same rule by which `hasup` finds them. All of them are absolute, because hasupd
/// doesn't stay where it was started.
struct Paths {
    let configuration: String
    let runDirectory: String
    let controlSocket: String
    /// Where hasupd was started; nil when no path that it was given depends on that.
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
            let isAbsolute = [options.file, runDirectory, controlSocket].allSatisfy { $0.hasPrefix("/") }
            startDirectory = isAbsolute ? nil : Self.currentDirectory
            configuration = Self.absolute(options.file, startDirectory)
            self.runDirectory = Self.absolute(runDirectory, startDirectory)
            self.controlSocket = Self.absolute(controlSocket, startDirectory)
        } catch {
            throw StartError(.usage, error.description)
        }
    }

    /// What can't be told any more is what it would be for who starts anew.
    private static var currentDirectory: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    private static func absolute(_ path: String, _ folder: String?) -> String {
        path.hasPrefix("/") ? path : "\(folder ?? "")/\(path)"
    }

    /// Makes the run directory the working directory, of hasupd and of what it starts: nobody but root leaves or finds
    /// anything there.
    func enterRunDirectory() { if chdir(runDirectory) < 0 { _ = chdir("/") } }
}
