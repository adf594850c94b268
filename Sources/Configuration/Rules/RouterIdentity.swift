import Base
import ConfigurationModel

/// Settings that peers of an instance have to share, or hear it by. A value that can't be read is no detail then: with the
/// default instead, the instance would be another virtual router beside theirs, and both would be master.
enum RouterIdentity {
    /// The keywords of an instance by the property of the model that they decide.
    ///
    /// Authentication isn't here, because what it means depends on the version: `decideAuthentication` judges it.
    static let keywords: [(property: String, keywords: [String])] = [
        ("interface", ["interface"]), ("virtualRouterID", ["virtual_router_id"]), ("version", ["version"]),
        ("advertInterval", ["advert_int"]), ("sourceAddress", ["mcast_src_ip", "unicast_src_ip"]),
        ("multicastGroup", ["mcast_dst_ip"]), ("unicastPeers", ["unicast_peer"]), ("unicastTTL", ["unicast_ttl"]),
        ("checksumWithoutPseudoHeader", ["v3_checksum_as_v2"]),
    ]

    /// Keywords of global_defs, and the keyword of an instance that says it instead.
    static let defaults = [
        "vrrp_version": "version", "vrrp_mcast_group4": "mcast_dst_ip", "vrrp_mcast_group6": "mcast_dst_ip",
        "v3_checksum_as_v2": "v3_checksum_as_v2",
    ]

    /// The reason an instance doesn't run without this.
    static func reason(_ keyword: String) -> String {
        switch keyword {
        case "virtual_router_id": "virtual_router_id is missing or invalid"
        case "interface": "interface is missing"
        default: "\(keyword) is invalid"
        }
    }

    static func decides(_ keyword: String) -> Bool { keywords.contains { $0.keywords.contains(keyword) } }
}

extension Elaborator {
    /// An error in what peers share keeps the instance from running, whatever a second line says: which of them is meant
    /// is unknown.
    mutating func failBySlip(in statement: Statement, since mark: DiagnosticMark) {
        let keyword = statement.row.name
        guard RouterIdentity.decides(keyword), keyword != "unicast_peer" || lostPeers > 0 else { return }
        let place = diagnostics.firstError(since: mark) ?? text.location(text.tokens[statement.token])
        fault(RouterIdentity.reason(keyword), at: place)
        diagnostics.amendErrors(since: mark, atStart: .leaveInFault(draft.settings.name))
    }

    /// So does a line that was meant to say it. There is an error about it already.
    mutating func failByMisplacedKeywords() {
        guard misplaced.hasAny(in: draft.block.place) else { return }
        for keyword in RouterIdentity.keywords.flatMap(\.keywords) {
            guard let token = misplaced.place(of: keyword, in: draft.block.place) else { continue }
            fault(RouterIdentity.reason(keyword), at: token)
        }
    }

    /// An error in global_defs about what instances share with their peers.
    mutating func noteSlip(in statement: Statement, since mark: DiagnosticMark) {
        let keyword = statement.row.name
        guard RouterIdentity.defaults[keyword] != nil else { return }
        defaults.slips[keyword] = diagnostics.firstError(since: mark) ?? text.location(text.tokens[statement.token])
        diagnostics.amendErrors(
            since: mark,
            atStart: StartAction(
                "leave the instances that follow it in FAULT",
                past: "the instances that follow it are in FAULT until it is mended"))
    }

    /// The same for defaults that can't be read and that an instance doesn't set itself.
    mutating func failByDefaults() {
        for (keyword, place) in defaults.slips.sorted(by: { $0.key < $1.key }) {
            guard let own = RouterIdentity.defaults[keyword], draft.places[own] == nil else { continue }
            let settings = draft.settings
            let follows =
                switch keyword {
                case "vrrp_mcast_group4": settings.family == .ipv4 && !settings.isUnicast
                case "vrrp_mcast_group6": settings.family == .ipv6 && !settings.isUnicast
                case "v3_checksum_as_v2": settings.family == .ipv4 && settings.version == .v3
                default: settings.family == .ipv4
                }
            if follows { fault(RouterIdentity.reason(keyword), at: place) }
        }
    }
}
