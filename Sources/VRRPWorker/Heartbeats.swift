import Authentication
import Base
import ConfigurationModel
import Reactor
import VRRP
import Wire
import WorkerProtocol

/// The shell around the guards' frames: sockets, signatures, the check of what comes (docs/decisions, D103, D105). It
/// requests missing sockets from hasupd, by their places.
final class Heartbeats {
    /// A cluster of a configuration, with its keys.
    fileprivate struct Cluster {
        let settings: ClusterSettings
        let tag: UInt32
        /// Nil without a key file.
        var keys: FrameKeys?
        let connections: [(place: HeartbeatPlace, key: HeartbeatSockets.Key)]
        /// By the way to another node.
        var counts: [HeartbeatSockets.Key: Counts]
    }

    /// The counters of the way to another node.
    fileprivate struct Counts {
        var sent: UInt64 = 0
        /// Frames that weren't sent, because a serial line hadn't taken the one before.
        var leftOut: UInt64 = 0
        /// Errors of sending, also those that the network has reported afterwards.
        var errors: UInt64 = 0
        /// The error number of the last one.
        var lastError: Int32 = 0
        /// By reason.
        var refused = [UInt64](repeating: 0, count: FrameRefusal.allCases.count)
        /// By reason: when the log may say it again.
        var reports = FrameRefusal.allCases.map { _ in RateLimit(period: .seconds(60)) }
    }

    /// Time between two requests for a socket that can't be had yet: its address or its device may come. A serial line is
    /// asked for after longer and longer times.
    private static let requestPeriod = Interval.seconds(1)
    private static let linePeriods = Interval.milliseconds(100)...Interval.seconds(32)

    let sockets: HeartbeatSockets
    private let loop: EventLoop
    private let channel: Channel
    private var clusters: [Cluster] = []
    private var generation: UInt64 = 0
    /// Those of the configuration that waits for its sockets.
    private var next: (generation: UInt64, clusters: [Cluster])?
    /// The places of sockets among the clusters that run.
    private var places: [HeartbeatSockets.Key: HeartbeatPlace] = [:]
    private var pending: [UInt32: HeartbeatSockets.Key] = [:]
    private var refusals: [HeartbeatSockets.Key: String] = [:]
    private var requestTimer: Timer?
    /// Serial lines that have failed: when they are asked for again, and the time from then to the next attempt.
    private var lineWaits: [HeartbeatSockets.Key: (until: Instant, next: Interval)] = [:]
    private var writer = ByteWriter(capacity: Heartbeat.bytesMax)
    /// Numbers requests.
    var nextRequest: (() -> UInt32)?
    /// A frame that is authentic and whole; cluster and path by their places.
    var onBeat: ((Heartbeat, _ cluster: Int, _ path: Int) -> Void)?
    var onLog: ((LogLevel, String) -> Void)?

    init(channel: Channel, loop: EventLoop) {
        self.loop = loop
        self.channel = channel
        sockets = HeartbeatSockets(on: loop)
        sockets.onFrame = { [unowned self] in self.take($1, by: $0) }
        sockets.onError = { [unowned self] in self.failed($0, $1) }
        sockets.lines.onFrame = { [unowned self] in
            self.lineWaits[$0] = nil
            self.take($1, by: $0)
        }
        sockets.lines.onError = { [unowned self] in self.failed($0, $1) }
        sockets.lines.onNoise = { [unowned self] in self.refuse(.noise, by: $0, count: $1) }
        sockets.lines.onSent = { [unowned self] in self.count(\.sent, of: $0) }
        sockets.lines.onLeftOut = { [unowned self] in self.count(\.leftOut, of: $0) }
        requestTimer = loop.makeTimer { [unowned self] in self.requestMissing() }
    }

    // MARK: Configurations

    /// Requests the sockets of a configuration. Returns the clusters that have no keys, and so no guard.
    ///
    /// - Parameter keyFiles: by the cluster's place.
    func prepare(_ settings: [ClusterSettings], _ keyFiles: [UInt8: KeyFile], generation: UInt64) -> Set<Int> {
        var keyless: Set<Int> = []
        let clusters = settings.enumerated().map { number, settings in
            let keys = keyFiles[UInt8(number)].map { FrameKeys($0, cluster: settings.name, kind: .beat) }
            if keys == nil, settings.needsKeys { keyless.insert(number) }
            let connections = settings.connections(ofCluster: number).map { place, ends in
                (place, HeartbeatSockets.Key(cluster: settings.name, ends: ends))
            }
            return Cluster(
                settings: settings, tag: clusterTag(of: settings.name), keys: keys,
                connections: keys == nil ? [] : connections, counts: [:])
        }
        next = (generation, clusters)
        requestMissing()
        return keyless
    }

