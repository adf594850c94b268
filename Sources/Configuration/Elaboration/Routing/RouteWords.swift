import Base
import ConfigurationModel

/// What the names of iproute2's tables mean (/etc/iproute2/rt_*).
package struct RoutingNames: Hashable, Sendable {
    /// rt_tables.
    package var tables: [String: UInt32] = ["default": 253, "main": 254, "local": 255]
    /// rt_protos.
    package var protocols: [String: UInt32] = [
        "unspec": 0, "redirect": 1, "kernel": 2, "boot": 3, "static": 4, "ra": 9, "dhcp": 16, "keepalived": 18,
    ]
    /// rt_scopes.
    package var scopes: [String: UInt32] = ["global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255]
    /// rt_realms.
    package var realms: [String: UInt32] = ["cosmos": 0]
    /// rt_dsfield.
    package var fields: [String: UInt32] = ["default": 0]
    /// group: names of interface groups.
    package var groups: [String: UInt32] = ["default": 0]
    /// What every machine knows.
    package init() {}

    /// Adds lines of such a file: a number, blanks, a name; `#` begins a comment.
    package static func add(_ file: [UInt8], to names: inout [String: UInt32]) {
        for line in file.split(separator: Byte.newline) {
            let words = line.prefix { $0 != Byte.hash }.split(whereSeparator: Byte.isBlank)
            guard words.count >= 2 else { continue }
            let text = String(decoding: words[0], as: UTF8.self)
            guard let number = anyBaseNumber(text), let value = UInt32(exactly: number) else { continue }
            names[String(decoding: words[1], as: UTF8.self)] = value
        }
    }
}

/// Options of a route or rule that were read, by the names that stand for all their aliases.
struct SaidOptions {
    fileprivate var names: Set<String> = []

    /// The name that an option shares with its aliases; nil for flags, lists and what complains itself.
    fileprivate static func name(of option: String) -> String? {
        switch option {
        case "via", "gw": "via"
        case "dev", "oif", "iif", "src", "from", "fwmark", "realms", "encap", "protocol", "scope", "vrf", "expires",
            "pref", "weight", "mtu", "advmss", "rtt", "rttvar", "cwnd", "window", "hoplimit", "initcwnd", "initrwnd",
            "rto_min", "ipproto", "sport", "dport", "uidrange", "tunnel-id", "track_group", "congctl", "ssthresh",
            "reordering", "quickack":
            option
        case "metric", "priority", "preference", "order": "priority"
        case "tos", "dsfield": "tos"
        case "suppress_prefixlength", "sup_pl": "suppress_prefixlength"
        case "suppress_ifgroup", "sup_group": "suppress_ifgroup"
        default: nil
        }
    }
}

/// Words that the languages of routes and of rules share.
extension Elaborator {
    /// Complains about an option that is there already: its last value counts, as in keepalived.
    mutating func note(_ word: Int, in said: inout SaidOptions) {
        let option = string(word)
        guard let name = SaidOptions.name(of: option), !said.names.insert(name).inserted else { return }
        report(.warning, "`\(option)` is written twice; the last one counts", at: word)
    }

    /// Complains about a word of the past.
    mutating func deprecate(_ word: Int, _ instead: String) {
        diagnostics.add(
            .warning, "`\(string(word))` is deprecated; write \(instead)", at: text.tokens[word], in: text,
            code: .deprecated)
    }

    /// A number in any base, or a name of one of iproute2's tables.
    mutating func routingNumber(
        at word: Int, _ names: KeyPath<RoutingNames, [String: UInt32]>, maximum: UInt32, _ what: String
    ) -> UInt32? {
        let written = string(word)
        if let number = anyBaseNumber(written) {
            guard number <= UInt64(maximum) else {
                refuse("\(what) is at most \(maximum)", at: word)
                return nil
            }
            return UInt32(number)
        }
        let known = environment.routingNames[keyPath: names]
        if let number = known[written], number <= maximum { return number }
        let hint = suggestion(for: written, among: known.keys.sorted())
        refuse("`\(written)` is neither a number nor the name of \(what) in /etc/iproute2\(hint)", at: word)
        return nil
    }

    mutating func byte(
        at word: Int, _ names: KeyPath<RoutingNames, [String: UInt32]>, _ what: String
    ) -> UInt8? {
        routingNumber(at: word, names, maximum: 255, what).map { UInt8($0) }
    }

    /// A table, which isn't 0.
    mutating func routingTable(at word: Int) -> UInt32? {
        guard let table = routingNumber(at: word, \.tables, maximum: .max, "a table") else { return nil }
        guard table != 0 else {
            refuse("there is no table 0", at: word)
            return nil
        }
        return table
    }

    /// A 32-bit number in any base.
    mutating func unsigned(at word: Int, for name: String, _ limits: ClosedRange<UInt32> = 0...UInt32.max) -> UInt32? {
        guard let number = anyBaseNumber(string(word)) else {
            refuse("`\(string(word))` isn't a whole number", at: word)
            return nil
        }
        guard let value = UInt32(exactly: number), limits.contains(value) else {
            refuse("`\(name)` is \(limits.lowerBound) to \(limits.upperBound)", at: word)
            return nil
        }
        return value
    }

    /// `[SOURCE/]DESTINATION`.
    mutating func realms(at word: Int) -> Realms? {
        let parts = string(word).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var numbers: [UInt16] = []
        for part in parts {
            let known = environment.routingNames.realms[part].map(UInt64.init)
            guard let number = anyBaseNumber(part) ?? known, let value = UInt16(exactly: number) else {
                refuse("`\(string(word))` isn't realms: [SOURCE/]DESTINATION, numbers or names", at: word)
                return nil
            }
            numbers.append(value)
        }
        return numbers.count == 2
            ? Realms(source: numbers[0], destination: numbers[1]) : numbers.first.map { Realms(destination: $0) }
    }

    /// An interface that a route or rule names. One that is missing is an error, but no reason to leave it out when
    /// interfaces may appear later.
    mutating func routingInterface(at word: Int) -> String? {
        guard let name = interfaceName(at: word) else { return nil }
        guard isKnown(interface: name) else {
            refuse(missing(interface: name), at: word)
            return nil
        }
        return name
    }

    /// The family that `inet` or `inet6` forces, when the next word is one.
    mutating func forcedFamily(_ words: inout WordCursor) -> AddressFamily? {
        if takes("inet", from: &words) { return .ipv4 }
        if takes("inet6", from: &words) { return .ipv6 }
        return nil
    }

    /// `LOW-HIGH` or one number for both.
    mutating func numberRange(at word: Int, maximum: UInt32, for name: String) -> ClosedRange<UInt32>? {
        let parts = string(word).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { anyBaseNumber(String($0)) }.compactMap { UInt32(exactly: $0) }
        guard numbers.count == parts.count, let low = numbers.first, let high = numbers.last, high <= maximum else {
            refuse("`\(name)` is a number or a range LOW-HIGH up to \(maximum)", at: word)
            return nil
        }
        guard low <= high else {
            refuse("the range `\(string(word))` is empty", at: word)
            return nil
        }
        return low...high
    }
}
