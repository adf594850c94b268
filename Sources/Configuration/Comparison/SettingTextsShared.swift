import Base
import ConfigurationModel

extension SettingTexts {
    /// vrrp_instance, what the protocol itself doesn't need.
    static let rest: [Line<InstanceSettings>] = [
        ("option", { $0.options = $1.options }, { .list($0.options.words) }),
        ("tracker", { $0.trackers = $1.trackers }, { .list($0.trackers.map(\.text)) }),
        ("virtual_routes", { $0.routes = $1.routes }, { .list($0.routes.map(\.text)) }),
        ("virtual_rules", { $0.rules = $1.rules }, { .list($0.rules.map(\.text)) }),
        ("vrf", { $0.uncommon = $1.uncommon }, { value($0.uncommon?.value.vrf) }),
        ("virtual link", { $0.uncommon = $1.uncommon }, { value($0.uncommon?.value.link?.text) }),
        ("auth_hmac", { $0.uncommon = $1.uncommon }, { .secret($0.uncommon?.value.hmac?.bytes) }),
        ("auth_pass of AH", { $0.uncommon = $1.uncommon }, { .secret($0.uncommon?.value.headerKey) }),
        (
            "garp_extra_if", { $0.uncommon = $1.uncommon },
            { value($0.uncommon?.value.extraAnnouncements.map { ($0.onAll ? "all " : "") + "\($0.interval)" }) }
        ),
        ("timer_expired_backup", { $0.uncommon = $1.uncommon }, { value($0.uncommon?.value.lateTimerPriority) }),
        ("kernel_rx_buf_size", { $0.uncommon = $1.uncommon }, { value($0.uncommon?.value.receiveBuffer) }),
    ]

    /// Definitions, groups and static objects that come, go or change.
    static func sharedDifferences(
        _ oldModel: ConfigurationModel, _ newModel: ConfigurationModel
    ) -> [ModelDifference.Setting] {
        let (old, new) = (oldModel.shared, newModel.shared)
        var found = named("vrrp_script", old.trackScripts, new.trackScripts, \.name)
        found += named("track_file", old.trackFiles, new.trackFiles, \.name)
        found += named("vrrp_track_process", old.trackProcesses, new.trackProcesses, \.name)
        found += named("bfd_instance", old.bfdSessions, new.bfdSessions, \.name)
        found += named("vrrp_sync_group", groups(oldModel), groups(newModel), \.group.name)
        found += named("track_group", trackGroups(oldModel), trackGroups(newModel), \.group.name)
        let interfaces: (AnnouncementGroup) -> String = { $0.interfaces.joined(separator: " ") }
        found += named("garp_group", old.announcementGroups, new.announcementGroups, interfaces)
        found += named("interface_up_down_delays", old.interfaceDelays, new.interfaceDelays, \.interface)
        found += named("linkbeat_interfaces", old.polledInterfaces, new.polledInterfaces, \.interface)
        let address: (StaticAddress) -> String = { "\($0.address.prefix) dev \($0.address.interface ?? "")" }
        found += named("static_ipaddress", old.staticAddresses, new.staticAddresses, address)
        found += named("static_routes", old.staticRoutes, new.staticRoutes, \.text)
        found += named("static_rules", old.staticRules, new.staticRules, \.text)
        return found
    }

    /// A group with its members' names: their places change when an instance comes before them.
    private struct NamedGroup<Group: Equatable>: Equatable {
        var group: Group
        var members: [String]
    }

    private static func groups(_ model: ConfigurationModel) -> [NamedGroup<SyncGroup>] {
        model.shared.syncGroups.map { group in
            var rest = group
            rest.members = []
            return NamedGroup(group: rest, members: group.members.map { model.instances[$0].name })
        }
    }

    private static func trackGroups(_ model: ConfigurationModel) -> [NamedGroup<TrackGroup>] {
        model.shared.trackGroups.map { group in
            var rest = group
            rest.members = []
            return NamedGroup(group: rest, members: group.members.map { model.instances[$0].name })
        }
    }

    private static func named<Value: Equatable>(
        _ keyword: String, _ old: [Value], _ new: [Value], _ name: (Value) -> String
    ) -> [ModelDifference.Setting] {
        guard old != new else { return [] }
        let before = Dictionary(old.map { (name($0), $0) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(new.map { (name($0), $0) }, uniquingKeysWith: { first, _ in first })
        let gone = old.map(name).filter { after[$0] == nil }.map {
            ModelDifference.Setting(name: keyword, old: $0, new: nil)
        }
        let others = new.compactMap { value -> ModelDifference.Setting? in
            let name = name(value)
            guard let known = before[name] else { return .init(name: keyword, old: nil, new: name) }
            return known == value ? nil : .init(name: "\(keyword) \(name)", old: "", new: "")
        }
        // Order matters to none of them but rules of one priority and routes of one destination.
        return gone + others
    }
}

extension InstanceOptions {
    /// Their keywords.
    fileprivate var words: [String] {
        let known: [(InstanceOptions, String)] = [
            (.strict, "strict_mode"), (.refusesPackets, "no_accept"), (.tracksSourceAddress, "track_src_ip"),
            (.promotesSecondaries, "promote_secondaries"), (.faultsWithoutPeer, "unicast_fault_no_peer"),
            (.tellsDeletion, "notify_deleted"), (.sendsMail, "smtp_alert"),
            (.notifiesPriorityChanges, "notify_priority_changes"), (.ownerIgnoresAdverts, "owner_ignore_adverts"),
            (.transmitsOnBase, "vmac_xmit_base"), (.usesVirtualMACForAddresses, "use_vmac_addr"),
            (.pollsLink, "linkbeat_use_polling"),
        ]
        return known.filter { contains($0.0) }.map(\.1)
    }
}

extension Tracker {
    fileprivate var text: String { "\(kind) \(name) weight \(weight)" + (reverse ? " reverse" : "") }
}

extension NextHop {
    fileprivate var text: String {
        (gateway.map { " via \($0)" } ?? "") + (interface.map { " dev \($0)" } ?? "")
            + (weight != 1 ? " weight \(weight)" : "")
    }
}

extension RouteSettings {
    /// What tells it from the others.
    fileprivate var text: String {
        (type == .unicast ? "" : "\(type) ") + "\(destination)" + hops.map(\.text).joined(separator: " nexthop")
            + (table.map { $0 == 254 ? "" : " table \($0)" } ?? "") + (metric != 0 ? " metric \(metric)" : "")
    }
}

extension RuleSettings {
    /// What tells it from the others.
    fileprivate var text: String {
        "priority \(priority)" + (isInverted ? " not" : "") + (source.map { " from \($0)" } ?? "")
            + (destination.map { " to \($0)" } ?? "") + " \(action)"
    }
}

extension VirtualLink {
    fileprivate var text: String {
        let own: String
        switch kind {
        case .vmac(let address): own = "use_vmac" + (address.map { " \($0)" } ?? "")
        case .ipvlan(let mode, let address): own = "use_ipvlan \(mode)" + (address.map { " \($0)" } ?? "")
        }
        return own + (name.map { " \($0)" } ?? "") + (group.map { " group \($0)" } ?? "")
    }
}

extension HMACSettings {
    /// All of it, for comparisons only.
    fileprivate var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.write(self)
        return writer.bytes
    }
}
