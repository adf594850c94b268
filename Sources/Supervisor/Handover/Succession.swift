import Glibc

/// What a hasupd tells the one that it becomes by `hasup upgrade`, in the environment: what can't be taken back, and what
/// it can't ask the kernel any more.
struct Succession: Equatable {
    /// Whether it has given up all that scripts would inherit, so that it stays so whatever becomes of this process.
    let isSealed: Bool
    /// The limits that it was started with.
    let limits: ScriptLimits

    /// The form of `text`.
    static let formatVersion = 1
    /// Forms that are read: its own, and that of the minor version before, when there is one.
    static let readableFormats = [1]
    private static let variable = "HASUP_SUCCESSION"

    init(isSealed: Bool, limits: ScriptLimits) {
        self.isSealed = isSealed
        self.limits = limits
    }

    /// What `text(pid:)` gave, for the same process; nil for anything else.
    init?(_ text: String?, ownPID: Int32) {
        let words = (text ?? "").split(separator: " ").map(String.init)
        guard words.count == 3, Int32(words[0]) == ownPID, ["sealed", "open"].contains(words[1]),
            let limits = ScriptLimits(word: words[2])
        else { return nil }
        self.init(isSealed: words[1] == "sealed", limits: limits)
    }

    func text(pid: Int32) -> String { "\(pid) \(isSealed ? "sealed" : "open") \(limits.word)" }

    /// Says it to the program that this process becomes.
    func announce() { setenv(Self.variable, text(pid: getpid()), 1) }

    /// Takes that back.
    static func unannounce() { unsetenv(variable) }

    /// What was said to this one; no child is told.
    static func take() -> Succession? {
        defer { unannounce() }
        return Succession(getenv(variable).map { String(cString: $0) }, ownPID: getpid())
    }
}
