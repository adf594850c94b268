import Base
import ConfigurationModel

extension Elaborator {
    /// Statements of an instance that the protocol itself doesn't need. - Returns: false for another keyword.
    mutating func optionStatement(
        _ statement: Statement, _ name: String, _ place: Int, _ draft: inout InstanceDraft
    ) -> Bool {
        switch name {
        case "no_accept":
            if flag(statement) { draft.accepts = false }
        case "strict_mode": set(.strict, statement, &draft)
        case "smtp_alert": set(.sendsMail, statement, &draft)
        case "notify_priority_changes": set(.notifiesPriorityChanges, statement, &draft)
        case "owner_ignore_adverts": set(.ownerIgnoresAdverts, statement, &draft)
        case "track_src_ip": setFlag(.tracksSourceAddress, statement, &draft)
        case "promote_secondaries": setFlag(.promotesSecondaries, statement, &draft)
        case "unicast_fault_no_peer": setFlag(.faultsWithoutPeer, statement, &draft)
        case "vmac_xmit_base": setFlag(.transmitsOnBase, statement, &draft)
        case "use_vmac_addr": setFlag(.usesVirtualMACForAddresses, statement, &draft)
        case "linkbeat_use_polling": setFlag(.pollsLink, statement, &draft)
        case "vrf": if let word = word(of: statement) { draft.extra.vrf = interfaceName(at: word) }
        case "use_vmac": vmac(statement, &draft)
        case "use_ipvlan": ipvlan(statement, &draft)
        case "timer_expired_backup", "thread_timer_expired": lateTimer(statement, &draft)
        case "garp_extra_if", "vmac_garp_intvl":
            draft.extra.extraAnnouncements = extraAnnouncements(statement, 0...86_400)
        case "kernel_rx_buf_size":
            if let value = integer(statement, Limits.buffer) { draft.extra.receiveBuffer = value }
        case "virtual_routes":
            forEach(inside: place) { elaborator, entry, _ in
                let context = "vrrp_instance/virtual_routes (entry)"
                guard let route = elaborator.route(entry, context: context) else { return }
                draft.settings.routes.append(route)
            }
        case "virtual_rules":
            forEach(inside: place) { elaborator, entry, _ in
                let context = "vrrp_instance/virtual_rules (entry)"
                guard let rule = elaborator.rule(entry, context: context) else { return }
                draft.settings.rules.append(rule)
            }
        default: return false
        }
        return true
    }

    private mutating func set(_ option: InstanceOptions, _ statement: Statement, _ draft: inout InstanceDraft) {
        guard let value = boolean(statement) else { return }
        if value { draft.settings.options.insert(option) } else { draft.settings.options.remove(option) }
    }

    private mutating func setFlag(_ option: InstanceOptions, _ statement: Statement, _ draft: inout InstanceDraft) {
        if flag(statement) { draft.settings.options.insert(option) }
    }

    /// `timer_expired_backup [PRIORITY]`.
    private mutating func lateTimer(_ statement: Statement, _ draft: inout InstanceDraft) {
        guard !statement.words.isEmpty else { return draft.extra.lateTimerPriority = Priority(rawValue: 254) }
        guard let value = integer(statement, 1...254) else { return }
        draft.extra.lateTimerPriority = Priority(rawValue: UInt8(value))
    }

    /// `[all] SECONDS`; 0 turns off what global_defs says.
    mutating func extraAnnouncements(_ statement: Statement, _ limits: ClosedRange<Int>) -> ExtraAnnouncements? {
        var words = WordCursor(statement.words)
        let onAll = takes("all", from: &words)
        guard let seconds = integer(of: statement.token, in: &words, limits) else { return nil }
        ignoreRest(of: words)
        return seconds == 0 ? nil : ExtraAnnouncements(interval: .seconds(Int64(seconds)), onAll: onAll)
    }

    // MARK: - Virtual links

    /// `use_vmac [[name] IF] [MAC] [netlink_notify_msg] [group ID]`.
    private mutating func vmac(_ statement: Statement, _ draft: inout InstanceDraft) {
        guard isOnlyLink(statement, draft) else { return }
        var address: MACAddress?
        var link = VirtualLink(kind: .vmac(address: nil))
        var words = WordCursor(statement.words)
        while let word = words.take() {
            switch string(word) {
            case "name":
                guard let value = value(of: word, in: &words) else { return }
                link.name = interfaceName(at: value)
            case "group":
                guard let value = value(of: word, in: &words) else { return }
                link.group = routingNumber(at: value, \.groups, maximum: UInt32(Int32.max), "an interface group")
            case "netlink_notify_msg": link.sendsNotifyMessage = true
            default:
                if string(word).utf8.contains(UInt8(ascii: ":")) {
                    address = virtualMAC(at: word, draft)
                } else if link.name == nil {
                    link.name = interfaceName(at: word)
                } else {
                    refuse("`\(string(word))` isn't a MAC address, and the name is set already", at: word)
                }
            }
        }
        link.kind = .vmac(address: address)
        draft.extra.link = link
    }

