import IPC

/// Where this hasupd keeps its files: the same rule by which `hasup` finds them.
struct Paths {
    let runDirectory: String
    let controlSocket: String

    /// - Throws: `StartError` for names that can't be part of a path.
    init(_ options: Options) throws(StartError) {
        let namespace = ControlPath.currentNamespace()
        do throws(ControlPath.Failure) {
            runDirectory = try ControlPath.runDirectory(
                explicit: options.runDirectory, instance: options.instance, namespace: namespace)
            controlSocket = try ControlPath.socket(
                explicit: options.controlPath, runDirectory: options.runDirectory, instance: options.instance,
                namespace: namespace)
        } catch {
            throw StartError(.usage, error.description)
        }
    }
}
