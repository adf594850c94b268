import Base
import ConfigurationModel

/// Read access to one generation of the configuration, an instance at a time.
package protocol InstanceSource {
    /// The settings of all instances.
    var global: GlobalSettings { get }
    /// Instances in the order of the files.
    var instanceCount: Int { get }
    /// One of them; nil when there is none with this number.
    func instance(at index: Int) -> InstanceSettings?
    /// A sync group by its place among the files' groups; nil when there is none there.
    func group(at index: Int) -> SyncGroup?
    /// cluster blocks.
    var clusters: [ClusterSettings] { get }
    /// True if this node asks for an instance's address before it claims it.
    func asksForAddress(of index: Int) -> Bool
}

/// A reason to refuse a worker's request. Each is logged: a healthy worker never causes one.
package enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The generation isn't one that this worker was given.
    case generation(UInt64)
    /// No instance has this number.
    case instance(UInt32)
    /// No sync group has this number.
    case group(UInt32)
    /// The instance can't run, so it needs nothing.
    case faultyInstance(String)
    /// The socket on this interface was given before, and the worker hasn't taken it yet.
    case pendingSocket(String)
    /// No path is at this place.
    case heartbeat(HeartbeatPlace)
    /// The socket of this path was given before, and the worker hasn't taken it yet.
    case pendingHeartbeat(HeartbeatPlace)
    /// No reference that is asked by ICMP is at this place.
    case reference(ReferencePlace)
    /// The socket of this reference was given before, and the worker hasn't taken it yet.
    case pendingReference(ReferencePlace)
    /// Nobody asks for an address of this instance.
    case question(String)
    /// The socket for questions on this interface was given before, and the worker hasn't taken it yet.
    case pendingQuestion(String)
    /// The instance or the group has no such hook.
    case hook(Hook, String)
    /// Nothing that happens to an instance, or to a group.
    case trigger(NotifyTrigger)
    /// A notification with this number was started before.
    case repeated(UInt64)
    /// A notification leaves out more numbers than a worker and its successors could have lost.
    case leap(UInt64)

    /// The kind by which the log counts refusals: numbers that a worker chose don't make another one.
    package var kind: String {
        switch self {
        case .generation: "generation"
        case .instance: "instance"
        case .group: "group"
        case .faultyInstance(let name): "no interface \(name)"
        case .pendingSocket(let interface): "pending \(interface)"
        case .heartbeat: "heartbeat"
        case .pendingHeartbeat: "pending heartbeat"
        case .reference: "reference"
        case .pendingReference: "pending reference"
        case .question: "question"
        case .pendingQuestion(let interface): "pending question \(interface)"
        case .hook(let hook, let name): "\(hook.keyword) of \(name)"
        case .trigger: "trigger"
        case .repeated: "repeated"
        case .leap: "leap"
        }
    }

    /// The reason as it continues "refused a worker's request: ".
    package var description: String {
        switch self {
        case .generation(let number): "generation \(number) isn't the one that it runs"
        case .instance(let number): "the configuration has no instance number \(number)"
        case .group(let number): "the configuration has no sync group number \(number)"
        case .faultyInstance(let name): "instance \(name) has no interface to open a socket on"
        case .pendingSocket(let interface): "a socket on \(interface) is on its way to it already"
        case .heartbeat(let place):
            "the configuration has no path \(place.path) of cluster \(place.cluster) to node \(place.node)"
        case .pendingHeartbeat(let place):
            "the socket of path \(place.path) of cluster \(place.cluster) to node \(place.node) is on its way to it already"
        case .reference(let place):
            "the configuration has no ICMP reference \(place.reference) of cluster \(place.cluster)"
        case .pendingReference(let place):
            "the socket of reference \(place.reference) of cluster \(place.cluster) is on its way to it already"
        case .question(let name): "nobody asks who has the addresses of \(name)"
        case .pendingQuestion(let interface):
            "a socket for questions on \(interface) is on its way to it already"
        case .hook(let hook, let name): "\(name) has no \(hook.keyword)"
        case .trigger(let trigger): "a worker can't send notification \(trigger.word)"
        case .repeated(let number): "notification \(number) was started before"
        case .leap(let number): "notification \(number) is far beyond those before"
        }
    }
}

/// A VRRP socket that hasupd opens for a worker.
package struct SocketPlan: Hashable, Sendable {
    /// The interface that it is bound to.
    package var interface: String
    package var family: AddressFamily
    /// The group that it joins; nil for unicast.
    package var group: IPAddress?
}

