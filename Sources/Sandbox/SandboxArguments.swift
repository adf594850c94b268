/// The words on a worker's command line, because the worker seals itself before it reads a message: who to become,
/// which realtime priority to ask for, and what differs from the usual seal.
package struct SandboxArguments: Hashable, Sendable {
    /// The user that the worker becomes; nil to stay who it is (in a user namespace, or when hasupd isn't root itself).
    package var identity: Identity?
    /// SCHED_FIFO priority; nil for the ordinary class.
    package var realtimePriority: Int32?
    /// True if a crash may leave a core file.
    package var keepsCore: Bool
    /// True if the kernel's audit log names each refused system call.
    package var logsRefusals: Bool
    /// True if it rather ends than works without its filter of system calls.
    package var requiresFilter: Bool

    package init(
        identity: Identity?, realtimePriority: Int32? = nil, keepsCore: Bool = false, logsRefusals: Bool = false,
        requiresFilter: Bool = false
    ) {
        self.identity = identity
        self.realtimePriority = realtimePriority
        self.keepsCore = keepsCore
        self.logsRefusals = logsRefusals
        self.requiresFilter = requiresFilter
    }

    package static let wordCount = 4

    /// The four words: user, group, priority, and options with commas between them; a dash for what isn't wanted.
    package var words: [String] {
        let options = [keepsCore ? "core" : nil, logsRefusals ? "log" : nil, requiresFilter ? "strict" : nil]
            .compactMap { $0 }
        return [
            identity.map { String($0.uid) } ?? "-", identity.map { String($0.gid) } ?? "-",
            realtimePriority.map { String($0) } ?? "-", options.isEmpty ? "-" : options.joined(separator: ","),
        ]
    }

    /// Nil for words that hasupd wouldn't say.
    package init?(words: some Collection<String>) {
        let words = Array(words)
        guard words.count == Self.wordCount else { return nil }
        self.init(identity: nil)
        if words[0] != "-" || words[1] != "-" {
            guard let uid = UInt32(words[0]), let gid = UInt32(words[1]) else { return nil }
            identity = Identity(uid: uid, gid: gid)
        }
        if words[2] != "-" {
            guard let priority = Int32(words[2]) else { return nil }
            realtimePriority = priority
        }
        guard words[3] != "-" else { return }
        for option in words[3].split(separator: ",") {
            switch option {
            case "core": keepsCore = true
            case "log": logsRefusals = true
            case "strict": requiresFilter = true
            default: return nil
            }
        }
    }
}
