import Base
import ConfigurationModel

extension Elaborator {
    // MARK: - Processes

    /// Scheduling and buffers. - Returns: false for another keyword.
    mutating func processStatement(_ statement: Statement, _ name: String) -> Bool {
        switch name {
        case "vrrp_priority": nice(\.global.vrrpProcess, statement)
        case "bfd_priority": nice(\.global.bfdProcess, statement)
        case "vrrp_no_swap": model.global.vrrpProcess.locksMemory = flag(statement)
        case "bfd_no_swap": model.global.bfdProcess.locksMemory = flag(statement)
        case "bfd_rt_priority":
            if let value = integer(statement, 1...99) { model.global.bfdProcess.realtimePriority = value }
        case "vrrp_cpu_affinity": affinity(\.global.vrrpProcess, statement)
        case "bfd_cpu_affinity": affinity(\.global.bfdProcess, statement)
        case "vrrp_rlimit_rttime": realtimeLimit(\.global.vrrpProcess, statement)
        case "bfd_rlimit_rttime": realtimeLimit(\.global.bfdProcess, statement)
        case "max_auto_priority":
            let value = statement.words.isEmpty ? 99 : integer(statement, -1...99)
            if let value { model.global.automaticPriority.maximum = value > 0 ? value : value < 0 ? 99 : nil }
        case "min_auto_priority_delay":
            if let value = integer(statement, 1...10_000_000) {
                model.global.automaticPriority.lateness = .microseconds(Int64(value))
            }
        default: return bufferStatement(statement, name)
        }
        return true
    }

    private mutating func nice(_ path: WritableKeyPath<ConfigurationModel, ProcessSettings>, _ statement: Statement) {
        if let value = integer(statement, Limits.nice) { model[keyPath: path].nice = value }
    }

    private mutating func affinity(
        _ path: WritableKeyPath<ConfigurationModel, ProcessSettings>, _ statement: Statement
    ) {
        if statement.words.isEmpty { _ = word(of: statement) }
        var processors: [Int] = []
        for word in statement.words {
            guard let value = integer(at: word, Limits.processor, for: string(statement.token)) else { continue }
            if !processors.contains(value) { processors.append(value) }
        }
        model[keyPath: path].processors = processors
    }

    private mutating func realtimeLimit(
        _ path: WritableKeyPath<ConfigurationModel, ProcessSettings>, _ statement: Statement
    ) {
        guard let value = integer(statement, 2...Int(Int32.max)) else { return }
        model[keyPath: path].realtimeLimit = .microseconds(Int64(value))
    }

    private mutating func bufferStatement(_ statement: Statement, _ name: String) -> Bool {
        switch name {
        case "vrrp_netlink_cmd_rcv_bufs": buffer(\.global.buffers.vrrpCommands, statement)
        case "vrrp_netlink_monitor_rcv_bufs": buffer(\.global.buffers.vrrpMonitor, statement)
        case "lvs_netlink_cmd_rcv_bufs": buffer(\.global.buffers.balancerCommands, statement)
        case "lvs_netlink_monitor_rcv_bufs": buffer(\.global.buffers.balancerMonitor, statement)
        case "process_monitor_rcv_bufs": buffer(\.global.buffers.processMonitor, statement)
        case "vrrp_netlink_cmd_rcv_bufs_force": set(\.global.buffers.vrrpCommands.isForced, statement)
        case "vrrp_netlink_monitor_rcv_bufs_force": set(\.global.buffers.vrrpMonitor.isForced, statement)
        case "lvs_netlink_cmd_rcv_bufs_force": set(\.global.buffers.balancerCommands.isForced, statement)
        case "lvs_netlink_monitor_rcv_bufs_force": set(\.global.buffers.balancerMonitor.isForced, statement)
        case "process_monitor_rcv_bufs_force": set(\.global.buffers.processMonitor.isForced, statement)
        case "vrrp_rx_bufs_policy":
            guard let word = word(of: statement) else { return true }
            switch string(word) {
            case "MTU": model.global.buffers.policy = .mtu
            case "ADVERT": model.global.buffers.policy = .advertisement
            default:
                if let value = integer(at: word, Limits.buffer, for: name) {
                    model.global.buffers.policy = .bytes(value)
                }
            }
        case "vrrp_rx_bufs_multiplier":
            if let value = integer(statement, Limits.bufferMultiplier) { model.global.buffers.multiplier = value }
        default: return false
        }
        return true
    }

    private mutating func buffer(
        _ path: WritableKeyPath<ConfigurationModel, BufferSettings.Size>, _ statement: Statement
    ) {
        if let value = integer(statement, Limits.buffer) { model[keyPath: path].bytes = value }
    }

    // MARK: - Packet filter

