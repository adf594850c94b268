import Base
import ConfigurationModel

/// A cluster block while it is read.
struct ClusterDraft {
    var settings = ClusterSettings(name: "", location: .nowhere)
    /// The token of its name.
    var place = 0
    var timeoutPlace: Int?
    var node = ClusterMember(name: "")
    /// Tokens of the names of nodes.
    var nodePlaces: [Int] = []
    /// Tokens of the names of paths, with the places of their nodes.
    var paths: [(path: HeartbeatPath, node: Int, token: Int)] = []
    var references = ReferenceSettings()
    var requirePlace: Int?
    var release = ReleaseScript(arguments: [])
    /// Tokens of the names that are guarded.
    var guarded: [Int] = []
    var lock = ClusterLockDraft()
}

/// Facts of cluster blocks, for those that come later.
struct ClusterContext {
    /// True if the text is that of guard.conf, in which nothing else may stand.
    var isGuardFile = false
    /// Keywords of the main file in wrong places, when the text is that of guard.conf.
    var misplacedInMain: MisplacedKeywords?
    /// The first place where each name is guarded.
    var guarded: [String: SourceLocation] = [:]
}

extension Elaborator {
    mutating func clusterBlock(_ block: Statement) {
        let isBroken = hasErrors(inside: block)
        if !clusters.isGuardFile { refuseOpenLines(of: block) }
        let mark = diagnostics.mark
        read(cluster: block)
        if isBroken || diagnostics.hasErrors(since: mark) { faultGuarded(since: mark) }
    }

    private mutating func read(cluster block: Statement) {
        cluster = ClusterDraft()
        shared.seenInBlock = [:]
        guard let token = word(of: block) else { return perform(inside: block) }
        let name = string(token)
        if let first = model.clusters.first(where: { $0.name == name }) {
            refuse("`cluster \(name)` exists already; this block is left out", at: token, atStart: .inMessage)
            diagnostics.add(.note, "the first one is here", at: first.location)
            return perform(inside: block)
        }
        cluster.settings = ClusterSettings(name: name, location: text.location(text.tokens[block.token]))
        cluster.place = token
        perform(inside: block)
        finishCluster(block)
        model.clusters.append(cluster.settings)
    }

    /// True if the words of a block themselves have errors: its keywords and braces.
    func hasErrors(inside block: Statement) -> Bool {
        let first = text.location(text.tokens[block.token])
        var depth = 0
        var place = block.token
        while place < text.tokens.count {
            if text.tokens[place].kind == .open { depth += 1 }
            if text.tokens[place].kind == .close { depth -= 1 }
            if text.tokens[place].kind == .close, depth == 0 { break }
            place += 1
        }
        let last = place < text.tokens.count ? text.location(text.tokens[place]).line : .max
        return diagnostics.diagnostics.contains {
            guard $0.severity == .error, let location = $0.location else { return false }
            return location.file == first.file && location.line >= first.line && location.line <= last
        }
    }

    /// A start leaves what an erroneous block guards in FAULT: without its guard nothing keeps a second node from being
    /// MASTER (docs/decisions, D105).
    private mutating func faultGuarded(since mark: DiagnosticMark) {
        let names = Set(cluster.guarded.map { string($0) })
        var members = Set(model.instances.indices.filter { names.contains(model.instances[$0].name) })
        for group in model.shared.syncGroups
        where names.contains(group.name) || group.members.contains(where: members.contains) {
            members.formUnion(group.members)
        }
        for index in members where !model.instances[index].faults.contains(Self.blockFault) {
            model.instances[index].faults.append(Self.blockFault)
        }
        guard !members.isEmpty else { return }
        diagnostics.amendErrors(
            since: mark,
            atStart: StartAction("leave what the block guards in FAULT", past: "what the block guards is in FAULT"))
    }

    private static let blockFault =
        "its cluster block has errors, and without a guard nothing keeps a second node from being MASTER: `hasup check` "
        + "shows them"

