import Base

/// One cluster block: nodes whose guard keeps two of them from being MASTER of one group (docs/decisions, D100).
package struct ClusterSettings: Record {
    package var name: String
    /// The place of the block.
    package var location: SourceLocation
    /// secret: path of the file with the keys of the heartbeats, which never enter the model; empty in a worker's part.
    package var secretFile = ""
    /// interval: from one heartbeat to the next (h).
    package var interval = Interval.milliseconds(100)
    /// timeout: the silence after which a node may be replaced (T); a MASTER's patience is half of it.
    package var timeout = Interval.seconds(1)
    /// The node blocks in their order. A node's number in frames is its place here.
    package var nodes: [ClusterMember] = []
    /// The place of this machine in `nodes`; nil when it isn't one of them.
    package var ownNode: Int?
    package var references: ReferenceSettings?
    package var probe = ProbePolicy.hold
    package var release: ReleaseScript?
    package var lock: LockSettings?
    package var coldStart = ColdStart.claim(after: .seconds(30))
    /// guard: names of instances and sync groups, each with a decision of its own. The number of a group in frames is its
    /// place here.
    package var guarded: [String] = []

    package init(name: String, location: SourceLocation) {
        self.name = name
        self.location = location
    }

    /// True if any node says how it is heard.
    package var hasHeartbeats: Bool { nodes.contains { !$0.paths.isEmpty } }

    /// The part for the VRRP worker: without the paths of files and the words of scripts, which only hasupd needs.
    package var workerPart: ClusterSettings {
        var part = self
        part.secretFile = ""
        part.release?.arguments = []
        part.release?.identity = nil
        if case .etcd(let endpoints, _) = lock?.engine { part.lock?.engine = .etcd(endpoints, TLSFiles()) }
        return part
    }

    package init() { self.init(name: "", location: SourceLocation()) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("cluster", &name)
        try fields.unlisted(&location)
        try fields.field("secret", &secretFile) { $0.isEmpty ? nil : "file:\($0)" }
        try fields.field("interval", &interval, in: Limits.heartbeatInterval)
        try fields.field("timeout", &timeout, in: Limits.heartbeatTimeout)
        try fields.require(timeout >= interval * Limits.heartbeatsInTimeout)
        try fields.list("node", &nodes)
        try fields.require(nodes.count <= Limits.clusterNodes)
        try fields.unlisted(&ownNode)
        try fields.require(ownNode.map(nodes.indices.contains) ?? true)
        try fields.field("references", &references)
        try fields.field("probe", &probe)
        try fields.field("release", &release)
        try fields.field("lock", &lock)
        try fields.field("cold_start", &coldStart)
        try fields.list("guard", &guarded)
        try fields.require(guarded.count <= Limits.guardedGroups)
    }
}

/// One node block.
package struct ClusterMember: Record {
    package var name: String
    /// unguarded: a keepalived or a router, which sends no heartbeats.
    package var isUnguarded = false
    /// heartbeat: the ways on which the node is heard, of which each has a name.
    package var paths: [HeartbeatPath] = []
    package init(name: String) { self.name = name }

    package init() { self.init(name: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.field("unguarded", &isUnguarded)
        try fields.list("heartbeat", &paths)
        try fields.require(paths.count <= Limits.heartbeatPaths)
    }
}

/// One end of a way for heartbeats. Paths of one name on several nodes are connected.
package struct HeartbeatPath: Record {
    package enum Kind: Choice {
        /// udp: the node's address, the device that its socket is bound to, and the port.
        case unicast(IPAddress, device: String, port: UInt16)
        /// multicast: the group instead.
        case multicast(IPAddress, device: String, port: UInt16)
        /// serial: a line's device, and bits a second.
        case serial(String, speed: Int)

        package static let cases: [Self] = [
            .unicast(IPAddress(v4: 0), device: "", port: Limits.heartbeatPort),
            .multicast(IPAddress(v4: 0), device: "", port: Limits.heartbeatPort),
            .serial("", speed: 115_200),
        ]
        package var number: UInt8 {
            switch self {
            case .unicast: 0
            case .multicast: 1
            case .serial: 2
            }
        }
        package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
            switch self {
            case .unicast(var address, var device, var port):
                try fields.field("udp", &address)
                try fields.field("dev", &device)
                try fields.field("port", &port, in: 1...UInt16.max)
                self = .unicast(address, device: device, port: port)
            case .multicast(var group, var device, var port):
                try fields.field("multicast", &group)
                try fields.field("dev", &device)
                try fields.field("port", &port, in: 1...UInt16.max)
                self = .multicast(group, device: device, port: port)
            case .serial(var device, var speed):
                try fields.field("serial", &device)
                try fields.field("", &speed, in: Limits.serialSpeed)
                self = .serial(device, speed: speed)
            }
        }
    }
    package var name: String
    package var kind: Kind
    package init(name: String, kind: Kind) {
        self.name = name
        self.kind = kind
    }

    package init() { self.init(name: "", kind: Kind.cases[0]) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.field("", &kind)
    }
}

