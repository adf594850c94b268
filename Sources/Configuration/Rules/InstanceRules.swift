import Base
import ConfigurationModel

/// The rules that settings of one instance have for each other, and instances for each other.
extension Elaborator {
    /// Decides the meaning of the draft. The order matters: the family is known first, then the version.
    mutating func applyRules() {
        decideFamily()
        decideVersion()
        decideInterval()
        decidePriority()
        decideAuthentication()
        decideAddresses()
        decidePeers()
        checkInterface()
        if draft.settings.virtualRouterID == nil {
            fail(
                "virtual_router_id is missing or invalid", missing: "virtual_router_id",
                at: draft.places["virtual_router_id"])
        }
        failByDefaults()
        checkDuplicate()
        decideOptions()
        checkStrictness()
        checkAddresses()
        if draft.extra != ExtraSettings() { draft.settings.extra = OutOfLine(draft.extra) }
    }

    /// An error that keeps this instance, and no other, from running.
    ///
    /// - Parameters:
    ///   - missing: the keyword that isn't there. An attempt at it has an error of its own, and this is no second one.
    ///   - block: where that keyword belongs; nil for the instance's block.
    mutating func fail(
        _ reason: String, missing: String? = nil, in block: Statement? = nil,
        at token: Int? = nil
    ) {
        fault(reason, at: token ?? draft.token)
        if let missing, tries(missing, in: block ?? draft.block) { return }
        report(.error, reason, at: token ?? draft.token, atStart: .leaveInFault(draft.settings.name))
        diagnostics.noteFault()
    }

    private mutating func decideFamily() {
        let addresses = [
            draft.settings.virtualAddresses.first?.prefix.address, draft.settings.sourceAddress,
            draft.settings.unicastPeers.first?.address, draft.group,
            draft.settings.excludedAddresses.first?.prefix.address,
        ]
        draft.settings.family = addresses.compactMap { $0?.family }.first ?? .ipv4
    }

    private mutating func decideVersion() {
        guard draft.settings.family == .ipv6 else {
            draft.settings.version = draft.version ?? defaults.version ?? .v2
            return
        }
        // RFC 3768 has no IPv6, keepalived has. What other routers of the cluster do decides.
        draft.settings.version = draft.version ?? .v3
        guard draft.version == .v2, let token = draft.places["version"] else { return }
        if draft.settings.options.contains(.strict) {
            draft.settings.version = .v3
            report(.warning, "VRRP version 2 has no IPv6; strict mode uses version 3", at: token)
        } else {
            report(
                .warning,
                "VRRP version 2 has no IPv6 (RFC 3768): the adverts are keepalived's, which few other routers understand",
                at: token)
        }
    }

    private mutating func decideInterval() {
        guard let interval = draft.advertInterval else { return }
        let token = draft.places["advert_int"]
        if draft.settings.version == .v2 {
            guard interval >= .seconds(1), interval.isMultiple(of: .seconds(1)) else {
                return fail(
                    "advert_int of VRRP version 2 is a whole number of seconds (`version 3` allows 0.01)",
                    at: token)
            }
        } else {
            guard interval.isMultiple(of: .centiseconds(1)), interval <= .centiseconds(4_095) else {
                return fail("advert_int of VRRP version 3 is 0.01 to 40.95 in steps of 0.01", at: token)
            }
        }
        draft.settings.advertInterval = interval
    }

    private mutating func decidePriority() {
        // A `state MASTER` without a priority means the owner; a priority that can't be read means the standard.
        let isOwner =
            draft.settings.wantsMaster && draft.places["priority"] == nil
            && !misplaced.has("priority", in: draft.block.place)
        let standard: Priority = isOwner ? .owner : .standard
        draft.settings.priority = draft.priority ?? standard
        if draft.settings.nopreempt, let token = draft.places["nopreempt"] {
            if draft.settings.priority == .owner {
                draft.settings.nopreempt = false
                report(.warning, "`nopreempt` has no effect with priority 255", at: token)
            } else if draft.settings.wantsMaster {
                draft.settings.nopreempt = false
                report(.warning, "`nopreempt` has no effect with `state MASTER`; use `state BACKUP`", at: token)
            } else if draft.weightPlace != nil || draft.settings.trackers.contains(where: { $0.weight != 0 }) {
                report(
                    .warning,
                    "`nopreempt` with weighted tracking: a sick master keeps its role; use weight 0 to make it FAULT",
                    at: token)
            }
        }
        if draft.settings.preemptDelay > .zero, let token = draft.places["preempt_delay"] {
            let reason: String? =
                if draft.settings.nopreempt { "nopreempt" } else if draft.settings.priority == .owner {
                    "priority 255"
                } else if draft.settings.wantsMaster { "state MASTER" } else { nil }
            if let reason {
                draft.settings.preemptDelay = .zero
                report(.warning, "`preempt_delay` has no effect with `\(reason)`", at: token)
            }
        }
    }

