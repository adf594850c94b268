import Base
import ConfigurationModel

/// References between the blocks of the load balancer while they are read.
struct ServiceContext {
    /// checker_log_all_failures.
    var logsAllFailures = false
    /// Groups by name: the index in the model and the token of the name.
    var groups: [String: (index: Int, token: Int)] = [:]
    /// First token of each virtual server of the model.
    var tokens: [Int] = []
    /// The instance's name in lvs_sync_daemon.
    var syncInstance: Int?
    var mailLogin: Int?
    /// Libraries of which it was said that they can't be loaded.
    var missingLibraries: Set<CheckLibrary> = []
    /// The contents of the files of SSL, when they can be used.
    var credentials = TLSCredentials()
    /// lvs_notify_fifo_script, until the FIFO is known.
    var fifoScript: (arguments: [String], identity: ScriptIdentity?, token: Int)?
}

/// A virtual_server block while it is read.
struct ServiceDraft {
    var settings = VirtualServerSettings(address: .firewallMark(1), location: .nowhere)
    /// The statement.
    var block = Statement.none
    /// The keyword `virtual_server`.
    var token: Int { block.token }
    /// True if its address could be read; without one it isn't set up whatever else it says.
    var hasAddress = true
    /// True if no port stands behind its address.
    var lacksPort = false
    /// The beginning of the last statement with each keyword.
    var places: [String: Int] = [:]
    /// Settings that real servers and checks inherit.
    var defaults = CheckDefaults()
    var weight = 1
    var isInhibitedOnFailure = false
    var sendsMail: Bool?
    var host: String?
    /// ip_family.
    var family: AddressFamily?
    var persistenceTimeout: Interval?
    /// The mask or length of persistence_granularity.
    var granularityPlace: Int?
    var engine: String?
    var sorryForwarding: Forwarding?
    var sorryAddress: (address: IPAddress, port: UInt16, token: Int)?
    var isSorryInhibited = false
    /// Real servers so far, with their tokens.
    var servers: [ServerKey: Int] = [:]
    /// The keyword of each real server of the settings.
    var serverTokens: [Int] = []
}

extension Elaborator {
    mutating func tlsClient(_ block: Statement) {
        var places: [String: Int] = [:]
        forEach(inside: block) { elaborator, statement in
            elaborator.perform(statement)
            if !statement.words.isEmpty { places[statement.row.name] = statement.token }
        }
        if let place = places["key"], model.tlsClient.certificate == nil, !tries("certificate", in: block) {
            report(.error, "`key` has no effect without `certificate`", at: place)
        }
        if let place = places["certificate"], model.tlsClient.key == nil, !tries("key", in: block) {
            report(.warning, "`certificate` has no effect without `key`", at: place)
        }
        if let place = places["password"], model.tlsClient.key == nil, !tries("key", in: block) {
            report(.warning, "`password` belongs to a key, and there is no `key` here", at: place)
        }
        readCredentials(of: block, places)
    }

    /// Reads one virtual_server block and appends it to the model. What is wrong in the block is said although there is no
    /// service to be made of it.
    mutating func virtualServer(_ block: Statement) {
        service = ServiceDraft()
        service.block = block
        let address = serviceAddress(block)
        service.settings = VirtualServerSettings(
            address: address ?? likelyAddress(block), location: text.location(text.tokens[block.token]))
        service.hasAddress = address != nil
        // Real servers and checks inherit what stands after them, too.
        var servers: [Statement] = []
        forEach(inside: block) { elaborator, statement in
            guard statement.row.shape != .block else { return servers.append(statement) }
            elaborator.service.places[statement.row.name] = statement.token
            elaborator.perform(statement)
        }
        decideService()
        for server in servers { perform(server) }
        applyServiceRules()
        guard address != nil else { return }
        model.virtualServers.append(service.settings)
        services.tokens.append(block.token)
    }

    /// Of the family that a wrong address seems to have.
    private func likelyAddress(_ block: Statement) -> ServiceAddress {
        // One colon separates a port.
        let isIPv6 = block.words.first.map { bytes($0).count { $0 == UInt8(ascii: ":") } > 1 } ?? false
        return .address(isIPv6 ? IPAddress(v6High: 0, low: 1) : IPAddress(v4: 1), port: 1)
    }

