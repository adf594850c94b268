import ConfigurationModel
import LoadBalancing

/// IPVS's table with the kernel's rules for what it takes.
struct SimulatedTable {
    var services: [ServiceKey: TableService] = [:]
    /// lvs_timeouts, as they were set.
    var timeouts: TableRequest?
    /// Every call fails with this error number.
    var missing: Int32?
    /// A request that is refused: its error number; nil for the kernel's own answer.
    var refuses: (TableRequest) -> Int32? = { _ in nil }
    /// The next requests are refused with these error numbers; nil for one that isn't.
    var refusals: [Int32?] = []
    /// Services that lost their last server with a weight.
    var emptied: [ServiceKey] = []
    /// Schedulers that the kernel hasn't got.
    var unknownSchedulers: Set<String> = []
    /// Requests that were taken, in order.
    var taken: [TableRequest] = []

    private static let noEntry: Int32 = 2
    private static let noService: Int32 = 3
    private static let exists: Int32 = 17

    mutating func answer(_ call: TableCall) -> TableResult {
        if let missing { return .failed(missing) }
        switch call {
        case .survey(let basis): return .survey(basis.survey(services.mapValues(\.settings)))
        case .readDestinations(let keys):
            var found: [ServiceKey: [DestinationKey: KernelDestination]] = [:]
            for key in keys { found[key] = services[key]?.destinations }
            return .destinations(found)
        case .write(let requests): return .written(requests.map { take($0) })
        }
    }

    /// The error number of a request.
    mutating func take(_ request: TableRequest) -> Int32 {
        let planned = refusals.isEmpty ? nil : refusals.removeFirst()
        let before = request.service.map { serving($0) } ?? 0
        let error = planned ?? refuses(request) ?? apply(request)
        guard error == 0 else { return error }
        taken.append(request)
        if let key = request.service, before > 0, serving(key) == 0 { emptied.append(key) }
        return 0
    }

    private mutating func apply(_ request: TableRequest) -> Int32 {
        switch request {
        case .addService(let key, let settings):
            guard services[key] == nil else { return Self.exists }
            guard !unknownSchedulers.contains(settings.scheduler) else { return Self.noEntry }
            services[key] = TableService(settings: settings)
        case .editService(let key, let settings):
            guard services[key] != nil else { return Self.noService }
            guard !unknownSchedulers.contains(settings.scheduler) else { return Self.noEntry }
            services[key]?.settings = settings
        case .removeService(let key):
            guard services.removeValue(forKey: key) != nil else { return Self.noService }
        case .addDestination(let key, let place, let destination):
            guard let service = services[key] else { return Self.noService }
            guard service.destinations[place] == nil else { return Self.exists }
            services[key]?.destinations[place] = destination
        case .editDestination(let key, let place, let destination):
            guard let service = services[key] else { return Self.noService }
            guard service.destinations[place] != nil else { return Self.noEntry }
            services[key]?.destinations[place] = destination
        case .removeDestination(let key, let place):
            guard services[key] != nil else { return Self.noService }
            guard services[key]?.destinations.removeValue(forKey: place) != nil else { return Self.noEntry }
        case .flush: services = [:]
        case .setTimeouts: timeouts = request
        }
        return 0
    }

    /// Servers of a service that are given connections.
    func serving(_ key: ServiceKey) -> Int {
        services[key]?.destinations.values.count { $0.weight > 0 } ?? 0
    }
}
