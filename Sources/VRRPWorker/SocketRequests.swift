import Base
import ConfigurationModel
import Glibc
import Reactor
import VRRP
import WorkerProtocol

/// The VRRP sockets that instances need: requests those that are missing from hasupd.
final class SocketRequests {
    let sockets: VRRPSockets
    private let links: LinkWatcher
    private let channel: Channel
    private let loop: EventLoop
    /// Requests that hasupd hasn't answered, by the frame's correlation id.
    private var pending: [UInt32: VRRPSockets.Key] = [:]
    private var lastRequest: UInt32 = 0
    /// Interfaces that instances send by: a change of another one is no reason to look through all instances.
    private var interfaces: Set<String> = []
    /// True if one of them has changed, or had no socket at the last request.
    private(set) var mayLackSockets = false
    var onLog: ((LogLevel, String) -> Void)?

    init(_ sockets: VRRPSockets, links: LinkWatcher, channel: Channel, loop: EventLoop) {
        self.sockets = sockets
        self.links = links
        self.channel = channel
        self.loop = loop
        sockets.onFailure = { [unowned self] in self.failed($0, $1) }
    }

    /// True if every request was answered.
    var isComplete: Bool { pending.isEmpty }

    /// - Parameter running: instances that still run: what a reload removes says goodbye by its own socket.
    func request(
        for instances: some Sequence<InstanceSettings>, keepingThoseOf running: some Sequence<InstanceSettings> = [],
        generation: UInt64
    ) {
        var users: [VRRPSockets.Key: Int] = [:]
        interfaces = []
        mayLackSockets = false
        for (id, instance) in instances.enumerated() where instance.faults.isEmpty {
            interfaces.insert(instance.interface)
            guard let key = key(of: instance) else { continue }
            if users[key] == nil { users[key] = id }
            if !sockets.has(key) { mayLackSockets = true }
        }
        let kept = Set(running.compactMap(key))
        for key in sockets.reconcile(wanted: Set(users.keys), kept: kept, at: loop.now) {
            guard let id = users[key] else { continue }
            let number = nextRequest()
            pending[number] = key
            VRRPToSupervisor.openSocket(generation: generation, instance: UInt32(id))
                .send(on: channel, correlation: number)
        }
    }

    /// Numbers all requests for sockets.
    func nextRequest() -> UInt32 {
        lastRequest &+= 1
        return lastRequest
    }

    private func key(of instance: InstanceSettings) -> VRRPSockets.Key? {
        links.state(ofInterface: instance.interface).map { interface in
            VRRPSockets.Key(
                interfaceIndex: interface.index, family: instance.family,
                group: instance.isUnicast ? nil : instance.multicastGroup)
        }
    }

    func adopt(_ descriptor: consuming Descriptor, request: UInt32) {
        guard let key = pending.removeValue(forKey: request) else { return }
        do throws(SystemError) {
            try sockets.adopt(descriptor, for: key)
        } catch {
            onLog?(.error, error.description)
        }
    }

    func refused(_ reason: String, request: UInt32) {
        guard pending.removeValue(forKey: request) != nil else { return }
        onLog?(.warning, "no VRRP socket: \(reason)")
    }

    private func failed(_ code: Int32, _ key: VRRPSockets.Key) {
        mayLackSockets = true
        guard !SystemError.isOfMissingLink(code) else { return }
        onLog?(.warning, "\(links.describe(key.interfaceIndex)): \(SystemError(code, "send or receive VRRP packets"))")
    }

    /// Notes whether a socket may come or go by what the kernel has reported.
    func note(_ event: Event) {
        switch event {
        case .interface(let interface):
            if interfaces.contains(interface.name) || sockets.uses(interface.index) { mayLackSockets = true }
        case .interfaceRemoved(let index): if sockets.uses(index) { mayLackSockets = true }
        default: break
        }
    }
}

extension SystemError {
    /// True if an error says that a device is down or gone: the link monitor reports that, in better words.
    static func isOfMissingLink(_ code: Int32) -> Bool {
        code == ENETDOWN || code == ENODEV || code == ENXIO || code == EADDRNOTAVAIL
    }
}
