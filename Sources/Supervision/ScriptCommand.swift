import ConfigurationModel

/// A script's arguments and the user that runs it, by number: names were looked up when the configuration was read
/// (docs/decisions, D6).
package struct ScriptCommand: Hashable, Sendable {
    package enum User: Hashable, Sendable {
        /// No user is configured, and there is no `keepalived_script`: hasupd's own.
        case own
        case account(ScriptAccount)
        /// There was no such user or group when the configuration was read.
        case unknown(String)
    }

    package var user: User
    /// True if it is refused when others than root and its user could have written it; root's scripts always are.
    package var isSecurityEnabled: Bool
    /// True if it is executed by the path that was written, with the symbolic links in it (use_symlink_paths).
    package var keepsSymbolicLinks: Bool
    package var arguments: [String]

    package init(_ script: NotifyScript, global: GlobalSettings) {
        self.init(script.arguments, script.identity, global: global)
    }

    /// The release script of a cluster.
    package init(_ script: ReleaseScript, global: GlobalSettings) {
        self.init(script.arguments, script.identity, global: global)
    }

    /// A script of a virtual or real server.
    package init(_ script: ServiceScript, global: GlobalSettings) {
        self.init(script.arguments, script.identity, global: global)
    }

    /// A tracking script. Of one that opens a file, the file stands for the program.
    package init(_ script: TrackScript, global: GlobalSettings) {
        switch script.command {
        case .run(let arguments): self.init(arguments, script.identity, global: global)
        case .open(let path): self.init([path], script.identity, global: global)
        }
    }

    private init(_ arguments: [String], _ identity: ScriptIdentity?, global: GlobalSettings) {
        self.arguments = arguments
        isSecurityEnabled = global.scriptSecurity
        keepsSymbolicLinks = global.daemon.keepsSymbolicLinks
        if let identity = identity ?? global.scriptUser {
            if var account = identity.account {
                if !identity.supplementaryGroups, !global.supplementaryGroups { account.groups = [] }
                user = .account(account)
            } else {
                user = .unknown(identity.name)
            }
        } else if var account = global.defaultScriptAccount {
            if !global.supplementaryGroups { account.groups = [] }
            user = .account(account)
        } else {
            user = .own
        }
    }

    /// The words for `hasup-exec`, without the program's arguments: `own`, `?NAME` or `UID:GID:GROUP,GROUP`, then
    /// whether security is enabled, then whether symbolic links are kept.
    private init?(user word: String, security: String, links: String, _ arguments: [String]) {
        self.arguments = arguments
        isSecurityEnabled = security == "1"
        keepsSymbolicLinks = links == "1"
        if word == "own" {
            user = .own
        } else if word.hasPrefix("?") {
            user = .unknown(String(word.dropFirst()))
        } else {
            let parts = word.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 3, let uid = UInt32(parts[0]), let gid = UInt32(parts[1]) else { return nil }
            let groups = parts[2].split(separator: ",").map { UInt32($0) }
            guard !groups.contains(nil) else { return nil }
            user = .account(ScriptAccount(uid: uid, gid: gid, groups: groups.compactMap { $0 }))
        }
    }

    /// Reads `words`; nil for anything else.
    package init?(words: [String]) {
        guard words.count >= 4 else { return nil }
        self.init(user: words[0], security: words[1], links: words[2], Array(words[3...]))
    }

    /// The arguments of the process that becomes it.
    package var words: [String] {
        let user: String
        switch self.user {
        case .own: user = "own"
        case .unknown(let name): user = "?\(name)"
        case .account(let account):
            user = "\(account.uid):\(account.gid):\(account.groups.map(String.init).joined(separator: ","))"
        }
        return [user, isSecurityEnabled ? "1" : "0", keepsSymbolicLinks ? "1" : "0"] + arguments
    }
}
