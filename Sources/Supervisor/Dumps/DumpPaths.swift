import ConfigurationModel
import Glibc

/// The paths of the files that signals ask for, as one configuration has them.
struct DumpPaths: Equatable {
    /// keepalived.data and keepalived_parent.data.
    let data: String
    let parentData: String
    let statistics: String
    let json: String

    /// - Parameter folder: the one of files that the configuration doesn't place.
    init(_ global: GlobalSettings, in folder: String = Self.temporaryFolder) {
        let reports = global.reports
        let place = reports.stateFile ?? "\(folder)/keepalived.data"
        let name = place.split(separator: "/").last.map(String.init) ?? place
        let dot = name.lastIndex(of: ".").map { $0 > name.startIndex ? $0 : name.endIndex } ?? name.endIndex
        let (stem, suffix) = (place.dropLast(name.count) + name[..<dot], name[dot...])
        let names = reports.namesInstance ? [global.daemon.namespace, global.daemon.instance].compactMap { $0 } : []
        let instance = names.isEmpty ? "" : "." + names.joined(separator: "_")
        data = "\(stem)\(instance)\(suffix)"
        parentData = "\(stem)_parent\(instance)\(suffix)"
        statistics = "\(folder)/keepalived.stats"
        json = "\(folder)/keepalived.json"
    }

    init(_ generation: Generation) { self.init(generation.global) }

    /// TMPDIR, as keepalived takes it, or /tmp.
    static let temporaryFolder: String = {
        guard let value = getenv("TMPDIR").map({ String(cString: $0) }), value.hasPrefix("/") else { return "/tmp" }
        let path = value.split(separator: "/").joined(separator: "/")
        return path.isEmpty ? "/tmp" : "/" + path
    }()

    func files(of kind: DumpKind) -> [String] {
        switch kind {
        case .data: [data, parentData]
        case .statistics: [statistics]
        case .json: [json]
        }
    }

    /// Folders in which `hasup-save` makes, replaces and removes these files.
    var folders: [String] { [data, json].map(ReloadPaths.folder) }
}
