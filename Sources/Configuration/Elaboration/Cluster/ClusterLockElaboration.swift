import Base
import ConfigurationModel

/// A lock block while it is read.
struct ClusterLockDraft {
    var settings = LockSettings()
    /// The keyword of its engine.
    var enginePlace: Int?
    var ttlPlace: Int?
}

extension Elaborator {
    mutating func lock(_ block: Statement) {
        cluster.lock = ClusterLockDraft()
        perform(inside: block)
        let draft = cluster.lock
        guard draft.enginePlace != nil else {
            guard !tries("etcd", "witness", "sanlock", "file", in: block) else { return }
            return refuse(
                "`lock` says nothing that keeps it, one of etcd, witness, sanlock, file; it is left out",
                at: block.token)
        }
        checkLockTime(draft, block)
        cluster.settings.lock = draft.settings
    }

    private mutating func checkLockTime(_ draft: ClusterLockDraft, _ block: Statement) {
        if let place = draft.ttlPlace, !draft.settings.hasLease {
            return report(.warning, "a lock of this kind has no `ttl`; this is ignored", at: place)
        }
        guard case .etcd = draft.settings.engine else { return }
        guard let place = draft.ttlPlace else {
            guard !tries("ttl", in: block) else { return }
            return refuse(
                "a lock of etcd needs `ttl`, the seconds for which it is held: 4 or more with etcd's own defaults",
                at: draft.enginePlace ?? block.token, atStart: .use("\(draft.settings.ttl)"))
        }
        if draft.settings.ttl < .seconds(4) {
            report(
                .warning,
                "with its defaults etcd may take writes again 1.5 s after a leader has stopped: a `ttl` below 4 doesn't "
                    + "outlast that", at: place)
        }
    }

    /// Sets the engine, of which there is one.
    private mutating func set(_ engine: LockSettings.Engine, _ statement: Statement) {
        if let first = cluster.lock.enginePlace {
            refuse("a lock is kept at one place; this is left out", at: statement.token, atStart: .inMessage)
            return report(.note, "the first one is here", at: first)
        }
        cluster.lock.enginePlace = statement.token
        cluster.lock.settings.engine = engine
    }

    /// `URL... [ca FILE] [cert FILE key FILE]`.
    mutating func lockOfEtcd(_ statement: Statement) {
        var words = WordCursor(statement.words)
        var endpoints: [LockEndpoint] = []
        var files = TLSFiles()
        while let word = words.take() {
            switch string(word) {
            case "ca": files.authorities = lockFile(of: word, &words)
            case "cert": files.certificate = lockFile(of: word, &words)
            case "key": files.key = lockFile(of: word, &words)
            default:
                guard let endpoint = LockEndpoint(url: string(word)) else {
                    return refuse(
                        "`\(string(word))` isn't an endpoint of etcd, such as https://10.1.0.1:2379: an http or https URL with a "
                            + "numeric address and no path", at: word)
                }
                if endpoints.contains(endpoint) {
                    report(.warning, "this endpoint is there already", at: word)
                } else {
                    endpoints.append(endpoint)
                }
            }
        }
        guard !endpoints.isEmpty else { return refuse("`etcd` needs the URL of an endpoint", at: statement.token) }
        guard endpoints.count <= Limits.lockEndpoints else {
            return refuse("`etcd` takes \(Limits.lockEndpoints) endpoints at most", at: statement.token)
        }
        if (files.certificate == nil) != (files.key == nil) {
            refuse("`cert` and `key` belong together", at: statement.token, atStart: .inMessage)
        }
        if files != TLSFiles(), !endpoints.contains(where: \.isEncrypted) {
            report(.warning, "none of these URLs begins with https, so the files aren't used", at: statement.token)
        }
        set(.etcd(endpoints, files), statement)
    }

    private mutating func lockFile(of option: Int, _ words: inout WordCursor) -> String? {
        value(of: option, in: &words).flatMap { absolutePath(at: $0) }
    }

    /// `ADDR [port N]`.
    mutating func lockOfWitness(_ statement: Statement) {
        var words = WordCursor(statement.words)
        guard let word = value(of: statement.token, in: &words), let address = address(at: word) else { return }
        guard !address.isMulticast, !address.isUnspecified else {
            return refuse("`\(address)` isn't the address of a host", at: word)
        }
        var port = Limits.witnessPort
        if let option = words.peek, takes("port", from: &words) {
            guard let number = self.port(of: option, in: &words) else { return }
            port = number
        }
        ignoreRest(of: words)
        set(.witness(address, port: port), statement)
    }

    mutating func lockOfSanlock(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        // SANLK_NAME_LEN.
        guard (1...48).contains(string(word).utf8.count) else {
            return refuse("the name of a lockspace has 1 to 48 bytes", at: word)
        }
        set(.sanlock(lockspace: string(word)), statement)
    }

    /// `PATH [unfenced]`.
    mutating func lockOfFile(_ statement: Statement) {
        var words = WordCursor(statement.words)
        guard let word = value(of: statement.token, in: &words), let path = absolutePath(at: word) else { return }
        let isUnfenced = takes("unfenced", from: &words)
        ignoreRest(of: words)
        set(.file(path, isUnfenced: isUnfenced), statement)
    }

    mutating func lockMode(_ statement: Statement) {
        if let place = choice(statement, "smart", "always") {
            cluster.lock.settings.mode = place == 0 ? .smart : .always
        }
    }

    mutating func lockTime(_ statement: Statement) {
        guard let time = seconds(statement) else { return }
        cluster.lock.settings.ttl = time
        cluster.lock.ttlPlace = statement.words.first
    }

    mutating func unreachableLock(_ statement: Statement) {
        guard let place = choice(statement, "auto", "stay", "release") else { return }
        cluster.lock.settings.unreachable = [.auto, .stay, .release][place]
    }
}

extension LockEndpoint {
    /// `https://10.1.0.1:2379`, `http://[fd00::1]:2379`; nil for anything else.
    init?(url: String) {
        let isEncrypted = url.hasPrefix("https://")
        guard isEncrypted || url.hasPrefix("http://") else { return nil }
        var rest = url.dropFirst(isEncrypted ? 8 : 7)
        if rest.hasSuffix("/") { rest.removeLast() }
        var port: UInt16 = 2_379
        var host = rest
        let end = rest.lastIndex(of: "]") ?? rest.startIndex
        if let colon = rest[end...].lastIndex(of: ":") {
            let digits = rest[rest.index(after: colon)...]
            guard digits.utf8.allSatisfy(Byte.isDigit), let number = UInt16(digits), number > 0 else { return nil }
            port = number
            host = rest[..<colon]
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard let address = IPAddress(String(isBracketed ? host.dropFirst().dropLast() : host)),
            isBracketed == (address.family == .ipv6)
        else { return nil }
        self.init(isEncrypted: isEncrypted, address: address, port: port)
    }
}
