import Base
import ConfigurationModel
import Kernel
import Reactor
import VRRP

/// Puts virtual addresses on interfaces and takes them away, on the second thread (docs/decisions, D5).
final class AddressEffects {
    private let thread: NetlinkThread
    private let loop: EventLoop
    private var watch: Watch?
    /// A ticket was answered.
    var onApplied: ((UInt64, KernelAnswer) -> Void)?
    /// A snapshot that `readAll` requested has come.
    var onSnapshot: ((RouteSnapshot) -> Void)?

    init(_ thread: NetlinkThread, on loop: EventLoop) throws(SystemError) {
        self.thread = thread
        self.loop = loop
        watch = try loop.add(thread.descriptor) { [weak self] _ in self?.drain() }
    }

    var isIdle: Bool { thread.inFlight == 0 }

    func install(_ addresses: [PlacedAddress], ticket: UInt64, links: LinkWatcher) {
        thread.submit(.install(addresses.map { InterfaceAddress($0, links) }), ticket: ticket)
    }

    func renew(_ addresses: [PlacedAddress], guarded: Set<Int32>, ticket: UInt64, links: LinkWatcher) {
        thread.submit(.renew(addresses.map { InterfaceAddress($0, links) }, guarded: guarded), ticket: ticket)
    }

    func withdraw(_ keys: [AddressKey], guarded: Set<Int32>, ticket: UInt64, links: LinkWatcher) {
        let named = keys.map { InterfaceAddress($0, named: links.describe($0.interfaceIndex)) }
        thread.submit(.withdraw(named, guarded: guarded), ticket: ticket)
    }

    /// Requests all interfaces and addresses.
    func readAll() { thread.submit(.read, ticket: 0) }

    /// Waits for what is under way and ends the thread.
    func stop() { thread.stop() }

    private func drain() {
        for completion in thread.drain() {
            if let snapshot = completion.snapshot { onSnapshot?(snapshot) }
            guard completion.ticket != 0 else { continue }
            onApplied?(completion.ticket, KernelAnswer(completion))
        }
    }
}

extension InterfaceAddress {
    fileprivate init(_ placed: PlacedAddress, _ links: LinkWatcher) {
        self.init(placed.address, on: placed.interfaceIndex, named: links.describe(placed.interfaceIndex))
        lease = placed.lease.flatMap { UInt32(exactly: $0) }
    }

    init(_ address: VirtualAddress, on interfaceIndex: Int32, named name: String) {
        self.init(
            interfaceIndex: interfaceIndex, interfaceName: name, address: address.prefix.address,
            prefixLength: UInt8(address.prefix.length))
        peer = address.peer?.address
        broadcast = address.broadcast
        scope = address.scope
        label = address.label
        detectsDuplicates = address.duplicateAddressDetection
        noPrefixRoute = address.noPrefixRoute
        preferredLifetime = address.preferredLifetime
    }

    package init(_ key: AddressKey, named name: String) {
        self.init(
            interfaceIndex: key.interfaceIndex, interfaceName: name, address: key.address, prefixLength: key.length)
        peer = key.peer
    }
}

extension KernelAddress {
    package init(_ known: LinkAddress) {
        var flags: Flags = []
        if known.address.family == .ipv4, known.isSecondary { flags.insert(.secondary) }
        if known.isTentative { flags.insert(.tentative) }
        if known.isDuplicate { flags.insert(.duplicate) }
        if known.hasLifetime { flags.insert(.limited) }
        self.init(
            AddressKey(
                interfaceIndex: known.interfaceIndex, address: known.address, length: known.prefixLength,
                peer: known.peer), scope: known.scope, addedBy: known.addedBy ?? 0, flags: flags)
    }
}

extension KernelAnswer {
    init(_ completion: NetlinkCompletion) {
        let results = completion.outcomes.map { outcome -> AddressResult in
            switch outcome {
            case .added, .removed: .done
            case .existed: .existed
            case .endless: .endless
            case .absent: .absent
            case .failed(let code): .refused(code)
            case .pending: .refused(0)
            }
        }
        self.init(results, sentence: completion.failures.map(\.description).joined(separator: "; "))
    }
}
