import Base
import Configuration
import ConfigurationModel
import Glibc
import LoadBalancing
import Supervision
import WorkerProtocol

/// An accepted configuration: its number, the sealed image that workers map too, and its instances one at a time. Only
/// what is needed is decoded, so that thousands of instances cost hasupd no long turn.
final class Generation: InstanceSource {
    let number: UInt64
    let image: ConfigurationImage
    let model: EncodedModel
    /// The time of its acceptance, nanoseconds since 1970.
    let acceptedAt: Int64
    /// Without findings about the moment.
    let warnings: Int
    let errors: Int
    /// Files that couldn't be read at a start, a sentence each.
    let unreadFiles: [String]
    /// Checks that couldn't be set up at a start, a sentence each.
    let unmadeChecks: [String]
    /// Decoded once: thousands of notifications may need it at once.
    private(set) lazy var global = (try? model.global()) ?? GlobalSettings()

    /// Decoded once, too.
    private(set) lazy var syncGroups = (try? model.shared())?.syncGroups ?? []

    /// cluster blocks, with the paths of their keys. Decoded once.
    private(set) lazy var clusters = (try? model.withoutInstances().clusters) ?? []

    private(set) lazy var subjects = OrderSubjects(self)

    /// Numbers of the instances of which this node asks for an address before it claims it. Decoded once.
    private lazy var askingInstances: Set<Int> = {
        guard clusters.contains(where: \.asksForAddresses) else { return [] }
        let guarded = ConfigurationModel.guardedInstances(of: clusters, groups: syncGroups) {
            subjects.numbers(of: NotificationKey(.instance, $0)).first
        }
        return Set(guarded.filter { clusters[$0.value.cluster].asksForAddresses }.keys)
    }()

    func asksForAddress(of index: Int) -> Bool { askingInstances.contains(index) }

    /// The links on which they ask.
    var questionLinks: Set<QuestionLink> { Set(askingInstances.compactMap { instance(at: $0)?.questionLink }) }

    init(
        number: UInt64, image: ConfigurationImage, model: EncodedModel, diagnostics: [Diagnostic], acceptedAt: Int64
    ) {
        self.number = number
        self.image = image
        self.model = model
        self.acceptedAt = acceptedAt
        warnings = diagnostics.count { $0.severity == .warning && !$0.isOfTheMoment }
        errors = diagnostics.count { $0.severity == .error && !$0.isOfTheMoment }
        unreadFiles = Self.sentences(diagnostics, .file)
        unmadeChecks = Self.sentences(diagnostics, .check)
    }

    /// The same configuration under another number.
    init(_ other: Generation, number: UInt64) {
        self.number = number
        image = other.image
        model = other.model
        acceptedAt = other.acceptedAt
        warnings = other.warnings
        errors = other.errors
        unreadFiles = other.unreadFiles
        unmadeChecks = other.unmadeChecks
    }

    /// Errors of one kind that are named.
    private static let namedMax = 16

    private static func sentences(_ diagnostics: [Diagnostic], _ code: DiagnosticCode) -> [String] {
        let found = diagnostics.filter { $0.severity == .error && $0.code == code }.map { finding in
            let place = finding.location.map { "\($0.file):\($0.line): " } ?? ""
            return "\(place)\(Printable.text(finding.message, limit: 300))"
        }
        let more = found.count - namedMax
        return found.prefix(namedMax) + (more > 0 ? ["\(more) more: `hasup check` lists them"] : [])
    }

    /// SCHED_FIFO priority of the VRRP worker, 2...99: vrrp_rt_priority, or 50 (docs/decisions, D29).
    var workerPriority: Int32 {
        guard let configured = (try? model.global())?.realtimePriority else { return 50 }
        return Int32(min(99, max(2, configured)))
    }

    /// One below: the worker's deadlines come first (docs/decisions, D6).
    var supervisorPriority: Int32 { workerPriority - 1 }

    /// The descriptor of what the VRRP worker is handed.
    var partNumber: Int32 { image.part?.number ?? -1 }

    /// The descriptor of what hasup-track is handed.
    var trackingPartNumber: Int32 { image.trackingPart?.number ?? -1 }

    /// The descriptor of what the checker is handed.
    var servicesPartNumber: Int32 { image.servicesPart?.number ?? -1 }

