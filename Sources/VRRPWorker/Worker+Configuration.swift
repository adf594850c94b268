import Authentication
import Base
import ConfigurationModel
import Reactor
import Sandbox
import Supervision
import VRRP
import WorkerProtocol

/// The progress of configurations: one that has come waits for its sockets, is given to the core, and runs.
struct ConfigurationProgress {
    static let socketTimeout = Interval.milliseconds(500)

    /// The number of the one that runs; 0 for none.
    var generation: UInt64 = 0
    var stampPeriod = Watchdog.stampPeriod(smallestAdvertInterval: nil)
    /// The one that waits for its sockets, and for the hooks of what it takes away.
    var next: (generation: UInt64, model: ConfigurationModel)?
    /// True if it doesn't wait for its sockets any longer.
    var hasWaitedForSockets = false
    var socketTimer: Timer?
    /// The one that the core is being given.
    var incoming: (generation: UInt64, instanceCount: Int, smallestAdvertInterval: Interval?)?
    /// While the core takes a configuration: the instances that its actions mean until it renumbers them.
    var former: [InstanceSettings]?
    /// Until the first configuration.
    var predecessor: Predecessor?
    /// True until hasupd is notified that nothing is left of earlier configurations.
    var owesCleared = false
    /// True while the worker may compute for long (docs/decisions, D29): from the start, or the arrival of a
    /// configuration, until that runs.
    var hasLongFuse = true

    init(_ predecessor: Predecessor) { self.predecessor = predecessor }
}

extension Worker {
    /// A configuration has come: decoding and taking it takes as long as it is large.
    func lengthenFuse() { change(to: .long) }

    func change(to fuse: RealtimeFuse) {
        configuration.hasLongFuse = fuse == .long
        do throws(SystemError) { try Realtime.change(to: fuse) } catch { log(.warning, "\(error)") }
    }

    /// Takes a configuration; it runs as soon as the sockets that it needs are there.
    ///
    /// - Parameter keys: those of its clusters, by their places. What a cluster without keys guards is in FAULT.
    func configure(_ model: ConfigurationModel, _ keys: [UInt8: KeyFile], generation: UInt64) {
        var model = model
        let keyless = heartbeats.prepare(model.clusters, keys, generation: generation)
        model.fault(instancesOf: keyless, "its cluster has no keys")
        questions.prepare(model, generation: generation)
        configuration.next = (generation, model)
        configuration.hasWaitedForSockets = false
        sockets.request(for: model.instances, keepingThoseOf: node.instances, generation: generation)
        handle(.prepare(model))
        runConfigurationIfReady()
        if configuration.next != nil, let timer = configuration.socketTimer {
            // From now on, not from the beginning of a turn in which a large configuration was decoded.
            loop.set(timer, to: Clock.now + ConfigurationProgress.socketTimeout)
        }
    }

    func adoptSocket(_ descriptor: consuming Descriptor, request: UInt32) {
        if heartbeats.expects(request) {
            heartbeats.adopt(descriptor, request: request)
        } else if questions.expects(request) {
            questions.adopt(descriptor, request: request)
        } else {
            sockets.adopt(descriptor, request: request)
        }
        runConfigurationIfReady()
    }

    func socketRefused(_ reason: String, request: UInt32) {
        if heartbeats.expects(request) {
            heartbeats.refused(reason, request: request)
        } else if questions.expects(request) {
            questions.refused(reason, request: request)
        } else {
            sockets.refused(reason, request: request)
        }
        runConfigurationIfReady()
    }

    func socketTimeIsOver() {
        configuration.hasWaitedForSockets = true
        runConfigurationIfReady()
    }

    func runConfigurationIfReady() {
        guard configuration.next != nil, !node.isPreparing,
            sockets.isComplete && heartbeats.isComplete && questions.isComplete || configuration.hasWaitedForSockets
        else { return }
        runNextConfiguration()
    }

    /// Something happened to interfaces: sockets that are missing now are requested.
    func linksChanged() {
        heartbeats.requestMissing()
        questions.requestMissing()
        if let (generation, model) = configuration.next {
            sockets.request(for: model.instances, keepingThoseOf: node.instances, generation: generation)
        } else if sockets.mayLackSockets {
            sockets.request(for: node.instances, generation: configuration.generation)
        }
    }

    private func runNextConfiguration() {
        guard let (generation, model) = configuration.next else { return }
        configuration.next = nil
        if !configuration.hasLongFuse { lengthenFuse() }
        if let timer = configuration.socketTimer { loop.set(timer, to: .never) }
        // The core says by `renumber` from where on its actions mean the new model; at start they all do, and for a
        // model that is the same there are none.
        configuration.incoming = (generation, model.instances.count, model.smallestAdvertInterval)
        heartbeats.adopt()
        questions.adopt()
        if configuration.generation == 0 { adoptIncoming() } else { configuration.former = Array(node.instances) }
        if let predecessor = configuration.predecessor {
            configuration.predecessor = nil
            handle(predecessor.event(model))
            if !predecessor.isEmpty { reportResumption() }
        } else {
            handle(.configure(model))
        }
        adoptIncoming()
        sockets.request(for: model.instances, generation: generation)
        armStamp()
        // hasupd is realtime and would take the processor from what puts new addresses on.
        reports.addConfigured(generation: generation)
        configuration.owesCleared = true
        code.postponeRelease()
        if phase == .stopsWhenConfigured { stop() }
    }

    private func reportResumption() {
        let counts = node.resumption
        VRRPToSupervisor.resumed(
            masters: UInt32(counts.masters), others: UInt32(counts.others), late: UInt32(counts.late),
            fresh: UInt32(counts.fresh)
        ).send(on: channel)
    }

    func adoptIncoming() {
        guard let incoming = configuration.incoming else { return }
        configuration.incoming = nil
        configuration.former = nil
        reports.send(generation: configuration.generation)
        transmitter.reset(instanceCount: incoming.instanceCount)
        configuration.generation = incoming.generation
        pages.forget(from: incoming.instanceCount + 1)
        // All instances are looked at: not for every stamp.
        configuration.stampPeriod = Watchdog.stampPeriod(smallestAdvertInterval: incoming.smallestAdvertInterval)
    }
}
