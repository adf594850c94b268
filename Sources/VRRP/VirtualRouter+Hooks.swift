import Base
import ConfigurationModel

/// The before_masters that a MASTER waits for: its own, and its group's.
struct AwaitedHooks: OptionSet, Hashable, Sendable {
    let rawValue: UInt8
    static let own = AwaitedHooks(rawValue: 1)
    static let group = AwaitedHooks(rawValue: 2)
    static let all: AwaitedHooks = [.own, .group]
}

/// A member of a sync group that is MASTER when another one becomes it.
struct Companion: Sendable {
    let since: Instant
    let awaitsGroupHook: Bool
}

/// before_master (docs/decisions, D48): the router is MASTER on the wire, and its addresses come when the hooks have
/// succeeded. An election doesn't wait for them.
extension VirtualRouter {
    /// The number of this mastership's runs. A successor knows it, and so do all members of a group: they become MASTER
    /// together.
    private var hookNumber: UInt64 { UInt64(bitPattern: since.nanoseconds) }

    /// Becoming MASTER: asks for the hooks that there are. - Returns: whether the addresses wait for any.
    ///
    /// - Parameter exceptGroups: true in a group whose hook has run for its mastership.
    mutating func awaitHooks(
        exceptGroups: Bool, _ context: inout NodeContext, into actions: inout [Action]
    ) -> Bool {
        awaitedHooks = configuredHooks(context)
        if exceptGroups { awaitedHooks.remove(.group) }
        askForHooks(&context, into: &actions)
        return !awaitedHooks.isEmpty
    }

    private func groupHooks(_ context: NodeContext) -> HookSettings {
        group.map { context.groups[$0].hooks } ?? HookSettings()
    }

    /// True if a before_master can open what a before_release has closed.
    func hasBeforeMaster(_ context: NodeContext) -> Bool { !configuredHooks(context).isEmpty }

    private func configuredHooks(_ context: NodeContext) -> AwaitedHooks {
        var hooks: AwaitedHooks = []
        if settings.hooks.hasBeforeMaster { hooks.insert(.own) }
        if groupHooks(context).hasBeforeMaster { hooks.insert(.group) }
        return hooks
    }

    /// A configuration may have taken away what it waits for.
    mutating func forgetRemovedHooks(
        at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        let removed = awaitedHooks.subtracting(configuredHooks(context))
        if !removed.isEmpty { proceed(without: removed, at: now, &context, into: &actions) }
    }

    /// Asks for what it waits for. Who asks again after a death asks for the same runs.
    mutating func askForHooks(_ context: inout NodeContext, into actions: inout [Action]) {
        guard !awaitedHooks.isEmpty else { return }
        request(isVoid: false, into: &actions)
        context.set(.hook, of: id, to: hooksAwaitedUntil(context))
    }

    /// Not MASTER any more: what still runs, or is to run, would open what another router has by now.
    func voidHooks(into actions: inout [Action]) {
        if state == .master { request(isVoid: true, into: &actions) }
    }

    private func request(isVoid: Bool, into actions: inout [Action]) {
        if awaitedHooks.contains(.own) {
            actions.append(
                .runHook(HookRequest(.beforeMaster, of: .instance(id), number: hookNumber, isVoid: isVoid)))
        }
        if awaitedHooks.contains(.group), let group {
            actions.append(
                .runHook(HookRequest(.beforeMaster, of: .group(group), number: hookNumber, isVoid: isVoid)))
        }
    }

    /// The end of the time of the hook that has most.
    private func hooksAwaitedUntil(_ context: NodeContext) -> Instant {
        since + (awaited(context).map(\.timeout).max() ?? .zero)
    }

    private func awaited(_ context: NodeContext) -> [HookSettings] {
        var found: [HookSettings] = []
        if awaitedHooks.contains(.own) { found.append(settings.hooks) }
        if awaitedHooks.contains(.group) { found.append(groupHooks(context)) }
        return found
    }

    /// One of its hooks has ended. That of another mastership changes nothing.
    mutating func hookEnded(
        _ hook: AwaitedHooks, number: UInt64, succeeded: Bool, at now: Instant, _ context: inout NodeContext,
        into actions: inout [Action]
    ) {
        guard state == .master, awaitedHooks.contains(hook), number == hookNumber else { return }
        let settings = hook == .own ? settings.hooks : groupHooks(context)
        if succeeded || settings.failure == .proceed {
            proceed(without: hook, at: now, &context, into: &actions)
        } else {
            yieldAfterHook(at: now, &context, into: &actions)
        }
    }

    /// The time of the hooks is over.
    mutating func hooksAreLate(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard state == .master, !awaitedHooks.isEmpty else { return }
        if awaited(context).contains(where: { $0.failure == .yield }) {
            yieldAfterHook(at: now, &context, into: &actions)
        } else {
            proceed(without: .all, at: now, &context, into: &actions)
        }
    }

    private mutating func proceed(
        without hook: AwaitedHooks, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        awaitedHooks.subtract(hook)
        guard awaitedHooks.isEmpty else { return context.set(.hook, of: id, to: hooksAwaitedUntil(context)) }
        context.set(.hook, of: id, to: nil)
        install(allAddresses, at: now, &context, into: &actions)
        if owesMaster { context.set(.tellMaster, of: id, to: now + tellMasterWait) }
        checkServing(at: now, &context, into: &actions)
        tellMaster(at: now, &context, into: &actions)
    }

    /// It can't serve: a peer is to try. It tries again when nobody has been heard for a master-down interval.
    private mutating func yieldAfterHook(
        at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        advertise(.release, at: now, into: &actions)
        enterBackup(.hookFailed, at: now, &context, into: &actions)
        waiting = .hookFailed
    }

    /// BACKUP because its before_master has failed. It leaves a lower master alone until that falls silent: it would only
    /// take the addresses away.
    var hasFailedToServe: Bool { state == .backup && lastTransition?.reason == .hookFailed }

    /// BACKUP: until when it doesn't claim after a before_master has failed; nil when it may.
    var hookRestsUntil: Instant? { hasFailedToServe ? since + masterDownInterval : nil }
}
