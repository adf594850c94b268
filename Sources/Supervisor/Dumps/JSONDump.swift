import Base
import ConfigurationModel
import VRRP
import Varlink

/// keepalived.json: all members that keepalived 2.2.7 writes but the password. Members without a value are left out, as there.
enum JSONDump {
    /// The whole file.
    static func bytes(of contents: DumpContents) -> [UInt8] {
        var writer = JSONWriter(capacity: 2_048 * contents.model.instances.count)
        let hasHead = contents.model.global.reports.jsonVersion == 2
        if hasHead {
            writer.beginObject()
            writer.name("vrrp")
        }
        writer.beginArray()
        for instance in contents.instances {
            writer.beginObject()
            writer.name("data")
            write(instance.settings, instance.status, instance.transition, contents, into: &writer)
            writer.name("stats")
            KeepalivedCounters(instance.status.counters, instance.settings).write(into: &writer)
            writer.endObject()
        }
        writer.endArray()
        if hasHead {
            if !contents.model.shared.trackProcesses.isEmpty {
                writer.name("track_process")
                writer.beginArray()
                for process in contents.model.shared.trackProcesses {
                    write(process, contents.verdicts[TrackerKey(.process, process.name)], into: &writer)
                }
                writer.endArray()
            }
            writer.endObject()
        }
        return writer.bytes
    }

    /// The members and their types are keepalived's: some switches are numbers there.
    private static func write(
        _ settings: InstanceSettings, _ status: InstanceStatus, _ transition: Int64, _ contents: DumpContents,
        into writer: inout JSONWriter
    ) {
        func number(_ name: StaticString, _ value: Int) {
            writer.name(name)
            writer.write(Int64(value))
        }
        func bit(_ name: StaticString, _ value: Bool) { number(name, value ? 1 : 0) }
        func flag(_ name: StaticString, _ value: Bool) {
            writer.name(name)
            writer.write(value)
        }
        func text(_ name: StaticString, _ value: String) {
            writer.name(name)
            writer.write(value)
        }
        func seconds(_ name: StaticString, _ value: Interval) {
            writer.name(name)
            let nanoseconds = value.nanoseconds
            let whole = nanoseconds / 1_000_000_000
            if nanoseconds % 1_000_000_000 == 0 { writer.write(whole) } else { writer.write(value.seconds) }
        }
        let announcements = settings.announcements
        writer.beginObject()
        text("iname", settings.name)
        bit("dont_track_primary", settings.ignoresPrimaryInterface)
        bit("skip_check_adv_addr", settings.skipsAddressListCheck)
        bit("strict_mode", settings.options.contains(.strict))
        text("vmac_ifname", "")
        text("ifp_ifname", settings.interface)
        number("master_priority", status.state == .backup ? Int(status.masterPriority?.rawValue ?? 0) : 0)
        writer.name("last_transition")
        writer.write(Double(transition / 1_000) / 1e6)
        number("garp_delay", Int(announcements.delay.seconds))
        number("garp_refresh", Int(announcements.refresh.seconds))
        number("garp_rep", announcements.rounds)
        number("garp_refresh_rep", announcements.refreshRounds)
        number("garp_lower_prio_delay", Int(announcements.lowerPriorityDelay.seconds))
        number("garp_lower_prio_rep", announcements.lowerPriorityRounds)
        bit("lower_prio_no_advert", settings.lowerPriorityNoAdvert)
        bit("higher_prio_send_advert", true)
        number("vrid", Int(settings.virtualRouterID?.rawValue ?? 0))
        number("base_priority", Int(settings.priority.rawValue))
        number("effective_priority", Int(status.priority.rawValue))
        flag("vipset", status.state == .master)
        flag("promote_secondaries", settings.options.contains(.promotesSecondaries))
        seconds("adver_int", settings.advertInterval)
        seconds("master_adver_int", status.advertInterval)
        bit("accept", !settings.options.contains(.refusesPackets))
        flag("nopreempt", settings.nopreempt)
        number("preempt_delay", Int(settings.preemptDelay.seconds))
        // Its numbers are keepalived's.
        number("state", Int(status.state.rawValue))
        number("wantstate", Int(status.state.rawValue))
        number("version", Int(settings.version.rawValue))
        flag("smtp_alert", settings.options.contains(.sendsMail))
        flag("notify_deleted", settings.options.contains(.tellsDeletion))
        for script in settings.scripts { text(script.trigger.dumpName, DumpText.command(script.arguments)) }
        list("vips", settings.dumpTexts(of: settings.virtualAddresses, status), into: &writer)
        list("evips", settings.dumpTexts(of: settings.excludedAddresses, status), into: &writer)
        list("track_ifp", settings.trackedInterfaces.map(\.name), into: &writer)
        list("track_script", commands(of: settings, contents.model), into: &writer)
        list("track_process", programs(of: settings, contents.model), into: &writer)
        number("auth_type", settings.extra?.value.headerKey != nil ? 2 : settings.password == nil ? 0 : 1)
        writer.endObject()
    }

    private static func list(_ name: StaticString, _ entries: [String], into writer: inout JSONWriter) {
        guard !entries.isEmpty else { return }
        writer.name(name)
        writer.beginArray()
        for entry in entries { writer.write(entry) }
        writer.endArray()
    }

    private static func commands(of settings: InstanceSettings, _ model: ConfigurationModel) -> [String] {
        settings.trackers.filter { $0.kind == .script }.compactMap { tracker in
            guard let script = model.shared.trackScripts.first(where: { $0.name == tracker.name }) else { return nil }
            switch script.command {
            case .run(let words): return DumpText.command(words)
            case .open(let path): return "</\(path)"
            }
        }
    }

    private static func programs(of settings: InstanceSettings, _ model: ConfigurationModel) -> [String] {
        settings.trackers.filter { $0.kind == .process }.compactMap { tracker in
            model.shared.trackProcesses.first { $0.name == tracker.name }?.process
        }
    }

    private static func write(
        _ process: TrackProcess, _ verdict: TrackerVerdict?, into writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.name("process")
        writer.write(process.process)
        if !process.parameters.isEmpty {
            writer.name("parameters")
            writer.write(process.parameters.joined(separator: " "))
        }
        writer.name("param_match")
        writer.write(process.match?.fieldText ?? "none")
        writer.name("min_processes")
        writer.write(Int64(process.quorum))
        if let maximum = process.quorumMaximum {
            writer.name("max_processes")
            writer.write(Int64(maximum))
        }
        writer.name("have_quorum")
        writer.write(verdict?.result == .up)
        writer.name("weight")
        writer.write(Int64(process.reverse ? -process.weight : process.weight))
        writer.name("terminate_delay")
        writer.write(process.terminateDelay.seconds)
        writer.name("fork_delay")
        writer.write(process.forkDelay.seconds)
        writer.name("full_command")
        writer.write(process.usesFullCommand)
        writer.endObject()
    }
}

extension NotifyTrigger {
    /// keepalived's member.
    fileprivate var dumpName: StaticString {
        switch self {
        case .master: "script_master"
        case .backup: "script_backup"
        case .fault: "script_fault"
        case .stop: "script_stop"
        case .deleted: "script_deleted"
        case .receivedLowerPriority: "script_master_rx_lower_pri"
        case .reclaimed: "script_reclaimed"
        case .beforeMaster: "script_before_master"
        case .beforeRelease: "script_before_release"
        // No script of an instance runs then.
        case .any, .masterPriority, .backupPriority, .up, .down: "script"
        }
    }
}
