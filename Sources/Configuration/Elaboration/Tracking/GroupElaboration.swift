import Base
import ConfigurationModel

/// A vrrp_sync_group block while it is read.
struct SyncGroupDraft {
    var settings = SyncGroup(name: "")
    var memberPlaces: [Int] = []
}

extension Elaborator {
    /// An error about something that this block says a second time.
    mutating func refuse(_ message: String, at token: Int, first what: String) {
        refuse(message, at: token)
        if let first = shared.seenInBlock[what] { report(.note, "the first time is here", at: first) }
    }

    /// A group's name, when no other of its kind has it.
    private mutating func define(_ names: KeywordRow.Path<[String: Int]>, _ block: Statement) -> String? {
        guard let token = word(of: block) else { return nil }
        let name = string(token)
        if let first = self[keyPath: names][name] {
            refuse("`\(block.row.name) \(name)` exists already; this block is left out", at: token, atStart: .inMessage)
            report(.note, "the first one is here", at: first)
            return nil
        }
        self[keyPath: names][name] = token
        shared.seenInBlock = [:]
        return name
    }

    // MARK: - Sync groups

    mutating func syncGroup(_ block: Statement) {
        guard let name = define(\.shared.syncGroups, block), let token = block.words.first else { return }
        group = SyncGroupDraft(settings: SyncGroup(name: name))
        group.settings.sendsMail = defaults.options.contains(.sendsMail)
        group.settings.notifiesPriorityChanges = defaults.options.contains(.notifiesPriorityChanges)
        perform(inside: block)
        finish(group.settings, block, at: token, group.memberPlaces)
    }

    /// Entries of a list of tracked interfaces.
    mutating func trackedInterfaces(
        _ block: Statement, into path: KeywordRow.Path<[TrackedInterface]>,
        _ note: (inout Elaborator, TrackedInterface, Int) -> Void = { _, _, _ in }
    ) {
        let list = block.row.value.inside?() ?? .empty
        forEach(inside: block) { elaborator, entry in
            guard let tracked = elaborator.trackedInterface(entry, of: list) else { return }
            note(&elaborator, tracked, entry.token)
            if elaborator[keyPath: path].contains(where: { $0.name == tracked.name }) {
                return elaborator.refuse(
                    "`\(tracked.name)` is tracked already", at: entry.token, first: "interface \(tracked.name)")
            }
            elaborator.shared.seenInBlock["interface \(tracked.name)"] = entry.token
            elaborator[keyPath: path].append(tracked)
        }
    }

    /// Entries of one list of trackers.
    mutating func trackers(_ kind: TrackerKind, _ block: Statement, into path: KeywordRow.Path<[Tracker]>) {
        let list = block.row.value.inside?() ?? .empty
        forEach(inside: block) { elaborator, entry in
            guard let tracker = elaborator.tracker(entry, kind, of: list) else { return }
            if elaborator[keyPath: path].contains(where: { $0.kind == kind && $0.name == tracker.name }) {
                return elaborator.refuse(
                    "`\(tracker.name)` is tracked already", at: entry.token, first: "\(kind) \(tracker.name)")
            }
            elaborator.shared.seenInBlock["\(kind) \(tracker.name)"] = entry.token
            if kind == .bfd,
                let session = elaborator.model.shared.bfdSessions.first(where: { $0.name == tracker.name }),
                !session.servesVRRP
            {
                return elaborator.refuse(
                    "`bfd_instance \(session.name)` is for checkers only; this isn't tracked", at: entry.token)
            }
            elaborator[keyPath: path].append(tracker)
        }
    }

