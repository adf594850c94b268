import Base
import ConfigurationModel

/// Words that several blocks of the load balancer have in common.
extension Elaborator {
    /// A statement without the words it needs.
    mutating func refuseMissing(_ statement: Statement) {
        refuse(
            "`\(string(statement.token))` needs a value: \(statement.row.explainedArguments)",
            at: statement.token)
    }

    /// Warns about words that nothing reads.
    mutating func ignore(_ words: Range<Int>) {
        guard let first = words.first else { return }
        report(.warning, "`\(string(first))` and what follows is ignored", at: first)
    }

    mutating func port(at word: Int, _ limits: ClosedRange<Int> = Limits.port) -> UInt16? {
        integer(at: word, limits, for: "a port").map { UInt16($0) }
    }

    mutating func family(at word: Int) -> AddressFamily? {
        switch string(word) {
        case "inet": return .ipv4
        case "inet6": return .ipv6
        default:
            refuse("`\(string(word))` isn't a family: inet or inet6", at: word)
            return nil
        }
    }

    mutating func set(_ path: KeywordRow.Path<AddressFamily?>, family statement: Statement) {
        guard let word = word(of: statement) else { return }
        self[keyPath: path] = family(at: word)
    }

    mutating func set<Value: ForwardingSetting>(_ path: KeywordRow.Path<Value>, forwarding statement: Statement) {
        if let value = forwarding(statement) { self[keyPath: path] = Value(value) }
    }

    /// `NAT`, `DR` or `TUN [type ipip|gue port N [nocsum|csum|remcsum]|gre [nocsum|csum]]`.
    private mutating func forwarding(_ statement: Statement) -> Forwarding? {
        guard let first = statement.words.first else {
            refuseMissing(statement)
            return nil
        }
        switch string(first) {
        case "NAT", "DR":
            ignore(statement.words.dropFirst())
            return string(first) == "NAT" ? .masquerading : .directRouting
        case "TUN": return tunnel(statement.words.dropFirst()).map { .tunnel($0) }
        default:
            let hint = nearestWord(to: string(first), among: ["NAT", "DR", "TUN"])
            let advice = hint.map { "; did you mean `\($0)`?" } ?? ""
            refuse("`\(string(statement.token))` is NAT, DR or TUN, not `\(string(first))`\(advice)", at: first)
            return nil
        }
    }

    private mutating func tunnel(_ words: Range<Int>) -> Tunnel? {
        guard let first = words.first else { return .ipip }
        guard text.matches(text.tokens[first], "type"), words.count > 1 else {
            refuse("after TUN, `type` ipip, gue or gre is expected", at: first)
            return nil
        }
        let rest = words.dropFirst(2)
        switch string(first + 1) {
        case "ipip":
            ignore(rest)
            return .ipip
        case "gre": return checksum(rest, allowsRemote: false).map { .gre($0) }
        case "gue":
            guard rest.count > 1, text.matches(text.tokens[rest.lowerBound], "port") else {
                refuse("`gue` needs `port` N", at: first + 1)
                return nil
            }
            guard let port = port(at: rest.lowerBound + 1) else { return nil }
            return checksum(rest.dropFirst(2), allowsRemote: true).map { .gue(port: port, $0) }
        default:
            refuse("a tunnel's type is ipip, gue or gre, not `\(string(first + 1))`", at: first + 1)
            return nil
        }
    }

    private mutating func checksum(_ words: Range<Int>, allowsRemote: Bool) -> TunnelChecksum? {
        guard let first = words.first else { return TunnelChecksum.none }
        ignore(words.dropFirst())
        switch string(first) {
        case "nocsum": return TunnelChecksum.none
        case "csum": return .full
        case "remcsum" where allowsRemote: return .remoteOffload
        default:
            let choice = allowsRemote ? "nocsum, csum or remcsum" : "nocsum or csum"
            refuse("`\(string(first))` isn't \(choice)", at: first)
            return nil
        }
    }

    /// Appends a script unless there is one for this moment.
    mutating func notify(
        _ trigger: ServiceTrigger, _ statement: Statement, into scripts: KeywordRow.Path<[ServiceScript]>
    ) {
        guard let script = script(statement), let first = statement.words.first else { return }
        guard !self[keyPath: scripts].contains(where: { $0.trigger == trigger }) else {
            return report(
                .warning, "`\(string(statement.token))` is set already; this one is ignored", at: statement.token)
        }
        _ = checkProgram(ScriptUse(program: script.arguments[0], identity: script.identity), at: first)
        self[keyPath: scripts].append(
            ServiceScript(trigger: trigger, arguments: script.arguments, identity: script.identity))
    }
}

/// A property that lb_kind and its kin set.
protocol ForwardingSetting: Sendable {
    init(_ forwarding: Forwarding)
}

extension Forwarding: ForwardingSetting {
    init(_ forwarding: Forwarding) { self = forwarding }
}

extension Forwarding?: ForwardingSetting {}
