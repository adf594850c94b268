import Base
import ConfigurationModel

/// A rule while it is read.
private struct RuleDraft {
    var settings: RuleSettings
    var family: AddressFamily?
    var priority: UInt32?
    var action: RuleAction?
    var actionPlace: Int?
    var trackGroupPlace: Int?
    /// Options that were read, by their usual names.
    var said = SaidOptions()
    var isUsable = true
}

extension Elaborator {
    /// Gives each rule without a priority its own, in the order of the files, whatever is read first.
    mutating func numberRules() {
        var next: UInt32 = 16_384
        let rows = table.keywords.indices.filter {
            ["virtual_rules", "static_rules"].contains(table.keywords[$0].name)
        }
        for place in statements.indices where rows.contains(statements[place].row) {
            for entry in statements[place + 1..<max(place + 1, statements[place].end)] where entry.isEntry {
                let says = entry.words.contains { ["priority", "preference", "order"].contains(string($0)) }
                guard !says, let first = entry.words.first else { continue }
                shared.rulePriorities[first] = next
                next = max(1, next - 1)
            }
        }
    }

    /// One entry of virtual_rules or static_rules in the language of ip-rule(8); nil when it can't be installed.
    mutating func rule(_ entry: Statement, context: String) -> RuleSettings? {
        guard let first = entry.words.first else { return nil }
        var draft = RuleDraft(
            settings: RuleSettings(priority: 0, action: .nop))
        var words = WordCursor(entry.words)
        while let word = words.take() {
            ruleWord(word, &words, &draft, context)
            guard draft.isUsable else { return nil }
        }
        return finish(&draft, at: first)
    }

    private mutating func ruleWord(
        _ word: Int, _ words: inout WordCursor, _ draft: inout RuleDraft, _ context: String
    ) {
        let name = string(word)
        note(word, in: &draft.said)
        switch name {
        case "inet": draft.family = .ipv4
        case "inet6": draft.family = .ipv6
        case "not": draft.settings.isInverted = true
        case "l3mdev": draft.settings.usesL3MasterDevice = true
        case "no_track": draft.settings.isUntracked = true
        case "type": break
        case "nop": act(.nop, at: word, &draft)
        case "blackhole": act(.blackhole, at: word, &draft)
        case "unreachable": act(.unreachable, at: word, &draft)
        case "prohibit": act(.prohibit, at: word, &draft)
        case "track_group":
            guard let value = value(of: word, in: &words) else { return draft.isUsable = false }
            draft.trackGroupPlace = word
            draft.settings.trackGroup = trackGroupName(at: value, of: word, in: context)
        case "from", "to", "table", "lookup", "goto", "priority", "preference", "order", "tos", "dsfield", "fwmark",
            "realms", "suppress_prefixlength", "sup_pl", "suppress_ifgroup", "sup_group", "iif", "dev", "oif",
            "tunnel-id", "uidrange", "protocol", "ipproto", "ip_proto", "sport", "dport":
            guard let value = value(of: word, in: &words) else { return draft.isUsable = false }
            if !selector(name, value, &draft), !ruleValue(name, value, &draft) { draft.isUsable = false }
        default:
            unknownOption(word, in: context, end: words.end)
            draft.isUsable = false
        }
    }

    private mutating func act(_ action: RuleAction, at word: Int, _ draft: inout RuleDraft) {
        if let first = draft.actionPlace {
            refuse("a rule has one action", at: word)
            report(.note, "the first one is here", at: first)
            return draft.isUsable = false
        }
        draft.action = action
        draft.actionPlace = word
    }

