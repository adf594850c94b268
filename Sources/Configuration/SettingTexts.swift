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

    /// A keyword, the property of the model that it sets, and its value.
    typealias Line<Model> = (name: String, property: String, text: @Sendable (Model) -> Text)

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
        settings += otherDifferences(old, new, except: lines.map(\.property))
        // Texts may be alike where values aren't.
        return settings.isEmpty ? otherDifferences(old, new, except: []) : settings
    }

    /// Which other properties differ, without their values, as nobody has decided how to show them; they may be secrets.
    static func otherDifferences<Model>(
        _ old: Model, _ new: Model, except known: [String]
    ) -> [ModelDifference.Setting] {
        let (before, after) = (Mirror(reflecting: old).children, Mirror(reflecting: new).children)
        return zip(before, after).compactMap { old, new in
            guard let property = old.label, !known.contains(property),
                String(reflecting: old.value) != String(reflecting: new.value)
            else { return nil }
            return .init(name: words(property), old: "", new: "")
        }
    }

    /// `virtualServers` as `virtual servers`.
    private static func words(_ property: String) -> String {
        property.reduce(into: "") { text, letter in
            text += letter.isUppercase && !text.isEmpty ? " \(letter.lowercased())" : String(letter)
        }
    }

    private static func entries(_ name: String, _ old: [String], _ new: [String]) -> [ModelDifference.Setting] {
        let (before, after) = (Set(old), Set(new))
        let gone = old.filter { !after.contains($0) }.map { ModelDifference.Setting(name: name, old: $0, new: nil) }
        let come = new.filter { !before.contains($0) }.map { ModelDifference.Setting(name: name, old: nil, new: $0) }
        guard gone.isEmpty, come.isEmpty, old != new else { return gone + come }
        return [.init(name: "order of \(name)", old: "", new: "")]
    }

    static func flag(_ isSet: Bool) -> Text { .value(isSet ? "" : nil) }
    static func value(_ value: (some CustomStringConvertible)?) -> Text { .value(value?.description) }
    static func seconds(_ interval: Interval) -> Text { .value(interval > .zero ? "\(interval)" : nil) }

    /// global_defs.
    static let global: [Line<GlobalSettings>] = [
        ("router_id", "routerID", { value($0.routerID) }),
        ("vrrp_garp_interval", "garpInterval", { seconds($0.garpInterval) }),
        ("vrrp_gna_interval", "gnaInterval", { seconds($0.gnaInterval) }),
        ("vrrp_startup_delay", "startupDelay", { seconds($0.startupDelay) }),
        ("vrrp_rt_priority", "realtimePriority", { value($0.realtimePriority) }),
        ("dynamic_interfaces", "dynamicInterfaces", { flag($0.dynamicInterfaces) }),
        ("adopt_leftovers", "adoptsLeftovers", { flag($0.adoptsLeftovers) }),
        ("enable_script_security", "scriptSecurity", { flag($0.scriptSecurity) }),
        ("script_user", "scriptUser", { value($0.scriptUser?.text) }),
        ("set_supplementary_groups", "supplementaryGroups", { flag($0.supplementaryGroups) }),
    ]

    /// vrrp_instance.
    static let instance: [Line<InstanceSettings>] = [
        ("vrrp_instance", "name", { .value($0.name) }), ("interface", "interface", { .value($0.interface) }),
        ("family", "family", { .value($0.family == .ipv4 ? "IPv4" : "IPv6") }),
        ("virtual_router_id", "virtualRouterID", { value($0.virtualRouterID) }),
        ("version", "version", { value($0.version.rawValue) }),
        ("priority", "priority", { value($0.priority) }),
        ("advert_int", "advertInterval", { value($0.advertInterval) }),
        ("state", "wantsMaster", { .value($0.wantsMaster ? "MASTER" : "BACKUP") }),
        ("nopreempt", "nopreempt", { flag($0.nopreempt) }),
        ("preempt_delay", "preemptDelay", { seconds($0.preemptDelay) }),
        ("auth_pass", "password", { .secret($0.password) }),
        ("virtual_ipaddress", "virtualAddresses", { .list($0.virtualAddresses.map(\.text)) }),
        ("virtual_ipaddress_excluded", "excludedAddresses", { .list($0.excludedAddresses.map(\.text)) }),
        ("source address", "sourceAddress", { value($0.sourceAddress) }),
        ("mcast_dst_ip", "multicastGroup", { value($0.multicastGroup) }),
        ("unicast_peer", "unicastPeers", { .list($0.unicastPeers.map(\.text)) }),
        ("check_unicast_src", "checkUnicastSource", { flag($0.checkUnicastSource) }),
        ("unicast_ttl", "unicastTTL", { value($0.unicastTTL) }),
        ("track_interface", "trackedInterfaces", { .list($0.trackedInterfaces.map(\.text)) }),
        ("dont_track_primary", "ignoresPrimaryInterface", { flag($0.ignoresPrimaryInterface) }),
        ("garp_master_delay", "announcements", { seconds($0.announcements.delay) }),
        ("garp_master_repeat", "announcements", { value($0.announcements.rounds) }),
        ("garp_master_refresh", "announcements", { seconds($0.announcements.refresh) }),
        ("garp_master_refresh_repeat", "announcements", { value($0.announcements.refreshRounds) }),
        ("garp_lower_prio_delay", "announcements", { seconds($0.announcements.lowerPriorityDelay) }),
        ("garp_lower_prio_repeat", "announcements", { value($0.announcements.lowerPriorityRounds) }),
        ("down_timer_adverts", "downTimerAdverts", { value($0.downTimerAdverts) }),
        ("v3_checksum_as_v2", "checksumWithoutPseudoHeader", { flag($0.checksumWithoutPseudoHeader) }),
        ("skip_check_adv_addr", "skipsAddressListCheck", { flag($0.skipsAddressListCheck) }),
        ("lower_prio_no_advert", "lowerPriorityNoAdvert", { flag($0.lowerPriorityNoAdvert) }),
        ("script", "scripts", { .list($0.scripts.map(\.text)) }), ("fault", "faults", { .list($0.faults) }),
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
        for (flag, word) in AddressFlags.words where flags.contains(flag) { words.append(word) }
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
            case .deleted: "notify_deleted"
            case .receivedLowerPriority: "notify_master_rx_lower_pri"
            }
        return "\(keyword) \"\(arguments.joined(separator: " "))\"" + (identity.map { " " + $0.text } ?? "")
    }
}
