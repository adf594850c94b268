import Base
import ConfigurationModel

/// Rules between the settings of one virtual server.
extension Elaborator {
    /// Decides what real servers depend on. It runs before they are read.
    mutating func decideService() {
        decideServiceFamily()
        decideTransport()
        for (names, standard) in [(["lb_algo", "lvs_sched"], "wlc"), (["lb_kind", "lvs_method"], "NAT")]
        where !names.contains(where: { service.places[$0] != nil || misplaced.has($0, in: service.block.place) }) {
            report(.warning, "`\(names[0])` is missing; `\(standard)` is used", at: service.token)
        }
        decideScheduling()
        decidePersistence()
        service.settings.sendsMail =
            service.sendsMail ?? model.global.mail.isDefaultOfServers ?? model.global.mail.isDefault ?? false
        if service.settings.suspendsWithoutAddress, let token = service.places["ha_suspend"] {
            guard case .address = service.settings.address else {
                service.settings.suspendsWithoutAddress = false
                return report(
                    .warning, "`ha_suspend` needs a virtual server with an address of its own; it has no effect here",
                    at: token)
            }
        }
    }

    /// An error that keeps this service, and no other, from being set up.
    mutating func reject(
        _ reason: String, _ path: WritableKeyPath<Elaborator, VirtualServerSettings> = \.service.settings, at token: Int
    ) {
        self[keyPath: path].faults.append(reason)
        report(.error, "\(reason): virtual server `\(self[keyPath: path].address)` isn't set up", at: token)
    }

    private mutating func decideServiceFamily() {
        switch service.settings.address {
        case .address(let address, _):
            service.settings.family = address.family
            if let family = service.family, family != address.family, let token = service.places["ip_family"] {
                report(.error, "`ip_family` isn't the family of `\(address)`; it is ignored", at: token)
            }
        case .firewallMark: service.settings.family = service.family ?? firstServerFamily() ?? .ipv4
        case .group(let name):
            guard let group = services.groups[name] else {
                service.settings.family = service.family ?? firstServerFamily() ?? .ipv4
                if tries("virtual_server_group", named: name) {
                    service.settings.faults.append("there is no virtual_server_group `\(name)`")
                    return
                }
                let known = services.groups
                let hint = suggestedName(for: name, among: known.keys.sorted())
                let advice = hint.map { " (did you mean `\($0)`?)" } ?? ""
                return reject(
                    "there is no virtual_server_group `\(name)`\(advice)", at: service.token + 2)
            }
            let families = model.virtualServerGroups[group.index].entries.compactMap(\.family)
            service.settings.family = families.first ?? service.family ?? firstServerFamily() ?? .ipv4
            if let family = service.family, families.first ?? family != family, let token = service.places["ip_family"]
            {
                report(.error, "`ip_family` isn't the family of group `\(name)`; it is ignored", at: token)
            }
        }
    }

    /// Family of the first real server that can be read.
    private func firstServerFamily() -> AddressFamily? {
        for child in service.block.place + 1..<service.block.end where statements[child].row.name == "real_server" {
            if let word = statements[child].words.first, let address = IPAddress(string(word)) { return address.family }
        }
        return nil
    }

    private mutating func decideTransport() {
        if case .firewallMark = service.settings.address, let token = service.places["protocol"] {
            report(.warning, "`protocol` has no effect with `fwmark`: the mark says which packets are meant", at: token)
        }
        if service.settings.transport == nil {
            if case .firewallMark = service.settings.address { return }
            service.settings.transport = .udp
            if tries("protocol", in: service.block) { return }
            report(
                .warning, "`protocol` is missing; UDP is used, which is seldom what is meant: say TCP, UDP or SCTP",
                at: service.token)
        }
    }

    private mutating func decideScheduling() {
        for (prefix, scheduler) in [("sh-", Scheduler.sourceHashing), ("mh-", .maglevHashing)]
        where service.settings.scheduler != scheduler {
            for name in ["\(prefix)fallback", "\(prefix)port"] {
                guard let token = service.places[name] else { continue }
                service.settings.schedulerFlags.remove(name.hasSuffix("port") ? .second : .first)
                report(
                    .warning,
                    "`\(name)` belongs to scheduler \(scheduler.rawValue), not \(service.settings.scheduler.rawValue); "
                        + "it is ignored", at: token)
            }
        }
        if service.settings.schedulesSinglePackets, service.settings.transport != .udp,
            let token = service.places["ops"]
        {
            service.settings.schedulesSinglePackets = false
            report(.warning, "`ops`, one packet scheduling, needs `protocol UDP`; it is ignored", at: token)
        }
    }

