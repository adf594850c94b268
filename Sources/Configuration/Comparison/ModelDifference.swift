import Base
import ConfigurationModel

/// The difference between two models.
package struct ModelDifference: Hashable, Sendable {
    /// A setting with another value.
    package struct Setting: Hashable, Sendable {
        /// The keyword.
        package var name: String
        /// As it was; nil when it wasn't set.
        package var old: String?
        /// As it is; nil when it isn't set any more.
        package var new: String?
        /// True if it changes nothing today, because its keyword isn't handled yet.
        package var isWithoutEffect = false

        /// Keywords of which a reload changes nothing that runs.
        private static let actingAtStart: Set = ["adopt_leftovers", "vrrp_startup_delay"]

        /// True if it acts only when hasupd starts.
        var actsAtStart: Bool { Self.actingAtStart.contains(name) }
    }

    /// An instance that isn't the same any more.
    package struct InstanceDifference: Hashable, Sendable {
        /// The block's name in the new model.
        package var name: String
        /// The settings that differ.
        package var settings: [Setting]
        /// It becomes another virtual router: its state is given up, and it starts again in BACKUP.
        package var startsAnew: Bool
    }

    /// Names of instances that are new.
    package var added: [String] = []
    /// Names of instances that are gone.
    package var removed: [String] = []
    /// Instances that differ, in the order of the new model.
    package var changed: [InstanceDifference] = []
    /// Number of instances that are the same, wherever they stand in the files.
    package var unchanged = 0
    /// Settings that belong to no instance; those of virtual servers come last.
    package var global: [Setting] = []
    /// The number of those that belong to no virtual server.
    package var globalCount = 0
    /// Virtual servers that are new, gone, or changed.
    package var services: [String] = []

    /// Adds that the files which `SSL` names have other contents than when they were read last.
    package mutating func addContents() {
        global.insert(Setting(name: "contents of the files of SSL", old: "", new: ""), at: globalCount)
        globalCount += 1
    }

    /// True if a reload would do nothing.
    package var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty && global.isEmpty }

    /// Instances are matched by what makes them the same virtual router on the link, as a reload does, whatever their
    /// names are; what is left, by name.
    package init(from old: ConfigurationModel, to new: ConfigurationModel) {
        var left = Array(old.instances.indices)
        var pairs = [Int?](repeating: nil, count: new.instances.count)
        func match(_ key: (InstanceSettings) -> some Hashable) {
            var places = Dictionary(grouping: left) { key(old.instances[$0]) }.mapValues { $0[...] }
            for (place, instance) in new.instances.enumerated() where pairs[place] == nil {
                pairs[place] = places[key(instance)]?.popFirst()
            }
            let matched = Set(pairs.compactMap { $0 })
            left.removeAll { matched.contains($0) }
        }
        struct RouterKey: Hashable {
            var identity: InstanceIdentity
            var name: String?
        }
        match { RouterKey(identity: $0.identity, name: $0.name) }
        match { RouterKey(identity: $0.identity) }
        match { $0.name }
        for (instance, pair) in zip(new.instances, pairs) {
            if let pair {
                compare(old.instances[pair], instance)
            } else {
                added.append(instance.name)
            }
        }
        removed = left.map { old.instances[$0].name }
        // Who runs scripts that don't say it is looked up only where there are scripts.
        var before = old
        if !old.hasScripts || !new.hasScripts {
            before.global.defaultScriptAccount = new.global.defaultScriptAccount
        }
        let names = (old: old.instances.map(\.name), new: new.instances.map(\.name))
        // Virtual servers are compared one by one.
        let difference = ServiceDifference(from: old.virtualServers, to: new.virtualServers)
        services = difference.titles
        before.virtualServers = new.virtualServers
        let clusters = ClusterDifference(from: old.clusters, to: new.clusters)
        before.clusters = new.clusters
        let own = SettingTexts.differences(before, new, instances: names) + clusters.settings
        globalCount = own.count
        global = (own + difference.settings).map {
            $0.marked(in: ["global_defs", "(root)"])
        }
    }

    private mutating func compare(_ old: InstanceSettings, _ new: InstanceSettings) {
        // Where a block stands is no setting.
        var moved = old
        moved.location = new.location
        moved.faultLocation = new.faultLocation
        guard moved != new else {
            unchanged += 1
            return
        }
        changed.append(
            InstanceDifference(
                name: new.name,
                settings: SettingTexts.differences(moved, new).map { $0.marked(in: ["vrrp_instance"]) },
                startsAnew: old.identity != new.identity))
    }
}

extension ModelDifference.Setting {
    /// The same, with what the keyword table says of its keyword in one of these blocks. A setting may be named after what
    /// several keywords have in common (`option`): then its value begins with the keyword.
    func marked(in blocks: [String]) -> Self {
        let value = (new ?? old ?? "").prefix { $0 != " " }
        let names: [String] = [
            name, name == "tracker" ? "track_\(value)" : String(value), String(name.prefix { $0 != " " }),
        ]
        let keywords = names.flatMap { name in blocks.compactMap { KeywordTable.shared.keyword(name, in: $0) } }
        var setting = self
        setting.isWithoutEffect = isWithoutEffect || keywords.first?.status.isWaiting ?? false
        return setting
    }
}

extension ModelDifference.Setting: CustomStringConvertible {
    /// `priority 100 -> 150`, `nopreempt set`, `unicast_peer 10.0.0.2 removed`.
    package var description: String {
        if isWithoutEffect { return change + " (not handled yet: without effect)" }
        return change + (actsAtStart ? " (acts when hasupd is stopped and started)" : "")
    }

    private var change: String {
        switch (old, new) {
        case (let old?, let new?): old.isEmpty && new.isEmpty ? "\(name) changed" : "\(name) \(old) -> \(new)"
        case (nil, let new?): new.isEmpty ? "\(name) set" : "\(name) \(new) added"
        case (let old?, nil): old.isEmpty ? "\(name) removed" : "\(name) \(old) removed"
        case (nil, nil): name
        }
    }
}