    /// Members of a `group` block, which are instances of no other group.
    mutating func groupMembers(_ block: Statement) {
        for (name, token) in names(inside: block) {
            guard let number = member(name, at: token) else { continue }
            if let first = shared.memberships[number] {
                refuse("instance `\(name)` is in a sync group already", at: token)
                report(.note, "it was put there here", at: first)
                continue
            }
            shared.memberships[number] = token
            group.settings.members.append(number)
            group.memberPlaces.append(token)
        }
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

    private mutating func finish(_ group: SyncGroup, _ block: Statement, at token: Int, _ memberPlaces: [Int]) {
        let wanted = wantedMembers(block)
        guard !group.members.isEmpty else {
            if wanted > 0 {
                model.ignoredSettings += 1
                return
            }
            return refuse(
                "`vrrp_sync_group \(group.name)` has no members and is left out", at: token, atStart: .inMessage)
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
                "a weight in a member of `\(group.name)` doesn't count without `sync_group_tracking_weight`",
                at: weight)
            report(.note, "the instance is a member here", at: place)
        }
        checkPriorities(of: group, memberPlaces)
        checkPreemption(of: group, memberPlaces)
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

    /// Warns as an instance's own weights do.
    private mutating func checkPreemption(of group: SyncGroup, _ places: [Int]) {
        guard
            group.trackers.contains(where: { $0.weight != 0 })
                || group.trackedInterfaces.contains(where: { $0.weight != 0 }),
            let first = group.members.firstIndex(where: { model.instances[$0].nopreempt })
        else { return }
        report(
            .warning,
            "`nopreempt` of `\(model.instances[group.members[first]].name)` with weighted tracking of its group: "
                + "a sick master keeps its role; use weight 0 to make it FAULT", at: places[first])
    }

    /// Warns of objects that a group and a member track: the group's options replace the member's (behaviours §8).
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

    /// Number of members that are named, rightly or not; a misspelt list counts as one.
    private mutating func wantedMembers(_ block: Statement) -> Int {
        var count = misplaced.has("group", in: block.place) ? 1 : 0
        forEach(inside: block) { elaborator, statement in
            if statement.row.name == "group" { count += elaborator.names(inside: statement).count }
        }
        return count
    }

    // MARK: - Other groups

    mutating func trackGroup(_ block: Statement) {
        guard let name = define(\.shared.trackGroups, block), let token = block.words.first else { return }
        trackGroup = TrackGroup(name: name)
        perform(inside: block)
        if trackGroup.members.isEmpty, wantedMembers(block) == 0 {
            refuse("`track_group \(name)` has no members", at: token)
        }
        model.shared.trackGroups.append(trackGroup)
    }

    mutating func trackGroupMembers(_ block: Statement) {
        for (name, token) in names(inside: block) {
            guard let number = member(name, at: token) else { continue }
            if trackGroup.members.contains(number) {
                refuse("instance `\(name)` is listed already", at: token, first: "member \(name)")
            } else {
                shared.seenInBlock["member \(name)"] = token
                trackGroup.members.append(number)
            }
        }
    }

    mutating func announcementGroup(_ block: Statement) {
        announcements = AnnouncementGroup()
        perform(inside: block)
        guard !announcements.interfaces.isEmpty else {
            if tries("interface", "interfaces", in: block) {
                model.ignoredSettings += 1
                return
            }
            return refuse("`garp_group` has no interfaces and is left out", at: block.token, atStart: .inMessage)
        }
        let isUnlimited = announcements.garpInterval == .zero && announcements.gnaInterval == .zero
        if isUnlimited, !misplaced.has("garp_interval", in: block.place),
            !misplaced.has("gna_interval", in: block.place)
        {
            report(
                .warning, "`garp_group` limits nothing: neither garp_interval nor gna_interval is set", at: block.token)
        }
        model.shared.announcementGroups.append(announcements)
    }

    mutating func announcementInterface(_ statement: Statement) {
        if let word = word(of: statement) { addAnnouncementInterface(at: word) }
    }

    mutating func announcementInterfaces(_ block: Statement) {
        for (_, token) in names(inside: block) { addAnnouncementInterface(at: token) }
    }

    private mutating func addAnnouncementInterface(at word: Int) {
        if let name = listedInterface(at: word, list: "garp_group") { announcements.interfaces.append(name) }
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
    mutating func interfaceDelays(_ block: Statement) {
        forEach(inside: block) { elaborator, entry in
            var words = WordCursor(entry.words)
            guard let first = words.take(),
                let name = elaborator.listedInterface(at: first, list: "interface_up_down_delays"),
                let second = elaborator.value(of: first, in: &words),
                let down = elaborator.linkDelay(at: second, "down delay")
            else { return }
            var up = down
            if let third = words.take() {
                guard let value = elaborator.linkDelay(at: third, "up delay") else { return }
                up = value
            }
            elaborator.ignoreRest(of: words)
            elaborator.model.shared.interfaceDelays.append(InterfaceDelay(interface: name, down: down, up: up))
        }
    }

    private mutating func linkDelay(at word: Int, _ name: String) -> Interval? {
        guard let micros = decimal(at: word), let limits = KeywordList.interfaceDelay["(entry)"]?.value.times else {
            return nil
        }
        let delay = Interval.microseconds(micros)
        guard limits.contains(delay) else {
            refuse("\(name) is \(limits.lowerBound) to \(limits.upperBound)", at: word)
            return nil
        }
        return delay
    }

    mutating func polledInterfaces(_ block: Statement) {
        forEach(inside: block) { elaborator, entry in
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

    mutating func staticAddresses(_ block: Statement) {
        forEach(inside: block) { elaborator, entry in
            guard var address = elaborator.virtualAddress(entry, of: .staticAddress) else { return }
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
            elaborator.model.shared.staticAddresses.append(
                StaticAddress(address: address, trackGroup: elaborator.trackGroupName))
        }
    }

    /// The track_group of something static.
    mutating func trackGroupReference(_ option: Statement) {
        trackGroupName = trackGroupName(at: option.words.lowerBound)
    }

    /// The track_group of this name.
    mutating func trackGroupName(at token: Int) -> String? {
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
