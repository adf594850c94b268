import Base
import ConfigurationModel

extension Elaborator {
    /// A name that tells daemons of one machine apart.
    mutating func namespace(_ path: KeywordRow.Path<String?>, _ statement: Statement) {
        guard let word = word(of: statement) else { return }
        let name = string(word)
        guard !name.contains("/"), !name.hasPrefix(".") else {
            return refuse("`\(name)` can't be part of a path", at: word)
        }
        self[keyPath: path] = name
        model.global.daemon.usesPIDDirectory = true
    }

    /// Up to 15 bytes, of which the kernel keeps no more (PR_SET_NAME, prctl(2)).
    mutating func processName(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        let name = string(word)
        guard (1...15).contains(name.utf8.count) else { return refuse("a process's name has 1 to 15 bytes", at: word) }
        model.global.daemon.processName = name
    }

    /// Up to 11 bytes, so that a VRID fits behind it.
    mutating func set<Value: TextSetting>(_ path: KeywordRow.Path<Value>, prefix statement: Statement) {
        guard let word = word(of: statement), let name = interfaceName(at: word) else { return }
        guard name.utf8.count <= 11 else {
            return refuse("a prefix has at most 11 bytes, so that `.VRID` fits behind it", at: word)
        }
        self[keyPath: path] = Value(name)
    }

    // MARK: - Scripts and FIFOs

    mutating func daemonScript(_ path: KeywordRow.Path<DaemonScript?>, _ statement: Statement) {
        guard let script = script(statement), let first = statement.words.first else { return }
        shared.pendingPrograms.append((ScriptUse(program: script.arguments[0], identity: script.identity), first))
        noteScript(at: first)
        self[keyPath: path] = DaemonScript(arguments: script.arguments, identity: script.identity)
    }

    mutating func fifo(_ path: KeywordRow.Path<NotifyFIFO?>, _ statement: Statement) {
        var words = WordCursor(statement.words)
        guard let first = words.take() else {
            _ = word(of: statement)
            return
        }
        let name = string(first)
        guard name.hasPrefix("/") else { return refuse("`\(name)` isn't an absolute path", at: first) }
        var fifo = NotifyFIFO(path: name)
        fifo.owner = identity(first + 1..<statement.words.upperBound, loss: "the FIFO can't be given to")
        if let known = self[keyPath: path] {
            fifo.script = known.script
            fifo.scriptIdentity = known.scriptIdentity
        }
        self[keyPath: path] = fifo
        shared.fifoPlaces[path] = first
    }

    /// The script may be written before the FIFO.
    mutating func fifoScript(_ path: KeywordRow.Path<NotifyFIFO?>, _ statement: Statement) {
        guard let script = script(statement), let first = statement.words.first else { return }
        shared.pendingPrograms.append((ScriptUse(program: script.arguments[0], identity: script.identity), first))
        noteScript(at: first)
        if self[keyPath: path] == nil { self[keyPath: path] = NotifyFIFO(path: "") }
        self[keyPath: path]?.script = script.arguments
        self[keyPath: path]?.scriptIdentity = script.identity
        if shared.fifoPlaces[path] == nil { shared.fifoPlaces[path] = statement.token }
    }

    mutating func balancerScript(_ statement: Statement) {
        guard let script = script(statement), let first = statement.words.first else { return }
        services.fifoScript = (script.arguments, script.identity, first)
    }

    /// After all of global_defs was read.
    mutating func checkFIFOs() {
        let all: KeywordRow.Path<NotifyFIFO?> = \.model.global.daemon.notifyFIFO
        let own: KeywordRow.Path<NotifyFIFO?> = \.model.global.daemon.vrrpNotifyFIFO
        for path in [all, own] where self[keyPath: path]?.path.isEmpty == true {
            if let token = shared.fifoPlaces[path] { refuse("there is no FIFO for this script to read", at: token) }
            self[keyPath: path] = nil
        }
        guard let first = self[keyPath: all], let second = self[keyPath: own], first.path == second.path,
            let token = shared.fifoPlaces[own]
        else { return }
        refuse("two kinds of events can't share the FIFO `\(second.path)`", at: token)
        if let place = shared.fifoPlaces[all] { report(.note, "`notify_fifo` is here", at: place) }
        self[keyPath: own] = nil
    }

    /// A number, or names of mode bits with `|` between.
    mutating func umask(_ statement: Statement) {
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