    /// keepalived passes a keyword that it doesn't know, and reads what is in its block as if it stood outside: an
    /// instance there would run.
    private mutating func refuseOpenLines(of block: Statement) {
        var depth = 0
        var place = block.token
        while place < text.tokens.count {
            guard text.isOwn(text.tokens[place]) else { break }
            if text.tokens[place].kind == .open { depth += 1 }
            if text.tokens[place].kind == .close { depth -= 1 }
            if text.tokens[place].kind == .close, depth == 0 { return }
            place += 1
        }
        guard place < text.tokens.count else { return }
        let file = GuardFile.path(beside: text.files.first?.path ?? "")
        let advice = "put the block into \(file), or `@\(Preprocessor.ownName)` before each of its lines"
        let message =
            place == block.token
            ? "keepalived doesn't know `cluster`, and reads what is in the block as if it stood outside: \(advice)"
            : "this line of `cluster` is keepalived's, too, which reads it as if it stood outside: \(advice)"
        report(
            .error, message, at: place, atStart: StartAction("read the block all the same", past: "read all the same"))
    }

    /// The end of guard.conf: what doesn't belong there.
    mutating func refuseForeignBlocks() {
        for place in topLevel() where statements[place].row.stage != .clusters {
            let token = statements[place].token
            refuse(
                "only `cluster` blocks stand in this file; `\(string(token))` belongs into the main one", at: token,
                atStart: .leaveOut)
        }
    }

    /// One of these words; nil after a complaint.
    mutating func choice(_ statement: Statement, _ words: String...) -> Int? {
        guard let word = word(of: statement) else { return nil }
        if let place = words.firstIndex(of: string(word)) { return place }
        refuse("`\(string(word))` isn't one of \(words.joined(separator: ", "))", at: word)
        return nil
    }

