import Base
import ConfigurationModel

/// The difference between the cluster blocks of two models: settings, named behind their cluster.
struct ClusterDifference {
    private(set) var settings: [ModelDifference.Setting] = []

    init(from old: [ClusterSettings], to new: [ClusterSettings]) {
        for cluster in new {
            guard var before = old.first(where: { $0.name == cluster.name }) else {
                settings.append(ModelDifference.Setting(name: "cluster", old: nil, new: cluster.name))
                continue
            }
            // Where a block stands is no setting.
            before.location = cluster.location
            settings += SettingTexts.differences(before, cluster).map { setting in
                var setting = setting.marked(in: ["cluster"])
                setting.name = "cluster \(cluster.name) \(setting.name)"
                return setting
            }
        }
        for cluster in old where !new.contains(where: { $0.name == cluster.name }) {
            settings.append(ModelDifference.Setting(name: "cluster", old: cluster.name, new: nil))
        }
    }
}
