import Base
import ConfigurationModel
import Glibc
import Reactor
import VRRP
import Wire
import WorkerProtocol

/// The shell around the guard's questions to others: reference addresses by ICMP, and who has an address by ARP and
/// neighbour discovery (docs/decisions, D101, D102, D108). It requests missing sockets from hasupd, by their places.
final class Questions {
    /// What a configuration asks, and by which sockets.
    private struct QuestionPlan {
        var generation: UInt64 = 0
        var references: [QuestionSockets.Key: ReferencePlace] = [:]
        /// Each with the number of an instance that asks there.
        var links: [QuestionLink: UInt32] = [:]

        init() {}

        init(_ model: ConfigurationModel, generation: UInt64) {
            self.generation = generation
            for (number, cluster) in model.clusters.enumerated() {
                for (place, target) in cluster.echoedReferences(ofCluster: number) {
                    references[.reference(cluster: cluster.name, target)] = place
                }
            }
            links = model.questionLinks.mapValues { UInt32($0) }
        }

        var keys: Set<QuestionSockets.Key> {
            Set(references.keys).union(links.keys.map { QuestionSockets.Key.link($0) })
        }

        /// The request for the socket of a key.
        func request(for key: QuestionSockets.Key) -> VRRPToSupervisor? {
            switch key {
            case .reference: references[key].map { .openReferenceSocket(generation: generation, $0) }
            case .link(let link): links[link].map { .openQuestionSocket(generation: generation, instance: $0) }
            }
        }
    }

    /// Time between two requests for a socket that can't be had yet: its device, or a route, may come.
    private static let requestPeriod = Interval.seconds(1)

    private let loop: EventLoop
    private let channel: Channel
    private let links: LinkWatcher
    private let sockets: QuestionSockets
    private var plan = QuestionPlan()
    /// The one of the configuration that waits for its sockets.
    private var next: QuestionPlan?
    private var pending: [UInt32: QuestionSockets.Key] = [:]
    private var refusals: [QuestionSockets.Key: String] = [:]
    private var requestTimer: Timer?
    private var references: [QuestionSockets.Key: AskedReference] = [:]
    /// By the reference's place.
    private var keys: [ReferencePlace: QuestionSockets.Key] = [:]
    /// Numbers requests.
    var nextRequest: (() -> UInt32)?
    /// A reference, by its place, has answered the request of this number.
    var onAnswer: ((ReferencePlace, UInt16) -> Void)?
    /// Another machine on this interface's link says that it has an address.
    var onClaim: ((_ interfaceIndex: Int32, AddressClaim) -> Void)?
    var onLog: ((LogLevel, String) -> Void)?

    init(channel: Channel, links: LinkWatcher, loop: EventLoop) {
        self.loop = loop
        self.channel = channel
        self.links = links
        sockets = QuestionSockets(on: loop)
        sockets.onMessage = { [unowned self] in self.take($1, by: $0) }
        sockets.onError = { [unowned self] in self.failed($0, $1) }
        requestTimer = loop.makeTimer { [unowned self] in self.requestMissing() }
    }

    // MARK: Configurations

    /// Requests the sockets of a configuration.
    func prepare(_ model: ConfigurationModel, generation: UInt64) {
        next = QuestionPlan(model, generation: generation)
        requestMissing()
    }

    /// The configuration runs from now on. Counters of references that stay go on.
    func adopt() {
        guard let plan = next else { return }
        next = nil
        self.plan = plan
        keys = Dictionary(plan.references.map { ($1, $0) }) { first, _ in first }
        let needed = plan.keys
        references = references.filter { needed.contains($0.key) }
        refusals = refusals.filter { needed.contains($0.key) }
        sockets.close(except: needed)
        requestMissing()
    }

    // MARK: Requests

    /// True if every request was answered.
    var isComplete: Bool { pending.isEmpty }