    /// The services as the checker has them, by number. Decoded once for all who ask while a configuration is taken on, then
    /// given up: thousands take much room.
    var services: [VirtualServerSettings] {
        if let heldServices { return heldServices }
        guard let image = image.servicesPart else { return [] }
        let decoded = (try? EncodedModel(image.model).withoutInstances().virtualServers) ?? []
        heldServices = decoded
        return decoded
    }
    private var heldServices: [VirtualServerSettings]?

    func giveUpServices() { heldServices = nil }

    /// Scripts of virtual and real servers, and those of which mails are sent. Decoded once.
    private(set) lazy var serviceNotices: (scripts: [NotificationKey: [ServiceScript]], mails: Set<NotificationKey>) = {
        var scripts: [NotificationKey: [ServiceScript]] = [:]
        var mails = Set<NotificationKey>()
        let sendsMail = global.mail.relay != nil && !global.mail.recipients.isEmpty
        for service in (try? model.withoutInstances().virtualServers) ?? [] {
            if !service.scripts.isEmpty { scripts[service.notificationKey] = service.scripts }
            if sendsMail, service.sendsMail { mails.insert(service.notificationKey) }
            for server in service.realServers {
                if !server.scripts.isEmpty { scripts[service.notificationKey(of: server)] = server.scripts }
                if sendsMail, server.sendsMail { mails.insert(service.notificationKey(of: server)) }
            }
        }
        return (scripts, mails)
    }()

    /// The objects that hasup-track watches, by number.
    var trackedObjects: [TrackedObject] { tracked.objects }
    /// Folders in which hasup-track makes files (init_file).
    var trackingFolders: [String] { tracked.folders }
    var tracksFiles: Bool { trackedObjects.contains { $0.kind == .file } }
    var tracksProcesses: Bool { trackedObjects.contains { $0.kind == .process } }

    /// Decoded once.
    private lazy var tracked: (objects: [TrackedObject], folders: [String]) = {
        guard let image = image.trackingPart, let part = try? EncodedModel(image.model).decode() else {
            return ([], [])
        }
        let made = part.shared.trackFiles.filter { $0.initialValue != nil }
        return (TrackedObject.all(of: part), Array(Set(made.map { ReloadPaths.folder(of: $0.path) })).sorted())
    }()

    /// Clusters of which the keys can't be had, by their places: what they guard can't run.
    var keyless: Set<Int> = [] {
        didSet {
            guard keyless != oldValue else { return }
            let guarded = keyless.isEmpty ? [:] : (try? model.decode())?.guardedGroups ?? [:]
            withoutKeys = Set(guarded.filter { keyless.contains($0.value.cluster) }.keys)
            last = nil
        }
    }

    private var withoutKeys: Set<String> = []
    private static let keylessFault = "the keys of its cluster can't be read: hasupd's log says why"

    var instanceCount: Int { model.instanceCount }

    /// Its virtual routers and servers, counted: of what it hasn't got nothing is said.
    var sizeText: String {
        let services = counted(model.virtualServerCount, "virtual server")
        if instanceCount == 0, model.virtualServerCount > 0 { return services }
        let instances = counted(instanceCount, "instance")
        return model.virtualServerCount > 0 ? "\(instances), \(services)" : instances
    }

    /// True if a FIFO of it is to belong to another user.
    var givesFIFOsAway: Bool { FIFOPlan.all(of: global).contains(where: \.isGivenAway) }

    /// Places of groups by their members.
    private lazy var groupPlaces = Dictionary(
        syncGroups.enumerated().flatMap { place, group in group.members.map { ($0, place) } },
        uniquingKeysWith: { first, _ in first })

    /// An instance with what its sync group tracks.
    func effectiveInstance(at index: Int) -> InstanceSettings? {
        var settings = instance(at: index)
        if let place = groupPlaces[index] { settings?.join(syncGroups[place]) }
        return settings
    }

    func group(at index: Int) -> SyncGroup? { syncGroups.indices.contains(index) ? syncGroups[index] : nil }

    /// The last instance that was decoded: a frame may name the same one a hundred times, and one with many addresses takes
    /// a while.
    private var last: (index: Int, settings: InstanceSettings?)?

    func instance(at index: Int) -> InstanceSettings? {
        guard (0..<model.instanceCount).contains(index) else { return nil }
        if let last, last.index == index { return last.settings }
        var settings = try? model.instance(at: index)
        if let name = settings?.name, withoutKeys.contains(name) { settings?.faults.append(Self.keylessFault) }
        last = (index, settings)
        return settings
    }
}
