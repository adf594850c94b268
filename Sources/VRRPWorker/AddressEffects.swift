import Base
import Configuration
import Kernel
import Reactor
import VRRP

/// Puts virtual addresses on interfaces and takes them away, on the second thread (docs/decisions.md, D5).
final class AddressEffects {
    private let thread: EffectThread
    private let loop: EventLoop
    private var watch: Watch?
    private var refused: [(ticket: UInt64, reason: String)] = []
    /// A ticket was answered.
    var onApplied: ((UInt64, KernelOutcome) -> Void)?
    /// A snapshot that `readAll` asked for has come.
    var onSnapshot: ((RouteSnapshot) -> Void)?

    init(_ thread: EffectThread, on loop: EventLoop) throws(SystemError) {
        self.thread = thread
        self.loop = loop
        watch = try loop.add(thread.descriptor) { [weak self] _ in self?.drain() }
    }

    /// Whether nothing is under way.
    var isIdle: Bool { thread.inFlight == 0 }

    func install(_ addresses: [VirtualAddress], on interface: String, ticket: UInt64, links: LinkWatcher) {
        submit(addresses, on: interface, ticket: ticket, links: links) { .install($0) }
    }

    func withdraw(_ addresses: [VirtualAddress], on interface: String, ticket: UInt64, links: LinkWatcher) {
        submit(addresses, on: interface, ticket: ticket, links: links) { .withdraw($0) }
    }

    /// Asks for all interfaces and addresses.
    func readAll() { thread.submit(.read, ticket: 0) }

    /// Waits for what is under way and ends the thread.
    func stop() { thread.stop() }

    /// Addresses whose interface is missing can't be handled and need no withdrawal; the others go to the kernel.
    private func submit(
        _ addresses: [VirtualAddress], on interface: String, ticket: UInt64, links: LinkWatcher,
        call: ([InterfaceAddress]) -> Call
    ) {
        thread.submit(
            call(
                addresses.compactMap { address in
                    links.state(ofInterface: address.interface ?? interface).map {
                        InterfaceAddress(address, on: $0)
                    }
                }), ticket: ticket)
    }

    private func drain() {
        for completion in thread.drain() {
            if let snapshot = completion.snapshot { onSnapshot?(snapshot) }
            guard completion.ticket != 0 else { continue }
            onApplied?(completion.ticket, KernelOutcome(completion))
        }
    }
}

extension InterfaceAddress {
    /// A virtual address on an interface.
    init(_ address: VirtualAddress, on interface: InterfaceState) {
        self.init(
            interfaceIndex: interface.index, interfaceName: interface.name, address: address.prefix.address,
            prefixLength: UInt8(address.prefix.length))
        peer = address.peer?.address
        broadcast = address.broadcast
        scope = address.scope
        label = address.label
        detectsDuplicates = address.duplicateAddressDetection
        noPrefixRoute = address.noPrefixRoute
        preferredLifetime = address.preferredLifetime
    }
}

extension KernelOutcome {
    /// What a completion means for the core.
    init(_ completion: Completion) {
        var kept: [IPAddress] = []
        var refused: [IPAddress] = []
        for (index, outcome) in completion.outcomes.enumerated() {
            switch outcome {
            case .alreadyForeign: kept.append(completion.call.addresses[index].address)
            case .failed: refused.append(completion.call.addresses[index].address)
            case .added, .alreadyOurs, .removed, .absent, .keptForeign, .pending: break
            }
        }
        let sentence = completion.failures.map(\.description).joined(separator: "; ")
        if sentence.isEmpty {
            self = kept.isEmpty ? .done : .doneKeeping(kept)
        } else if refused.count == completion.outcomes.count {
            self = .failed(sentence)
        } else {
            self = .partly(sentence, refused: refused, keeping: kept)
        }
    }
}