    /// `ADDRESS [PORT]`, `fwmark N` or `group NAME`.
    private mutating func serviceAddress(_ block: Statement) -> ServiceAddress? {
        guard let first = block.words.first else {
            refuse("`virtual_server` needs ADDRESS [PORT], `fwmark` N or `group` NAME", at: block.token)
            return nil
        }
        let isMark = text.matches(text.tokens[first], "fwmark")
        guard isMark || text.matches(text.tokens[first], "group") else { return addressAndPort(block.words) }
        guard block.words.count > 1 else {
            refuse("`\(string(first))` needs a value", at: first)
            return nil
        }
        if isMark, block.words.count > 2 {
            report(
                .warning,
                "a virtual server with a fwmark has no port, so `\(string(first + 2))` is ignored: the rule that sets the mark "
                    + "says which ports are meant", at: first + 2)
        } else {
            ignore(block.words.dropFirst(2))
        }
        if isMark { return integer(at: first + 1, Limits.mark, for: "fwmark").map { .firewallMark(UInt32($0)) } }
        return .group(string(first + 1))
    }

    private mutating func addressAndPort(_ words: Range<Int>) -> ServiceAddress? {
        // keepalived takes a prefix length here and forgets it.
        let written = string(words.lowerBound)
        guard let address = IPAddress(written) ?? Prefix(written)?.address else {
            let parts = written.split(separator: ":", omittingEmptySubsequences: false)
            let hint =
                parts.count == 2 && IPAddress(parts[0]) != nil
                ? "; the port is a word of its own: `\(parts[0]) \(parts[1])`" : ""
            refuse("`\(written)` isn't an IP address, `fwmark` or `group`\(hint)", at: words.lowerBound)
            return nil
        }
        if written.utf8.contains(Byte.slash) {
            report(.warning, "a virtual server has no prefix length; it is ignored", at: words.lowerBound)
        }
        guard !address.isMulticast, !address.isUnspecified else {
            refuse("`\(address)` can't be a virtual server's address", at: words.lowerBound)
            return nil
        }
        ignore(words.dropFirst(2))
        guard words.count > 1 else {
            service.lacksPort = true
            return .address(address, port: 0)
        }
        return port(at: words.lowerBound + 1, 0...65_535).map { .address(address, port: $0) }
    }

    mutating func scheduler(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        let name = string(word)
        guard let scheduler = Scheduler(rawValue: name) else {
            let known = Scheduler.allCases.map(\.rawValue)
            let hint =
                nearestWord(to: name, among: known).map { "did you mean `\($0)`?" }
                ?? "known are \(known.joined(separator: ", "))"
            return refuse("unknown scheduler `\(name)`; \(hint)", at: word)
        }
        service.settings.scheduler = scheduler
    }

    mutating func transport(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        switch string(word).uppercased() {
        case "TCP": service.settings.transport = .tcp
        case "UDP": service.settings.transport = .udp
        case "SCTP": service.settings.transport = .sctp
        default: refuse("`protocol` is TCP, UDP or SCTP, not `\(string(word))`", at: word)
        }
    }

    mutating func persistenceTimeout(_ statement: Statement) {
        guard !statement.words.isEmpty else { return service.persistenceTimeout = .seconds(360) }
        set(\.service.persistenceTimeout, statement)
    }

    mutating func persistenceEngine(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        guard (1...15).contains(bytes(word).count) else {
            return refuse("a persistence engine's name has 1 to 15 bytes", at: word)
        }
        service.engine = string(word)
    }

    mutating func sorryServer(_ statement: Statement) {
        guard let first = statement.words.first else { return refuseMissing(statement) }
        guard let address = serverAddress(at: first) else { return }
        ignore(statement.words.dropFirst(2))
        var number: UInt16 = 0
        if statement.words.count > 1 {
            guard let value = port(at: first + 1, 0...65_535) else { return }
            number = value
        }
        if let earlier = service.sorryAddress {
            report(.warning, "a virtual server has one sorry_server; this one replaces the first", at: statement.token)
            report(.note, "the first one is here", at: earlier.token)
        }
        service.sorryAddress = (address, number, first)
    }
}
