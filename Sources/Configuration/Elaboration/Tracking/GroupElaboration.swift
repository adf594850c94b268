import Base
import ConfigurationModel

extension Elaborator {
    /// Reads what refers to instances, after them.
    mutating func elaborateGroups() {
        for place in topLevel() {
            switch keyword(place) {
            case "vrrp_sync_group": syncGroup(place)
            case "track_group": trackGroup(place)
            case "garp_group": announcementGroup(place)
            case "interface_up_down_delays": interfaceDelays(place)
            case "linkbeat_interfaces": polledInterfaces(place)
            default: break
            }
        }
        for place in topLevel() {
            switch keyword(place) {
            case "static_ipaddress": staticAddresses(place)
            case "static_routes":
                let context = "static_routes (entry)"
                forEach(inside: place) { elaborator, entry, _ in
                    if let route = elaborator.route(entry, context: context) {
                        elaborator.model.shared.staticRoutes.append(route)
                    }
                }
            case "static_rules":
                let context = "static_rules (entry)"
                forEach(inside: place) { elaborator, entry, _ in
                    if let rule = elaborator.rule(entry, context: context) {
                        elaborator.model.shared.staticRules.append(rule)
                    }
                }
            default: break
            }
        }
    }

    /// An error about something that this block says a second time.
    mutating func refuse(_ message: String, at token: Int, first what: String) {
        refuse(message, at: token)
        if let first = shared.saidInBlock[what] { report(.note, "the first time is here", at: first) }
    }

    // MARK: - Sync groups

    private mutating func syncGroup(_ place: Int) {
        let block = statements[place]
        guard let token = word(of: block) else { return }
        let name = string(token)
        if let first = shared.syncGroups[name] {
            refuse("`vrrp_sync_group \(name)` exists already; this block is left out", at: token, atStart: "")
            return report(.note, "the first one is here", at: first)
        }
        shared.syncGroups[name] = token
        shared.saidInBlock = [:]
        var group = SyncGroup(name: name)
        group.sendsMail = defaults.sendsMail
        group.notifiesPriorityChanges = defaults.options.contains(.notifiesPriorityChanges)
        var memberPlaces: [Int] = []
        forEach(inside: place) { elaborator, statement, child in
            let keyword = elaborator.keyword(child)
            switch keyword {
            case "group": memberPlaces += elaborator.groupMembers(child, &group)
            case "track_interface":
                elaborator.forEach(inside: child) { elaborator, entry, _ in
                    guard let tracked = elaborator.trackedInterface(entry) else { return }
                    if group.trackedInterfaces.contains(where: { $0.name == tracked.name }) {
                        return elaborator.refuse(
                            "`\(tracked.name)` is tracked already", at: entry.token, first: "interface \(tracked.name)")
                    }
                    elaborator.shared.saidInBlock["interface \(tracked.name)"] = entry.token
                    group.trackedInterfaces.append(tracked)
                }
            case "smtp_alert": if let value = elaborator.boolean(statement) { group.sendsMail = value }
            case "sync_group_tracking_weight": group.keepsMemberWeights = elaborator.flag(statement)
            case "notify_priority_changes":
                if let value = elaborator.boolean(statement) { group.notifiesPriorityChanges = value }
            default:
                if let kind = TrackerKind(list: keyword) {
                    elaborator.trackers(kind, child, "vrrp_sync_group/\(keyword) (entry)", into: &group.trackers)
                } else if let trigger = NotifyTrigger(keyword: keyword) {
                    elaborator.notify(trigger, statement, into: &group.scripts)
                }
            }
        }
        finish(group, place, at: token, memberPlaces)
    }

    /// Entries of one list of trackers.
    mutating func trackers(_ kind: TrackerKind, _ place: Int, _ context: String, into trackers: inout [Tracker]) {
        var found = trackers
        forEach(inside: place) { elaborator, entry, _ in
            guard let tracker = elaborator.tracker(entry, kind, context: context) else { return }
            if found.contains(where: { $0.kind == kind && $0.name == tracker.name }) {
                return elaborator.refuse(
                    "`\(tracker.name)` is tracked already", at: entry.token, first: "\(kind) \(tracker.name)")
            }
            elaborator.shared.saidInBlock["\(kind) \(tracker.name)"] = entry.token
            if kind == .bfd,
                let session = elaborator.model.shared.bfdSessions.first(where: { $0.name == tracker.name }),
                !session.servesVRRP
            {
                return elaborator.refuse(
                    "`bfd_instance \(session.name)` is for checkers only; this isn't tracked", at: entry.token)
            }
            found.append(tracker)
        }
        trackers = found
    }

    /// Members of a `group` block, which are instances of no other group. - Returns: their tokens.
    private mutating func groupMembers(_ place: Int, _ group: inout SyncGroup) -> [Int] {
        var places: [Int] = []
        for (name, token) in names(inside: place) {
            guard let number = member(name, at: token) else { continue }
            if let first = shared.memberships[number] {
                refuse("instance `\(name)` is in a sync group already", at: token)
                report(.note, "it was put there here", at: first)
                continue
            }
            shared.memberships[number] = token
            group.members.append(number)
            places.append(token)
        }
        return places
    }

