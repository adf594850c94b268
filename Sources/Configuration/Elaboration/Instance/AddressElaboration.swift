import Base
import ConfigurationModel

extension Elaborator {
    /// One entry of a list of addresses; nil when it names no usable address. `address` keeps its track_group.
    mutating func virtualAddress(_ entry: Statement, of list: KeywordList) -> VirtualAddress? {
        guard let first = entry.words.first, let prefix = prefix(at: first) else { return nil }
        guard !prefix.address.isUnspecified, !prefix.address.isMulticast, !isReserved(prefix) else {
            refuse("`\(string(first))` can't be a virtual address", at: first)
            return nil
        }
        address = VirtualAddress(prefix: prefix)
        trackGroupName = nil
        options(entry, of: list) { elaborator, row, option in
            let name = row.alias ?? row.name
            elaborator.refuse("`\(name)` is written twice: the address is left out", at: option, atStart: .inMessage)
            elaborator.isUsable = false
        }
        guard isUsable else { return nil }
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

    /// Gives the options of an entry, which stand behind its first word, their effects, until one makes it unusable.
    ///
    /// - Parameter again: complains about an option that may stand there once.
    mutating func options(
        _ entry: Statement, of list: KeywordList, again: (inout Elaborator, KeywordRow, Int) -> Void = { _, _, _ in }
    ) {
        isUsable = true
        var words = WordCursor(entry.words.dropFirst())
        var seen: Set<String> = []
        while isUsable, let option = words.take() {
            guard let row = list.option(bytes(option)) else {
                if unknownOption(option, of: list, end: words.end) { _ = words.take() }
                continue
            }
            if row.traits.contains(.once), !seen.insert(row.alias ?? row.name).inserted { again(&self, row, option) }
            guard isUsable else { return }
            var value = option + 1..<option + 1
            if row.shape != .flag {
                guard let word = self.value(of: option, in: &words) else { return }
                value = word..<word + 1
            }
            row.effect?(&self, Statement(row, token: option, words: value, place: entry.place))
        }
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
    mutating func unknownOption(_ word: Int, of list: KeywordList, end: Int) -> Bool {
        if splitsEntries(at: word, of: list, end: end) { return false }
        let name = string(word)
        let near = nearestWord(to: name, among: list.names)
        refuse("unknown option `\(name)`\(near.map { "; did you mean `\($0)`?" } ?? "")", at: word)
        guard word + 1 < end, let option = near.flatMap({ list[$0] }) else { return false }
        return option.shape != .flag && list.option(bytes(word + 1)) == nil
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
            atStart: .inMessage)
        return prefix
    }

    /// A flag that isn't handled yet.
    mutating func addressFlag(_ flag: AddressFlags, _ option: Statement) {
        if flag == .home || flag == .managesTemporary, address.prefix.address.family == .ipv4 {
            return refuse("`\(option.row.name)` is for IPv6 addresses", at: option.token)
        }
        address.flags.insert(flag)
        model.ignoredSettings += 1
        report(.warning, "`\(option.row.name)` isn't handled yet and has no effect", at: option.token)
    }

    mutating func duplicateAddressDetection(_ option: Statement) {
        address.duplicateAddressDetection = true
        guard address.prefix.address.family == .ipv4 else { return }
        report(
            .warning, "IPv4 addresses have no duplicate address detection; `-nodad` has no effect", at: option.token)
    }

    mutating func addressInterface(_ option: Statement) {
        guard let name = interfaceName(at: option.words.lowerBound) else { return isUsable = false }
        address.interface = name
        guard !isKnown(interface: name) else { return }
        // No fault of the file: it may be made later.
        report(
            .error,
            missing(interface: name).followed(by: "this address is set when it appears; \(Self.laterInterfaces)"),
            at: option.words.lowerBound, code: .missingInterface)
    }

    mutating func addressLabel(_ option: Statement) {
        let (word, label) = (option.words.lowerBound, string(option.words.lowerBound))
        if address.prefix.address.family == .ipv6 {
            refuse("IPv6 addresses have no labels", at: word)
        } else if label.utf8.count > 15 {
            refuse("a label has at most 15 bytes", at: word)
        } else {
            address.label = label
        }
    }

    mutating func addressPeer(_ option: Statement) {
        guard let peer = prefix(at: option.words.lowerBound) else { return isUsable = false }
        guard peer.address.family == address.prefix.address.family else {
            refuse("the peer isn't of the same family as the address", at: option.words.lowerBound)
            return isUsable = false
        }
        address.peer = peer
    }

    mutating func preferredLifetime(_ option: Statement) {
        let word = option.words.lowerBound
        if text.matches(text.tokens[word], "forever") {
            address.preferredLifetime = .max
        } else if let seconds = integer(at: word, of: option) {
            address.preferredLifetime = UInt32(exactly: seconds)
        }
    }

    mutating func addressScope(_ option: Statement) {
        let word = option.words.lowerBound
        switch string(word) {
        case "global": address.scope = 0
        case "site": address.scope = 200
        case "link": address.scope = 253
        case "host": address.scope = 254
        case "nowhere": address.scope = 255
        default:
            guard let number = wholeNumber(bytes(word)), let scope = UInt8(exactly: number) else {
                return refuse(
                    "`\(string(word))` isn't a scope: global, site, link, host, nowhere or 0 to 255", at: word)
            }
            address.scope = scope
        }
    }

    /// An address, or `+` for all host bits one, or `-` for all zero.
    mutating func addressBroadcast(_ option: Statement) {
        let (word, prefix) = (option.words.lowerBound, address.prefix)
        guard prefix.address.family == .ipv4 else { return refuse("IPv6 has no broadcast addresses", at: word) }
        let network = prefix.address.masked(to: prefix.length)
        switch string(word) {
        case "-": address.broadcast = network
        case "+":
            let hostBits = prefix.length >= 32 ? 0 : UInt32.max >> UInt32(prefix.length)
            address.broadcast = IPAddress(v4: UInt32(truncatingIfNeeded: network.low) | hostBits)
        default:
            guard let broadcast = self.address(at: word) else { return }
            guard broadcast.family == .ipv4 else {
                return refuse("the broadcast address of an IPv4 address is an IPv4 address", at: word)
            }
            address.broadcast = broadcast
        }
    }

    mutating func unicastPeer(_ entry: Statement) -> UnicastPeer? {
        guard let first = entry.words.first, let address = host(at: first) else { return nil }
        guard !address.isMulticast, !address.isUnspecified else {
            refuse("`\(address)` can't be a peer", at: first)
            return nil
        }
        peer = UnicastPeer(address: address)
        options(entry, of: .unicastPeer)
        if let low = peer.minimumTTL, let high = peer.maximumTTL, low > high {
            refuse("min_ttl \(low) is above max_ttl \(high): nothing would be accepted from this peer", at: first)
        }
        return peer
    }

    /// One entry of track_interface.
    mutating func trackedInterface(_ entry: Statement, of list: KeywordList) -> TrackedInterface? {
        guard let first = entry.words.first, let name = interfaceName(at: first) else { return nil }
        guard isKnown(interface: name) else {
            refuse("tracked \(missing(interface: name))".followed(by: Self.laterInterfaces), at: first)
            return nil
        }
        (tracked.weight, tracked.reverse) = (0, false)
        trackerOptions(entry, of: list)
        return TrackedInterface(name: name, weight: tracked.weight, reverse: tracked.reverse)
    }
}
