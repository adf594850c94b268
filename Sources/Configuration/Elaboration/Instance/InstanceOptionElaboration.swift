import Base
import ConfigurationModel

/// An auth_hmac block while it is read.
struct HMACDraft {
    var settings = HMACSettings()
    var keyPlaces: [Int] = []
    /// The word of active_key.
    var active: Int?
    var window: Interval?
}

extension Elaborator {
    /// `timer_expired_backup [PRIORITY]`.
    mutating func lateTimer(_ statement: Statement) {
        guard !statement.words.isEmpty else { return draft.extra.lateTimerPriority = Priority(rawValue: 254) }
        set(\.draft.extra.lateTimerPriority, statement)
    }

    /// `address_lease [SECONDS]`.
    mutating func addressLease(_ statement: Statement) {
        guard !statement.words.isEmpty else { return draft.extra.addressLease = Limits.addressLease.lowerBound }
        set(\.draft.extra.addressLease, statement)
    }

    /// `[all] SECONDS`; 0 turns off what global_defs says.
    mutating func extraAnnouncements(_ statement: Statement) -> ExtraAnnouncements? {
        var words = WordCursor(statement.words)
        let onAll = takes("all", from: &words)
        guard let seconds = integer(of: statement, in: &words) else { return nil }
        ignoreRest(of: words)
        return seconds == 0 ? nil : ExtraAnnouncements(interval: .seconds(Int64(seconds)), onAll: onAll)
    }

    // MARK: - Virtual links

    /// `use_vmac [[name] IF] [MAC] [netlink_notify_msg] [group ID]`.
    mutating func vmac(_ statement: Statement) {
        var address: MACAddress?
        var sendsNotifyMessage = false
        var link = link(statement, "a MAC address") { elaborator, word in
            if elaborator.text.matches(elaborator.text.tokens[word], "netlink_notify_msg") {
                sendsNotifyMessage = true
            } else if elaborator.bytes(word).contains(UInt8(ascii: ":")) {
                address = elaborator.virtualMAC(at: word)
            } else {
                return false
            }
            return true
        }
        link?.kind = .vmac(address: address)
        link?.sendsNotifyMessage = sendsNotifyMessage
        if let link { draft.extra.link = link }
    }

    /// `use_ipvlan [[name] IF] [ADDRESS] [bridge|private|vepa] [group ID]`.
    mutating func ipvlan(_ statement: Statement) {
        var mode = VirtualLink.IPVLANMode.bridge
        var address: Prefix?
        var link = link(statement, "an address") { elaborator, word in
            switch elaborator.string(word) {
            case "bridge": mode = .bridge
            case "private": mode = .isolated
            case "vepa": mode = .vepa
            default:
                guard let prefix = Prefix(elaborator.string(word)) else { return false }
                address = prefix
            }
            return true
        }
        link?.kind = .ipvlan(mode: mode, address: address)
        if let link { draft.extra.link = link }
    }

    /// The words that use_vmac and use_ipvlan share.
    ///
    /// - Parameters:
    ///   - address: the address that the keyword takes, for messages.
    ///   - takes: reads a word of one keyword alone; false for any other word.
    private mutating func link(
        _ statement: Statement, _ address: String, takes: (inout Elaborator, Int) -> Bool
    ) -> VirtualLink? {
        guard isOnlyLink(statement) else { return nil }
        var link = VirtualLink(kind: .vmac(address: nil))
        var words = WordCursor(statement.words)
        while let word = words.take() {
            switch string(word) {
            case "name":
                guard let value = value(of: word, in: &words) else { return nil }
                link.name = interfaceName(at: value)
            case "group":
                guard let value = value(of: word, in: &words) else { return nil }
                link.group = routingNumber(at: value, \.groups, maximum: UInt32(Int32.max), "an interface group")
            default:
                if takes(&self, word) { continue }
                if link.name == nil {
                    link.name = interfaceName(at: word)
                } else {
                    refuse("`\(string(word))` isn't \(address), and the name is set already", at: word)
                }
            }
        }
        return link
    }

    /// Six octets, or five to which the VRID is appended.
    private mutating func virtualMAC(at word: Int) -> MACAddress? {
        let octets = string(word).split(separator: ":", omittingEmptySubsequences: false).map { part in
            (1...2).contains(part.utf8.count) ? UInt8(part, radix: 16) : nil
        }
        var bytes = octets.compactMap { $0 }
        guard bytes.count == octets.count, bytes.count == 5 || bytes.count == 6 else {
            refuse("`\(string(word))` isn't a MAC address of 6 octets, or of 5 before the VRID", at: word)
            return nil
        }
        if bytes.count == 5 {
            guard let id = draft.settings.virtualRouterID else {
                refuse("a MAC address of 5 octets needs `virtual_router_id` before it", at: word)
                return nil
            }
            bytes.append(id.rawValue)
        }
        guard let address = MACAddress(bytes: bytes) else { return nil }
        if bytes[0] & 1 != 0 {
            refuse("`\(address)` is a multicast address", at: word)
        } else if address.bits >> 16 == 0x0000_5e00 {
            refuse("`\(address)` is of the range that RFC 9568 gives to virtual routers; leave it out", at: word)
        } else if address.bits == 0 {
            refuse("`\(address)` is no MAC address", at: word)
        } else {
            return address
        }
        return nil
    }

