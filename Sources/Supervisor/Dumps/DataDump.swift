import Base
import ConfigurationModel
import VRRP

/// keepalived.data: the lines that exporters and plugins read are as keepalived 2.2.7 writes them, and of the others those
/// that there is something to say for.
struct DataDump {
    var text = DumpText()

    /// The whole file.
    static func bytes(of contents: DumpContents) -> [UInt8] {
        var dump = DataDump()
        dump.write(contents.model.global)
        dump.text.section("VRRP Topology")
        let groups = dump.groups(of: contents.model)
        for (index, instance) in contents.instances.enumerated() {
            dump.write(instance.settings, instance.status, instance.transition, group: groups[index], contents)
        }
        let shared = contents.model.shared
        if !shared.syncGroups.isEmpty {
            dump.text.section("VRRP Sync groups")
            for group in shared.syncGroups { dump.write(group, contents) }
        }
        dump.writeTrackers(contents)
        return dump.text.bytes
    }

    /// The file of keepalived's parent process, which knows of no instances.
    static func parentBytes(of global: GlobalSettings) -> [UInt8] {
        var dump = DataDump()
        dump.write(global)
        return dump.text.bytes
    }

    /// The name of each instance's sync group.
    private func groups(of model: ConfigurationModel) -> [String?] {
        var names = [String?](repeating: nil, count: model.instances.count)
        for group in model.shared.syncGroups { for member in group.members { names[member] = group.name } }
        return names
    }

    // MARK: global_defs

    private mutating func write(_ global: GlobalSettings) {
        text.section("Global definitions")
        text.pair(1, "Network namespace", global.daemon.namespace ?? "(default)")
        if let instance = global.daemon.instance { text.pair(1, "Instance name", instance) }
        if let routerID = global.routerID { text.pair(1, "Router ID", routerID) }
        let mail = global.mail
        if let relay = mail.relay {
            text.pair(1, "Smtp server", relay)
            text.pair(1, "Smtp server port", Int(mail.relayPort))
        }
        if let name = mail.heloName { text.pair(1, "Smtp HELO name", name) }
        text.pair(1, "Smtp server connection timeout", Int(mail.connectTimeout.seconds))
        if let sender = mail.sender { text.pair(1, "Email notification from", sender) }
        if !mail.recipients.isEmpty {
            text.line(1, "Email notification to:")
            for recipient in mail.recipients { text.line(DumpText.block, recipient) }
        }
        func word(_ value: Bool?) -> String { value.map { $0 ? "on" : "off" } ?? "unset" }
        text.pair(1, "Default smtp_alert", word(mail.isDefault))
        text.pair(1, "Default smtp_alert_vrrp", word(mail.isDefaultOfInstances))
        text.pair(1, "Default smtp_alert_checker", word(mail.isDefaultOfServers))
        text.pair(1, "Dynamic interfaces", "\(global.dynamicInterfaces)")
        text.pair(1, "FIFO write vrrp states on reload", "\(global.daemon.writesStatesOnReload)")
        text.pair(1, "Gratuitous ARP interval", Self.decimal(global.garpInterval))
        text.pair(1, "Gratuitous NA interval", Self.decimal(global.gnaInterval))
        text.line(1, "Script security \(global.scriptSecurity ? "enabled" : "disabled")")
        text.pair(1, "umask", "0" + String(global.daemon.umask, radix: 8))
    }

    /// Seconds with six digits behind the point.
    private static func decimal(_ interval: Interval) -> String {
        let micros = interval.nanoseconds / 1_000
        return "\(micros / 1_000_000).\(String(1_000_000 + micros % 1_000_000).dropFirst())"
    }

    // MARK: Instances

