import Base
import ConfigurationModel
import Supervision
import Varlink

/// The hooks that run, as the run directory keeps them: the next hasupd waits for them, and no hook runs twice at once.
struct HookFile: JSONRecord {
    static let name = "hooks"
    static let formatVersion = 1

    static let summary = "The hooks that run"
    var running: [KeptHook] = []

    struct KeptHook: JSONRecord, Equatable {
        static let summary = "A hook that runs"
        /// Its keyword.
        var hook = ""
        var isGroup = false
        var name = ""
        var pid = 0
        /// The time at which the kernel started it: with the pid it names a process for good.
        var startTicks: UInt64 = 0

        mutating func visit(_ members: inout some Members) throws(ByteError) {
            members.member("hook", &hook)
            members.member("group", &isGroup)
            members.member("name", &name)
            members.member("pid", &pid)
            members.member("start_ticks", &startTicks)
        }
    }

    mutating func visit(_ members: inout some Members) throws(ByteError) { members.member("running", &running) }
}

extension HookFile.KeptHook {
    init(_ key: HookKey, pid: Int32, startTicks: UInt64) {
        self.init()
        hook = key.hook.keyword
        isGroup = key.subject.kind == .group
        name = key.subject.name
        self.pid = Int(pid)
        self.startTicks = startTicks
    }

    /// Nil if it names no hook.
    var key: HookKey? {
        Hook.allCases.first { $0.keyword == hook }.map {
            HookKey($0, of: NotificationKey(isGroup ? .group : .instance, name))
        }
    }
}
