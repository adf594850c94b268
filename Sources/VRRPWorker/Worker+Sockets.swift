import Base
import ConfigurationModel
import Glibc
import Reactor
import VRRP
import WorkerProtocol

/// The VRRP sockets that instances need, which hasupd opens.
extension Worker {
    /// - Parameter running: instances that still run: what a reload removes says goodbye by its own socket.
    func requestSockets(
        for instances: some Sequence<InstanceSettings>, keepingThoseOf running: some Sequence<InstanceSettings> = [],
        generation: UInt64
    ) {
        var users: [VRRPSockets.Key: Int] = [:]
        var interfaces: Set<String> = []
        var isComplete = true
        for (id, instance) in instances.enumerated() where instance.faults.isEmpty {
            interfaces.insert(instance.interface)
            guard let key = socketKey(of: instance) else { continue }
            if users[key] == nil { users[key] = id }
            if !sockets.has(key) { isComplete = false }
        }
        socketInterfaces = interfaces
        mayLackSockets = !isComplete
        let kept = Set(running.compactMap(socketKey))
        for key in sockets.reconcile(wanted: Set(users.keys), kept: kept, at: loop.now) {
            guard let id = users[key] else { continue }
            lastRequest &+= 1
            socketRequests[lastRequest] = key
            VRRPToSupervisor.openSocket(generation: generation, instance: UInt32(id))
                .send(on: channel, correlation: lastRequest)
        }
    }

    func socketKey(of instance: InstanceSettings) -> VRRPSockets.Key? {
        links.state(ofInterface: instance.interface).map { interface in
            VRRPSockets.Key(
                interfaceIndex: interface.index, family: instance.family,
                group: instance.isUnicast ? nil : instance.multicastGroup)
        }
    }

    func adoptSocket(_ descriptor: consuming Descriptor, request: UInt32) {
        guard let key = socketRequests.removeValue(forKey: request) else { return }
        do throws(SystemError) {
            try sockets.adopt(descriptor, for: key)
        } catch {
            log(.error, error.description)
        }
        if next != nil, socketRequests.isEmpty { runNextConfiguration() }
    }

    func socketRefused(_ reason: String, request: UInt32) {
        guard socketRequests.removeValue(forKey: request) != nil else { return }
        log(.warning, "no VRRP socket: \(reason)")
        if next != nil, socketRequests.isEmpty { runNextConfiguration() }
    }

    func socketFailed(_ code: Int32, _ key: VRRPSockets.Key) {
        mayLackSockets = true
        // A device that is down or gone is told by the link monitor, in better words.
        if code == ENETDOWN || code == ENODEV || code == ENXIO || code == EADDRNOTAVAIL { return }
        let name = links.name(of: key.interfaceIndex) ?? "interface \(key.interfaceIndex)"
        log(.warning, "\(name): \(SystemError(code, "send or receive VRRP packets"))")
    }

    /// Whether a socket may come or go by what the kernel has told.
    func concernsSockets(_ event: Event) -> Bool {
        switch event {
        case .interface(let interface): socketInterfaces.contains(interface.name) || sockets.uses(interface.index)
        case .interfaceRemoved(let index): sockets.uses(index)
        default: false
        }
    }

    /// Something happened to interfaces: sockets that are missing now are asked for.
    func linksChanged() {
        guard mayLackSockets || next != nil else { return }
        if let next {
            requestSockets(
                for: next.model.instances, keepingThoseOf: node.instances, generation: next.generation)
        } else {
            requestSockets(for: node.instances, generation: generation)
        }
    }
}
