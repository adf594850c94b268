import Base
import ConfigurationModel

extension Elaborator {
    /// Reads one virtual_server_group block and appends it to the model.
    mutating func serverGroup(_ block: Statement) {
        guard let nameToken = word(of: block) else { return }
        let name = string(nameToken)
        if let known = services.groups[name] {
            refuse(
                "`virtual_server_group \(name)` exists already; this block is left out", at: nameToken,
                atStart: .inMessage)
            return report(.note, "the first one is here", at: known.token)
        }
        var group = VirtualServerGroup(name: name, location: text.location(text.tokens[block.token]))
        forEach(inside: block) { elaborator, entry in
            guard let value = elaborator.groupEntry(entry.words) else { return }
            group.entries.append(value)
        }
        if group.entries.isEmpty, block.end == block.place + 1 {
            report(.error, "virtual_server_group `\(name)` has no valid entry", at: nameToken)
        }
        services.groups[name] = (model.virtualServerGroups.count, nameToken)
        model.virtualServerGroups.append(group)
    }

    /// `ADDRESS [PORT]`, `FIRST-LAST [PORT]`, `ADDRESS/LENGTH [PORT]` or `fwmark N [inet|inet6]`.
    private mutating func groupEntry(_ words: Range<Int>) -> ServiceGroupEntry? {
        guard let first = words.first else { return nil }
        ignore(words.dropFirst(text.matches(text.tokens[first], "fwmark") ? 3 : 2))
        if text.matches(text.tokens[first], "fwmark") {
            guard words.count > 1 else {
                refuse("`fwmark` needs a value", at: first)
                return nil
            }
            guard let mark = integer(at: first + 1, Limits.mark, for: "fwmark") else { return nil }
            return .firewallMark(UInt32(mark), words.count > 2 ? family(at: first + 2) : nil)
        }
        guard let range = addressRange(at: first) else { return nil }
        var number: UInt16 = 0
        if words.count > 1 {
            guard let value = port(at: first + 1, 0...65_535) else { return nil }
            number = value
        }
        return .addresses(first: range.lowerBound, last: range.upperBound, port: number)
    }

    private mutating func addressRange(at word: Int) -> ClosedRange<IPAddress>? {
        let written = string(word)
        if let address = IPAddress(written) { return address...address }
        if written.utf8.contains(Byte.slash) {
            guard let prefix = Prefix(written) else { return refuseAddress(at: word) }
            guard prefix.address.masked(to: prefix.length) == prefix.address else {
                let network = prefix.address.masked(to: prefix.length)
                refuse("`\(written)` has host bits; the block is `\(network)/\(prefix.length)`", at: word)
                return nil
            }
            return range(prefix.address, count: prefix.address.family.bitCount - prefix.length, at: word)
        }
        guard let dash = written.utf8.firstIndex(of: UInt8(ascii: "-")), let low = IPAddress(written[..<dash]) else {
            return refuseAddress(at: word)
        }
        let end = written[written.index(after: dash)...]
        let high: IPAddress
        if let address = IPAddress(end) {
            high = address
        } else if low.family == .ipv4, let octet = wholeNumber(Array(end.utf8)[...]), (0...255).contains(octet) {
            high = IPAddress(v4: UInt32(truncatingIfNeeded: low.low & ~0xff) | UInt32(octet))
        } else if low.family == .ipv6, end.utf8.count <= 4, !end.hasPrefix("+"), let group = UInt16(end, radix: 16) {
            high = IPAddress(v6High: low.high, low: low.low & ~0xffff | UInt64(group))
        } else {
            return refuseAddress(at: word)
        }
        guard high.family == low.family, high > low else {
            refuse("the end of `\(written)` isn't above its beginning", at: word)
            return nil
        }
        guard high.high == low.high, high.low - low.low < Limits.rangeMaximum else {
            refuse("`\(written)` has more than \(Limits.rangeMaximum) addresses", at: word)
            return nil
        }
        return low...high
    }

    private mutating func range(_ first: IPAddress, count bits: Int, at word: Int) -> ClosedRange<IPAddress>? {
        guard bits <= 16 else {
            refuse("`\(string(word))` has more than \(Limits.rangeMaximum) addresses", at: word)
            return nil
        }
        let last = first.low | (1 << UInt64(bits) - 1)
        return first.family == .ipv4
            ? first...IPAddress(v4: UInt32(truncatingIfNeeded: last)) : first...IPAddress(v6High: first.high, low: last)
    }

    private mutating func refuseAddress(at word: Int) -> ClosedRange<IPAddress>? {
        refuse("`\(string(word))` isn't an address, FIRST-LAST, ADDRESS/LENGTH or `fwmark`", at: word)
        return nil
    }
}