    /// The configuration runs from now on. Counters of paths that stay go on.
    func adopt() {
        guard let (generation, incoming) = next else { return }
        next = nil
        var clusters = incoming
        for place in clusters.indices {
            guard let former = self.clusters.first(where: { $0.settings.name == clusters[place].settings.name }) else {
                continue
            }
            let ways = Set(clusters[place].connections.map(\.key))
            clusters[place].counts = former.counts.filter { ways.contains($0.key) }
        }
        self.clusters = clusters
        self.generation = generation
        let connections = clusters.flatMap(\.connections)
        places = Dictionary(connections.map { ($0.key, $0.place) }) { first, _ in first }
        refusals = refusals.filter { places[$0.key] != nil }
        lineWaits = lineWaits.filter { places[$0.key] != nil }
        sockets.close(except: Set(places.keys))
        requestMissing()
    }

    /// Adds to what the core says of a node what only its sockets know.
    func describe(_ node: inout ClusterNodeReport) {
        guard let cluster = clusters.first(where: { $0.settings.name == node.cluster }),
            let own = cluster.settings.ownNode,
            let number = cluster.settings.nodes.firstIndex(where: { $0.name == node.node })
        else { return }
        for (place, key) in cluster.connections where place.node == number || key.ends.isShared {
            guard let counts = cluster.counts[key],
                let path = node.paths.firstIndex(where: {
                    $0.path == cluster.settings.nodes[own].paths[Int(place.path)].name
                })
            else { continue }
            node.paths[path].unread = counts.refused
            node.paths[path].sent = counts.sent
            node.paths[path].leftOut = counts.leftOut
            node.paths[path].errors = counts.errors
            node.paths[path].errorCode = counts.lastError
        }
    }

    // MARK: Requests

    /// True if every request was answered.
    var isComplete: Bool { pending.isEmpty }

    /// Requests what is missing, and looks again later.
    func requestMissing() {
        let (generation, clusters) = next ?? (generation, clusters)
        var isMissing = false
        let requested = Set(pending.values)
        for (place, key) in clusters.flatMap(\.connections) where !sockets.has(key) {
            isMissing = true
            guard !requested.contains(key), lineWaits[key].map({ $0.until <= loop.now }) ?? true,
                let number = nextRequest?()
            else { continue }
            pending[number] = key
            VRRPToSupervisor.openHeartbeatSocket(generation: generation, place).send(on: channel, correlation: number)
        }
        if isMissing { armRequests() } else if let requestTimer { loop.set(requestTimer, to: .never) }
    }

    /// Looks again in a second, or when a line is to be asked for.
    private func armRequests() {
        guard let requestTimer else { return }
        let lines = lineWaits.values.map(\.until).filter { $0 > loop.now }.min() ?? .never
        loop.set(requestTimer, to: min(lines, loop.now + Self.requestPeriod))
    }

    /// True if this answers a request of ours.
    func expects(_ request: UInt32) -> Bool { pending[request] != nil }

    func adopt(_ descriptor: consuming Descriptor, request: UInt32) {
        guard let key = pending.removeValue(forKey: request) else { return }
        if let refusal = refusals.removeValue(forKey: key), case .serial = key.ends {
            onLog?(.notice, "cluster \(key.cluster): heartbeats by \(key.ends) again, after \(refusal)")
        }
        do throws(SystemError) { try sockets.adopt(descriptor, for: key) } catch { onLog?(.error, error.description) }
    }

    /// hasupd can't open it now: said once for each reason.
    func refused(_ reason: String, request: UInt32) {
        guard let key = pending.removeValue(forKey: request) else { return }
        postpone(key)
        guard refusals[key] != reason else { return }
        refusals[key] = reason
        onLog?(.warning, "cluster \(key.cluster): no heartbeats to \(key.ends): \(reason)")
    }

    /// A worker of a hasupd that is gone gets no answers; the next hasupd's worker asks itself.
    private func failed(_ key: HeartbeatSockets.Key, _ code: Int32) {
        if let place = places[key] {
            clusters[Int(place.cluster)].counts[key, default: Counts()].errors += 1
            clusters[Int(place.cluster)].counts[key, default: Counts()].lastError = code
        }
        guard !sockets.has(key) else { return }
        if case .serial = key.ends, refusals[key] == nil {
            refusals[key] = SystemError.text(of: code)
            onLog?(.warning, "cluster \(key.cluster): no heartbeats to \(key.ends): \(SystemError.text(of: code))")
        }
        postpone(key)
        armRequests()
    }

