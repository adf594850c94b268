import Base
import ConfigurationModel

/// The part of a configuration that the checker is given.
package struct CheckerConfiguration: Sendable {
    package var services: [VirtualServerSettings]
    /// rs_init_notifies.
    package var notifiesFirstState: Bool
    /// A number of this router: its checks start at other times than those of its peers.
    package var router: UInt64

    package init(services: [VirtualServerSettings], notifiesFirstState: Bool = false, router: UInt64 = 0) {
        self.services = services
        self.notifiesFirstState = notifiesFirstState
        self.router = router
    }

    package init(_ model: ConfigurationModel) {
        var hash = FNV1a()
        hash.add((model.global.routerID ?? "").utf8)
        self.init(
            services: model.virtualServers, notifiesFirstState: model.global.balancer.notifiesInitialState,
            router: hash.value)
    }
}

/// The knowledge of the services when a checker begins: what hasupd was told last, or what stands in the kernel
/// (docs/decisions, D73, D74). By the numbers of the configuration that comes with it.
package struct KnownStandings: Sendable {
    package var servers: [ServerStanding]
    package var services: [ServiceStanding]

    package init(servers: [ServerStanding] = [], services: [ServiceStanding] = []) {
        self.servers = servers
        self.services = services
    }
}

/// Records that a former checker has left, each with its place in the page.
package struct LeftRecord: Sendable {
    package var place: Int
    package var record: CheckRecord

    package init(place: Int, _ record: CheckRecord) {
        self.place = place
        self.record = record
    }
}

package enum CheckerEvent: Sendable {
    /// The first configuration.
    case begin(CheckerConfiguration, KnownStandings, [LeftRecord], lastNotification: UInt64)
    /// A reload.
    case configure(CheckerConfiguration)
    /// An attempt ended that took this long.
    case ended(check: Int, CheckVerdict, duration: Interval)
    /// An attempt can't begin because too many run: it is late, never failed (docs/decisions, D78).
    case postponed(check: Int)
    /// All addresses of this host, for ha_suspend.
    case addresses(Set<IPAddress>)
    /// The value of a tracked file; nil while it has none.
    case file(name: String, value: Int64?)
    case timeout
    /// The service ends: omega.
    case stop
}

package enum CheckerAction: Hashable, Sendable {
    /// Begin an attempt, of the url block with this number.
    case start(check: Int, request: Int)
    /// Close what belongs to this check: nobody waits for its verdict any more.
    case abandon(check: Int)
    /// The check's record has changed: keep it for the next checker before anything is told.
    case keep(check: Int)
    /// There is no check at this place any more.
    case forget(check: Int)
    case tell(CheckerReport)
    case observe(CheckObservation)
}