/// The broker rule (docs/architecture.md §1): a worker names things in the configuration, and only what is there is done.
package struct Broker<Source: InstanceSource> {
    /// The generation that the worker runs or is about to run.
    package private(set) var generation: UInt64
    /// That generation's instances.
    package private(set) var source: Source
    /// The generation before, until the worker reports that it runs the new one: its requests may still be on their way.
    private var previous: (generation: UInt64, source: Source)?
    /// The last notification that a worker has asked for: its successor goes on counting.
    package private(set) var lastNotification: UInt64
    /// Sockets that the worker was given and may not have taken yet.
    private var onTheirWay: Set<SocketPlan> = []
    private var heartbeatsOnTheirWay: Set<HeartbeatPlace> = []
    private var referencesOnTheirWay: Set<ReferencePlace> = []
    private var questionsOnTheirWay: Set<QuestionLink> = []

    /// The largest gap between the numbers of notifications: some die with a worker on their way. A leap to the last
    /// number that there is would silence all successors.
    package static var leapMax: UInt64 { 1 << 20 }
    /// Numbers of notifications end here: pages and records hold no larger ones.
    package static var notificationsEnd: UInt64 { 1 << 61 }

    /// A broker for a worker that is given this generation.
    ///
    /// - Parameter lastNotification: what the hasupd before this one had come to.
    package init(generation: UInt64, source: Source, lastNotification: UInt64 = 0) {
        self.generation = generation
        self.source = source
        self.lastNotification = lastNotification
    }

    /// The worker is given a new generation.
    package mutating func advance(to generation: UInt64, source: Source) {
        previous = (self.generation, self.source)
        self.generation = generation
        self.source = source
    }

    /// The worker runs the newest generation; requests of older ones are refused from now on.
    package mutating func configured() { previous = nil }

    /// A new worker starts. Its notifications count on where its predecessor's have ended, so that one that was begun
    /// isn't run again; without a snapshot they count from 1.
    ///
    /// - Returns: true if they count from 1: then numbers of before mean nothing.
    package mutating func workerStarted(hasSnapshot: Bool) -> Bool {
        if !hasSnapshot { lastNotification = 0 }
        previous = nil
        workerHasTakenAll()
        return !hasSnapshot
    }

    /// A generation that a worker may speak of. - Throws: `Refusal`.
    package func source(of generation: UInt64) throws(Refusal) -> Source {
        if generation == self.generation { return source }
        guard let previous, generation == previous.generation else { throw .generation(generation) }
        return previous.source
    }

    /// The instance that a worker means. - Throws: `Refusal`.
    package func instance(_ number: UInt32, generation: UInt64) throws(Refusal) -> InstanceSettings {
        let source = try source(of: generation)
        guard let instance = source.instance(at: Int(number)) else { throw .instance(number) }
        return instance
    }

    /// The worker has received everything that it was sent.
    package mutating func workerHasTakenAll() {
        onTheirWay = []
        heartbeatsOnTheirWay = []
        referencesOnTheirWay = []
        questionsOnTheirWay = []
    }

    /// The socket of an instance. Each socket once, until the worker has taken what it was sent: one that asks and doesn't
    /// read would make hasupd open, and the kernel keep, as many as it likes.
    /// - Throws: `Refusal`.
    package mutating func socket(generation: UInt64, instance number: UInt32) throws(Refusal) -> SocketPlan {
        let instance = try instance(number, generation: generation)
        guard !instance.interface.isEmpty else { throw .faultyInstance(instance.name) }
        let plan = SocketPlan(
            interface: instance.interface, family: instance.family,
            group: instance.isUnicast ? nil : instance.multicastGroup)
        guard onTheirWay.insert(plan).inserted else { throw .pendingSocket(instance.interface) }
        return plan
    }

    /// The ends of a heartbeat path's socket. Each socket once, too. - Throws: `Refusal`.
    package mutating func heartbeatSocket(
        generation: UInt64, at place: HeartbeatPlace
    ) throws(Refusal) -> HeartbeatConnection {
        let clusters = try source(of: generation).clusters
        let number = Int(place.cluster)
        guard clusters.indices.contains(number),
            let ends = clusters[number].connection(path: Int(place.path), node: Int(place.node))
        else { throw .heartbeat(place) }
        guard heartbeatsOnTheirWay.insert(place).inserted else { throw .pendingHeartbeat(place) }
        return ends
    }

    /// The reference of a socket. Each socket once, too. - Throws: `Refusal`.
    package mutating func referenceSocket(
        generation: UInt64, at place: ReferencePlace
    ) throws(Refusal) -> ReferenceTarget {
        let clusters = try source(of: generation).clusters
        guard clusters.indices.contains(Int(place.cluster)),
            let target = clusters[Int(place.cluster)].echoedReference(at: Int(place.reference))
        else { throw .reference(place) }
        guard referencesOnTheirWay.insert(place).inserted else { throw .pendingReference(place) }
        return target
    }

    /// The link on which an instance's address is asked for. Each socket once, too. - Throws: `Refusal`.
    package mutating func questionSocket(
        generation: UInt64, instance number: UInt32
    ) throws(Refusal) -> QuestionLink {
        let instance = try instance(number, generation: generation)
        guard try source(of: generation).asksForAddress(of: Int(number)), let link = instance.questionLink else {
            throw .question(instance.name)
        }
        guard questionsOnTheirWay.insert(link).inserted else { throw .pendingQuestion(link.interface) }
        return link
    }

    /// The notification that a worker reports, with its scripts. - Throws: `Refusal`.
    package mutating func pending(
        generation: UInt64, _ subject: NotificationSubject, sequence: UInt64, trigger: NotifyTrigger, priority: UInt8
    ) throws(Refusal) -> PendingNotification {
        // What costs least first.
        guard trigger != .any, !trigger.isHook, !trigger.isOfServices else { throw .trigger(trigger) }
        if case .group = subject, !trigger.isOfGroups { throw .trigger(trigger) }
        guard sequence > lastNotification else { throw .repeated(sequence) }
        guard sequence - lastNotification <= Self.leapMax, sequence < Self.notificationsEnd else {
            throw .leap(sequence)
        }
        let source = try source(of: generation)
        let found = try find(subject, generation)
        lastNotification = sequence
        var pending = PendingNotification(of: found.key, sequence: sequence, trigger: trigger, priority: priority)
        pending.sendsMail = found.sendsMail
        pending.findCommands(in: found.scripts, source.global)
        return pending
    }

    /// The hook that a worker asks for. - Throws: `Refusal`.
    package func hook(
        _ hook: Hook, of subject: HookSubject, generation: UInt64
    ) throws(Refusal) -> HookCommand {
        let found: NotificationSettings
        switch subject {
        case .instance(let number): found = try find(.instance(number), generation)
        case .group(let number): found = try find(.group(number), generation)
        case .guarded(let cluster, let group): return try release(hook, cluster, group, generation)
        }
        guard let script = found.scripts.first(where: { $0.trigger == hook.trigger }) else {
            throw .hook(hook, found.key.name)
        }
        return HookCommand(
            key: HookKey(hook, of: found.key),
            command: ScriptCommand(script, global: try source(of: generation).global),
            timeout: found.hooks.timeout)
    }

    /// The key of a hook that a worker doesn't wait for any more: the configuration may have lost the hook itself.
    /// - Throws: `Refusal`.
    package func key(of hook: Hook, _ subject: HookSubject, generation: UInt64) throws(Refusal) -> HookKey {
        switch subject {
        case .instance(let number): HookKey(hook, of: try find(.instance(number), generation).key)
        case .group(let number): HookKey(hook, of: try find(.group(number), generation).key)
        case .guarded(let cluster, let group): try release(hook, cluster, group, generation).key
        }
    }

    /// The release script of a cluster, for what it guards at this place. Its name is a sync group's, or an instance's.
    /// - Throws: `Refusal`.
    private func release(
        _ hook: Hook, _ cluster: Int, _ group: Int, _ generation: UInt64
    ) throws(Refusal) -> HookCommand {
        let source = try source(of: generation)
        guard hook == .release, source.clusters.indices.contains(cluster),
            let script = source.clusters[cluster].release, source.clusters[cluster].guarded.indices.contains(group)
        else { throw .hook(hook, "cluster \(cluster), group \(group)") }
        let name = source.clusters[cluster].guarded[group]
        var place = 0
        while let syncGroup = source.group(at: place), syncGroup.name != name { place += 1 }
        return HookCommand(
            key: HookKey(.release, of: NotificationKey(source.group(at: place) == nil ? .instance : .group, name)),
            command: ScriptCommand(script, global: source.global), timeout: script.timeout)
    }

    /// Scripts and mails of an instance or a sync group.
    private struct NotificationSettings {
        let key: NotificationKey
        let scripts: [NotifyScript]
        let hooks: HookSettings
        let sendsMail: Bool
    }

    /// The instance or group of a worker's number. - Throws: `Refusal`.
    private func find(_ subject: NotificationSubject, _ generation: UInt64) throws(Refusal) -> NotificationSettings {
        switch subject {
        case .instance(let number):
            let instance = try instance(UInt32(truncatingIfNeeded: number), generation: generation)
            return NotificationSettings(
                key: NotificationKey(.instance, instance.name), scripts: instance.scripts, hooks: instance.hooks,
                sendsMail: instance.options.contains(.sendsMail))
        case .group(let number):
            guard let group = try source(of: generation).group(at: number) else {
                throw .group(UInt32(truncatingIfNeeded: number))
            }
            return NotificationSettings(
                key: NotificationKey(.group, group.name), scripts: group.scripts, hooks: group.hooks,
                sendsMail: group.sendsMail)
        }
    }
}
