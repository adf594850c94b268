import Base
import ConfigurationModel

extension Elaborator {
    // MARK: - Processes

    mutating func automaticPriority(_ statement: Statement) {
        guard let value = statement.words.isEmpty ? 99 : integer(statement) else { return }
        model.global.automaticPriority.maximum = value > 0 ? value : value < 0 ? 99 : nil
    }

    /// Numbers of CPUs.
    mutating func set(_ path: KeywordRow.Path<[Int]>, processors statement: Statement) {
        if statement.words.isEmpty { _ = word(of: statement) }
        var processors: [Int] = []
        for word in statement.words {
            guard let value = integer(at: word, of: statement) else { continue }
            if !processors.contains(value) { processors.append(value) }
        }
        self[keyPath: path] = processors
    }

    mutating func bufferPolicy(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        switch string(word) {
        case "MTU": model.global.buffers.policy = .mtu
        case "ADVERT": model.global.buffers.policy = .advertisement
        default: if let value = integer(at: word, of: statement) { model.global.buffers.policy = .bytes(value) }
        }
    }

    // MARK: - Packet filter

    mutating func chains(_ statement: Statement) {
        var words = WordCursor(statement.words)
        let input = words.take().flatMap { filterName(at: $0, 28) }
        let output = words.take().flatMap { filterName(at: $0, 28) }
        ignoreRest(of: words)
        model.global.firewall.chains =
            statement.words.isEmpty
            ? FirewallSettings.Chains(input: "INPUT", output: "OUTPUT")
            : input.map { FirewallSettings.Chains(input: $0, output: output) }
    }

    /// The name of a table, chain or set.
    private mutating func filterName(at word: Int, _ limit: Int) -> String? {
        let name = string(word)
        guard (1...limit).contains(name.utf8.count) else {
            refuse("a name has 1 to \(limit) bytes", at: word)
            return nil
        }
        return name
    }

    mutating func table(_ statement: Statement, standard: String) -> String? {
        guard !statement.words.isEmpty else { return standard }
        return word(of: statement).flatMap { filterName(at: $0, 31) }
    }

    /// Up to six different names; no name turns sets off.
    mutating func addressSets(_ statement: Statement) {
        guard !statement.words.isEmpty else { return model.global.firewall.sets = nil }
        var names: [String] = []
        for word in statement.words.prefix(6) {
            guard let name = filterName(at: word, 31) else { return }
            if names.contains(name) { return refuse("the names of sets have to differ", at: word) }
            names.append(name)
        }
        if statement.words.count > 6 {
            report(.warning, "there are six sets; this and what follows is ignored", at: statement.words.lowerBound + 6)
        }
        model.global.firewall.sets = names
    }

    mutating func reloadFile(_ statement: Statement) {
        guard !statement.words.isEmpty else { return model.global.reports.reloadFile = "" }
        set(\.model.global.reports.reloadFile, path: statement)
    }
}

extension AgentSettings {
    /// Both MIBs of RFCs.
    var servesRFCs: Bool {
        get { servesRFC2787 && servesRFC6527 }
        set { (servesRFC2787, servesRFC6527) = (newValue, newValue) }
    }
}
