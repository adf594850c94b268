import ConfigurationModel
import LoadBalancing

/// A deliberate fault in the world of services, to prove that its promises can be broken.
enum ServiceFault: String, CaseIterable {
    /// News of the checker don't arrive.
    case losesNews
    /// Readings say what is wanted, not what stands there.
    case hidesDrift
    /// Keys aren't written to the file.
    case losesNotes
    /// Keys stay in the file.
    case keepsNotes
    /// An unchanged configuration writes a service anew.
    case rewrites
    /// Servers go before others come.
    case takesOutFirst
    /// Destinations are removed and added where they could be edited.
    case replaces
    /// Foreign destinations are removed.
    case removesForeignDestinations
    /// Foreign services are removed.
    case removesForeignServices
    /// The kernel says that it has removed what it hasn't.
    case skipsRemovals

    /// Failures of checks aren't heard.
    case losesVerdicts
    /// A new checker knows nothing.
    case losesRecords
    /// Removals by a reload aren't notified.
    case losesRemovals

    /// True for those of the world with a checker.
    var isOfChecks: Bool { [.losesVerdicts, .losesRecords, .losesRemovals].contains(self) }

    /// A part of the sentence that it must lead to.
    var sign: String {
        switch self {
        case .losesNews, .hidesDrift, .skipsRemovals: "isn't what is wanted"
        case .losesNotes: "isn't noted"
        case .keepsNotes, .removesForeignServices: "is foreign, and is written"
        case .rewrites: "writes"
        case .takesOutFirst: "is left without a server"
        case .replaces: "is removed and added"
        case .removesForeignDestinations: "is foreign, and is removed"
        case .losesVerdicts: "is ill and in"
        case .losesRecords: "at rest"
        case .losesRemovals: "is removed without a notification"
        }
    }

    /// A call as it leaves the director.
    func spoil(_ call: TableCall, _ table: SimulatedTable) -> TableCall {
        guard case .write(var requests) = call else { return call }
        switch self {
        case .takesOutFirst:
            let keys = Set(requests.compactMap(\.service))
            for key in keys.sorted() {
                let places = (table.services[key]?.destinations ?? [:]).filter { $0.value.weight > 0 }
                requests.insert(contentsOf: places.keys.sorted().map { .removeDestination(key, $0) }, at: 0)
            }
        case .replaces:
            requests = requests.flatMap { request -> [TableRequest] in
                guard case .editDestination(let key, let place, let destination) = request else { return [request] }
                return [.removeDestination(key, place), .addDestination(key, place, destination)]
            }
        case .removesForeignDestinations:
            for (key, service) in table.services.sorted(by: { $0.key < $1.key }) {
                for place in service.destinations.keys.sorted() where ServiceScenario.isForeign(place) {
                    requests.append(.removeDestination(key, place))
                }
            }
        case .removesForeignServices:
            requests += table.services.keys.sorted().filter(ServiceScenario.isForeign).map { .removeService($0) }
        case .skipsRemovals:
            requests.removeAll { if case .removeDestination = $0 { true } else { false } }
        default: break
        }
        return .write(requests)
    }

    /// A result as it reaches the director.
    func spoil(_ result: TableResult, _ director: Director) -> TableResult {
        switch (self, result) {
        case (.hidesDrift, .destinations(var found)) where director.condition == .available:
            for service in director.services {
                guard let state = service.state else { continue }
                for key in service.definition.keys where found[key] != nil {
                    found[key] = service.definition.destinations(for: key, state)
                }
            }
            return .destinations(found)
        case (.skipsRemovals, .written(let errors)):
            // As many as were asked for; none has failed.
            return .written(errors + Array(repeating: 0, count: 64))
        default: return result
        }
    }
}