    /// iptables and nftables. - Returns: false for another keyword.
    mutating func firewallStatement(_ statement: Statement, _ name: String) -> Bool {
        switch name {
        case "vrrp_iptables":
            var words = WordCursor(statement.words)
            let input = words.take().flatMap { filterName(at: $0, 28) }
            let output = words.take().flatMap { filterName(at: $0, 28) }
            ignoreRest(of: words)
            model.global.firewall.chains =
                statement.words.isEmpty
                ? FirewallSettings.Chains(input: "INPUT", output: "OUTPUT")
                : input.map { FirewallSettings.Chains(input: $0, output: output) }
        case "vrrp_ipsets": ipSets(statement)
        case "nftables": model.global.firewall.table = table(statement, standard: "keepalived")
        case "nftables_ipvs": model.global.firewall.ipvsTable = table(statement, standard: "keepalived_ipvs")
        case "nftables_priority":
            if let value = integer(statement, Limits.int32) { model.global.firewall.priority = value }
        case "nftables_ipvs_priority":
            if let value = integer(statement, Limits.int32) { model.global.firewall.ipvsPriority = value }
        case "nftables_ipvs_start_fwmark":
            if let value = integer(statement, 1...Int(UInt32.max)) { model.global.firewall.firstMark = UInt32(value) }
        case "nftables_ifindex": model.global.firewall.matchesIndices = flag(statement)
        case "nftables_counters": model.global.firewall.countsPackets = flag(statement)
        default: return false
        }
        return true
    }

    /// The name of a table, chain or set.
    private mutating func filterName(at word: Int, _ limit: Int) -> String? {
        let name = string(word)
        guard (1...limit).contains(name.utf8.count) else {
            refuse("a name has 1 to \(limit) bytes", at: word)
            return nil
        }
        return name
    }

    private mutating func table(_ statement: Statement, standard: String) -> String? {
        guard !statement.words.isEmpty else { return standard }
        return word(of: statement).flatMap { filterName(at: $0, 31) }
    }

    /// Up to six different names; no name turns sets off.
    private mutating func ipSets(_ statement: Statement) {
        guard !statement.words.isEmpty else { return model.global.firewall.sets = nil }
        var names: [String] = []
        for word in statement.words.prefix(6) {
            guard let name = filterName(at: word, 31) else { return }
            if names.contains(name) { return refuse("the names of sets have to differ", at: word) }
            names.append(name)
        }
        if statement.words.count > 6 {
            report(.warning, "there are six sets; this and what follows is ignored", at: statement.words.lowerBound + 6)
        }
        model.global.firewall.sets = names
    }

    // MARK: - SNMP, D-Bus, files

    /// SNMP and D-Bus. - Returns: false for another keyword.
    mutating func agentStatement(_ statement: Statement, _ name: String) -> Bool {
        let age: ClosedRange<Int64> = 1_000...30_000_000
        switch name {
        case "snmp_socket": setText(\.global.agent.masterSocket, statement)
        case "enable_traps": model.global.agent.sendsTraps = flag(statement)
        case "enable_snmp_vrrp", "enable_snmp_keepalived": model.global.agent.servesVRRP = flag(statement)
        case "enable_snmp_checker": model.global.agent.servesCheckers = flag(statement)
        case "enable_snmp_rfcv2": model.global.agent.servesRFC2787 = flag(statement)
        case "enable_snmp_rfcv3": model.global.agent.servesRFC6527 = flag(statement)
        case "enable_snmp_rfc":
            model.global.agent.servesRFC2787 = flag(statement)
            model.global.agent.servesRFC6527 = true
        case "snmp_vs_stats_update_interval":
            if let value = seconds(statement, age) {
                model.global.agent.serviceStatisticsAge = value
                if !shared.hasServerAge { model.global.agent.serverStatisticsAge = value }
            }
        case "snmp_rs_stats_update_interval":
            if let value = seconds(statement, age) {
                model.global.agent.serverStatisticsAge = value
                shared.hasServerAge = true
            }
        case "enable_dbus": model.global.agent.servesDBus = flag(statement)
        case "dbus_service_name": setText(\.global.agent.busName, statement)
        case "dbus_no_interface_name": setText(\.global.agent.busNameWithoutInterface, statement)
        default: return false
        }
        return true
    }

    /// Reloading and files.
    mutating func reportStatement(_ statement: Statement, _ name: String) {
        switch name {
        case "reload_check_config":
            model.global.reports.reloadLog = statement.words.first.map { string($0) } ?? "/dev/null"
        case "reload_time_file": path(\.global.reports.reloadTimeFile, statement)
        case "reload_repeat": model.global.reports.repeatsReload = flag(statement)
        case "reload_file":
            if statement.words.isEmpty {
                model.global.reports.reloadFile = ""
            } else {
                path(\.global.reports.reloadFile, statement)
            }
        case "config_save_dir": path(\.global.reports.saveDirectory, statement)
        case "state_dump_file": path(\.global.reports.stateFile, statement)
        case "data_use_instance": set(\.global.reports.namesInstance, statement)
        case "json_version": if let value = integer(statement, 1...2) { model.global.reports.jsonVersion = value }
        default: break
        }
    }

    private mutating func path(_ path: WritableKeyPath<ConfigurationModel, String?>, _ statement: Statement) {
        guard let word = word(of: statement) else { return }
        guard bytes(word).first == Byte.slash else {
            return refuse("`\(string(word))` isn't an absolute path", at: word)
        }
        model[keyPath: path] = string(word)
    }
}
