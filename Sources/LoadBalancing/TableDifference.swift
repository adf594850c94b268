import Base
import ConfigurationModel

/// One place where the kernel's table differs from the wanted one. Nil: it isn't there; it isn't wanted.
package enum TableChange: Hashable, Sendable {
    case service(found: KernelService?, wanted: KernelService?)
    case destination(DestinationKey, found: KernelDestination?, wanted: KernelDestination?)
}

/// The difference between what the kernel has for a service and what is wanted there.
package struct TableDifference: Hashable, Sendable {
    package let key: ServiceKey
    package private(set) var changes: [TableChange] = []

    package var isEmpty: Bool { changes.isEmpty }

    package init(_ key: ServiceKey, changes: [TableChange] = []) {
        self.key = key
        self.changes = changes
    }

    /// - Parameter actual: nil without such a service.
    /// - Parameter wanted: nil for a service that is to go.
    package init(_ key: ServiceKey, from actual: TableService?, to wanted: TableService?) {
        self.key = key
        guard actual != nil || wanted != nil else { return }
        if actual?.settings != wanted?.settings {
            changes.append(.service(found: actual?.settings, wanted: wanted?.settings))
        }
        // Destinations go with their service.
        guard let wanted else { return }
        let found = actual?.destinations ?? [:]
        for (place, destination) in wanted.destinations where found[place] != destination {
            changes.append(.destination(place, found: found[place], wanted: destination))
        }
        for (place, destination) in found where wanted.destinations[place] == nil {
            changes.append(.destination(place, found: destination, wanted: nil))
        }
    }

    /// The part for which this holds.
    package func filter(_ isKept: (TableChange) -> Bool) -> TableDifference {
        TableDifference(key, changes: changes.filter(isKept))
    }
}

/// The requests that make one service what it should be: first those that bring servers in, then, when the kernel has
/// answered, those that take servers out. So a service that keeps a server is never without one.
package struct ServicePlan: Hashable, Sendable {
    package private(set) var first: [TableRequest] = []
    package private(set) var last: [TableRequest] = []

    /// Destinations beyond which a table that is made anew with every one of them is made once, at the end.
    private static let smallService = 8
    /// Schedulers that make a table of their destinations, and make it anew with each.
    private static let tableSchedulers: Set<String> = [
        Scheduler.maglevHashing.rawValue, Scheduler.sourceHashing.rawValue, Scheduler.destinationHashing.rawValue,
        Scheduler.localityLeastConnections.rawValue, Scheduler.replicatedLocalityLeastConnections.rawValue,
    ]

    package init(_ difference: TableDifference) {
        let key = difference.key
        var ordered: [(rank: Int, place: DestinationKey, request: TableRequest)] = []
        var beginning: [TableRequest] = []
        var end: [TableRequest] = []
        for change in difference.changes {
            switch change {
            case .service(_, nil):
                last = [.removeService(key)]
                return
            case .service(nil, let wanted?):
                let count = difference.changes.count - 1
                guard count > Self.smallService, Self.tableSchedulers.contains(wanted.scheduler) else {
                    beginning = [.addService(key, wanted)]
                    continue
                }
                var plain = wanted
                plain.scheduler = Scheduler.roundRobin.rawValue
                plain.schedulerFlags = []
                beginning = [.addService(key, plain)]
                end = [.editService(key, wanted)]
            case .service(_, let wanted?):
                if Self.tableSchedulers.contains(wanted.scheduler) {
                    end = [.editService(key, wanted)]
                } else {
                    beginning = [.editService(key, wanted)]
                }
            case .destination(let place, let found, let wanted):
                ordered.append(Self.step(key, place, found, wanted))
            }
        }
        ordered.sort { ($0.rank, $0.place) < ($1.rank, $1.place) }
        first = beginning + ordered.filter { $0.rank < Self.firstWithout }.map(\.request) + end
        last = ordered.filter { $0.rank >= Self.firstWithout }.map(\.request)
    }

    /// The rank of the first step that can leave a service without a server.
    private static let firstWithout = 4

    private static func step(
        _ key: ServiceKey, _ place: DestinationKey, _ found: KernelDestination?, _ wanted: KernelDestination?
    ) -> (rank: Int, place: DestinationKey, request: TableRequest) {
        guard let wanted else { return (6, place, .removeDestination(key, place)) }
        guard let found else {
            return (wanted.weight > 0 ? 0 : 3, place, .addDestination(key, place, wanted))
        }
        let request = TableRequest.editDestination(key, place, wanted)
        if wanted.weight > found.weight { return (1, place, request) }
        if wanted.weight > 0 || found.weight == 0 { return (2, place, request) }
        return (5, place, request)
    }
}

extension DestinationKey: Comparable {
    package static func < (left: DestinationKey, right: DestinationKey) -> Bool {
        (left.address, left.port) < (right.address, right.port)
    }
}