    /// A serial line that has hung up, or can't be opened, is asked for later.
    private func postpone(_ key: HeartbeatSockets.Key) {
        guard case .serial = key.ends else { return }
        let wait = lineWaits[key]?.next ?? Self.linePeriods.lowerBound
        lineWaits[key] = (loop.now + wait, min(wait * 2, Self.linePeriods.upperBound))
        armRequests()
    }

    private func count(_ counter: WritableKeyPath<Counts, UInt64>, of key: HeartbeatSockets.Key) {
        guard let place = places[key] else { return }
        clusters[Int(place.cluster)].counts[key, default: Counts()][keyPath: counter] += 1
    }

    // MARK: Frames

    /// Sends a frame by all paths: encoded once, signed once for each path.
    func send(_ beat: Heartbeat, cluster: Int) {
        guard clusters.indices.contains(cluster), let number = clusters[cluster].keys?.signingNumber else { return }
        var beat = beat
        beat.cluster = clusters[cluster].tag
        beat.keyNumber = number
        writer.bytes.removeAll(keepingCapacity: true)
        beat.encode(into: &writer)
        var frame: [UInt8] = []
        var signedPath: UInt8?
        for (place, key) in clusters[cluster].connections where sockets.has(key) {
            if place.path != signedPath {
                writer.bytes[Heartbeat.pathOffset] = place.path
                frame = writer.bytes
                clusters[cluster].keys?.sign(&frame)
                signedPath = place.path
            }
            if sockets.send(frame, by: key) { clusters[cluster].counts[key, default: Counts()].sent += 1 }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer, by key: HeartbeatSockets.Key) {
        // Of a configuration that doesn't run yet, or not any more.
        guard let place = places[key] else { return }
        let (cluster, path) = (Int(place.cluster), Int(place.path))
        switch clusters[cluster].read(bytes, at: place) {
        case .success(let beat): onBeat?(beat, cluster, path)
        case .failure(let refusal): refuse(refusal, by: key)
        }
    }

    private func refuse(_ refusal: FrameRefusal, by key: HeartbeatSockets.Key, count: UInt64 = 1) {
        guard let place = places[key] else { return }
        let cluster = Int(place.cluster)
        let reason = Int(refusal.rawValue)
        var counts = clusters[cluster].counts[key] ?? Counts()
        counts.refused[reason] &+= count
        let isTold = counts.reports[reason].admits(at: loop.now)
        clusters[cluster].counts[key] = counts
        guard isTold else { return }
        let total = counts.refused[reason]
        let settings = clusters[cluster].settings
        let name = settings.ownNode.map { settings.nodes[$0].paths[Int(place.path)].name } ?? ""
        onLog?(
            .warning,
            """
            cluster \(settings.name), path \(name), from \(key.ends): heartbeats were refused (\(total) so far): \
            \(refusal.text)
            """)
    }
}

extension Heartbeats.Cluster {
    /// Reads a frame that has come by this path. Nothing of it is believed before its signature was verified.
    fileprivate mutating func read(
        _ bytes: UnsafeRawBufferPointer, at place: HeartbeatPlace
    ) -> Result<Heartbeat, FrameRefusal> {
        guard bytes.count >= Heartbeat.headLength + Heartbeat.signatureLength, bytes.count <= Heartbeat.bytesMax else {
            return .failure(.length)
        }
        guard let signed = keys?.authentic(bytes) else {
            // It is refused either way: this only tells two mistakes apart.
            return .failure(Heartbeat.cluster(of: bytes) == tag ? .authentication : .cluster)
        }
        guard let beat = try? Heartbeat(signed) else { return .failure(.form) }
        guard beat.cluster == tag else { return .failure(.cluster) }
        // By a path that all share any other node's may come, and our own on a line that echoes.
        let isShared = settings.connection(path: Int(place.path), node: Int(place.node))?.isShared ?? false
        guard isShared ? beat.sender != place.node : beat.sender == place.node,
            settings.nodes.indices.contains(Int(beat.sender))
        else { return .failure(.node) }
        guard settings.isSame(path: Int(place.path), asPath: beat.path, ofNode: Int(beat.sender)) else {
            return .failure(.path)
        }
        return .success(beat)
    }
}