    /// Pairs first: some readers take an instance to end at the first line without `=`, all at one with fewer than three
    /// blanks.
    private mutating func write(
        _ settings: InstanceSettings, _ status: InstanceStatus, _ transition: Int64, group: String?,
        _ contents: DumpContents
    ) {
        text.pair(1, "VRRP Instance", settings.name)
        text.pair("VRRP Version", Int(settings.version.rawValue))
        if let group { text.pair("Sync group", group) }
        text.pair("State", status.state.name)
        if status.state == .backup, let master = status.master {
            text.pair("Master router", master.description)
            text.pair("Master priority", Int(status.masterPriority?.rawValue ?? 0))
        }
        text.pair("Wantstate", status.state.name)
        text.pair("Number of config faults", settings.faults.count)
        text.pair(
            "Number of interface and track script faults", status.faults.count { $0 != .configuration })
        text.pair("Number of track scripts init", status.awaitedScripts.count)
        text.pair("Last transition", DumpText.time(transition))
        text.pair(
            "Read timeout",
            status.state == .backup && status.takeover != nil
                ? DumpText.time(contents.now &+ (status.takeover ?? .zero).nanoseconds) : "DISABLED")
        text.pair("Master down timer", "\(masterDownMicros(settings, status)) usecs")
        text.pair("Interface", settings.interface)
        text.pair(
            "Using src_ip",
            (status.source?.description ?? "(none)") + (settings.sourceAddress == nil ? "" : " (from configuration)"))
        write(settings.announcements)
        text.pair("Down timer adverts", settings.downTimerAdverts)
        text.pair("Send advert after receive lower priority advert", "\(!settings.lowerPriorityNoAdvert)")
        text.pair("Send advert after receive higher priority advert", "true")
        text.pair("Virtual Router ID", Int(settings.virtualRouterID?.rawValue ?? 0))
        text.pair("Priority", Int(settings.priority.rawValue))
        text.pair("Effective priority", Int(status.priority.rawValue))
        text.pair("Advert interval", interval(settings.advertInterval, settings.version))
        if status.state == .backup, settings.version == .v3 {
            text.pair("Master advert interval", interval(status.advertInterval, .v3))
        }
        text.pair("Accept", !settings.options.contains(.refusesPackets), "enabled", "disabled")
        text.pair("Preempt", settings.nopreempt, "disabled", "enabled")
        if settings.preemptDelay > .zero { text.pair("Preempt delay", "\(Int(settings.preemptDelay.seconds)) secs") }
        text.pair("Promote_secondaries", settings.options.contains(.promotesSecondaries), "enabled", "disabled")
        if settings.version == .v2, settings.family == .ipv4 {
            let header = settings.extra?.value.headerKey != nil
            text.pair(
                "Authentication type",
                header ? "IPSEC_AH" : settings.password == nil ? "none" : "SIMPLE_PASSWORD")
        }
        write(scripts: settings.scripts)
        text.pair("Using smtp notification", settings.options.contains(.sendsMail), "yes", "no")
        text.pair("Notify deleted", settings.options.contains(.tellsDeletion), "Deleted", "Fault")
        text.pair("Notify priority changes", "\(settings.options.contains(.notifiesPriorityChanges))")
        writeRest(of: settings, status)
    }

    /// Lines without `=`, and lists.
    private mutating func writeRest(of settings: InstanceSettings, _ status: InstanceStatus) {
        if settings.family == .ipv6 { text.line("Using Native IPv6") }
        if settings.isUnicast { text.line("Using unicast") }
        if settings.ignoresPrimaryInterface { text.line("VRRP interface tracking disabled") }
        if settings.skipsAddressListCheck { text.line("Skip checking advert IP addresses") }
        if settings.options.contains(.strict) { text.line("Enforcing strict VRRP compliance") }
        if !settings.isUnicast { text.line("Multicast address \(settings.multicastGroup)") }
        let addresses = settings.dumpTexts(of: settings.virtualAddresses, status)
        text.list("Virtual IP (\(addresses.count)):", addresses)
        text.list("Virtual IP Excluded :", settings.dumpTexts(of: settings.excludedAddresses, status))
        if settings.isUnicast {
            text.line("Check unicast src : \(settings.checkUnicastSource ? "yes" : "no")")
            text.list(
                "Unicast Peer :",
                settings.unicastPeers.map {
                    "\($0.address) min_ttl \($0.minimumTTL ?? 0) max_ttl \($0.maximumTTL ?? 255)"
                })
        }
        write(settings.trackedInterfaces, settings.trackers)
    }

