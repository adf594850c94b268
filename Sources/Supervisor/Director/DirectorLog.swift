import Base
import ConfigurationModel
import Glibc
import LoadBalancing
import LogOutput
import Logging
import Reactor

/// Observations of the director, as lines of the log and of the history.
final class DirectorLog {
    private let log: Logger
    private let events: EventRecorder
    /// Things that a line names.
    private static let namedMax = 8

    init(_ context: DaemonContext, _ events: EventRecorder) {
        log = context.log
        self.events = events
    }

    func lost(_ reason: String) { log.error("\(reason)") }

    func write(_ observation: DirectorObservation) {
        let (level, text) = Self.line(observation)
        log.log(level: level, "\(text)")
        events.record(process: text)
    }

    /// A sentence: the reason that the kernel's table can't be used.
    static func missing(_ code: Int32) -> String {
        switch code {
        case ENOENT:
            "IPVS is missing: the kernel has no module ip_vs, so no virtual server is set up. It is tried again every 10 s."
        case EPERM:
            "IPVS refuses hasupd, which lacks the capability net_admin in the machine's own user namespace: no virtual "
                + "server is set up. It is tried again every 10 s."
        default:
            "IPVS can't be used: \(SystemError.text(of: code)). It is tried again every 10 s."
        }
    }

    private static func line(_ observation: DirectorObservation) -> (Logger.Level, String) {
        switch observation {
        case .missing(let code): (.error, missing(code))
        case .available: (.notice, "IPVS can be used: the virtual servers are set up")
        case .takenOver(let keys): (.notice, "took over from another program in IPVS: \(names(keys.map(\.title)))")
        case .leftovers(let keys):
            (.notice, "removing from IPVS what an earlier configuration had: \(names(keys.map(\.title)))")
        case .flushed(let keys): (.notice, "lvs_flush: removing from IPVS \(names(keys.map(\.title)))")
        case .foreign(let key, let places):
            (
                .warning,
                "\(key.title): another program has added \(names(places.map(\.title))) in IPVS; left there until a reload or "
                    + "restart"
            )
        case .foreignRemoved(let key, let places):
            (.notice, "\(key.title): removing \(names(places.map(\.title))), which another program has added in IPVS")
        case .mended(let difference):
            (.warning, "\(difference.key.title): mended what another program has changed in IPVS: \(texts(difference))")
        case .mendedRepeatedly(let key, let place, let count):
            (
                .warning,
                "\(key.title): \(place.map { "server \($0.title)" } ?? "its settings") mended \(count) more times in a minute"
            )
        case .refused(let request, let code):
            (.error, "\(title(request)): the kernel refuses it: \(SystemError.text(of: code)). It is tried again")
        case .accepted(let key): (.notice, "\(key.title): the kernel has taken it now")
        case .leftBehind(let keys, let code):
            (.error, "left in IPVS: \(names(keys.map(\.title))): \(SystemError.text(of: code))")
        }
    }

    private static func names(_ titles: [String]) -> String {
        let more = titles.count - namedMax
        return titles.prefix(namedMax).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }

    /// `add server 10.0.0.11:80 to tcp 10.0.0.1:80`.
    static func title(_ request: TableRequest) -> String {
        switch request {
        case .addService(let key, let service): "virtual server \(key.title) with scheduler \(service.scheduler)"
        case .editService(let key, let service): "virtual server \(key.title) with scheduler \(service.scheduler)"
        case .removeService(let key): "removal of virtual server \(key.title)"
        case .addDestination(let key, let place, _): "server \(place.title) of \(key.title)"
        case .editDestination(let key, let place, _): "change of server \(place.title) of \(key.title)"
        case .removeDestination(let key, let place): "removal of server \(place.title) of \(key.title)"
        case .flush: "lvs_flush"
        case .setTimeouts: "lvs_timeouts"
        }
    }

    private static func texts(_ difference: TableDifference) -> String {
        names(
            difference.changes.map { change in
                switch change {
                case .service(nil, _): "the service was missing"
                case .service(_?, nil): "the service was there"
                case .service(let found?, let wanted?):
                    found.scheduler == wanted.scheduler
                        ? "its settings" : "scheduler \(found.scheduler) instead of \(wanted.scheduler)"
                case .destination(let place, nil, _): "\(place.title) was missing"
                case .destination(let place, _?, nil): "\(place.title) was there"
                case .destination(let place, let found?, let wanted?):
                    found.weight == wanted.weight
                        ? "settings of \(place.title)"
                        : "weight \(found.weight) of \(place.title) instead of \(wanted.weight)"
                }
            })
    }
}
