import Base
import Kernel
import Reactor
import VRRP

/// Interfaces as the core wants to know them, from what the kernel notifies.
final class LinkWatcher {
    private let monitor: LinkMonitor
    private let loop: EventLoop
    private var watch: Watch?
    private var names: [Int32: String] = [:]
    /// Virtual addresses are never a source address (pain point A5).
    var virtualAddresses: Set<IPAddress> = []
    /// An event for the core.
    var onChange: ((Event) -> Void)?
    /// Virtual addresses that are gone from the interfaces with these names, all of a turn together: one command may
    /// remove thousands, and who owns them is looked for once.
    var onAddressesRemoved: (([IPAddress: Set<String>]) -> Void)?
    /// Notifications were lost: a snapshot is wanted.
    var onOverflow: (() -> Void)?
    /// All events of a drain were given.
    var onDrained: (() -> Void)?

    init(_ monitor: LinkMonitor, on loop: EventLoop) throws(SystemError) {
        self.monitor = monitor
        self.loop = loop
        watch = try loop.add(monitor.descriptor) { [weak self] _ in self?.drain() }
    }

    /// Reads everything anew: the first time at start, then after an overflow.
    func reload(_ snapshot: RouteSnapshot) {
        var removed: [LinkAddress] = []
        let isComplete = monitor.finishReload(with: snapshot) { Self.collect($0, &removed) }
        if !isComplete { return beginReload() }
        publish(removed)
    }

    /// Before a snapshot is asked for.
    func beginReload() {
        monitor.beginReload()
        onOverflow?()
    }

    private func drain() {
        var removed: [LinkAddress] = []
        var hasOverflown = false
        do throws(SystemError) {
            try monitor.drain { event in
                if event == .overflow { hasOverflown = true }
                Self.collect(event, &removed)
            }
        } catch {
            hasOverflown = true
        }
        publish(removed)
        if hasOverflown { beginReload() }
    }

    private static func collect(_ event: LinkEvent, _ removed: inout [LinkAddress]) {
        if case .addressRemoved(let address) = event { removed.append(address) }
    }

    private func publish(_ removed: [LinkAddress]) {
        for index in monitor.takeChangedInterfaces() {
            if let known = names[index], monitor.link(index)?.name != known {
                names[index] = nil
                onChange?(.interfaceRemoved(known))
            }
            guard let state = state(of: index) else { continue }
            names[index] = state.name
            onChange?(.interface(state))
        }
        var taken: [IPAddress: Set<String>] = [:]
        for address in removed where virtualAddresses.contains(address.address) {
            // Removed and added again, or removed with its interface: neither is somebody taking it away.
            guard let name = names[address.interfaceIndex],
                !monitor.has(address.address, on: address.interfaceIndex)
            else { continue }
            taken[address.address, default: []].insert(name)
        }
        if !taken.isEmpty { onAddressesRemoved?(taken) }
        onDrained?()
    }

    /// All interfaces, for a core that starts.
    var all: [InterfaceState] { monitor.interfaceIndices.compactMap(state(of:)) }

    /// The interface with this name.
    func state(ofInterface name: String) -> InterfaceState? {
        monitor.link(named: name).flatMap { state(of: $0.index) }
    }

    /// Whether an interface has this address.
    func has(_ address: IPAddress, onInterface name: String) -> Bool {
        monitor.link(named: name).map { monitor.has(address, on: $0.index) } ?? false
    }

    /// Whether what is sent on the interface with this number can reach anybody.
    func hasCarrier(_ index: Int32) -> Bool { monitor.link(index)?.hasCarrier ?? false }

    /// The name of the interface with this number.
    func name(of index: Int32) -> String? { names[index] }

    private func state(of index: Int32) -> InterfaceState? {
        guard let link = monitor.link(index) else { return nil }
        var state = InterfaceState(index: index, name: link.name, isUsable: link.isUsable)
        state.hardwareAddress = link.hardwareAddress
        state.forwardsIPv6 = link.forwardsIPv6 ?? false
        state.primaryIPv4 = monitor.primaryIPv4(of: index) { virtualAddresses.contains($0) }
        state.addresses = monitor.usableAddresses(on: index)
        state.linkLocalIPv6 = monitor.linkLocalIPv6(of: index) { virtualAddresses.contains($0) }
        return state
    }
}