    /// What a packet must have. - Returns: false for another word, or a value that is wrong.
    private mutating func selector(_ name: String, _ value: Int, _ draft: inout RuleDraft) -> Bool {
        switch name {
        case "from", "to":
            guard !["all", "any", "default"].contains(string(value)) else { return true }
            guard let prefix = networkPrefix(at: value) else { return false }
            if name == "from" { draft.settings.source = prefix } else { draft.settings.destination = prefix }
        case "iif", "dev":
            draft.settings.inputInterface = routingInterface(at: value)
            return draft.settings.inputInterface != nil
        case "oif":
            draft.settings.outputInterface = routingInterface(at: value)
            return draft.settings.outputInterface != nil
        case "fwmark":
            draft.settings.mark = mark(at: value)
            return draft.settings.mark != nil
        case "tos", "dsfield":
            guard let field = byte(at: value, \.fields, "a TOS") else { return false }
            draft.settings.typeOfService = field
        case "ipproto", "ip_proto":
            draft.settings.ipProtocol = ipProtocol(at: value)
            return draft.settings.ipProtocol != nil
        case "sport", "dport":
            guard let range = numberRange(at: value, maximum: 65_535, for: name) else { return false }
            let ports = UInt16(range.lowerBound)...UInt16(range.upperBound)
            if name == "sport" { draft.settings.sourcePorts = ports } else { draft.settings.destinationPorts = ports }
        case "uidrange":
            draft.settings.users = numberRange(at: value, maximum: .max, for: name)
            return draft.settings.users != nil
        case "tunnel-id":
            guard let id = anyBaseNumber(string(value)) else {
                refuse("`\(string(value))` isn't a whole number", at: value)
                return false
            }
            draft.settings.tunnel = id
        default: return false
        }
        return true
    }

    /// What happens to it. - Returns: false for a value that is wrong; `selector` has refused the others.
    private mutating func ruleValue(_ name: String, _ value: Int, _ draft: inout RuleDraft) -> Bool {
        switch name {
        case "table", "lookup":
            guard let table = routingTable(at: value) else { return false }
            act(.table(table), at: value, &draft)
        case "goto":
            guard let target = unsigned(at: value, for: name) else { return false }
            act(.goto(target), at: value, &draft)
        case "priority", "preference", "order":
            guard let priority = unsigned(at: value, for: name) else { return false }
            draft.priority = priority
        case "realms":
            draft.settings.realms = realms(at: value)
            return draft.settings.realms != nil
        case "suppress_prefixlength", "sup_pl":
            guard let length = unsigned(at: value, for: name, 0...128) else { return false }
            draft.settings.suppressedLength = UInt8(length)
        case "suppress_ifgroup", "sup_group":
            draft.settings.suppressedGroup = routingNumber(
                at: value, \.groups, maximum: UInt32(Int32.max), "an interface group")
            return draft.settings.suppressedGroup != nil
        case "protocol":
            guard let number = byte(at: value, \.protocols, "a protocol") else { return false }
            draft.settings.ruleProtocol = number
        default: return false
        }
        return draft.isUsable
    }

    /// `VALUE[/MASK]`.
    private mutating func mark(at word: Int) -> RuleSettings.Mark? {
        let parts = string(word).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { anyBaseNumber(String($0)) }.compactMap { UInt32(exactly: $0) }
        guard numbers.count == parts.count, let value = numbers.first, let mask = numbers.last else {
            refuse("`\(string(word))` isn't a mark: VALUE[/MASK] of 32 bits", at: word)
            return nil
        }
        return RuleSettings.Mark(value: value, mask: numbers.count == 2 ? mask : .max)
    }

    /// A number, or one of the protocols that have ports and their kin (IANA protocol numbers).
    private mutating func ipProtocol(at word: Int) -> UInt8? {
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

    private mutating func finish(_ draft: inout RuleDraft, at first: Int) -> RuleSettings? {
        var rule = draft.settings
        let families = [rule.source?.address.family, rule.destination?.address.family, draft.family].compactMap { $0 }
        rule.family = families.first ?? .ipv4
        func complain(_ message: String, _ elaborator: inout Elaborator) -> RuleSettings? {
            elaborator.refuse("\(message): the rule is left out", at: first, atStart: "")
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
        if let place = draft.trackGroupPlace, rule.trackGroup != nil, rule.inputInterface == nil {
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
