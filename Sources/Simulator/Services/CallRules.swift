import ConfigurationModel
import LoadBalancing

/// The rules for a write, as things stand before it.
struct CallRules {
    private let requests: [TableRequest]
    private let ours: Set<ServiceKey>
    private let configured: Set<ServiceKey>
    /// Services that keep a server.
    private var keepers: Set<ServiceKey> = []
    private let foreignPlaces: [ServiceKey: Set<DestinationKey>]

    init(_ call: TableCall, _ world: ServiceSimulation) {
        if case .write(let requests) = call { self.requests = requests } else { requests = [] }
        configured = Set(world.definitions.flatMap(\.keys))
        ours = configured.union(world.bench.file)
        foreignPlaces = world.foreignPlaces
        guard !requests.isEmpty else { return }
        for service in world.bench.director.services {
            guard let state = service.state else { continue }
            for key in service.definition.keys {
                let wanted = service.definition.destinations(for: key, state)
                if wanted.values.contains(where: { $0.weight > 0 }) { keepers.insert(key) }
            }
        }
    }

    /// A sentence for each rule that the kernel's new requests break.
    ///
    /// - Parameter disturbed: services that another program has changed since they were read.
    func broken(by table: SimulatedTable, since count: Int, disturbed: Set<ServiceKey>) -> [String] {
        var sentences: [String] = []
        var removed: Set<DestinationPlace> = []
        for request in table.taken[count...] {
            if let key = request.service, !ours.contains(key) {
                sentences.append("\(key.target) is foreign, and is written: \(request)")
            }
            switch request {
            case .flush: sentences.append("the table is emptied")
            case .removeService(let key) where configured.contains(key):
                sentences.append("\(key.target) is configured, and is removed")
            case .removeDestination(let key, let place):
                removed.insert(DestinationPlace(key: key, place: place))
                if ServiceScenario.isForeign(place), foreignPlaces[key]?.contains(place) == true {
                    sentences.append("a destination of \(key.target) is foreign, and is removed")
                }
            case .addDestination(let key, let place, _) where removed.contains(DestinationPlace(key: key, place: place)):
                sentences.append("a destination of \(key.target) is removed and added")
            default: break
            }
        }
        for key in table.emptied where keepers.contains(key) && !disturbed.contains(key) {
            sentences.append("\(key.target) keeps a server, and is left without a server on the way")
        }
        return sentences
    }

    private struct DestinationPlace: Hashable {
        var key: ServiceKey
        var place: DestinationKey
    }
}