    /// use_vmac and use_ipvlan exclude each other.
    private mutating func isOnlyLink(_ statement: Statement) -> Bool {
        let other = string(statement.token) == "use_vmac" ? "use_ipvlan" : "use_vmac"
        if let first = draft.places[other] {
            refuse("`use_vmac` and `use_ipvlan` exclude each other", at: statement.token)
            report(.note, "`\(other)` is here", at: first)
            return false
        }
        // The parser has said already that it isn't handled: the note goes there, whatever was found since.
        diagnostics.addNote(
            "the instance runs with the interface's own MAC address", at: text.tokens[statement.token], in: text)
        return true
    }

    // MARK: - What options mean together

    /// Decides what depends on several statements.
    mutating func decideOptions() {
        let isOwner = draft.settings.priority == .owner
        let isStrict = draft.settings.options.contains(.strict)
        if let accepts = draft.accepts {
            if !accepts { draft.settings.options.insert(.refusesPackets) }
        } else if isStrict, !isOwner {
            draft.settings.options.insert(.refusesPackets)
        }
        if draft.settings.options.contains(.tracksSourceAddress), draft.settings.sourceAddress == nil {
            draft.settings.options.remove(.tracksSourceAddress)
            let token = draft.places["track_src_ip"] ?? draft.token
            if tries("unicast_src_ip", "mcast_src_ip", in: draft.block) {
                model.ignoredSettings += 1
            } else {
                refuse("`track_src_ip` needs mcast_src_ip or unicast_src_ip", at: token)
            }
        }
        let hasLink = draft.extra.link != nil
        if draft.settings.isUnicast, hasLink, !draft.settings.options.contains(.transmitsOnBase) {
            draft.settings.options.insert(.transmitsOnBase)
            report(
                .warning, "unicast leaves by the interface itself: `vmac_xmit_base` is implied",
                at: draft.places["use_vmac"] ?? draft.places["use_ipvlan"] ?? draft.token)
        }
        if !hasLink, let token = draft.places["vmac_xmit_base"], !tries("use_vmac", "use_ipvlan", in: draft.block) {
            draft.settings.options.remove(.transmitsOnBase)
            report(.warning, "`vmac_xmit_base` means nothing without `use_vmac`", at: token)
        }
        if hasLink, let token = draft.places["promote_secondaries"] {
            report(.warning, "virtual interfaces have `promote_secondaries` anyway", at: token)
        }
        if let token = draft.places["vrf"], draft.extra.vrf != nil,
            !draft.settings.isUnicast || !draft.settings.interface.isEmpty
        {
            report(.warning, "`vrf` is for unicast without `interface`", at: token)
        }
        if draft.settings.options.contains(.faultsWithoutPeer), draft.places["unicast_peer"] == nil,
            draft.places["unicast_src_ip"] == nil, !misplaced.has("unicast_peer", in: draft.block.place),
            let token = draft.places["unicast_fault_no_peer"]
        {
            report(.warning, "`unicast_fault_no_peer` means nothing without `unicast_peer`", at: token)
        }
        if isOwner { adviseOwner() }
    }

    /// Warns about settings that priority 255 makes pointless (RFC 9568 §5.2.4; behaviours §8).
    private mutating func adviseOwner() {
        if let token = draft.places["state"], let priority = draft.places["priority"], !draft.settings.wantsMaster {
            report(.warning, "with priority 255 the instance starts as MASTER; `state BACKUP` has no effect", at: token)
            report(.note, "priority 255 is here", at: priority)
        }
        if let token = draft.weightPlace {
            report(.warning, "priority 255 never changes: weights of trackers have no effect", at: token)
        }
        if draft.places["priority"] == nil, let token = draft.places["state"] {
            report(
                .warning, "`state MASTER` without `priority` means 255, the owner of the addresses; say a priority",
                at: token)
        }
        guard let own = environment.prefixes?[draft.settings.interface], draft.places["priority"] != nil else { return }
        let foreign = zip(draft.settings.virtualAddresses, draft.virtualPlaces).first { address, _ in
            !own.contains { $0.address == address.prefix.address }
        }
        guard let foreign, let token = draft.places["priority"] else { return }
        report(
            .warning,
            "priority 255 is for the owner of the addresses, but `\(draft.settings.interface)` hasn't got "
                + "\(foreign.0.prefix.address); use 254 or less", at: token)
    }

    // MARK: - Authentication

