import Base
import Kernel
import Reactor
import VRRP

/// Interfaces as the core wants to know them, from what the kernel notifies.
final class LinkWatcher {
    private let monitor: LinkMonitor
    private let loop: EventLoop
    private var watch: Watch?
    private var rest: Timer?
    private var drainedAt = Instant(nanoseconds: .min / 2)
    /// Notifications that follow each other faster than this are gathered for so long: links that come and go beside
    /// ours bring dozens each, and a realtime process would be woken for every one.
    private static let gathering = Interval.milliseconds(3)
    /// Interfaces that the core knows.
    private var known: Set<Int32> = []
    /// An event for the core.
    var onChange: ((Event) -> Void)?
    /// Notifications were lost: a snapshot is wanted.
    var onOverflow: (() -> Void)?
    /// All events of a drain were given.
    var onDrained: (() -> Void)?

    init(_ monitor: LinkMonitor, on loop: EventLoop) throws(SystemError) {
        self.monitor = monitor
        self.loop = loop
        watch = try loop.add(monitor.descriptor) { [weak self] _ in self?.drain() }
        rest = loop.makeTimer { [weak self] in
            guard let self, let watch = self.watch else { return }
            loop.modify(watch, .readable)
            self.drain()
        }
    }

    /// Reads everything anew: the first time at start, then after an overflow.
    func reload(_ snapshot: RouteSnapshot) {
        var changes: [AddressChange] = []
        let isComplete = monitor.finishReload(with: snapshot) { Self.collect($0, &changes) }
        if !isComplete { return beginReload() }
        publish(changes, isAfterLoss: true)
    }

    /// Before a snapshot is requested.
    func beginReload() {
        monitor.beginReload()
        onOverflow?()
    }

    private func drain() {
        var changes: [AddressChange] = []
        var hasOverflown = false
        do throws(SystemError) {
            try monitor.drain { event in
                if event == .overflow { hasOverflown = true }
                Self.collect(event, &changes)
            }
        } catch {
            hasOverflown = true
        }
        publish(changes, isAfterLoss: false)
        if hasOverflown { beginReload() }
        if let watch, let rest, loop.now - drainedAt < Self.gathering {
            loop.modify(watch, [])
            loop.set(rest, to: loop.now + Self.gathering)
        }
        drainedAt = loop.now
    }

    private static func collect(_ event: LinkEvent, _ changes: inout [AddressChange]) {
        switch event {
        case .address(let address): changes.append(AddressChange(KernelAddress(address), isPresent: true))
        case .addressRemoved(let address): changes.append(AddressChange(KernelAddress(address), isPresent: false))
        case .link, .linkRemoved, .forwardsIPv6, .overflow: break
        }
    }

    /// Interfaces first: what goes with an interface is nobody's doing. All addresses of a drain together.
    private func publish(_ changes: [AddressChange], isAfterLoss: Bool) {
        for index in monitor.takeChangedInterfaces() {
            if let link = monitor.link(index) {
                known.insert(index)
                onChange?(.interface(InterfaceState(link)))
            } else if known.remove(index) != nil {
                onChange?(.interfaceRemoved(index))
            }
        }
        // After a loss the core compares what it believes with what there is, changed or not.
        if !changes.isEmpty || isAfterLoss { onChange?(.addresses(changes, isAfterLoss: isAfterLoss)) }
        onDrained?()
    }

    /// The interface with this name.
    func state(ofInterface name: String) -> InterfaceState? { monitor.link(named: name).map(InterfaceState.init) }

    /// The interface with this number.
    func state(ofInterface index: Int32) -> InterfaceState? { monitor.link(index).map(InterfaceState.init) }

    /// True if an interface of this machine has this hardware address.
    func hasHardware(_ address: MACAddress) -> Bool { known.contains { monitor.link($0)?.hardwareAddress == address } }

    /// True if what is sent on the interface with this number can reach anybody.
    func hasCarrier(_ index: Int32) -> Bool { monitor.link(index)?.hasCarrier ?? false }

    /// The name of the interface with this number.
    func name(of index: Int32) -> String? { monitor.link(index)?.name }

    /// The name of an interface for a sentence.
    func describe(_ index: Int32) -> String { name(of: index) ?? "interface \(index)" }
}

extension InterfaceState {
    /// An interface as the kernel reports it.
    init(_ link: Link) {
        self.init(index: link.index, name: link.name, isUsable: link.isUsable)
        hardwareAddress = link.hardwareAddress
        forwardsIPv6 = link.forwardsIPv6 ?? false
        mtu = link.mtu
        isSilent = link.isSilent
    }
}