    /// The path of a file, which has to be absolute.
    mutating func absolutePath(at word: Int) -> String? {
        let path = string(word)
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            refuse("`\(path)` isn't an absolute path", at: word)
            return nil
        }
        return path
    }

    /// Seconds in one of several words.
    mutating func seconds(at word: Int, _ limits: ClosedRange<Interval>, for name: String) -> Interval? {
        guard let value = decimalMicroseconds(bytes(word)) else {
            refuse("`\(string(word))` isn't a number of seconds", at: word)
            return nil
        }
        let interval = Interval.microseconds(value.value)
        guard limits.contains(interval) else {
            refuse("`\(name)` is \(limits.lowerBound) to \(limits.upperBound)", at: word)
            return nil
        }
        return interval
    }

    /// `port N` and its kin.
    mutating func port(of option: Int, in words: inout WordCursor) -> UInt16? {
        guard let word = value(of: option, in: &words) else { return nil }
        return integer(at: word, Limits.port, for: string(option)).map { UInt16($0) }
    }

    // MARK: - The block itself

    /// `file:PATH`. A key itself is never repeated in a message.
    mutating func clusterSecret(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        let prefix = "file:"
        guard string(word).hasPrefix(prefix + "/") else {
            return refuse(
                "`secret` is `file:` and the absolute path of a file with the keys: the keys don't stand in a configuration",
                at: word)
        }
        cluster.settings.secretFile = String(string(word).dropFirst(prefix.utf8.count))
    }

    mutating func clusterTimeout(_ statement: Statement) {
        guard let time = seconds(statement) else { return }
        cluster.settings.timeout = time
        cluster.timeoutPlace = statement.words.first
    }

    mutating func probe(_ statement: Statement) {
        var words = WordCursor(statement.words)
        guard let word = value(of: statement.token, in: &words) else { return }
        switch string(word) {
        case "off": cluster.settings.probe = .off
        case "hold":
            guard let number = words.take() else {
                cluster.settings.probe = .hold
                break
            }
            guard let time = seconds(at: number, Limits.probeTime, for: "probe hold") else { return }
            cluster.settings.probe = .holdFor(time)
        default: return refuse("`\(string(word))` isn't one of hold, off", at: word)
        }
        ignoreRest(of: words)
    }

    mutating func coldStart(_ statement: Statement) {
        var words = WordCursor(statement.words)
        guard let word = value(of: statement.token, in: &words) else { return }
        switch string(word) {
        case "wait": cluster.settings.coldStart = .wait
        case "claim":
            guard let number = words.take() else {
                cluster.settings.coldStart = ClusterSettings().coldStart
                break
            }
            guard let time = seconds(at: number, Limits.interval, for: "cold_start claim") else { return }
            cluster.settings.coldStart = .claim(after: time)
        default: return refuse("`\(string(word))` isn't one of claim, wait", at: word)
        }
        ignoreRest(of: words)
    }

    /// Names are looked up when the block ends.
    mutating func guarded(_ statement: Statement) {
        guard !statement.words.isEmpty else {
            return refuse("`guard` needs the name of an instance or a sync group", at: statement.token)
        }
        cluster.guarded += statement.words
    }

    // MARK: - Nodes

    mutating func clusterNode(_ block: Statement) {
        guard let token = word(of: block) else { return }
        let name = string(token)
        if cluster.settings.nodes.contains(where: { $0.name == name }) {
            return refuse("`node \(name)` exists already; this one is left out", at: token, first: "node \(name)")
        }
        shared.seenInBlock["node \(name)"] = token
        guard cluster.settings.nodes.count < Limits.clusterNodes else {
            return refuse("a cluster has \(Limits.clusterNodes) nodes at most; this one is left out", at: token)
        }
        cluster.node = ClusterMember(name: name)
        perform(inside: block)
        if cluster.node.isUnguarded, !cluster.node.paths.isEmpty {
            refuse("`node \(name)` is unguarded, so it sends no heartbeats", at: token)
            cluster.node.paths = []
            cluster.paths.removeAll { $0.node == cluster.settings.nodes.count }
        }
        cluster.nodePlaces.append(token)
        cluster.settings.nodes.append(cluster.node)
    }

    /// `NAME udp ADDR dev IF [port N]`, `NAME multicast GROUP dev IF [port N]`, `NAME serial DEVICE [SPEED]`.
    mutating func heartbeat(_ statement: Statement) {
        var words = WordCursor(statement.words)
        guard let token = value(of: statement.token, in: &words), let kind = value(of: token, in: &words) else {
            return
        }
        let name = string(token)
        let found: HeartbeatPath.Kind?
        switch string(kind) {
        case "udp", "multicast": found = networkPath(kind, &words)
        case "serial": found = serialPath(kind, &words)
        default: return refuse("`\(string(kind))` isn't one of udp, multicast, serial", at: kind)
        }
        guard let found else { return }
        ignoreRest(of: words)
        guard !cluster.node.paths.contains(where: { $0.name == name }) else {
            return refuse("this node has a heartbeat `\(name)` already", at: token)
        }
        guard cluster.node.paths.count < Limits.heartbeatPaths else {
            return refuse("a node has \(Limits.heartbeatPaths) heartbeats at most", at: token)
        }
        let path = HeartbeatPath(name: name, kind: found)
        cluster.node.paths.append(path)
        cluster.paths.append((path, cluster.settings.nodes.count, token))
    }

    private mutating func networkPath(_ kind: Int, _ words: inout WordCursor) -> HeartbeatPath.Kind? {
        guard let word = value(of: kind, in: &words), let address = address(at: word) else { return nil }
        let isGroup = string(kind) == "multicast"
        guard address.isMulticast == isGroup, !address.isUnspecified else {
            refuse("`\(address)` isn't \(isGroup ? "a multicast group" : "the address of a node")", at: word)
            return nil
        }
        var device: String?
        var port = Limits.heartbeatPort
        while let option = words.peek {
            if takes("dev", from: &words) {
                guard let word = value(of: option, in: &words), let name = interfaceName(at: word) else { return nil }
                device = name
            } else if takes("port", from: &words) {
                guard let number = self.port(of: option, in: &words) else { return nil }
                port = number
            } else {
                refuse("`\(string(option))` isn't one of dev, port", at: option)
                return nil
            }
        }
        guard let device else {
            refuse("`\(string(kind))` needs `dev` and the interface that it is bound to", at: kind)
            return nil
        }
        return isGroup
            ? .multicast(address, device: device, port: port) : .unicast(address, device: device, port: port)
    }

    private mutating func serialPath(_ kind: Int, _ words: inout WordCursor) -> HeartbeatPath.Kind? {
        guard let word = value(of: kind, in: &words), let device = absolutePath(at: word) else { return nil }
        guard let word = words.take() else { return .serial(device, speed: 115_200) }
        guard let speed = wholeNumber(bytes(word)), Self.serialSpeeds.contains(speed) else {
            refuse(
                "`\(string(word))` isn't a speed of serial lines; usual are 9600, 19200, 38400, 57600 and 115200",
                at: word)
            return nil
        }
        return .serial(device, speed: speed)
    }

    /// Bits a second for which Linux has a name.
    private static let serialSpeeds: Set = [
        1_200, 1_800, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 500_000, 576_000, 921_600,
        1_000_000, 1_152_000, 1_500_000, 2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000,
    ]

    // MARK: - References

    mutating func references(_ block: Statement) {
        cluster.references = ReferenceSettings()
        cluster.requirePlace = nil
        perform(inside: block)
        let count = cluster.references.targets.count
        guard count > 0 else { return refuse("`references` names no address, and is left out", at: block.token) }
        if cluster.references.required > count, let place = cluster.requirePlace {
            refuse(
                "`require \(cluster.references.required)` can't be: there \(count == 1 ? "is one address" : "are \(count) addresses")",
                at: place, atStart: .use("\(count)"))
            cluster.references.required = count
        }
        cluster.settings.references = cluster.references
    }

    /// `ADDR dev IF [tcp PORT]`.
    mutating func reference(_ statement: Statement) {
        guard let address = address(at: statement.token) else { return }
        guard !address.isMulticast, !address.isUnspecified else {
            return refuse("`\(address)` isn't the address of a host", at: statement.token)
        }
        var words = WordCursor(statement.words)
        var target = ReferenceTarget(address: address, device: "")
        while let option = words.peek {
            if takes("dev", from: &words) {
                guard let word = value(of: option, in: &words), let name = interfaceName(at: word) else { return }
                target.device = name
            } else if takes("tcp", from: &words) {
                guard let port = port(of: option, in: &words) else { return }
                target.tcpPort = port
            } else {
                return refuse("`\(string(option))` isn't one of dev, tcp", at: option)
            }
        }
        guard !target.device.isEmpty else {
            return refuse("a reference needs `dev` and the interface that requests leave by", at: statement.token)
        }
        guard !cluster.references.targets.contains(target) else {
            return refuse("this reference is there already, and would count twice", at: statement.token)
        }
        guard cluster.references.targets.count < Limits.references else {
            return refuse("there are \(Limits.references) references at most", at: statement.token)
        }
        cluster.references.targets.append(target)
    }

    mutating func requiredReferences(_ statement: Statement) {
        guard let number = integer(statement) else { return }
        cluster.references.required = number
        cluster.requirePlace = statement.words.first
    }

    mutating func lostReferences(_ statement: Statement) {
        if let place = choice(statement, "release", "hold") {
            cluster.references.onLost = place == 0 ? .release : .hold
        }
    }

    // MARK: - Release

    mutating func release(_ block: Statement) {
        cluster.release = ReleaseScript(arguments: [])
        perform(inside: block)
        guard !cluster.release.arguments.isEmpty else {
            guard !tries("script", in: block) else { return }
            return refuse("`release` has no `script`, and is left out", at: block.token)
        }
        cluster.settings.release = cluster.release
    }

    mutating func releaseScript(_ statement: Statement) {
        guard let script = script(statement), let place = statement.words.first else { return }
        cluster.release.arguments = script.arguments
        cluster.release.identity = script.identity
        noteScript(at: place)
        _ = checkProgram(
            ScriptUse(program: script.arguments[0], identity: script.identity, isTracker: true), at: place)
    }
}
