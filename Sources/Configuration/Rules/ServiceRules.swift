import Base
import ConfigurationModel

/// What the settings of one virtual server mean for each other.
extension Elaborator {
    /// Decides what real servers depend on. It runs before they are read.
    mutating func decideService(_ draft: inout ServiceDraft) {
        decideServiceFamily(&draft)
        decideTransport(&draft)
        for (names, standard) in [(["lb_algo", "lvs_sched"], "wlc"), (["lb_kind", "lvs_method"], "NAT")]
        where !names.contains(where: { draft.places[$0] != nil || attempts.has($0, in: draft.place) }) {
            report(.warning, "`\(names[0])` is missing; `\(standard)` is used", at: draft.token)
        }
        decideScheduling(&draft)
        decidePersistence(&draft)
        draft.settings.sendsMail =
            draft.sendsMail ?? model.global.mail.isDefaultOfServers ?? model.global.mail.isDefault ?? false
        if draft.settings.suspendsWithoutAddress, let token = draft.places["ha_suspend"] {
            guard case .address = draft.settings.address else {
                draft.settings.suspendsWithoutAddress = false
                return report(
                    .warning, "`ha_suspend` needs a virtual server with an address of its own; it has no effect here",
                    at: token)
            }
        }
    }

    /// An error that keeps this service, and no other, from being set up.
    mutating func condemn(_ reason: String, _ settings: inout VirtualServerSettings, at token: Int) {
        settings.faults.append(reason)
        report(.error, "\(reason): virtual server `\(settings.address)` isn't set up", at: token)
    }

    private mutating func decideServiceFamily(_ draft: inout ServiceDraft) {
        switch draft.settings.address {
        case .address(let address, _):
            draft.settings.family = address.family
            if let family = draft.family, family != address.family, let token = draft.places["ip_family"] {
                report(.error, "`ip_family` isn't the family of `\(address)`; it is ignored", at: token)
            }
        case .firewallMark: draft.settings.family = draft.family ?? firstServerFamily(draft) ?? .ipv4
        case .group(let name):
            guard let group = services.groups[name] else {
                draft.settings.family = draft.family ?? firstServerFamily(draft) ?? .ipv4
                if tries("virtual_server_group", named: name) {
                    draft.settings.faults.append("there is no virtual_server_group `\(name)`")
                    return
                }
                let known = services.groups
                let hint = suggestedName(for: name, among: known.keys.sorted())
                let advice = hint.map { " (did you mean `\($0)`?)" } ?? ""
                return condemn(
                    "there is no virtual_server_group `\(name)`\(advice)", &draft.settings, at: draft.token + 2)
            }
            let families = model.virtualServerGroups[group.index].entries.compactMap(\.family)
            draft.settings.family = families.first ?? draft.family ?? firstServerFamily(draft) ?? .ipv4
            if let family = draft.family, families.first ?? family != family, let token = draft.places["ip_family"] {
                report(.error, "`ip_family` isn't the family of group `\(name)`; it is ignored", at: token)
            }
        }
    }

    /// Family of the first real server that can be read.
    private func firstServerFamily(_ draft: ServiceDraft) -> AddressFamily? {
        for child in draft.place + 1..<statements[draft.place].end where keyword(child) == "real_server" {
            if let word = statements[child].words.first, let address = IPAddress(string(word)) { return address.family }
        }
        return nil
    }

    private mutating func decideTransport(_ draft: inout ServiceDraft) {
        if case .firewallMark = draft.settings.address, let token = draft.places["protocol"] {
            report(.warning, "`protocol` has no effect with `fwmark`: the mark says which packets are meant", at: token)
        }
        if draft.settings.transport == nil {
            if case .firewallMark = draft.settings.address { return }
            draft.settings.transport = .udp
            if tries("protocol", in: draft.place) { return }
            report(
                .warning, "`protocol` is missing; UDP is used, which is seldom what is meant: say TCP, UDP or SCTP",
                at: draft.token)
        }
    }

    private mutating func decideScheduling(_ draft: inout ServiceDraft) {
        for (prefix, scheduler) in [("sh-", Scheduler.sourceHashing), ("mh-", .maglevHashing)]
        where draft.settings.scheduler != scheduler {
            for name in ["\(prefix)fallback", "\(prefix)port"] {
                guard let token = draft.places[name] else { continue }
                draft.settings.schedulerFlags.remove(name.hasSuffix("port") ? .second : .first)
                report(
                    .warning,
                    "`\(name)` belongs to scheduler \(scheduler.rawValue), not \(draft.settings.scheduler.rawValue); "
                        + "it is ignored", at: token)
            }
        }
        if draft.settings.schedulesSinglePackets, draft.settings.transport != .udp, let token = draft.places["ops"] {
            draft.settings.schedulesSinglePackets = false
            report(.warning, "`ops`, one packet scheduling, needs `protocol UDP`; it is ignored", at: token)
        }
    }