    private mutating func decidePersistence() {
        let family = service.settings.family
        var persistence = Persistence(granularity: family == .ipv4 ? .netmask(.max) : .prefixLength(128))
        var isWanted = service.persistenceTimeout != nil || service.engine != nil
        if let timeout = service.persistenceTimeout { persistence.timeout = timeout }
        persistence.engine = service.engine
        if let word = service.granularityPlace {
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
        if case .address(_, 0) = service.settings.address, !isWanted {
            isWanted = true
            report(
                .error,
                "a port is missing, and a service on all ports has to be persistent; persistence_timeout 360 is used",
                at: service.token)
        } else if service.lacksPort, case .address(let address, 0) = service.settings.address {
            report(
                .warning,
                "a port is missing, so the service takes connections to every port: write the port, or "
                    + "`virtual_server \(address) 0` if all of them are meant", at: service.token)
        }
        if isWanted { service.settings.persistence = persistence }
    }

    /// Groups that stand there for nothing. It runs when all virtual servers are known.
    mutating func checkGroupsAreUsed() {
        guard !misplaced.has("virtual_server") else { return }
        var used = Set<String>()
        for server in model.virtualServers { if case .group(let name) = server.address { used.insert(name) } }
        for (name, group) in services.groups.sorted(by: { $0.value.token < $1.value.token })
        where !used.contains(name) {
            report(
                .warning,
                "no virtual_server uses this group: write `virtual_server group \(name) {`, or take the group out",
                at: group.token)
        }
    }

    // MARK: - With the real servers known

    /// Decides what depends on the real servers. It runs after they were read.
    mutating func applyServiceRules() {
        decideSorryServer()
        if service.settings.realServers.isEmpty {
            if !service.hasAddress || tries("real_server", in: service.block) {
                service.settings.faults.append("there is no valid real_server")
            } else {
                reject("there is no valid real_server", at: service.token)
            }
        } else {
            decideQuorum()
        }
        checkGroupFamilies()
        checkGroupSize()
    }

    private mutating func decideSorryServer() {
        guard let sorry = service.sorryAddress else {
            for name in ["sorry_server_inhibit", "sorry_server_lvs_method"] {
                guard let token = service.places[name], !tries("sorry_server", in: service.block) else { continue }
                report(.warning, "`\(name)` has no effect without `sorry_server`", at: token)
            }
            return
        }
        let forwarding = service.sorryForwarding ?? service.settings.forwarding
        guard sorry.address.family == service.settings.family || forwarding.isTunnel else {
            return refuse(
                "this sorry_server isn't of the virtual server's family; only TUN can do that", at: sorry.token)
        }
        let port = serverPort(sorry.port, forwarding, service.settings.address)
        var server = SorryServer(address: sorry.address, port: port, forwarding: forwarding)
        server.isInhibited = service.isSorryInhibited
        if let index = service.settings.realServers.firstIndex(where: { $0.address == sorry.address && $0.port == port }
        ) {
            report(
                .warning, "the sorry_server is one of the real servers, which are gone when it is needed",
                at: sorry.token)
            report(.note, "the real_server is here", at: service.serverTokens[index])
        }
        service.settings.sorryServer = server
    }

    private mutating func decideQuorum() {
        let total = service.settings.realServers.reduce(0) { $0 + $1.weight }
        if service.settings.quorum > max(total, 1), let token = service.places["quorum"] {
            if !misplaced.has("real_server", in: service.block.place) {
                report(
                    .warning, "quorum \(service.settings.quorum) is above the sum of weights, \(total), which is used",
                    at: token)
            }
            service.settings.quorum = max(total, 1)
        }
        if total == 0, !service.settings.realServers.isEmpty {
            report(
                .warning, "the weights of its real servers are all 0: none of them is given a connection",
                at: service.token)
        }
        if service.settings.hysteresis >= service.settings.quorum, let token = service.places["hysteresis"],
            service.settings.hysteresis > 0
        {
            report(
                .warning,
                "hysteresis \(service.settings.hysteresis) isn't below the quorum, \(service.settings.quorum); "
                    + "\(service.settings.quorum - 1) is used", at: token)
            service.settings.hysteresis = service.settings.quorum - 1
        }
    }

    /// The kernel's table has a service for each address of a group.
    private mutating func checkGroupSize() {
        guard case .group(let name) = service.settings.address, let group = services.groups[name] else { return }
        let count = model.virtualServerGroups[group.index].entries.reduce(0) { $0 + $1.serviceCount }
        guard count > Limits.rangeMaximum else { return }
        reject("group `\(name)` makes \(count) services, and \(Limits.rangeMaximum) is the most", at: service.token)
        report(.note, "the group is here", at: group.token)
    }

    /// A service hands packets of one family to servers of the same, unless it wraps them.
    private mutating func checkGroupFamilies() {
        guard case .group(let name) = service.settings.address, let group = services.groups[name] else { return }
        let families = Set(model.virtualServerGroups[group.index].entries.compactMap(\.family))
        guard families.count > 1, !service.settings.realServers.allSatisfy(\.forwarding.isTunnel) else { return }
        reject(
            "group `\(name)` mixes IPv4 and IPv6, which only `lb_kind TUN` can serve", at: service.token)
        report(.note, "the group is here", at: group.token)
    }

    /// The port that IPVS has for a server: where packets keep their destination, it is the service's.
    func serverPort(_ written: UInt16, _ forwarding: Forwarding, _ service: ServiceAddress) -> UInt16 {
        switch service {
        case .firewallMark: forwarding == .masquerading ? written : 0
        case .address(_, let port): forwarding == .masquerading && written != 0 ? written : port
        // Each entry has a port of its own, or none.
        case .group: written
        }
    }
}

extension Forwarding {
    /// True if packets are wrapped, so that the server may be of another family.
    var isTunnel: Bool { if case .tunnel = self { true } else { false } }
}

extension ServiceGroupEntry {
    /// Services that it makes.
    fileprivate var serviceCount: UInt64 {
        switch self {
        case .addresses(let first, let last, _): last.low - first.low + 1
        case .firewallMark: 1
        }
    }

    /// Its family; nil for a mark that leaves it open.
    var family: AddressFamily? {
        switch self {
        case .addresses(let first, _, _): first.family
        case .firewallMark(_, let family): family
        }
    }
}
