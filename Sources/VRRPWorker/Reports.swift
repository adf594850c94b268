import Base
import Configuration
import IPC
import VRRP

/// What hasupd is told of a turn: gathered while it lasts and sent in few frames at its end. Thousands of instances may
/// change at once, and a frame for each would be more than the channel's queue holds.
struct Reports {
    /// Bytes of observations in one frame: what hasupd writes into its log within a millisecond.
    private static let observationsMax = 6_000
    /// Requests in one frame.
    private static let requestsMax = 512

    private let channel: Channel
    private var observations = ByteWriter()
    private var requests: [NotifyRequest] = []

    init(to channel: Channel) { self.channel = channel }

    mutating func add(_ observation: Observation, generation: UInt64) {
        observation.encode(into: &observations)
        if observations.bytes.count > Self.observationsMax { sendObservations(generation) }
    }

    mutating func add(_ notification: Notification, generation: UInt64) {
        requests.append(
            NotifyRequest(
                instance: UInt32(notification.instance), sequence: notification.sequence,
                trigger: notification.trigger.rawValue, priority: notification.priority.rawValue))
        if requests.count >= Self.requestsMax { sendRequests(generation) }
    }

    /// Sends what was gathered. All of it belongs to one generation: before that changes, this is called.
    mutating func send(generation: UInt64) {
        if !requests.isEmpty { sendRequests(generation) }
        if !observations.bytes.isEmpty { sendObservations(generation) }
    }

    private mutating func sendObservations(_ generation: UInt64) {
        VRRPToSupervisor.observations(generation: generation, observations.bytes).send(on: channel)
        observations = ByteWriter()
    }

    private mutating func sendRequests(_ generation: UInt64) {
        VRRPToSupervisor.notify(generation: generation, requests).send(on: channel)
        requests = []
    }
}