    /// The instance of this name.
    private mutating func member(_ name: String, at token: Int) -> Int? {
        if let number = shared.instances[name] { return number }
        let instances = model.instances
        if tries("vrrp_instance", named: name) {
            model.ignoredSettings += 1
            return nil
        }
        let hint = suggestion(for: name, among: instances.map(\.name))
        refuse("there is no `vrrp_instance \(name)`\(hint)", at: token)
        return nil
    }

    private mutating func finish(_ group: SyncGroup, _ place: Int, at token: Int, _ memberPlaces: [Int]) {
        let wanted = wantedMembers(place)
        guard !group.members.isEmpty else {
            if wanted > 0 {
                model.ignoredSettings += 1
                return
            }
            return refuse("`vrrp_sync_group \(group.name)` has no members and is left out", at: token, atStart: "")
        }
        if group.members.count == 1, wanted == 1 {
            report(
                .warning, "`vrrp_sync_group \(group.name)` has only one member, so there is nothing to keep in step",
                at: token)
        }
        for (number, place) in zip(group.members, memberPlaces) where !group.keepsMemberWeights {
            guard let weight = shared.weights[number] else { continue }
            report(
                .warning,
                "keepalived ignores a weight in a member of `\(group.name)` without `sync_group_tracking_weight`",
                at: weight)
            report(.note, "the instance is a member here", at: place)
        }
        checkPriorities(of: group, memberPlaces)
        checkTrackers(of: group, memberPlaces)
        model.shared.syncGroups.append(group)
    }

    /// Members that rank differently against their peers pull the group to and fro.
    private mutating func checkPriorities(of group: SyncGroup, _ places: [Int]) {
        let owners = group.members.map { model.instances[$0].priority == .owner }
        guard owners.contains(true), let other = owners.firstIndex(of: false) else { return }
        report(
            .warning,
            "a group starts as MASTER only when all members have priority 255; instance "
                + "`\(model.instances[group.members[other]].name)` hasn't", at: places[other])
    }

    /// What a group tracks replaces what its members say about the same object (behaviours §8).
    private mutating func checkTrackers(of group: SyncGroup, _ places: [Int]) {
        for (number, place) in zip(group.members, places) {
            let member = model.instances[number]
            let objects =
                group.trackers.filter { own in
                    member.trackers.contains { $0.kind == own.kind && $0.name == own.name }
                }.map(\.name)
                + group.trackedInterfaces.map(\.name).filter { name in
                    member.trackedInterfaces.contains { $0.name == name }
                }
            for object in objects {
                report(
                    .warning,
                    "instance `\(member.name)` tracks `\(object)` itself, too; what `\(group.name)` says is used",
                    at: place)
            }
        }
    }

    /// How many members are named, rightly or not; a misspelt list counts as one.
    private func wantedMembers(_ place: Int) -> Int {
        var count = attempts.has("group", in: place) ? 1 : 0
        for child in place + 1..<max(place + 1, statements[place].end) where keyword(child) == "group" {
            for entry in child + 1..<max(child + 1, statements[child].end) { count += statements[entry].words.count }
        }
        return count
    }

    // MARK: - Other groups

    private mutating func trackGroup(_ place: Int) {
        guard let token = word(of: statements[place]) else { return }
        let name = string(token)
        if let first = shared.trackGroups[name] {
            refuse("`track_group \(name)` exists already; this block is left out", at: token, atStart: "")
            return report(.note, "the first one is here", at: first)
        }
        shared.trackGroups[name] = token
        shared.saidInBlock = [:]
        var group = TrackGroup(name: name)
        forEach(inside: place) { elaborator, _, child in
            guard elaborator.keyword(child) == "group" else { return }
            for (name, token) in elaborator.names(inside: child) {
                guard let number = elaborator.member(name, at: token) else { continue }
                if group.members.contains(number) {
                    elaborator.refuse("instance `\(name)` is listed already", at: token, first: "member \(name)")
                } else {
                    elaborator.shared.saidInBlock["member \(name)"] = token
                    group.members.append(number)
                }
            }
        }
        if group.members.isEmpty, wantedMembers(place) == 0 {
            refuse("`track_group \(name)` has no members", at: token)
        }
        model.shared.trackGroups.append(group)
    }

