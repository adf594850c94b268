import Base
import ConfigurationModel
import Reactor
import Sandbox
import Supervision
import VRRP
import WorkerProtocol

/// From the arrival of a configuration until it runs.
extension Worker {
    /// A configuration has come: decoding and taking it takes as long as it is large.
    func lengthenFuse() { change(to: .long) }

    func change(to fuse: RealtimeFuse) {
        hasLongFuse = fuse == .long
        do throws(SystemError) { try Realtime.change(to: fuse) } catch { log(.warning, "\(error)") }
    }

    /// Takes a configuration; it runs as soon as the sockets that it needs are there.
    func configure(_ model: ConfigurationModel, generation: UInt64) {
        next = (generation, model)
        requestSockets(for: model.instances, keepingThoseOf: node.instances, generation: generation)
        if socketRequests.isEmpty {
            runNextConfiguration()
        } else if let patienceTimer {
            // From now on, not from the beginning of a turn in which a large configuration was decoded.
            loop.set(patienceTimer, to: Clock.now + Self.socketPatience)
        }
    }

    func runNextConfiguration() {
        guard let (generation, model) = next else { return }
        next = nil
        if let patienceTimer { loop.set(patienceTimer, to: .never) }
        // The core says by `renumber` from where on its actions mean the new model; at start they all do, and for a
        // model that is the same there are none.
        incoming = (generation, model.instances.count, model.smallestAdvertInterval)
        if self.generation == 0 { adoptIncoming() } else { former = Array(node.instances) }
        if let predecessor {
            self.predecessor = nil
            handle(predecessor.event(model))
            if !predecessor.isEmpty { tellResumption() }
        } else {
            handle(.configure(model))
        }
        adoptIncoming()
        requestSockets(for: model.instances, generation: generation)
        armStamp()
        // hasupd is realtime and would take the processor from what puts new addresses on.
        reports.addConfigured(generation: generation)
        owesCleared = true
        unsettle()
        if stopsWhenConfigured { stop() }
    }

    func tellResumption() {
        let counts = node.resumption
        VRRPToSupervisor.resumed(
            masters: UInt32(counts.masters), others: UInt32(counts.others), late: UInt32(counts.late),
            fresh: UInt32(counts.fresh)
        ).send(on: channel)
    }

    func adoptIncoming() {
        guard let incoming else { return }
        self.incoming = nil
        former = nil
        reports.send(generation: self.generation)
        transmitter.reset(instanceCount: incoming.instanceCount)
        generation = incoming.generation
        snapshots.forget(from: incoming.instanceCount + 1)
        // All instances are looked at: not for every stamp.
        stampPeriod = Watchdog.stampPeriod(smallestAdvertInterval: incoming.smallestAdvertInterval)
    }
}
