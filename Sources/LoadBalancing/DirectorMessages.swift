import Base
import ConfigurationModel

/// The director's part of a configuration.
package struct DirectorConfiguration: Sendable {
    package enum Occasion: Sendable {
        /// hasupd starts; these keys are noted for this boot. What nobody asked for in our services is removed.
        case start(noted: [ServiceKey])
        /// hasupd goes on as another program (`hasup upgrade`).
        case resume(noted: [ServiceKey])
        /// Another configuration, or the same once more.
        case reload
    }
    package var occasion: Occasion
    /// By number: virtual_server blocks in the order of the files.
    package var services: [ServiceDefinition]
    /// False: no checker runs, and every server is up.
    package var hasChecker: Bool
    /// lvs_timeouts, whole seconds; 0 leaves one as it is.
    package var timeouts: ConnectionTimeouts
    package var flushesAtStart: Bool
    package var flushAtStop: FlushAtStop

    package init(_ model: ConfigurationModel, occasion: Occasion, hasChecker: Bool) {
        self.occasion = occasion
        self.hasChecker = hasChecker
        services = ServiceDefinition.all(of: model)
        let balancer = model.global.balancer
        timeouts = ConnectionTimeouts(
            tcp: balancer.tcpTimeout, tcpFin: balancer.tcpFinTimeout, udp: balancer.udpTimeout)
        flushesAtStart = balancer.flushesAtStart
        flushAtStop = balancer.flushAtStop
    }
}

/// lvs_timeouts in whole seconds; 0 leaves one as it is.
package struct ConnectionTimeouts: Hashable, Sendable {
    package var tcp: UInt32 = 0
    package var tcpFin: UInt32 = 0
    package var udp: UInt32 = 0

    package init() {}

    init(tcp: Interval?, tcpFin: Interval?, udp: Interval?) {
        func seconds(_ interval: Interval?) -> UInt32 {
            UInt32(clamping: (interval?.nanoseconds ?? 0) / 1_000_000_000)
        }
        (self.tcp, self.tcpFin, self.udp) = (seconds(tcp), seconds(tcpFin), seconds(udp))
    }
}

package enum DirectorEvent: Sendable {
    case configure(DirectorConfiguration)
    /// News of the checker. They are about the configuration that was given last.
    case states([StateChange])
    /// The answer to the call with this ticket.
    case result(TableResult, ticket: UInt64)
    /// The deadline has come.
    case timeout
    /// `hasup reload` with nothing new: all is read, IPVS is asked for again, and what nobody asked for is removed.
    case reload
    /// The end. `.stopped` follows when the kernel has answered.
    case stop(keepsServices: Bool)
}

/// The things to be done, in this order.
package enum DirectorAction: Sendable {
    /// Keys to be noted, on disk before the calls that follow.
    case note([ServiceKey])
    /// Keys that the kernel doesn't have any more.
    case forget([ServiceKey])
    /// A call for the thread. There is one at a time.
    case call(TableCall, ticket: UInt64)
    /// News for log and history.
    case observe(DirectorObservation)
    /// Once after a start with a checker: our services that stood in the table, for the checker to begin with. Empty when
    /// IPVS is missing.
    case standing([StandingService])
    case stopped
}

package enum DirectorObservation: Hashable, Sendable {
    /// IPVS can't be used: an error number. It's asked for again every 10 s.
    case missing(Int32)
    /// IPVS can be used, again or for the first time.
    case available
    /// Services that somebody else made, and that the configuration names: they're ours from here on.
    case takenOver([ServiceKey])
    /// Services of an earlier configuration that still stood there; they're removed.
    case leftovers([ServiceKey])
    /// Other people's services, removed for the sake of lvs_flush.
    case flushed([ServiceKey])
    /// Destinations that no configuration of this boot has named; they're left.
    case foreign(ServiceKey, [DestinationKey])
    /// The same, removed by a start or a reload.
    case foreignRemoved(ServiceKey, [DestinationKey])
    /// Something else has changed this; it's written again.
    case mended(TableDifference)
    /// A destination, or with nil a service's settings, mended this often within the last minute beyond what was said.
    case mendedRepeatedly(ServiceKey, DestinationKey?, count: Int)
    /// The kernel refuses a request: an error number. It's tried again.
    case refused(TableRequest, Int32)
    /// A service that was refused stands as it should.
    case accepted(ServiceKey)
    /// Services that couldn't be removed at the end: an error number.
    case leftBehind([ServiceKey], Int32)
}

/// The usability of the kernel's table.
package enum TableCondition: Hashable, Sendable {
    /// Nobody has asked.
    case unknown
    case available
    /// An error number, and since when.
    case missing(Int32, since: Instant)
}

package struct DirectorCounters: Hashable, Sendable {
    /// Requests that the kernel has taken.
    package var written: UInt64 = 0
    /// Requests that the kernel has refused.
    package var refused: UInt64 = 0
    /// Changes by others that were mended.
    package var mended: UInt64 = 0
    /// News of the checker about services, servers or weights that the configuration doesn't have.
    package var refusedStates: UInt64 = 0
    /// Answers that nobody waits for.
    package var strayResults: UInt64 = 0

    package init() {}
}

/// The kernel's answer to a request that it doesn't take.
package struct TableRefusal: Hashable, Sendable {
    package var request: TableRequest
    package var error: Int32
    package var since: Instant
}

/// A service for status.
package struct DirectedService: Hashable, Sendable {
    package internal(set) var definition: ServiceDefinition
    /// Nil until somebody has told it.
    package internal(set) var state: ServiceState?
    /// Changes by others that were mended.
    package internal(set) var mended: UInt64 = 0
    /// Destinations that no configuration of this boot has named.
    package internal(set) var foreign: [ServiceKey: Set<DestinationKey>] = [:]
    /// The last refusal, while it lasts.
    package internal(set) var refusal: TableRefusal?
    /// The state that each key was last written with, where that is known. A group's keys are written one after the other.
    var written: [ServiceKey: ServiceState] = [:]
    /// Foreign destinations are removed when its state is told.
    var isToBeSwept = false
    /// Servers that a reload has added and nobody has told of.
    var untold: Set<Int> = []

    init(_ definition: ServiceDefinition) { self.definition = definition }

    func state(ofServer number: Int) -> ServerState? {
        guard let state, state.servers.indices.contains(number) else { return nil }
        return state.servers[number]
    }

    /// The weight that a server has in the table; nil for one that isn't in it.
    package func weight(ofServer number: Int) -> UInt32? {
        guard let state, state.servers.indices.contains(number) else { return nil }
        let isIn = state.servers[number].isUp && !state.usesSorryServer
        if isIn { return state.servers[number].weight }
        return definition.servers[number].isInhibitedOnFailure ? 0 : nil
    }
}

/// Error numbers that decide (errno(3)).
enum ErrorNumber {
    static let notPermitted: Int32 = 1
    static let noEntry: Int32 = 2
    /// ESRCH: IPVS's word for a service that isn't there.
    static let noService: Int32 = 3
    static let io: Int32 = 5
}
