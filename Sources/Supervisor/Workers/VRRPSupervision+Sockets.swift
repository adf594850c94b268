import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Supervision
import WorkerProtocol

/// Sockets for the worker, which names each by its place in the configuration.
extension VRRPSupervision {
    /// Opens the socket that a message asks for.
    func openSocket(_ request: VRRPToSupervisor, _ correlation: UInt32, _ worker: WorkerProcess) {
        switch request {
        case .openSocket(let generation, let instance):
            answer(correlation, worker) { broker throws(Refusal) in
                try broker.socket(generation: generation, instance: instance)
            } open: { plan, pass throws(SystemError) in
                let socket = try plan.open()
                pass(socket.number)
            }
        case .openHeartbeatSocket(let generation, let place):
            answer(correlation, worker) { broker throws(Refusal) in
                try broker.heartbeatSocket(generation: generation, at: place)
            } open: { ends, pass throws(SystemError) in
                let socket = try ends.open()
                pass(socket.number)
            }
        case .openReferenceSocket(let generation, let place):
            answer(correlation, worker) { broker throws(Refusal) in
                try broker.referenceSocket(generation: generation, at: place)
            } open: { target, pass throws(SystemError) in
                let socket = try target.open()
                pass(socket.number)
            }
        case .openQuestionSocket(let generation, let instance):
            answer(correlation, worker) { broker throws(Refusal) in
                try broker.questionSocket(generation: generation, instance: instance)
            } open: { link, pass throws(SystemError) in
                pass(try questionSockets.socket(of: link))
            }
        default: break
        }
    }

    /// Answers a request for what the broker permits.
    ///
    /// - Parameter open: passes the number of a descriptor on, which is still its own.
    private func answer<Plan>(
        _ correlation: UInt32, _ worker: WorkerProcess,
        plan find: (inout Broker<Generation>) throws(Refusal) -> Plan,
        open: (Plan, _ pass: (Int32) -> Void) throws(SystemError) -> Void
    ) {
        guard let channel = worker.channel else { return }
        checkDelivery(on: channel)
        let permitted: Plan
        do throws(Refusal) {
            permitted = try plan(find)
        } catch {
            refuse(error)
            return SupervisorToVRRP.socketRefused(error.description).send(on: channel, correlation: correlation)
        }
        do throws(SystemError) {
            try open(permitted) {
                SupervisorToVRRP.socket.send(on: channel, correlation: correlation, descriptors: [$0])
            }
        } catch {
            SupervisorToVRRP.socketRefused(error.description).send(on: channel, correlation: correlation)
        }
    }
}

extension SocketPlan {
    fileprivate func open() throws(SystemError) -> Descriptor {
        let operation = "open a VRRP socket on \(interface)"
        let index = hasup_interface_index(interface)
        guard index > 0 else { throw SystemError(ENODEV, operation) }
        return try owned(hasup_vrrp_socket(Int32(family.rawValue), index, interface, group?.bytes), operation)
    }
}

extension ReferenceTarget {
    fileprivate func open() throws(SystemError) -> Descriptor {
        let operation = "open an ICMP socket for \(address) on \(device)"
        let index = hasup_interface_index(device)
        guard index > 0 else { throw SystemError(ENODEV, operation) }
        return try owned(
            hasup_reference_socket(device, index, Int32(address.family.rawValue), address.bytes), operation)
    }
}

/// The packet sockets by which workers ask who has an address, one for each link. Their last descriptors are here, so that no
/// worker closes one when it dies: that waits for the kernel's RCU, 8 to 16 ms for each (docs/decisions, D39).
final class QuestionSocketStore {
    private final class Entry {
        let socket: Descriptor
        init(_ socket: consuming Descriptor) { self.socket = socket }
    }

    private var entries: [QuestionLink: Entry] = [:]

    /// Returns the socket of a link, as it was when it was made. - Throws: `SystemError`.
    func socket(of link: QuestionLink) throws(SystemError) -> Int32 {
        let operation = "open a packet socket on \(link.interface)"
        let index = hasup_interface_index(link.interface)
        guard index > 0 else { throw SystemError(ENODEV, operation) }
        let family = Int32(link.family.rawValue)
        if let entry = entries[link], hasup_question_socket_restore(entry.socket.number, family, index) == 0 {
            return entry.socket.number
        }
        let entry = Entry(try owned(hasup_question_socket(family, index), operation))
        entries[link] = entry
        return entry.socket.number
    }

    /// Closes those that no instance of a generation needs.
    func keep(onlyOf generation: Generation) {
        guard !entries.isEmpty else { return }
        let needed = generation.questionLinks
        entries = entries.filter { needed.contains($0.key) }
    }
}
