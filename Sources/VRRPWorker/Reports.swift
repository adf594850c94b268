import Base
import ConfigurationModel
import VRRP
import WorkerProtocol

/// Reports of a turn to hasupd: gathered while it lasts and sent in few frames at its end. Thousands of instances may
/// change at once, and a frame for each would be more than the channel's queue holds.
///
/// A transition is reported before its notification: a successor repeats both until the notification was heard, so a worker
/// that dies in between may report a transition twice, but none is lost.
struct Reports {
    /// Bytes of observations at which a frame is sent: the longest one still fits behind them.
    private static let observationsMax = VRRPToSupervisor.observationBytesMax - 2_000

    private let channel: Channel
    private var observations = ByteWriter()
    private var observationCount = 0
    private var notifications = ByteWriter()
    private var notificationCount = 0
    private var hooks = ByteWriter()
    private var hookCount = 0
    private var configured: UInt64?

    init(to channel: Channel) { self.channel = channel }

    /// True if nothing waits to be sent.
    var isEmpty: Bool {
        observations.bytes.isEmpty && notificationCount == 0 && hookCount == 0 && configured == nil
    }

    mutating func add(_ observation: Observation, generation: UInt64) {
        observation.encode(into: &observations)
        observationCount += 1
        if observations.bytes.count > Self.observationsMax || observationCount >= VRRPToSupervisor.entriesMax {
            sendObservations(generation)
        }
    }

    mutating func add(_ notification: Notification, generation: UInt64) {
        if notificationCount >= VRRPToSupervisor.entriesMax { send(generation: generation) }
        notification.encode(into: &notifications)
        notificationCount += 1
    }

    mutating func add(_ hook: HookRequest, generation: UInt64) {
        if hookCount >= VRRPToSupervisor.entriesMax { send(generation: generation) }
        hook.encode(into: &hooks)
        hookCount += 1
    }

    /// This generation runs. It is reported behind what was gathered of the one before.
    mutating func addConfigured(generation: UInt64) { configured = generation }

    /// Sends what was gathered. All of it belongs to one generation: before that changes, this is called.
    mutating func send(generation: UInt64) {
        if !observations.bytes.isEmpty { sendObservations(generation) }
        if notificationCount > 0 { sendNotifications(generation) }
        if hookCount > 0 { sendHooks(generation) }
        if let configured { VRRPToSupervisor.configured(generation: configured).send(on: channel) }
        configured = nil
    }

    private mutating func sendObservations(_ generation: UInt64) {
        VRRPToSupervisor.observations(generation: generation, observations.bytes).send(on: channel)
        observations = ByteWriter()
        observationCount = 0
    }

    private mutating func sendHooks(_ generation: UInt64) {
        VRRPToSupervisor.hooks(generation: generation, hooks.bytes).send(on: channel)
        hooks = ByteWriter()
        hookCount = 0
    }

    private mutating func sendNotifications(_ generation: UInt64) {
        VRRPToSupervisor.notify(generation: generation, notifications.bytes).send(on: channel)
        notifications = ByteWriter()
        notificationCount = 0
    }
}
