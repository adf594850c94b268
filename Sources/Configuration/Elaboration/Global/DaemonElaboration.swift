import Base
import ConfigurationModel

extension Elaborator {
    /// Statements at the top level that concern the daemon, and what global_defs says to instances about mail.
    mutating func elaborateDaemon() {
        for place in topLevel() {
            let statement = statements[place]
            switch keyword(place) {
            case "global_defs": readMailDefault(place)
            case "net_namespace":
                model.global.daemon.namespace = word(of: statement).map { string($0) }
                model.global.daemon.usesPIDDirectory = true
            case "net_namespace_ipvs":
                model.global.daemon.ipvsNamespace = statement.words.first.map { string($0) } ?? ""
            case "instance":
                model.global.daemon.instance = word(of: statement).map { string($0) }
                model.global.daemon.usesPIDDirectory = true
            case "use_pid_dir": model.global.daemon.usesPIDDirectory = flag(statement)
            case "child_wait_time":
                if let value = wholeSeconds(statement) { model.global.daemon.childWaitTime = value }
            case "linkbeat_use_polling": model.global.links.pollsLinks = flag(statement)
            default: break
            }
        }
        checkFIFOs()
        // Only now it is known who runs scripts that don't say a user.
        for (use, token) in shared.pendingPrograms { _ = checkProgram(use, at: token) }
    }

    /// smtp_alert_vrrp wins over smtp_alert, wherever they stand.
    private mutating func readMailDefault(_ place: Int) {
        var general: Bool?
        var own: Bool?
        forEach(inside: place) { elaborator, statement, child in
            let keyword = elaborator.keyword(child)
            guard keyword == "smtp_alert" || keyword == "smtp_alert_vrrp" else { return }
            let value = statement.words.first.map { Configuration.boolean(elaborator.string($0)) } ?? true
            if keyword == "smtp_alert" { general = value } else { own = value }
        }
        if let value = own ?? general { defaults.sendsMail = value }
    }

    /// Statements of global_defs about the daemon, its scripts and its processes.
    mutating func daemonStatement(_ statement: Statement, _ name: String) {
        switch name {
        case "use_symlink_paths": set(\.global.daemon.keepsSymbolicLinks, statement)
        case "startup_script": daemonScript(\.global.daemon.startupScript, statement)
        case "shutdown_script": daemonScript(\.global.daemon.shutdownScript, statement)
        case "startup_script_timeout": scriptTimeout(\.global.daemon.startupScript, statement)
        case "shutdown_script_timeout": scriptTimeout(\.global.daemon.shutdownScript, statement)
        case "notify_fifo": fifo(\.global.daemon.notifyFIFO, statement)
        case "vrrp_notify_fifo": fifo(\.global.daemon.vrrpNotifyFIFO, statement)
        case "notify_fifo_script": fifoScript(\.global.daemon.notifyFIFO, statement)
        case "vrrp_notify_fifo_script": fifoScript(\.global.daemon.vrrpNotifyFIFO, statement)
        case "fifo_write_vrrp_states_on_reload": model.global.daemon.writesStatesOnReload = flag(statement)
        case "umask": umask(statement)
        case "vrrp_notify_priority_changes": setDefault(.notifiesPriorityChanges, statement)
        case "vrrp_strict": setDefault(.strict, statement)
        case "vrrp_owner_ignore_adverts": setDefault(.ownerIgnoresAdverts, statement)
        case "vrrp_garp_extra_if", "vrrp_vmac_garp_intvl":
            defaults.extraAnnouncements = extraAnnouncements(statement, 1...86_400)
        case "vrrp_delay_after_boot":
            if let value = seconds(statement, 1_000...4_294_967_295) { model.global.delayAfterBoot = value }
        case "log_unknown_vrids": model.global.logsUnknownVirtualRouters = flag(statement)
        case "default_interface":
            if let word = word(of: statement) { model.global.links.defaultInterface = interfaceName(at: word) }
        case "disable_local_igmp": model.global.links.suppressesIGMP = flag(statement)
        case "vmac_prefix":
            if let prefix = linkPrefix(statement) { model.global.links.virtualPrefix = prefix }
        case "vmac_addr_prefix": model.global.links.virtualAddressPrefix = linkPrefix(statement)
        default:
            if !processStatement(statement, name), !firewallStatement(statement, name),
                !agentStatement(statement, name)
            {
                reportStatement(statement, name)
            }
        }
    }

    mutating func set(_ path: WritableKeyPath<ConfigurationModel, Bool>, _ statement: Statement) {
        if let value = boolean(statement) { model[keyPath: path] = value }
    }

    mutating func setText(_ path: WritableKeyPath<ConfigurationModel, String?>, _ statement: Statement) {
        if let word = word(of: statement) { model[keyPath: path] = string(word) }
    }

    private mutating func setDefault(_ option: InstanceOptions, _ statement: Statement) {
        guard let value = boolean(statement) else { return }
        if value { defaults.options.insert(option) } else { defaults.options.remove(option) }
    }

