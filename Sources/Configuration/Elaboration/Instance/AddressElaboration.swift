import Base
import ConfigurationModel

extension Elaborator {
    /// One entry of virtual_ipaddress or virtual_ipaddress_excluded; nil when it names no usable address.
    mutating func virtualAddress(_ entry: Statement, context: String) -> VirtualAddress? {
        var group: String?
        return virtualAddress(entry, context: context, trackGroup: &group)
    }

    /// One entry of a list of addresses; those that are static may have a track_group.
    mutating func virtualAddress(_ entry: Statement, context: String, trackGroup: inout String?) -> VirtualAddress? {
        guard let first = entry.words.first, let prefix = prefix(at: first) else { return nil }
        guard !prefix.address.isUnspecified, !prefix.address.isMulticast, !isReserved(prefix) else {
            refuse("`\(string(first))` can't be a virtual address", at: first)
            return nil
        }
        var address = VirtualAddress(prefix: prefix)
        var next = first + 1
        var said: Set<String> = []
        while next < entry.words.upperBound {
            let option = next
            next += 1
            let name = string(option) == "broadcast" ? "brd" : string(option)
            if ["dev", "scope", "brd", "label"].contains(name), !said.insert(name).inserted {
                refuse("`\(name)` is written twice: the address is left out", at: option, atStart: "")
                return nil
            }
            switch string(option) {
            case "-nodad", "noprefixroute", "no_track": flagOption(option, of: &address)
            case "home", "mngtmpaddr", "autojoin", "use_vmac": rareFlag(option, of: &address)
            case "track_group" where context.hasPrefix("static_ipaddress"):
                guard next < entry.words.upperBound else {
                    refuse("`track_group` needs a value", at: option)
                    return address
                }
                trackGroup = trackGroupName(at: next, of: option, in: context)
                next += 1
            case "dev", "scope", "brd", "broadcast", "label", "peer", "preferred_lft":
                guard next < entry.words.upperBound else {
                    refuse("`\(string(option))` needs a value", at: option)
                    return address
                }
                guard valueOption(option, value: next, of: &address) else { return nil }
                next += 1
            default: if unknownOption(option, in: context, end: entry.words.upperBound) { next += 1 }
            }
        }
        if let peer = address.peer {
            // As in ip-address(8), the length is that of the peer's network.
            if let slash = string(first).firstIndex(of: "/") {
                report(
                    .warning,
                    "`\(string(first)[slash...])` is ignored: with `peer` the length stands behind the peer's address",
                    at: first)
            }
            address.prefix = Prefix(address: prefix.address, length: peer.length) ?? prefix
        }
        return address
    }

    /// Addresses that the kernel takes for its own: no virtual router can hand them out.
    private func isReserved(_ prefix: Prefix) -> Bool {
        let address = prefix.address
        guard prefix.length > 0 else { return true }
        // 127.0.0.0/8 and 240.0.0.0/4 with the broadcast address (RFC 6890); ::1.
        if address.family == .ipv4 { return address.low >> 24 == 127 || address.low >> 28 == 0xf }
        return address.high == 0 && address.low == 1
    }

    /// Complains about a word that no entry of this list knows.
    ///
    /// - Parameter end: one past the last word that may belong to it.
    /// - Returns: whether the next word belongs to it: the value of what it was probably meant for.
    @discardableResult
    mutating func unknownOption(_ word: Int, in context: String, end: Int) -> Bool {
        if splitsEntries(at: word, in: context, end: end) { return false }
        let name = string(word)
        let known = table.keywords(in: context).filter { !$0.name.hasPrefix("(") }
        let near = nearestWord(to: name, among: known.map(\.name))
        refuse("unknown option `\(name)`\(near.map { "; did you mean `\($0)`?" } ?? "")", at: word)
        guard word + 1 < end, let option = known.first(where: { $0.name == near }) else {
            return false
        }
        let next = string(word + 1)
        return option.shape != .flag && !known.contains { $0.name == next }
    }

    /// `ADDRESS[/LENGTH]`. An impossible length is an error and counts as none, as in keepalived.
    mutating func prefix(at word: Int) -> Prefix? {
        if let prefix = bytes(word).withUnsafeBufferPointer({ Prefix(utf8: $0) }) { return prefix }
        let written = string(word)
        let parts = written.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else {
            refuse("`\(written)` isn't an IP address\(referenceHint(word))", at: word)
            return nil
        }
        let prefix = Prefix(host: address)
        refuse(
            "`\(parts.last ?? "")` isn't a prefix length of 0 to \(prefix.length); \(prefix) is used", at: word,
            atStart: "")
        return prefix
    }

    /// Flags that aren't handled yet.
    private mutating func rareFlag(_ option: Int, of address: inout VirtualAddress) {
        let name = string(option)
        let flag: AddressFlags =
            switch name {
            case "home": .home
            case "mngtmpaddr": .managesTemporary
            case "autojoin": .joinsGroup
            default: .usesVirtualMAC
            }
        if flag == .home || flag == .managesTemporary, address.prefix.address.family == .ipv4 {
            return refuse("`\(name)` is for IPv6 addresses", at: option)
        }
        address.flags.insert(flag)
        model.ignoredSettings += 1
        report(.warning, "`\(name)` isn't handled yet and has no effect", at: option)
    }

