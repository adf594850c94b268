/// What hasupd tells a worker on its command line, because the worker seals itself before it reads a message: who to
/// become, and which realtime priority to ask for.
public struct SealArguments: Hashable, Sendable {
    /// Who the worker becomes; nil to stay who it is (in a user namespace, or when hasupd isn't root itself).
    public var identity: Identity?
    /// SCHED_FIFO priority; nil for the ordinary class.
    public var realtimePriority: Int32?

    /// What to tell.
    public init(identity: Identity?, realtimePriority: Int32?) {
        self.identity = identity
        self.realtimePriority = realtimePriority
    }

    /// The three words: user, group, priority; a dash for what isn't wanted.
    public var words: [String] {
        [
            identity.map { String($0.uid) } ?? "-", identity.map { String($0.gid) } ?? "-",
            realtimePriority.map { String($0) } ?? "-",
        ]
    }

    /// Nil for words that hasupd wouldn't say.
    public init?(words: some Collection<String>) {
        let words = Array(words)
        guard words.count == 3 else { return nil }
        if words[0] != "-" || words[1] != "-" {
            guard let uid = UInt32(words[0]), let gid = UInt32(words[1]) else { return nil }
            identity = Identity(uid: uid, gid: gid)
        }
        if words[2] != "-" {
            guard let priority = Int32(words[2]) else { return nil }
            realtimePriority = priority
        }
    }
}
