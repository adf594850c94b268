extension ConfigurationModel {
    /// The names of the tracked objects that decide about an instance or a real server, by kind: others aren't watched.
    package var usedTrackers: [TrackerKind: Set<String>] {
        var used: [TrackerKind: Set<String>] = [:]
        for tracker in effectiveInstances.lazy.flatMap(\.trackers) {
            used[tracker.kind, default: []].insert(tracker.name)
        }
        for name in checkedFiles { used[.file, default: []].insert(name) }
        return used
    }

    /// Names of the track_files that FILE_CHECKs look at.
    package var checkedFiles: Set<String> {
        var names = Set<String>()
        for service in virtualServers where service.faults.isEmpty {
            for case .file(let file) in service.realServers.flatMap(\.checks).map(\.kind) { names.insert(file.tracker) }
        }
        return names
    }

    /// True if a tracking script that is a program is used.
    var hasTrackScripts: Bool {
        guard !shared.trackScripts.isEmpty else { return false }
        let used = usedTrackers[.script] ?? []
        return shared.trackScripts.contains { script in
            if case .run = script.command { used.contains(script.name) } else { false }
        }
    }

    /// The part for hasup-track: scripts, files and processes that are used, and the users of scripts. It names no instance and has no password.
    package var trackingPart: ConfigurationModel {
        let used = usedTrackers
        var part = ConfigurationModel()
        // Of files that init_file makes.
        part.global.daemon.umask = global.daemon.umask
        part.global.scriptSecurity = global.scriptSecurity
        part.global.scriptUser = global.scriptUser
        part.global.defaultScriptAccount = global.defaultScriptAccount
        part.global.supplementaryGroups = global.supplementaryGroups
        part.shared.trackScripts = shared.trackScripts.filter { used[.script]?.contains($0.name) ?? false }
        part.shared.trackFiles = shared.trackFiles.filter { used[.file]?.contains($0.name) ?? false }
        part.shared.trackProcesses = shared.trackProcesses.filter { used[.process]?.contains($0.name) ?? false }
        return part
    }
}