    private mutating func decidePersistence(_ draft: inout ServiceDraft) {
        let family = draft.settings.family
        var persistence = Persistence(granularity: family == .ipv4 ? .netmask(.max) : .prefixLength(128))
        var isWanted = draft.persistenceTimeout != nil || draft.engine != nil
        if let timeout = draft.persistenceTimeout { persistence.timeout = timeout }
        persistence.engine = draft.engine
        if let word = draft.granularityPlace {
            isWanted = true
            if family == .ipv4 {
                if let mask = IPAddress(string(word)), mask.family == .ipv4 {
                    persistence.granularity = .netmask(UInt32(truncatingIfNeeded: mask.low))
                } else {
                    refuse("`\(string(word))` isn't an IPv4 netmask such as 255.255.255.0", at: word)
                }
            } else if let length = integer(at: word, 1...128, for: "persistence_granularity") {
                persistence.granularity = .prefixLength(UInt8(length))
            }
        }
        if case .address(_, 0) = draft.settings.address, !isWanted {
            isWanted = true
            report(
                .error,
                "a port is missing, and a service on all ports has to be persistent; persistence_timeout 360 is used",
                at: draft.token)
        }
        if isWanted { draft.settings.persistence = persistence }
    }

    // MARK: - With the real servers known

    /// Decides what depends on the real servers. It runs after they were read.
    mutating func applyServiceRules(_ draft: inout ServiceDraft) {
        decideSorryServer(&draft)
        if draft.settings.realServers.isEmpty {
            if !draft.hasAddress || tries("real_server", in: draft.place) {
                draft.settings.faults.append("there is no valid real_server")
            } else {
                condemn("there is no valid real_server", &draft.settings, at: draft.token)
            }
        } else {
            decideQuorum(&draft)
        }
        checkGroupFamilies(&draft)
    }

    private mutating func decideSorryServer(_ draft: inout ServiceDraft) {
        guard let sorry = draft.sorryAddress else {
            for name in ["sorry_server_inhibit", "sorry_server_lvs_method"] {
                guard let token = draft.places[name], !tries("sorry_server", in: draft.place) else { continue }
                report(.warning, "`\(name)` has no effect without `sorry_server`", at: token)
            }
            return
        }
        let forwarding = draft.sorryForwarding ?? draft.settings.forwarding
        guard sorry.address.family == draft.settings.family || forwarding.isTunnel else {
            return refuse(
                "this sorry_server isn't of the virtual server's family; only TUN can do that", at: sorry.token)
        }
        let port = serverPort(sorry.port, forwarding, draft.settings.address)
        var server = SorryServer(address: sorry.address, port: port, forwarding: forwarding)
        server.isInhibited = draft.isSorryInhibited
        if let index = draft.settings.realServers.firstIndex(where: { $0.address == sorry.address && $0.port == port })
        {
            report(
                .warning, "the sorry_server is one of the real servers, which are gone when it is needed",
                at: sorry.token)
            report(.note, "the real_server is here", at: draft.serverTokens[index])
        }
        draft.settings.sorryServer = server
    }

    private mutating func decideQuorum(_ draft: inout ServiceDraft) {
        let total = draft.settings.realServers.reduce(0) { $0 + $1.weight }
        if draft.settings.quorum > max(total, 1), let token = draft.places["quorum"] {
            if !attempts.has("real_server", in: draft.place) {
                report(
                    .warning, "quorum \(draft.settings.quorum) is above the sum of weights, \(total), which is used",
                    at: token)
            }
            draft.settings.quorum = max(total, 1)
        }
        if total == 0, !draft.settings.realServers.isEmpty {
            report(
                .warning, "the weights of its real servers are all 0: none of them is given a connection",
                at: draft.token)
        }
        if draft.settings.hysteresis >= draft.settings.quorum, let token = draft.places["hysteresis"],
            draft.settings.hysteresis > 0
        {
            report(
                .warning,
                "hysteresis \(draft.settings.hysteresis) isn't below the quorum, \(draft.settings.quorum); "
                    + "\(draft.settings.quorum - 1) is used", at: token)
            draft.settings.hysteresis = draft.settings.quorum - 1
        }
    }

    /// A service hands packets of one family to servers of the same, unless it wraps them.
    private mutating func checkGroupFamilies(_ draft: inout ServiceDraft) {
        guard case .group(let name) = draft.settings.address, let group = services.groups[name] else { return }
        let families = Set(model.virtualServerGroups[group.index].entries.compactMap(\.family))
        guard families.count > 1, !draft.settings.realServers.allSatisfy(\.forwarding.isTunnel) else { return }
        condemn(
            "group `\(name)` mixes IPv4 and IPv6, which only `lb_kind TUN` can serve", &draft.settings, at: draft.token)
        report(.note, "the group is here", at: group.token)
    }

    /// The port that IPVS has for a server: where packets keep their destination, it is the service's.
    func serverPort(_ written: UInt16, _ forwarding: Forwarding, _ service: ServiceAddress) -> UInt16 {
        switch service {
        case .firewallMark: 0
        case .address(_, let port): written == 0 || port == 0 || forwarding != .masquerading ? port : written
        case .group: written
        }
    }
}

extension Forwarding {
    /// Whether packets are wrapped, so that the server may be of another family.
    var isTunnel: Bool { if case .tunnel = self { true } else { false } }
}

extension ServiceGroupEntry {
    /// Its family; nil for a mark that leaves it open.
    var family: AddressFamily? {
        switch self {
        case .addresses(let first, _, _): first.family
        case .firewallMark(_, let family): family
        }
    }
}
