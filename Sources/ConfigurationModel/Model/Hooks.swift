import Base

/// A program whose end a virtual router waits for: before it takes its addresses, or before it releases them.
package enum Hook: UInt8, FieldValue, CaseIterable {
    case beforeMaster = 0
    case beforeRelease = 1

    package var keyword: String { trigger.keyword }
    package var fieldText: String { keyword }

    /// The trigger under which its command stands among an instance's or a group's scripts.
    package var trigger: NotifyTrigger { self == .beforeMaster ? .beforeMaster : .beforeRelease }
}

/// The hooks of an instance or a sync group without their commands, which only hasupd has.
package struct HookSettings: Record {
    /// hook_failure: the consequence of a before_master that fails, or takes too long.
    package enum Failure: UInt8, FieldValue {
        /// The router releases with priority 0 and is BACKUP.
        case yield = 0
        /// It takes its addresses all the same.
        case proceed = 1
    }

    /// True if there is a before_master.
    package var hasBeforeMaster = false
    package var hasBeforeRelease = false
    /// hook_timeout: the time that each may take.
    package var timeout = Interval.seconds(5)
    package var failure = Failure.yield

    package init() {}

    package subscript(hook: Hook) -> Bool {
        get { hook == .beforeMaster ? hasBeforeMaster : hasBeforeRelease }
        set { if hook == .beforeMaster { hasBeforeMaster = newValue } else { hasBeforeRelease = newValue } }
    }

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        // The commands are among the scripts, and change with them.
        try fields.unlisted(&hasBeforeMaster)
        try fields.unlisted(&hasBeforeRelease)
        try fields.field("hook_timeout", &timeout, in: Limits.hookTimeout)
        try fields.field("hook_failure", &failure)
    }
}
