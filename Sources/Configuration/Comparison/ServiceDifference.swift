import Base
import ConfigurationModel

/// The difference between the virtual servers of two models.
struct ServiceDifference {
    /// Services that are new, gone, or changed.
    private(set) var titles: [String] = []
    /// Settings that differ, named behind their service and real server; servers that are added and removed are some of them.
    private(set) var settings: [ModelDifference.Setting] = []

    init(from old: [VirtualServerSettings], to new: [VirtualServerSettings]) {
        for (title, old, new) in Self.pairs(old, new, by: \.title) {
            var found = [Self.block("virtual_server", title, isNew: new != nil)]
            if let old, let new { found = Self.settings(from: old, to: new, of: "virtual_server \(title)") }
            if !found.isEmpty { titles.append(title) }
            settings += found
        }
        guard settings.count > Self.describedMax else { return }
        let rest = counted(settings.count - Self.describedMax, "more setting")
        settings.removeLast(settings.count - Self.describedMax)
        settings.append(ModelDifference.Setting(name: "\(rest) of virtual servers", old: "", new: ""))
    }

    /// Settings that are described: hasupd reads and writes all of it in one turn (docs/decisions, D6).
    private static let describedMax = 100

    private static func settings(
        from old: VirtualServerSettings, to new: VirtualServerSettings, of title: String
    ) -> [ModelDifference.Setting] {
        var (before, after) = (old, new)
        (before.realServers, after.realServers) = ([], [])
        // Where a block stands is no setting.
        before.location = after.location
        return SettingTexts.differences(before, after).map { $0.named(behind: title) }
            + pairs(old.realServers, new.realServers, by: \.title).flatMap { server, old, new in
                guard let old, let new else {
                    return [block("real_server", server, isNew: new != nil).named(behind: title)]
                }
                return SettingTexts.differences(old, new).map { $0.named(behind: "\(title) real_server \(server)") }
            }
    }

    private static func block(_ keyword: String, _ title: String, isNew: Bool) -> ModelDifference.Setting {
        ModelDifference.Setting(name: keyword, old: isNew ? nil : title, new: isNew ? title : nil)
    }

    /// Entries of two lists by title: first those of the new one in its order, then those that are gone.
    private static func pairs<Entry>(
        _ old: [Entry], _ new: [Entry], by title: (Entry) -> String
    ) -> [(title: String, old: Entry?, new: Entry?)] {
        var before = Dictionary(old.map { (title($0), $0) }, uniquingKeysWith: { first, _ in first })
        var found: [(title: String, old: Entry?, new: Entry?)] = new.map { entry in
            (title(entry), before.removeValue(forKey: title(entry)), entry)
        }
        for entry in old {
            if let gone = before.removeValue(forKey: title(entry)) { found.append((title(entry), gone, nil)) }
        }
        return found
    }
}

extension ModelDifference.Setting {
    fileprivate func named(behind title: String) -> Self {
        var setting = self
        setting.name = "\(title) \(name)"
        return setting
    }
}
