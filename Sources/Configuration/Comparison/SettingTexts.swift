import ConfigurationModel

/// Values of a model as an operator would write them, each under its keyword.
enum SettingTexts {
    /// The settings of a record that differ.
    static func differences<Value: Record>(
        _ old: Value, _ new: Value, instances: (old: [String], new: [String]) = ([], [])
    ) -> [ModelDifference.Setting] {
        // Usually there are none.
        guard old != new else { return [] }
        let before = FieldTexts(of: old, instances: instances.old).lines
        let after = FieldTexts(of: new, instances: instances.new).lines
        return zip(before, after).filter { $0.bytes != $1.bytes }.flatMap { old, new in
            differences(new.keyword, old.text(), new.text())
        }
    }

    private static func differences(
        _ keyword: String, _ old: FieldTexts.Text, _ new: FieldTexts.Text
    ) -> [ModelDifference.Setting] {
        switch (old, new) {
        case (.value(let old), .value(let new)):
            // Texts may be alike where values aren't.
            old == new ? [.changed(keyword)] : [.init(name: keyword, old: old, new: new)]
        case (.entries(let old), .entries(let new)): entries(keyword, old, new)
        case (.blocks(let old), .blocks(let new)): blocks(keyword, old, new)
        case (.secret(let wasSet), .secret(let isSet)):
            [.init(name: keyword, old: wasSet ? "" : nil, new: isSet ? "" : nil)]
        default: []
        }
    }

    /// Entries that are gone and that have come.
    private static func entries(_ keyword: String, _ old: [String], _ new: [String]) -> [ModelDifference.Setting] {
        let (before, after) = (Set(old), Set(new))
        let gone = old.filter { !after.contains($0) }.map { ModelDifference.Setting(name: keyword, old: $0, new: nil) }
        let come = new.filter { !before.contains($0) }.map { ModelDifference.Setting(name: keyword, old: nil, new: $0) }
        guard gone.isEmpty, come.isEmpty else { return gone + come }
        return [.changed(old == new ? keyword : "order of \(keyword)")]
    }

    /// Blocks that are gone, that have come, and that say something else. Their order matters to none of them.
    private static func blocks(
        _ keyword: String, _ old: [(name: String, bytes: [UInt8])], _ new: [(name: String, bytes: [UInt8])]
    ) -> [ModelDifference.Setting] {
        let before = Dictionary(old, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(new, uniquingKeysWith: { first, _ in first })
        let gone = old.filter { after[$0.name] == nil }.map {
            ModelDifference.Setting(name: keyword, old: $0.name, new: nil)
        }
        return gone
            + new.compactMap { name, bytes in
                guard let known = before[name] else { return .init(name: keyword, old: nil, new: name) }
                return known == bytes ? nil : .changed("\(keyword) \(name)")
            }
    }
}

extension ModelDifference.Setting {
    /// A setting of which no more is told.
    fileprivate static func changed(_ name: String) -> Self { Self(name: name, old: "", new: "") }
}
