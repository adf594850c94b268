import Configuration
import ConfigurationModel

/// The files that global_defs names for hasupd and its children to write, as one configuration has them: those around a
/// reload, and FIFOs.
struct ReloadPaths: Equatable {
    /// reload_time_file: read and unlinked by hasupd itself.
    var timeFile: String?
    var repeats = false
    /// reload_file: made and unlinked by `hasup-config`, and unlinked by `hasup-save` when that one died.
    var mark: String?
    /// The file of reload_check_config: written by `hasup-save`.
    var log: String?
    /// config_save_dir: made, and filled and thinned out, by `hasup-save`.
    var saveFolder: String?
    /// notify_fifo and vrrp_notify_fifo: made and opened by `hasup-fifo`, unlinked by it or by hasupd.
    var fifos: [String]

    init(_ global: GlobalSettings) {
        timeFile = global.reports.reloadTimeFile
        repeats = global.reports.repeatsReload
        mark = global.reports.reloadFile.map { $0.isEmpty ? Self.standardMark(global.daemon) : $0 }
        log = global.reports.reloadLog == "/dev/null" ? nil : global.reports.reloadLog
        saveFolder = global.reports.saveDirectory
        fifos = [global.daemon.notifyFIFO, global.daemon.vrrpNotifyFIFO].compactMap { $0?.path }
    }

    /// keepalived's name of a reload_file without one.
    private static func standardMark(_ daemon: DaemonSettings) -> String {
        let folder = daemon.usesPIDDirectory ? "/run/keepalived" : "/run"
        let instance = daemon.instance.map { "_\($0)" } ?? ""
        return "\(folder)/keepalived\(instance).reload"
    }

    /// Folders in which hasupd or a child makes, writes and removes files, for the sandbox around both. config_save_dir itself
    /// may have to be made in the last one.
    var writableFolders: [String] {
        var folders = ([timeFile, mark, log].compactMap { $0 } + fifos).map(Self.folder)
        if let saveFolder { folders += [saveFolder, Self.folder(of: saveFolder)] }
        return folders
    }

    /// Returns the folder of a file.
    static func folder(of path: String) -> String {
        let parts = path.split(separator: "/").dropLast()
        return "/" + parts.joined(separator: "/")
    }
}