    private mutating func flagOption(_ option: Int, of address: inout VirtualAddress) {
        switch string(option) {
        case "-nodad":
            address.duplicateAddressDetection = true
            if address.prefix.address.family == .ipv4 {
                report(
                    .warning, "IPv4 addresses have no duplicate address detection; `-nodad` has no effect", at: option)
            }
        case "noprefixroute": address.noPrefixRoute = true
        default: address.isUntracked = true
        }
    }

    /// An option with a value. - Returns: false when the address can't be used without it.
    private mutating func valueOption(_ option: Int, value: Int, of address: inout VirtualAddress) -> Bool {
        let written = string(value)
        switch string(option) {
        case "dev":
            guard let name = interfaceName(at: value) else { return false }
            address.interface = name
            if !isKnown(interface: name) {
                // No fault of the file: it may be made later.
                report(
                    .error,
                    missing(interface: name)
                        .followed(by: "this address is set when it appears; \(Self.laterInterfaces)"),
                    at: value, code: .missingInterface)
            }
        case "scope":
            if let scope = scope(at: value) { address.scope = scope }
        case "brd", "broadcast":
            if let broadcast = broadcast(at: value, of: address.prefix) { address.broadcast = broadcast }
        case "label":
            if address.prefix.address.family == .ipv6 {
                refuse("IPv6 addresses have no labels", at: value)
            } else if written.utf8.count > 15 {
                refuse("a label has at most 15 bytes", at: value)
            } else {
                address.label = written
            }
        case "peer":
            guard let peer = prefix(at: value) else { return false }
            guard peer.address.family == address.prefix.address.family else {
                refuse("the peer isn't of the same family as the address", at: value)
                return false
            }
            address.peer = peer
        default:
            if written == "forever" {
                address.preferredLifetime = .max
            } else if let seconds = integer(at: value, 0...Int(UInt32.max), for: "preferred_lft") {
                address.preferredLifetime = UInt32(seconds)
            }
        }
        return true
    }

    private mutating func scope(at word: Int) -> UInt8? {
        switch string(word) {
        case "global": return 0
        case "site": return 200
        case "link": return 253
        case "host": return 254
        case "nowhere": return 255
        default:
            guard let number = wholeNumber(bytes(word)), let scope = UInt8(exactly: number) else {
                refuse("`\(string(word))` isn't a scope: global, site, link, host, nowhere or 0 to 255", at: word)
                return nil
            }
            return scope
        }
    }

    /// An address, or `+` for all host bits one, or `-` for all zero.
    private mutating func broadcast(at word: Int, of prefix: Prefix) -> IPAddress? {
        guard prefix.address.family == .ipv4 else {
            refuse("IPv6 has no broadcast addresses", at: word)
            return nil
        }
        let network = prefix.address.masked(to: prefix.length)
        switch string(word) {
        case "-": return network
        case "+":
            let hostBits = prefix.length >= 32 ? 0 : UInt32.max >> UInt32(prefix.length)
            return IPAddress(v4: UInt32(truncatingIfNeeded: network.low) | hostBits)
        default:
            guard let address = address(at: word) else { return nil }
            guard address.family == .ipv4 else {
                refuse("the broadcast address of an IPv4 address is an IPv4 address", at: word)
                return nil
            }
            return address
        }
    }

    mutating func unicastPeer(_ entry: Statement) -> UnicastPeer? {
        guard let first = entry.words.first, let address = host(at: first) else { return nil }
        guard !address.isMulticast, !address.isUnspecified else {
            refuse("`\(address)` can't be a peer", at: first)
            return nil
        }
        var peer = UnicastPeer(address: address)
        var next = first + 1
        while next < entry.words.upperBound {
            let option = next
            next += 2
            let name = string(option)
            guard name == "min_ttl" || name == "max_ttl" else {
                let hasValue = unknownOption(
                    option, in: "vrrp_instance/unicast_peer (entry)", end: entry.words.upperBound)
                if !hasValue { next = option + 1 }
                continue
            }
            guard option + 1 < entry.words.upperBound else {
                refuse("`\(name)` needs a value", at: option)
                break
            }
            guard let value = integer(at: option + 1, 0...255, for: name) else { continue }
            if name == "min_ttl" { peer.minimumTTL = UInt8(value) } else { peer.maximumTTL = UInt8(value) }
        }
        if let low = peer.minimumTTL, let high = peer.maximumTTL, low > high {
            refuse("min_ttl \(low) is above max_ttl \(high): nothing would be accepted from this peer", at: first)
        }
        return peer
    }

    /// One entry of track_interface.
    mutating func trackedInterface(_ entry: Statement) -> TrackedInterface? {
        guard let first = entry.words.first, let name = interfaceName(at: first) else { return nil }
        guard isKnown(interface: name) else {
            refuse("tracked \(missing(interface: name))".followed(by: Self.laterInterfaces), at: first)
            return nil
        }
        var tracked = TrackedInterface(name: name)
        var words = WordCursor(first + 1..<entry.words.upperBound)
        let context = "vrrp_instance/track_interface (entry)"
        trackerOptions(&words, 253, &tracked.weight, &tracked.reverse, context: context)
        return tracked
    }
}