    private mutating func announcementGroup(_ place: Int) {
        var group = AnnouncementGroup()
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "garp_interval":
                if let value = elaborator.seconds(statement, Limits.gap) { group.garpInterval = value }
            case "gna_interval":
                if let value = elaborator.seconds(statement, Limits.gap) { group.gnaInterval = value }
            case "interface":
                if let word = elaborator.word(of: statement) { elaborator.addInterface(word, to: &group) }
            case "interfaces":
                for (_, token) in elaborator.names(inside: child) { elaborator.addInterface(token, to: &group) }
            default: break
            }
        }
        let token = statements[place].token
        guard !group.interfaces.isEmpty else {
            if tries("interface", "interfaces", in: place) {
                model.ignoredSettings += 1
                return
            }
            return refuse("`garp_group` has no interfaces and is left out", at: token, atStart: "")
        }
        let isUnlimited = group.garpInterval == .zero && group.gnaInterval == .zero
        if isUnlimited, !attempts.has("garp_interval", in: place), !attempts.has("gna_interval", in: place) {
            report(.warning, "`garp_group` limits nothing: neither garp_interval nor gna_interval is set", at: token)
        }
        model.shared.announcementGroups.append(group)
    }

    private mutating func addInterface(_ token: Int, to group: inout AnnouncementGroup) {
        guard let name = listedInterface(at: token, list: "garp_group") else { return }
        group.interfaces.append(name)
    }

    /// An interface that exists and that this kind of list hasn't named before.
    private mutating func listedInterface(at token: Int, list: String) -> String? {
        guard let name = interfaceName(at: token) else { return nil }
        guard isKnown(interface: name) else {
            refuse(missing(interface: name), at: token)
            return nil
        }
        if let first = shared.interfaces["\(list) \(name)"] {
            refuse("`\(name)` is in `\(list)` already", at: token)
            report(.note, "the first time is here", at: first)
            return nil
        }
        shared.interfaces["\(list) \(name)"] = token
        return name
    }

    /// `IF DOWN [UP]`. Without UP it is DOWN, as keepalived's manual says; its code takes 0.
    private mutating func interfaceDelays(_ place: Int) {
        let limits: ClosedRange<Int64> = 0...255_000_000
        forEach(inside: place) { elaborator, entry, _ in
            var words = WordCursor(entry.words)
            guard let first = words.take(),
                let name = elaborator.listedInterface(at: first, list: "interface_up_down_delays"),
                let second = elaborator.value(of: first, in: &words),
                let down = elaborator.seconds(at: second, limits, for: "down delay")
            else { return }
            var up = down
            if let third = words.take() {
                guard let value = elaborator.seconds(at: third, limits, for: "up delay") else { return }
                up = value
            }
            elaborator.ignoreRest(of: words)
            elaborator.model.shared.interfaceDelays.append(InterfaceDelay(interface: name, down: down, up: up))
        }
    }

    private mutating func polledInterfaces(_ place: Int) {
        forEach(inside: place) { elaborator, entry, _ in
            var words = WordCursor(entry.words)
            guard let first = words.take(),
                let name = elaborator.listedInterface(at: first, list: "linkbeat_interfaces")
            else { return }
            var polled = PolledInterface(interface: name)
            if let word = words.take() {
                switch elaborator.string(word) {
                case "MII": polled.probe = .mii
                case "ETHTOOL": polled.probe = .ethtool
                case "IOCTL": polled.probe = .ioctl
                default:
                    elaborator.refuse("`\(elaborator.string(word))` isn't one of MII, ETHTOOL, IOCTL", at: word)
                }
            }
            elaborator.ignoreRest(of: words)
            elaborator.model.shared.polledInterfaces.append(polled)
        }
    }

    // MARK: - Static addresses

    private mutating func staticAddresses(_ place: Int) {
        forEach(inside: place) { elaborator, entry, _ in
            var group: String?
            guard
                var address = elaborator.virtualAddress(
                    entry, context: "static_ipaddress (entry)", trackGroup: &group)
            else { return }
            let interface = address.interface ?? elaborator.model.global.links.defaultInterface ?? "eth0"
            // With `dev` it is said already.
            if address.interface == nil, !elaborator.isKnown(interface: interface) {
                elaborator.report(
                    .error,
                    elaborator.missing(interface: interface)
                        .followed(by: "this address is set when it appears (or say `dev` or default_interface)"),
                    at: entry.token)
            }
            address.interface = interface
            elaborator.claim(address, on: interface, at: entry.token, isStatic: true)
            elaborator.model.shared.staticAddresses.append(StaticAddress(address: address, trackGroup: group))
        }
    }

    /// The track_group of this name, for something static.
    mutating func trackGroupName(at token: Int, of option: Int, in context: String) -> String? {
        guard context.hasPrefix("static_") else {
            let block = context.hasPrefix("vrrp_instance/virtual_rules") ? "rules" : "routes"
            refuse("`track_group` is for static_\(block): these follow their own instance", at: option)
            return nil
        }
        let name = string(token)
        guard let definition = shared.trackGroups[name] else {
            if tries("track_group", named: name) {
                model.ignoredSettings += 1
                return nil
            }
            let known = shared.trackGroups
            let hint = suggestion(for: name, among: known.keys.sorted())
            refuse("there is no `track_group \(name)`\(hint)", at: token)
            return nil
        }
        warnIfLater(definition, token)
        return name
    }

    /// keepalived knows a name only behind its definition.
    mutating func warnIfLater(_ definition: Int, _ token: Int) {
        guard definition > token else { return }
        report(
            .warning, "`\(string(token))` is defined further down; keepalived would ignore this", at: token)
        report(.note, "it is defined here", at: definition)
    }
}