    private mutating func write(_ announcements: AnnouncementSettings) {
        text.pair("Gratuitous ARP delay", Int(announcements.delay.seconds))
        text.pair("Gratuitous ARP repeat", announcements.rounds)
        text.pair("Gratuitous ARP refresh", Int(announcements.refresh.seconds))
        text.pair("Gratuitous ARP refresh repeat", announcements.refreshRounds)
        text.pair("Gratuitous ARP lower priority delay", Int(announcements.lowerPriorityDelay.seconds))
        text.pair("Gratuitous ARP lower priority repeat", announcements.lowerPriorityRounds)
    }

    private mutating func write(_ interfaces: [TrackedInterface], _ trackers: [Tracker]) {
        text.list(
            "Tracked interfaces :",
            interfaces.map { "\($0.name) weight \($0.weight)\($0.reverse ? " reverse" : "")" })
        let kinds: [(TrackerKind, title: String, comma: String)] = [
            (.script, "Tracked scripts :", ""), (.file, "Tracked files :", ","), (.process, "Tracked processes :", ","),
            (.bfd, "Tracked BFD instances :", ","),
        ]
        for kind in kinds {
            text.list(
                kind.title,
                trackers.filter { $0.kind == kind.0 }.map {
                    "\($0.name)\(kind.comma) weight \($0.weight)\($0.reverse ? " reverse" : "")"
                })
        }
    }

    private mutating func write(scripts: [NotifyScript]) {
        for script in scripts {
            let user = script.identity?.account.map { ", uid:gid \($0.uid):\($0.gid)" } ?? ""
            text.pair(Self.title(of: script.trigger), DumpText.command(script.arguments) + user)
        }
    }

    private static func title(of trigger: NotifyTrigger) -> StaticString {
        switch trigger {
        case .master: "Master state transition script"
        case .backup: "Backup state transition script"
        case .fault: "Fault state transition script"
        case .stop: "Stop state transition script"
        case .deleted: "Deleted state transition script"
        case .receivedLowerPriority: "Master rx lower pri state transition script"
        case .reclaimed: "Reclaimed state transition script"
        case .beforeMaster: "Before master script"
        case .beforeRelease: "Before release script"
        // No script of an instance runs then.
        case .any, .masterPriority, .backupPriority, .up, .down: "Generic state transition script"
        }
    }

    private func interval(_ interval: Interval, _ version: VRRPVersion) -> String {
        version == .v2 ? "\(Int(interval.seconds)) sec" : "\(interval.nanoseconds / 1_000_000) milli-sec"
    }

    private func masterDownMicros(_ settings: InstanceSettings, _ status: InstanceStatus) -> Int64 {
        status.masterDownInterval(settings).nanoseconds / 1_000
    }

    // MARK: Sync groups

    private mutating func write(_ group: SyncGroup, _ contents: DumpContents) {
        let states = group.members.map { contents.statuses[$0]?.state ?? .initialize }
        text.pair(1, "VRRP Sync Group", "\(group.name), \(Self.state(ofMembers: states).name)")
        let faulty = group.members.count(where: { contents.statuses[$0]?.hasFaultOfItsOwn ?? false })
        let starting = states.count(where: { $0 == .initialize })
        text.line("Num member fault \(faulty), num member init \(starting)")
        text.line("VRRP member instances :")
        for member in group.members { text.line(DumpText.entry, contents.model.instances[member].name) }
        text.pair("Using smtp notification", group.sendsMail, "yes", "no")
        write(group.trackedInterfaces, group.trackers)
        write(scripts: group.scripts)
    }

    /// A group is MASTER as a whole, and in FAULT as soon as one member is.
    private static func state(ofMembers states: [RouterState]) -> RouterState {
        if states.contains(.fault) { return .fault }
        return states.allSatisfy { $0 == .master } ? .master : .backup
    }
}

extension InstanceStatus {
    /// False also for one that is in FAULT because another member of its sync group is.
    fileprivate var hasFaultOfItsOwn: Bool {
        faults.contains { if case .memberFault = $0 { false } else { true } }
    }
}
