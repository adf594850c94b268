import Base

/// A program whose end is waited for: before a virtual router takes its addresses, before it releases them, or after a
/// guarded group has lost them.
package enum Hook: UInt8, FieldValue, CaseIterable {
    case beforeMaster = 0
    case beforeRelease = 1
    /// The script of a cluster's release block.
    case release = 2

    package var keyword: String { trigger?.keyword ?? "release" }
    package var fieldText: String { keyword }

    /// The trigger under which its command stands among an instance's or a group's scripts; nil of a cluster's.
    package var trigger: NotifyTrigger? {
        switch self {
        case .beforeMaster: .beforeMaster
        case .beforeRelease: .beforeRelease
        case .release: nil
        }
    }
}

/// The one whose hook is to run, by its place in the configuration.
package enum HookSubject: Hashable, Sendable {
    /// A place in `ConfigurationModel.instances`.
    case instance(Int)
    /// A place in `SharedObjects.syncGroups`.
    case group(Int)
    /// A place among what a cluster guards, and the cluster's.
    case guarded(cluster: Int, group: Int)
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
        get {
            switch hook {
            case .beforeMaster: hasBeforeMaster
            case .beforeRelease: hasBeforeRelease
            case .release: false
            }
        }
        set {
            switch hook {
            case .beforeMaster: hasBeforeMaster = newValue
            case .beforeRelease: hasBeforeRelease = newValue
            // A cluster's isn't an instance's.
            case .release: break
            }
        }
    }

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        // The commands are among the scripts, and change with them.
        try fields.unlisted(&hasBeforeMaster)
        try fields.unlisted(&hasBeforeRelease)
        try fields.field("hook_timeout", &timeout, in: Limits.hookTimeout)
        try fields.field("hook_failure", &failure)
    }
}