    /// Requests what is missing, and looks again later.
    func requestMissing() {
        let plan = next ?? plan
        var isMissing = false
        let requested = Set(pending.values)
        for key in plan.keys {
            if let index = sockets.interfaceIndex(of: key), links.state(ofInterface: key.device)?.index != index {
                sockets.close(key)
            }
            guard !sockets.has(key) else { continue }
            isMissing = true
            guard !requested.contains(key), let request = plan.request(for: key), let number = nextRequest?() else {
                continue
            }
            pending[number] = key
            request.send(on: channel, correlation: number)
        }
        if let requestTimer { loop.set(requestTimer, to: isMissing ? loop.now + Self.requestPeriod : .never) }
    }

    /// True if this answers a request of ours.
    func expects(_ request: UInt32) -> Bool { pending[request] != nil }

    func adopt(_ descriptor: consuming Descriptor, request: UInt32) {
        guard let key = pending.removeValue(forKey: request) else { return }
        // One that has just come isn't known yet: it is looked at when it is.
        guard let index = links.state(ofInterface: key.device)?.index else { return }
        if let refusal = refusals.removeValue(forKey: key) { onLog?(.notice, "\(key) again, after: \(refusal)") }
        do throws(SystemError) {
            try sockets.adopt(descriptor, for: key, interfaceIndex: index)
        } catch {
            onLog?(.error, error.description)
        }
        guard case .reference(_, let target) = key else { return }
        references[key, default: AskedReference()].begin(target)
    }

    /// hasupd can't open it now: said once for each reason.
    func refused(_ reason: String, request: UInt32) {
        guard let key = pending.removeValue(forKey: request), refusals[key] != reason else { return }
        refusals[key] = reason
        onLog?(.warning, "not \(key): \(reason)")
    }

    private func failed(_ key: QuestionSockets.Key, _ code: Int32) {
        references[key]?.failed(code)
        if !sockets.has(key), let requestTimer { loop.set(requestTimer, to: loop.now + Self.requestPeriod) }
    }

    // MARK: Questions and answers

    /// Reads all sockets.
    func drain() { sockets.drain() }

    /// Sends an echo request of this number to a reference.
    func ask(_ place: ReferencePlace, number: UInt16) {
        guard let key = keys[place], sockets.has(key), let request = references[key]?.request(number) else { return }
        if sockets.send(request, by: key) { references[key]?.sent += 1 }
    }

    /// Asks who has an address.
    func ask(for address: IPAddress, interfaceIndex: Int32) {
        guard let interface = links.state(ofInterface: interfaceIndex), let hardware = interface.hardwareAddress else {
            return
        }
        let link = QuestionLink(interface: interface.name, family: address.family)
        _ = sockets.send(encodeAddressQuestion(for: address, from: hardware), by: .link(link))
    }

    private func take(_ bytes: UnsafeRawBufferPointer, by key: QuestionSockets.Key) {
        switch key {
        case .reference(let cluster, let target):
            // Of a configuration that doesn't run yet, or not any more.
            guard let place = plan.references[key] else { return }
            switch references[key, default: AskedReference()].read(bytes, from: target) {
            case .success(let number): onAnswer?(place, number)
            case .failure(let refusal):
                guard let count = references[key]?.refuse(refusal, at: loop.now) else { return }
                onLog?(
                    .warning,
                    "cluster \(cluster), reference \(target.address) on \(target.device): echo replies were refused "
                        + "(\(count) so far): \(refusal.text)")
            }
        case .link:
            guard let index = sockets.interfaceIndex(of: key), let claim = AddressClaim(frame: bytes),
                !links.hasHardware(claim.machine)
            else { return }
            onClaim?(index, claim)
        }
    }
}

extension QuestionSockets.Key: CustomStringConvertible {
    /// What is done by it, as it continues "not ".
    var description: String {
        switch self {
        case .reference(let cluster, let target):
            "asking reference \(target.address) of cluster \(cluster) on \(target.device)"
        case .link(let link): "asking who has addresses on \(link.interface)"
        }
    }
}