    /// Six octets, or five to which the VRID is appended.
    private mutating func virtualMAC(at word: Int, _ draft: InstanceDraft) -> MACAddress? {
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

    /// `use_ipvlan [[name] IF] [ADDRESS] [bridge|private|vepa] [group ID]`.
    private mutating func ipvlan(_ statement: Statement, _ draft: inout InstanceDraft) {
        guard isOnlyLink(statement, draft) else { return }
        var mode = VirtualLink.IPVLANMode.bridge
        var address: Prefix?
        var link = VirtualLink(kind: .ipvlan(mode: mode, address: nil))
        var words = WordCursor(statement.words)
        while let word = words.take() {
            switch string(word) {
            case "name":
                guard let value = value(of: word, in: &words) else { return }
                link.name = interfaceName(at: value)
            case "group":
                guard let value = value(of: word, in: &words) else { return }
                link.group = routingNumber(at: value, \.groups, maximum: UInt32(Int32.max), "an interface group")
            case "bridge": mode = .bridge
            case "private": mode = .isolated
            case "vepa": mode = .vepa
            default:
                if let prefix = Prefix(string(word)) {
                    address = prefix
                } else if link.name == nil {
                    link.name = interfaceName(at: word)
                } else {
                    refuse("`\(string(word))` isn't an address, and the name is set already", at: word)
                }
            }
        }
        link.kind = .ipvlan(mode: mode, address: address)
        draft.extra.link = link
    }

    /// use_vmac and use_ipvlan exclude each other.
    private mutating func isOnlyLink(_ statement: Statement, _ draft: InstanceDraft) -> Bool {
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
    mutating func decideOptions(_ draft: inout InstanceDraft) {
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
            draft.places["unicast_src_ip"] == nil, !attempts.has("unicast_peer", in: draft.block),
            let token = draft.places["unicast_fault_no_peer"]
        {
            report(.warning, "`unicast_fault_no_peer` means nothing without `unicast_peer`", at: token)
        }
        if isOwner { adviseOwner(draft) }
    }

    /// What priority 255 makes pointless (RFC 9568 §5.2.4; behaviours §8).
    private mutating func adviseOwner(_ draft: InstanceDraft) {
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
    mutating func decideHeader(
        _ written: InstanceDraft.Authentication, _ draft: inout InstanceDraft, at token: Int
    ) {
        guard let password = written.password, !password.isEmpty else {
            return condemn(
                "authentication without auth_pass", &draft, missing: "auth_pass", in: written.block, at: token)
        }
        let key = Array(password.prefix(8))
        draft.extra.headerKey = key + Array(repeating: 0, count: 16 - key.count)
        condemn("authentication by AH isn't handled yet", &draft, at: token)
    }

    /// auth_hmac: without what it says the instance must not run.
    mutating func hmac(_ place: Int, _ draft: inout InstanceDraft) {
        let block = statements[place].token
        var settings = HMACSettings()
        var keyPlaces: [Int] = []
        var active: Int?
        var window: Interval?
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "key":
                guard let key = elaborator.hmacKey(statement) else { return }
                if let first = settings.keys.firstIndex(where: { $0.id == key.id }) {
                    elaborator.refuse("key \(key.id) exists already", at: statement.token)
                    return elaborator.report(.note, "the first one is here", at: keyPlaces[first])
                }
                settings.keys.append(key)
                keyPlaces.append(statement.token)
            case "active_key":
                guard let value = elaborator.integer(statement, 1...255) else { return }
                settings.activeKey = UInt8(value)
                active = statement.words.first
            case "time_window":
                if let value = elaborator.integer(statement, 1...300) { window = .seconds(Int64(value)) }
            case "anti_replay":
                guard let word = elaborator.word(of: statement) else { return }
                switch elaborator.string(word) {
                case "time": settings.freshness = .time
                case "monotonic": settings.freshness = .monotonic
                default: elaborator.refuse("`anti_replay` is time or monotonic", at: word)
                }
            case "mode":
                guard let word = elaborator.word(of: statement) else { return }
                switch elaborator.string(word) {
                case "enforce": settings.mode = .enforce
                case "permissive": settings.mode = .permissive
                case "receive-only": settings.mode = .receiveOnly
                default: elaborator.refuse("`mode` is enforce, permissive or receive-only", at: word)
                }
            default: break
            }
        }
        let interval = draft.advertMicroseconds.map { Interval.microseconds($0) } ?? .seconds(1)
        settings.window = window ?? max(interval * 3, .seconds(5))
        if settings.keys.isEmpty {
            if !tries("key", in: place) { refuse("`auth_hmac` has no usable key", at: block) }
        } else if active == nil, tries("active_key", in: place) {
            model.ignoredSettings += 1
        } else if !settings.keys.contains(where: { $0.id == settings.activeKey }) {
            refuse(active == nil ? "`auth_hmac` needs `active_key`" : "there is no such key", at: active ?? block)
        } else {
            draft.extra.hmac = settings
        }
        if let legacy = draft.places["authentication"] {
            refuse("`auth_hmac` and `authentication` exclude each other", at: legacy)
        }
        fault("auth_hmac isn't handled yet, and the instance must not run without it", &draft, at: block)
        report(
            .error, "without auth_hmac this instance would accept unauthenticated peers: FAULT", at: block)
    }

    /// `key ID hex:HEX|file:PATH|ASCII`.
    private mutating func hmacKey(_ statement: Statement) -> HMACSettings.Key? {
        var words = WordCursor(statement.words)
        guard let id = integer(of: statement.token, in: &words, 1...255),
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
        return HMACSettings.Key(id: UInt8(id), secret: secret)
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