    /// `auth_type AH`: an Authentication Header with HMAC-MD5-96, for IPv4 and version 2.
    mutating func decideHeader(_ written: AuthenticationDraft, at token: Int) {
        guard let password = written.password, !password.isEmpty else {
            return fail("authentication without auth_pass", missing: "auth_pass", in: written.block, at: token)
        }
        let key = Array(password.prefix(8))
        draft.extra.headerKey = key + Array(repeating: 0, count: 16 - key.count)
        fail("authentication by AH isn't handled yet", at: token)
    }

    /// auth_hmac: without its settings the instance must not run.
    mutating func hmac(_ block: Statement) {
        draft.hmac = HMACDraft()
        perform(inside: block)
        let (token, active) = (block.token, draft.hmac.active)
        var settings = draft.hmac.settings
        settings.window = draft.hmac.window ?? max((draft.advertInterval ?? .seconds(1)) * 3, .seconds(5))
        if settings.keys.isEmpty {
            if !tries("key", in: block) { refuse("`auth_hmac` has no usable key", at: token) }
        } else if active == nil, tries("active_key", in: block) {
            model.ignoredSettings += 1
        } else if !settings.keys.contains(where: { $0.id == settings.activeKey }) {
            refuse(active == nil ? "`auth_hmac` needs `active_key`" : "there is no such key", at: active ?? token)
        } else {
            draft.extra.hmac = settings
        }
        if let legacy = draft.places["authentication"] {
            refuse("`auth_hmac` and `authentication` exclude each other", at: legacy)
        }
        fault("auth_hmac isn't handled yet, and the instance must not run without it", at: token)
        report(
            .error, "without auth_hmac this instance would accept unauthenticated peers: FAULT", at: token)
    }

    mutating func activeKey(_ statement: Statement) {
        guard let value = integer(statement).flatMap({ UInt8(exactly: $0) }) else { return }
        draft.hmac.settings.activeKey = value
        draft.hmac.active = statement.words.first
    }

    mutating func freshness(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        switch string(word) {
        case "time": draft.hmac.settings.freshness = .time
        case "monotonic": draft.hmac.settings.freshness = .monotonic
        default: refuse("`anti_replay` is time or monotonic", at: word)
        }
    }

    mutating func hmacMode(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        switch string(word) {
        case "enforce": draft.hmac.settings.mode = .enforce
        case "permissive": draft.hmac.settings.mode = .permissive
        case "receive-only": draft.hmac.settings.mode = .receiveOnly
        default: refuse("`mode` is enforce, permissive or receive-only", at: word)
        }
    }

    /// A key, unless there is one of its number.
    mutating func hmacKey(_ statement: Statement) {
        guard let key = readKey(statement) else { return }
        if let first = draft.hmac.settings.keys.firstIndex(where: { $0.id == key.id }) {
            refuse("key \(key.id) exists already", at: statement.token)
            return report(.note, "the first one is here", at: draft.hmac.keyPlaces[first])
        }
        draft.hmac.settings.keys.append(key)
        draft.hmac.keyPlaces.append(statement.token)
    }

    /// `key ID hex:HEX|file:PATH|ASCII`.
    private mutating func readKey(_ statement: Statement) -> HMACSettings.Key? {
        var words = WordCursor(statement.words)
        guard let id = integer(of: statement, in: &words).flatMap({ UInt8(exactly: $0) }),
            let word = value(of: statement.token, in: &words)
        else { return nil }
        ignoreRest(of: words)
        var written = Array(bytes(word))
        if written.starts(with: "file:".utf8) {
            let path = String(decoding: written.dropFirst(5), as: UTF8.self)
            guard let content = keyFile(path, at: word) else { return nil }
            written = content
        }
        var secret = written
        if written.starts(with: "hex:".utf8) {
            guard let decoded = hexBytes(written.dropFirst(4)) else {
                refuse("behind `hex:` stand pairs of hexadecimal digits", at: word)
                return nil
            }
            secret = decoded
        }
        guard Limits.hmacKey.contains(secret.count) else {
            refuse("a key has 32 to 64 bytes, this one has \(secret.count)", at: word)
            return nil
        }
        return HMACSettings.Key(id: id, secret: secret)
    }

    /// A key from a file, without the line end.
    private mutating func keyFile(_ path: String, at word: Int) -> [UInt8]? {
        switch files.read(path: path) {
        case .success(var content):
            while let last = content.last, last == Byte.newline || last == Byte.carriageReturn { content.removeLast() }
            return content
        case .failure(let error):
            refuse("can't read `\(path)`: \(error.explanation)", at: word)
            return nil
        }
    }
}

/// Bytes from pairs of hexadecimal digits; nil for anything else.
private func hexBytes(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    var rest = digits
    while let high = rest.popFirst(), let low = rest.popFirst() {
        guard let byte = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16), high != UInt8(ascii: "+")
        else { return nil }
        bytes.append(byte)
    }
    return bytes
}