    /// Up to 11 bytes, so that a VRID fits behind it.
    private mutating func linkPrefix(_ statement: Statement) -> String? {
        guard let word = word(of: statement), let name = interfaceName(at: word) else { return nil }
        guard name.utf8.count <= 11 else {
            refuse("a prefix has at most 11 bytes, so that `.VRID` fits behind it", at: word)
            return nil
        }
        return name
    }

    // MARK: - Scripts and FIFOs

    private mutating func daemonScript(
        _ path: WritableKeyPath<ConfigurationModel, DaemonScript?>, _ statement: Statement
    ) {
        guard let script = script(statement), let first = statement.words.first else { return }
        shared.pendingPrograms.append((ScriptUse(program: script.arguments[0], identity: script.identity), first))
        let timeout = model[keyPath: path]?.timeout ?? .seconds(10)
        model[keyPath: path] = DaemonScript(arguments: script.arguments, identity: script.identity)
        model[keyPath: path]?.timeout = timeout
    }

    /// The time may be written before the script.
    private mutating func scriptTimeout(
        _ path: WritableKeyPath<ConfigurationModel, DaemonScript?>, _ statement: Statement
    ) {
        guard let value = integer(statement, 1...1_000) else { return }
        shared.scriptTimeouts[path] = .seconds(Int64(value))
    }

    private mutating func fifo(_ path: WritableKeyPath<ConfigurationModel, NotifyFIFO?>, _ statement: Statement) {
        var words = WordCursor(statement.words)
        guard let first = words.take() else {
            _ = word(of: statement)
            return
        }
        let name = string(first)
        guard name.hasPrefix("/") else { return refuse("`\(name)` isn't an absolute path", at: first) }
        var fifo = NotifyFIFO(path: name)
        fifo.owner = identity(first + 1..<statement.words.upperBound)
        if let known = model[keyPath: path] {
            fifo.script = known.script
            fifo.scriptIdentity = known.scriptIdentity
        }
        model[keyPath: path] = fifo
        shared.fifoPlaces[path] = first
    }

    /// The script may be written before the FIFO.
    private mutating func fifoScript(
        _ path: WritableKeyPath<ConfigurationModel, NotifyFIFO?>, _ statement: Statement
    ) {
        guard let script = script(statement), let first = statement.words.first else { return }
        shared.pendingPrograms.append((ScriptUse(program: script.arguments[0], identity: script.identity), first))
        if model[keyPath: path] == nil { model[keyPath: path] = NotifyFIFO(path: "") }
        model[keyPath: path]?.script = script.arguments
        model[keyPath: path]?.scriptIdentity = script.identity
        if shared.fifoPlaces[path] == nil { shared.fifoPlaces[path] = statement.token }
    }

    /// After all of global_defs was read.
    private mutating func checkFIFOs() {
        for (path, timeout) in shared.scriptTimeouts { model[keyPath: path]?.timeout = timeout }
        let all = \ConfigurationModel.global.daemon.notifyFIFO
        let own = \ConfigurationModel.global.daemon.vrrpNotifyFIFO
        for path in [all, own] where model[keyPath: path]?.path.isEmpty == true {
            if let token = shared.fifoPlaces[path] { refuse("there is no FIFO for this script to read", at: token) }
            model[keyPath: path] = nil
        }
        guard let first = model[keyPath: all], let second = model[keyPath: own], first.path == second.path,
            let token = shared.fifoPlaces[own]
        else { return }
        refuse("two kinds of events can't share the FIFO `\(second.path)`", at: token)
        if let place = shared.fifoPlaces[all] { report(.note, "`notify_fifo` is here", at: place) }
        model[keyPath: own] = nil
    }

    /// A number, or names of mode bits with `|` between.
    private mutating func umask(_ statement: Statement) {
        guard let word = statement.words.first else {
            _ = self.word(of: statement)
            return
        }
        if statement.words.count == 1, let number = anyBaseNumber(string(word)) {
            guard number <= 0o777 else { return refuse("`umask` is 0 to 0777", at: word) }
            return model.global.daemon.umask = UInt16(number)
        }
        let names: [String: UInt16] = [
            "IRUSR": 0o400, "IWUSR": 0o200, "IXUSR": 0o100, "IRWXU": 0o700, "IRGRP": 0o40, "IWGRP": 0o20,
            "IXGRP": 0o10, "IRWXG": 0o70, "IROTH": 0o4, "IWOTH": 0o2, "IXOTH": 0o1, "IRWXO": 0o7,
        ]
        var mask: UInt16 = 0
        for word in statement.words {
            for part in string(word).split(separator: "|") {
                guard let bits = names[String(part)] else {
                    return refuse("`\(part)` isn't a mode bit such as IRWXG", at: word)
                }
                mask |= bits
            }
        }
        model.global.daemon.umask = mask
    }
}