    private mutating func decideAuthentication() {
        let written = draft.authentication
        if draft.places["auth_hmac"] == nil, let token = misplaced.place(of: "auth_hmac", in: draft.block.place) {
            fault("its auth_hmac can't be read", at: token)
        }
        guard let block = written.block else {
            // Misspelt, without a `{`, or what belongs into it outside of it: what was meant to be authenticated must not
            // run without it.
            let meant = ["authentication", "auth_type", "auth_pass"].compactMap {
                misplaced.place(of: $0, in: draft.block.place)
            }
            if draft.settings.version == .v2, draft.settings.family == .ipv4, let token = meant.min() {
                fault("its authentication can't be read", at: token)
            }
            return
        }
        let place = block.token
        if draft.settings.version == .v3 || draft.settings.family == .ipv6 {
            let form = draft.settings.version == .v3 ? "version 3" : "version 2 over IPv6"
            model.ignoredSettings += 1
            return report(.error, "VRRP \(form) has no authentication; this block is ignored", at: place)
        }
        if let password = written.password, password.count > 8, let token = written.passwordPlace {
            report(.warning, "only the first 8 bytes of a password count", at: token)
        }
        switch written.type {
        case "PASS":
            guard var password = written.password else {
                return fail(
                    "authentication without auth_pass", missing: "auth_pass", in: block, at: place)
            }
            password = Array(password.prefix(8))
            draft.settings.password = password + Array(repeating: 0, count: 8 - password.count)
        case "AH": decideHeader(written, at: written.typePlace ?? place)
        case .some(let type): fail("auth_type is PASS or AH, not `\(type)`", at: written.typePlace ?? place)
        case nil:
            model.ignoredSettings += 1
            // The peers that have the password would discard its adverts, and it theirs.
            if tries("auth_type", in: block) || misplaced.isMisread(block.place) {
                return fault("authentication without a valid auth_type", at: place)
            }
            report(.warning, "authentication without auth_type has no effect", at: place)
        }
    }

    private mutating func decideAddresses() {
        keepDistinct()
        let surplus = draft.settings.virtualAddresses.count - InstanceSettings.maximumAddresses
        if surplus > 0 {
            report(
                .warning, "an advertisement carries 255 addresses; from here on they are handled as excluded addresses",
                at: draft.virtualPlaces[InstanceSettings.maximumAddresses])
            draft.settings.excludedAddresses.insert(
                contentsOf: draft.settings.virtualAddresses.suffix(surplus), at: 0)
            draft.settings.virtualAddresses.removeLast(surplus)
        }
        guard draft.settings.virtualAddresses.isEmpty else { return }
        // Neither its family nor its list is known, and its peers discard another list.
        if draft.settings.version == .v2, means("virtual_ipaddress", in: draft.block) {
            let place =
                draft.places["virtual_ipaddress"] ?? misplaced.place(of: "virtual_ipaddress", in: draft.block.place)
            fault("its virtual_ipaddress names no address that can be read", at: place ?? draft.token)
        }
        guard !draft.mayLackAddresses else { return }
        if draft.settings.version == .v3 {
            fail(
                "VRRP version 3 needs at least one virtual address", missing: "virtual_ipaddress",
                at: draft.places["virtual_ipaddress"])
        } else if !tries("virtual_ipaddress", in: draft.block) {
            report(.warning, "instance `\(draft.settings.name)` has no virtual address", at: draft.token)
        }
    }

    /// Drops addresses of the wrong family and those that were named before.
    private mutating func keepDistinct() {
        struct Key: Hashable {
            var address: IPAddress
            var interface: String?
        }
        var seen: [Key: Int] = [:]
        let family = draft.settings.family
        func isNew(_ address: VirtualAddress, at token: Int, isCarried: Bool, _ elaborator: inout Elaborator) -> Bool {
            if isCarried, address.prefix.address.family != family {
                elaborator.refuse(
                    "an instance carries addresses of one family; put this one into virtual_ipaddress_excluded",
                    at: token)
                return false
            }
            let key = Key(address: address.prefix.address, interface: address.interface)
            if let first = seen[key] {
                elaborator.model.ignoredSettings += 1
                elaborator.report(.warning, "`\(address.prefix.address)` is listed already", at: token)
                elaborator.report(.note, "the first time is here", at: first)
                return false
            }
            seen[key] = token
            return true
        }
        seen.reserveCapacity(draft.settings.virtualAddresses.count + draft.settings.excludedAddresses.count)
        var kept: [VirtualAddress] = []
        kept.reserveCapacity(draft.settings.virtualAddresses.count)
        var places: [Int] = []
        for (address, token) in zip(draft.settings.virtualAddresses, draft.virtualPlaces)
        where isNew(address, at: token, isCarried: true, &self) {
            kept.append(address)
            places.append(token)
        }
        draft.settings.virtualAddresses = kept
        draft.virtualPlaces = places
        kept = []
        for (address, token) in zip(draft.settings.excludedAddresses, draft.excludedPlaces)
        where isNew(address, at: token, isCarried: false, &self) {
            kept.append(address)
        }
        draft.settings.excludedAddresses = kept
    }

    private mutating func checkDuplicate() {
        guard let id = draft.settings.virtualRouterID else { return }
        let identity = draft.settings.identity
        guard let first = identities[identity] else {
            identities[identity] = draft.places["virtual_router_id"] ?? draft.token
            return
        }
        fail(
            "virtual_router_id \(id) is used already on `\(identity.interface)`",
            at: draft.places["virtual_router_id"])
        report(.note, "the first instance with it is here", at: first)
    }
}

extension Interval {
    fileprivate func isMultiple(of step: Interval) -> Bool { nanoseconds.isMultiple(of: step.nanoseconds) }
}
