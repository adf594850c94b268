import Base
import ConfigurationModel

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

    /// A keyword, how the property of the model that it sets is taken over from another model, and its value.
    typealias Line<Model> = (
        name: String, take: @Sendable (inout Model, Model) -> Void, text: @Sendable (Model) -> Text
    )

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
        var rest = old
        for line in lines { line.take(&rest, new) }
        settings += otherDifferences(rest, new)
        // Texts may be alike where values aren't.
        return settings.isEmpty ? otherDifferences(old, new) : settings
    }

    /// Which properties differ, without their values, as nobody has decided how to show them; they may be secrets.
    static func otherDifferences<Model: Equatable>(_ old: Model, _ new: Model) -> [ModelDifference.Setting] {
        // Usually there are none, and to look at each property costs a reload half a millisecond.
        guard old != new else { return [] }
        let (before, after) = (Mirror(reflecting: old).children, Mirror(reflecting: new).children)
        return zip(before, after).compactMap { old, new in
            guard let property = old.label, String(reflecting: old.value) != String(reflecting: new.value) else {
                return nil
            }
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
        ("router_id", { $0.routerID = $1.routerID }, { value($0.routerID) }),
        ("vrrp_garp_interval", { $0.garpInterval = $1.garpInterval }, { seconds($0.garpInterval) }),
        ("vrrp_gna_interval", { $0.gnaInterval = $1.gnaInterval }, { seconds($0.gnaInterval) }),
        ("vrrp_startup_delay", { $0.startupDelay = $1.startupDelay }, { seconds($0.startupDelay) }),
        ("vrrp_rt_priority", { $0.realtimePriority = $1.realtimePriority }, { value($0.realtimePriority) }),
        ("dynamic_interfaces", { $0.dynamicInterfaces = $1.dynamicInterfaces }, { flag($0.dynamicInterfaces) }),
        ("adopt_leftovers", { $0.adoptsLeftovers = $1.adoptsLeftovers }, { flag($0.adoptsLeftovers) }),
        ("enable_script_security", { $0.scriptSecurity = $1.scriptSecurity }, { flag($0.scriptSecurity) }),
        ("script_user", { $0.scriptUser = $1.scriptUser }, { value($0.scriptUser?.text) }),
        (
            "set_supplementary_groups", { $0.supplementaryGroups = $1.supplementaryGroups },
            { flag($0.supplementaryGroups) }
        ),
    ]

    /// vrrp_instance.
    static let instance: [Line<InstanceSettings>] = [
        ("vrrp_instance", { $0.name = $1.name }, { .value($0.name) }),
        ("interface", { $0.interface = $1.interface }, { .value($0.interface) }),
        ("family", { $0.family = $1.family }, { .value($0.family == .ipv4 ? "IPv4" : "IPv6") }),
        ("virtual_router_id", { $0.virtualRouterID = $1.virtualRouterID }, { value($0.virtualRouterID) }),
        ("version", { $0.version = $1.version }, { value($0.version.rawValue) }),
        ("priority", { $0.priority = $1.priority }, { value($0.priority) }),
        ("advert_int", { $0.advertInterval = $1.advertInterval }, { value($0.advertInterval) }),
        ("state", { $0.wantsMaster = $1.wantsMaster }, { .value($0.wantsMaster ? "MASTER" : "BACKUP") }),
        ("nopreempt", { $0.nopreempt = $1.nopreempt }, { flag($0.nopreempt) }),
        ("preempt_delay", { $0.preemptDelay = $1.preemptDelay }, { seconds($0.preemptDelay) }),
        ("auth_pass", { $0.password = $1.password }, { .secret($0.password) }),
        (
            "virtual_ipaddress", { $0.virtualAddresses = $1.virtualAddresses },
            { .list($0.virtualAddresses.map(\.text)) }
        ),
        (
            "virtual_ipaddress_excluded", { $0.excludedAddresses = $1.excludedAddresses },
            { .list($0.excludedAddresses.map(\.text)) }
        ),
        ("source address", { $0.sourceAddress = $1.sourceAddress }, { value($0.sourceAddress) }),
        ("mcast_dst_ip", { $0.multicastGroup = $1.multicastGroup }, { value($0.multicastGroup) }),
        ("unicast_peer", { $0.unicastPeers = $1.unicastPeers }, { .list($0.unicastPeers.map(\.text)) }),
        ("check_unicast_src", { $0.checkUnicastSource = $1.checkUnicastSource }, { flag($0.checkUnicastSource) }),
        ("unicast_ttl", { $0.unicastTTL = $1.unicastTTL }, { value($0.unicastTTL) }),
        (
            "track_interface", { $0.trackedInterfaces = $1.trackedInterfaces },
            { .list($0.trackedInterfaces.map(\.text)) }
        ),
        (
            "dont_track_primary", { $0.ignoresPrimaryInterface = $1.ignoresPrimaryInterface },
            { flag($0.ignoresPrimaryInterface) }
        ),
        ("garp_master_delay", { $0.announcements = $1.announcements }, { seconds($0.announcements.delay) }),
        ("garp_master_repeat", { $0.announcements = $1.announcements }, { value($0.announcements.rounds) }),
        ("garp_master_refresh", { $0.announcements = $1.announcements }, { seconds($0.announcements.refresh) }),
        (
            "garp_master_refresh_repeat", { $0.announcements = $1.announcements },
            { value($0.announcements.refreshRounds) }
        ),
        (
            "garp_lower_prio_delay", { $0.announcements = $1.announcements },
            { seconds($0.announcements.lowerPriorityDelay) }
        ),
        (
            "garp_lower_prio_repeat", { $0.announcements = $1.announcements },
            { value($0.announcements.lowerPriorityRounds) }
        ),
        ("down_timer_adverts", { $0.downTimerAdverts = $1.downTimerAdverts }, { value($0.downTimerAdverts) }),
        (
            "v3_checksum_as_v2", { $0.checksumWithoutPseudoHeader = $1.checksumWithoutPseudoHeader },
            { flag($0.checksumWithoutPseudoHeader) }
        ),
        (
            "skip_check_adv_addr", { $0.skipsAddressListCheck = $1.skipsAddressListCheck },
            { flag($0.skipsAddressListCheck) }
        ),
        (
            "lower_prio_no_advert", { $0.lowerPriorityNoAdvert = $1.lowerPriorityNoAdvert },
            { flag($0.lowerPriorityNoAdvert) }
        ),
        ("script", { $0.scripts = $1.scripts }, { .list($0.scripts.map(\.text)) }),
        ("fault", { $0.faults = $1.faults }, { .list($0.faults) }),
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
