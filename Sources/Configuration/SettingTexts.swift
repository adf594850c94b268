import Base

/// Values of a model as an operator would write them, each under its keyword.
enum SettingTexts {
    /// What a setting says.
    enum Text {
        /// One value; nil when it isn't set. A flag that is set is an empty text.
        case value(String?)
        /// Entries, of which only those that differ are of interest.
        case list([String])
        /// Nobody may read it.
        case secret([UInt8]?)
    }

    typealias Line<Model> = (name: String, text: @Sendable (Model) -> Text)

    /// What differs; a difference that no line tells of is told as such.
    static func differences<Model: Equatable>(
        _ old: Model, _ new: Model, _ lines: [Line<Model>]
    ) -> [ModelDifference.Setting] {
        guard old != new else { return [] }
        var settings: [ModelDifference.Setting] = []
        for line in lines {
            switch (line.text(old), line.text(new)) {
            case (.value(let old), .value(let new)):
                if old != new { settings.append(.init(name: line.name, old: old, new: new)) }
            case (.list(let old), .list(let new)): settings += entries(line.name, old, new)
            case (.secret(let old), .secret(let new)):
                if old != new {
                    settings.append(.init(name: line.name, old: old.map { _ in "" }, new: new.map { _ in "" }))
                }
            case (.value, _), (.list, _), (.secret, _): break
            }
        }
        return settings.isEmpty ? [.init(name: "settings without a name", old: "", new: "")] : settings
    }

    private static func entries(_ name: String, _ old: [String], _ new: [String]) -> [ModelDifference.Setting] {
        let (before, after) = (Set(old), Set(new))
        let gone = old.filter { !after.contains($0) }.map { ModelDifference.Setting(name: name, old: $0, new: nil) }
        let come = new.filter { !before.contains($0) }.map { ModelDifference.Setting(name: name, old: nil, new: $0) }
        guard gone.isEmpty, come.isEmpty, old != new else { return gone + come }
        return [.init(name: "order of \(name)", old: "", new: "")]
    }

    private static func flag(_ isSet: Bool) -> Text { .value(isSet ? "" : nil) }
    private static func value(_ value: (some CustomStringConvertible)?) -> Text { .value(value?.description) }
    private static func seconds(_ interval: Interval) -> Text { .value(interval > .zero ? "\(interval)" : nil) }

    /// global_defs.
    static let global: [Line<GlobalSettings>] = [
        ("router_id", { value($0.routerID) }), ("vrrp_garp_interval", { seconds($0.garpInterval) }),
        ("vrrp_gna_interval", { seconds($0.gnaInterval) }), ("vrrp_startup_delay", { seconds($0.startupDelay) }),
        ("vrrp_rt_priority", { value($0.realtimePriority) }), ("dynamic_interfaces", { flag($0.dynamicInterfaces) }),
        ("enable_script_security", { flag($0.scriptSecurity) }), ("script_user", { value($0.scriptUser?.text) }),
        ("set_supplementary_groups", { flag($0.supplementaryGroups) }),
    ]

    /// vrrp_instance.
    static let instance: [Line<InstanceSettings>] = [
        ("vrrp_instance", { .value($0.name) }), ("interface", { .value($0.interface) }),
        ("family", { .value($0.family == .ipv4 ? "IPv4" : "IPv6") }),
        ("virtual_router_id", { value($0.virtualRouterID) }), ("version", { value($0.version.rawValue) }),
        ("priority", { value($0.priority) }), ("advert_int", { value($0.advertInterval) }),
        ("state", { .value($0.wantsMaster ? "MASTER" : "BACKUP") }), ("nopreempt", { flag($0.nopreempt) }),
        ("preempt_delay", { seconds($0.preemptDelay) }), ("auth_pass", { .secret($0.password) }),
        ("virtual_ipaddress", { .list($0.virtualAddresses.map(\.text)) }),
        ("virtual_ipaddress_excluded", { .list($0.excludedAddresses.map(\.text)) }),
        ("source address", { value($0.sourceAddress) }), ("mcast_dst_ip", { value($0.multicastGroup) }),
        ("unicast_peer", { .list($0.unicastPeers.map(\.text)) }),
        ("check_unicast_src", { flag($0.checkUnicastSource) }), ("unicast_ttl", { value($0.unicastTTL) }),
        ("track_interface", { .list($0.trackedInterfaces.map(\.text)) }),
        ("dont_track_primary", { flag($0.ignoresPrimaryInterface) }),
        ("garp_master_delay", { seconds($0.announcements.delay) }),
        ("garp_master_repeat", { value($0.announcements.rounds) }),
        ("garp_master_refresh", { seconds($0.announcements.refresh) }),
        ("garp_master_refresh_repeat", { value($0.announcements.refreshRounds) }),
        ("garp_lower_prio_delay", { seconds($0.announcements.lowerPriorityDelay) }),
        ("garp_lower_prio_repeat", { value($0.announcements.lowerPriorityRounds) }),
        ("down_timer_adverts", { value($0.downTimerAdverts) }),
        ("v3_checksum_as_v2", { flag($0.checksumWithoutPseudoHeader) }),
        ("skip_check_adv_addr", { flag($0.skipsAddressListCheck) }),
        ("lower_prio_no_advert", { flag($0.lowerPriorityNoAdvert) }),
        ("higher_prio_send_advert", { flag($0.higherPrioritySendsAdvert) }),
        ("script", { .list($0.scripts.map(\.text)) }), ("fault", { .list($0.faults) }),
    ]
}

extension ScriptIdentity {
    fileprivate var text: String { user + (group.map { (supplementaryGroups ? " :" : " ") + $0 } ?? "") }
}

extension VirtualAddress {
    /// The entry with the options that were given.
    fileprivate var text: String {
        var words = ["\(prefix)"]
        if let interface { words += ["dev", interface] }
        if scope != 0 { words += ["scope", "\(scope)"] }
        if let broadcast { words += ["brd", "\(broadcast)"] }
        if let label { words += ["label", label] }
        if let peer { words += ["peer", "\(peer)"] }
        if duplicateAddressDetection { words.append("-nodad") }
        if noPrefixRoute { words.append("noprefixroute") }
        if isUntracked { words.append("no_track") }
        if let preferredLifetime {
            words += ["preferred_lft", preferredLifetime == .max ? "forever" : "\(preferredLifetime)"]
        }
        return words.joined(separator: " ")
    }
}

extension UnicastPeer {
    fileprivate var text: String {
        "\(address)" + (minimumTTL.map { " min_ttl \($0)" } ?? "") + (maximumTTL.map { " max_ttl \($0)" } ?? "")
    }
}

extension TrackedInterface {
    fileprivate var text: String { name + (weight != 0 ? " weight \(weight)" : "") + (reverse ? " reverse" : "") }
}

extension NotifyScript {
    fileprivate var text: String {
        let keyword =
            switch trigger {
            case .master: "notify_master"
            case .backup: "notify_backup"
            case .fault: "notify_fault"
            case .stop: "notify_stop"
            case .any: "notify"
            }
        return "\(keyword) \"\(arguments.joined(separator: " "))\"" + (identity.map { " " + $0.text } ?? "")
    }
}
