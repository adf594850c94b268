import Base
import ConfigurationModel

/// A rule while it is read.
struct RuleDraft {
    var settings = RuleSettings(priority: 0, action: .nop)
    var family: AddressFamily?
    var priority: UInt32?
    var action: RuleAction?
    var actionPlace: Int?
}

extension Elaborator {
    /// Gives each rule without a priority its own, in the order of the files, whatever is read first.
    mutating func numberRules() {
        var next: UInt32 = 16_384
        for block in statements where ["virtual_rules", "static_rules"].contains(block.row.name) {
            for entry in statements[block.place + 1..<block.end] where entry.isEntry {
                let says = entry.words.contains { word in
                    let row = KeywordList.rule.option(bytes(word))
                    return (row?.alias ?? row?.name) == "priority"
                }
                guard !says, let first = entry.words.first else { continue }
                shared.rulePriorities[first] = next
                next = max(1, next - 1)
            }
        }
    }

    /// One entry of virtual_rules or static_rules in the language of ip-rule(8); nil when it can't be installed.
    mutating func readRule(_ entry: Statement, in block: Statement) -> RuleSettings? {
        guard let first = entry.words.first else { return nil }
        rule = RuleDraft()
        words(of: entry, in: block) { elaborator, word in
            // Another spelling of the same.
            guard elaborator.text.matches(elaborator.text.tokens[word], "ip_proto"),
                let row = KeywordList.rule["ipproto"]
            else { return false }
            row.effect?(&elaborator, Statement(row, token: word, words: word + 1..<word + 1, place: entry.place))
            return true
        }
        return isUsable ? finishRule(at: first) : nil
    }

    mutating func act(_ action: RuleAction?, at word: Int) {
        guard let action else { return isUsable = false }
        if let first = rule.actionPlace {
            refuseEntry("a rule has one action", at: word)
            return report(.note, "the first one is here", at: first)
        }
        rule.action = action
        rule.actionPlace = word
    }

    /// A network that packets come from or go to.
    mutating func selector(_ path: KeywordRow.Path<Prefix?>, _ option: Statement) {
        guard let word = value(of: option), !["all", "any", "default"].contains(string(word)) else { return }
        set(path, needed: networkPrefix(at: word))
    }

    mutating func ports(_ path: KeywordRow.Path<ClosedRange<UInt16>?>, _ option: Statement) {
        let range = numberRange(option, maximum: 65_535)
        set(path, needed: range.map { UInt16($0.lowerBound)...UInt16($0.upperBound) })
    }

    mutating func tunnelID(_ option: Statement) {
        guard let word = value(of: option) else { return }
        set(\.rule.settings.tunnel, needed: wideNumber(at: word))
    }

    mutating func suppressedGroup(_ option: Statement) {
        guard let word = value(of: option) else { return }
        let group = routingNumber(at: word, \.groups, maximum: UInt32(Int32.max), "an interface group")
        set(\.rule.settings.suppressedGroup, needed: group)
    }

    /// `VALUE[/MASK]`.
    mutating func mark(_ option: Statement) -> RuleSettings.Mark? {
        guard let word = value(of: option) else { return nil }
        let parts = string(word).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { anyBaseNumber(String($0)) }.compactMap { UInt32(exactly: $0) }
        guard numbers.count == parts.count, let value = numbers.first, let mask = numbers.last else {
            refuse("`\(string(word))` isn't a mark: VALUE[/MASK] of 32 bits", at: word)
            return nil
        }
        return RuleSettings.Mark(value: value, mask: numbers.count == 2 ? mask : .max)
    }

    /// A number, or one of the protocols that have ports and their kin (IANA protocol numbers).
    mutating func ipProtocol(_ option: Statement) -> UInt8? {
        guard let word = value(of: option) else { return nil }
        let names: [String: UInt8] = [
            "icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58,
            "ospf": 89, "vrrp": 112, "sctp": 132, "udplite": 136,
        ]
        let written = string(word)
        if let number = names[written] { return number }
        if let number = anyBaseNumber(written), (1...255).contains(number) { return UInt8(number) }
        refuse("`\(written)` isn't an IP protocol: 1 to 255, or a name such as tcp", at: word)
        return nil
    }

    private mutating func finishRule(at first: Int) -> RuleSettings? {
        var draft = self.rule
        var rule = draft.settings
        rule.trackGroup = trackGroupName
        let families = [rule.source?.address.family, rule.destination?.address.family, draft.family].compactMap { $0 }
        rule.family = families.first ?? .ipv4
        func complain(_ message: String, _ elaborator: inout Elaborator) -> RuleSettings? {
            elaborator.refuse("\(message): the rule is left out", at: first, atStart: .inMessage)
            return nil
        }
        if families.contains(where: { $0 != rule.family }) { return complain("its families differ", &self) }
        if rule.usesL3MasterDevice, draft.action?.looksUp == true {
            return complain("`l3mdev` finds the table itself, so no `table` can be said", &self)
        }
        if rule.usesL3MasterDevice, draft.action == nil {
            // The kernel finds the table itself (ip-rule(8)).
            draft.action = .table(0)
        }
        guard let action = draft.action else {
            return complain("it has no action (table, goto, nop, blackhole, unreachable or prohibit)", &self)
        }
        rule.action = action
        if rule.suppressedLength != nil || rule.suppressedGroup != nil, !action.looksUp {
            return complain("`suppress_...` needs `table`", &self)
        }
        if let priority = draft.priority {
            rule.priority = priority
        } else {
            rule.priority = shared.rulePriorities[first] ?? 1
            report(.warning, "the rule has no `priority`; \(rule.priority) is used", at: first)
        }
        if let place = trackGroupPlace, rule.trackGroup != nil, rule.inputInterface == nil {
            report(.warning, "`track_group` has no effect on a rule without `iif`", at: place)
            rule.trackGroup = nil
        }
        if case .goto(let target) = action, target <= rule.priority {
            return complain("`goto \(target)` has to lead behind its own priority \(rule.priority)", &self)
        }
        return rule
    }
}

extension RuleAction {
    fileprivate var looksUp: Bool { if case .table = self { true } else { false } }
}