/// references: addresses whose answers show that a node is connected.
package struct ReferenceSettings: Record {
    /// on_lost: the consequence for a MASTER that is alone with lost references.
    package enum Loss: UInt8, FieldValue, CaseIterable {
        case release = 0
        case hold = 1
    }
    package var targets: [ReferenceTarget] = []
    /// require: as many have to answer.
    package var required = 1
    /// interval: from one request to the next (i).
    package var interval = Interval.milliseconds(200)
    /// timeout: the time in which an answer counts (t).
    package var timeout = Interval.milliseconds(200)
    /// losses: requests in a row without an answer that make a reference lost (N).
    package var losses = 3
    package var onLost = Loss.release
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.list("", &targets)
        try fields.field("require", &required, in: 1...Limits.references)
        try fields.field("interval", &interval, in: Limits.referenceTime)
        try fields.field("timeout", &timeout, in: Limits.referenceTime)
        try fields.field("losses", &losses, in: Limits.referenceLosses)
        try fields.field("on_lost", &onLost)
        try fields.require(targets.count <= Limits.references)
    }
}

/// One line of references.
package struct ReferenceTarget: Record {
    package var address: IPAddress
    /// dev: the device that the request leaves by.
    package var device: String
    /// tcp: the port of a connection; nil for an ICMP echo.
    package var tcpPort: UInt16?
    package init(address: IPAddress, device: String, tcpPort: UInt16? = nil) {
        self.address = address
        self.device = device
        self.tcpPort = tcpPort
    }

    package init() { self.init(address: IPAddress(v4: 0), device: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &address)
        try fields.field("dev", &device)
        try fields.field("tcp", &tcpPort, in: 1...UInt16.max)
    }
}

/// probe: the consequence of an address that answers before it is claimed.
package enum ProbePolicy: Choice {
    /// The claim waits as long as it answers.
    case hold
    /// The claim waits so long at most.
    case holdFor(Interval)
    /// Nobody asks.
    case off

    package static let cases: [Self] = [.hold, .holdFor(.seconds(1)), .off]
    package var number: UInt8 {
        switch self {
        case .hold: 0
        case .holdFor: 1
        case .off: 2
        }
    }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .hold: fields.word("hold")
        case .holdFor(var time):
            try fields.field("hold", &time, in: Limits.probeTime)
            self = .holdFor(time)
        case .off: fields.word("off")
        }
    }
}

/// release: what has to end before a released group counts as released.
package struct ReleaseScript: Record {
    /// script: the program and its arguments; empty in a worker's part, because hasupd runs it.
    package var arguments: [String]
    /// Its user and group; nil for the default.
    package var identity: ScriptIdentity?
    package var timeout = Interval.seconds(1)
    package init(arguments: [String], identity: ScriptIdentity? = nil) {
        self.arguments = arguments
        self.identity = identity
    }

    package init() { self.init(arguments: []) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("script", &arguments) { $0.isEmpty ? nil : "\"\($0.joined(separator: " "))\"" }
        try fields.field("", &identity)
        try fields.field("timeout", &timeout, in: Limits.releaseTime)
    }
}

/// cold_start: the right of a node that has heard none of the others since its start, without a proof that they are off.
package enum ColdStart: Choice {
    /// It may claim after so long.
    case claim(after: Interval)
    /// It waits for an operator or the others.
    case wait

    package static let cases: [Self] = [.claim(after: .seconds(30)), .wait]
    package var number: UInt8 { if case .claim = self { 0 } else { 1 } }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .claim(var time):
            try fields.field("claim", &time)
            self = .claim(after: time)
        case .wait: fields.word("wait")
        }
    }
}

extension ConfigurationModel {
    /// One decision of a guard: a cluster's place in `clusters`, and the place of a name among what it guards.
    package struct GuardedPlace: Hashable, Sendable {
        package var cluster: Int
        package var group: Int
        package init(cluster: Int, group: Int) {
            self.cluster = cluster
            self.group = group
        }
    }

    /// For each instance that is guarded, by its name or with its sync group, the decision that it belongs to, by the
    /// instance's name.
    package var guardedGroups: [String: GuardedPlace] {
        Dictionary(guardedInstances.map { (instances[$0.key].name, $0.value) }) { first, _ in first }
    }

    /// The same by the instance's number.
    package var guardedInstances: [Int: GuardedPlace] {
        guard !clusters.isEmpty else { return [:] }
        let numbers = Dictionary(instances.enumerated().map { ($1.name, $0) }) { first, _ in first }
        return Self.guardedInstances(of: clusters, groups: shared.syncGroups) { numbers[$0] }
            .filter { instances.indices.contains($0.key) }
    }

    /// The same for who knows only names. A name that an instance and a group share is the group's.
    package static func guardedInstances(
        of clusters: [ClusterSettings], groups: [SyncGroup], number: (String) -> Int?
    ) -> [Int: GuardedPlace] {
        let members = Dictionary(groups.map { ($0.name, $0.members) }) { first, _ in first }
        var found: [Int: GuardedPlace] = [:]
        for (cluster, settings) in clusters.enumerated() {
            for (group, name) in settings.guarded.enumerated() {
                for instance in members[name] ?? number(name).map({ [$0] }) ?? [] where found[instance] == nil {
                    found[instance] = GuardedPlace(cluster: cluster, group: group)
                }
            }
        }
        return found
    }
}
