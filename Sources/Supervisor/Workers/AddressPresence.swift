import Base
import CLinux
import ConfigurationModel
import Kernel
import Reactor

/// Which of some addresses are on this host, for ha_suspend. The checker isn't given a netlink socket.
final class AddressPresence {
    /// Called with addresses that have come or gone.
    var onChange: ((_ addresses: [IPAddress], _ isPresent: Bool) -> Void)?

    private let loop: EventLoop
    private let monitor: LinkMonitor
    private var watch: Watch?
    /// The interfaces that have a wanted address.
    private var holders: [IPAddress: Set<Int32>] = [:]

    /// - Parameter buffer: the receive buffer of the socket that hears of changes.
    /// - Throws: `SystemError` when the kernel can't be asked.
    init(of addresses: Set<IPAddress>, buffer: BufferSettings.Size, on loop: EventLoop) throws(SystemError) {
        self.loop = loop
        for address in addresses { holders[address] = [] }
        monitor = LinkMonitor(try owned(hasup_route_socket(LinkMonitor.groups), "open an rtnetlink socket"))
        if let bytes = buffer.bytes {
            hasup_receive_buffer_set(monitor.descriptor, Int32(clamping: bytes), buffer.isForced)
        }
        watch = try loop.add(monitor.descriptor) { [weak self] _ in self?.drain() }
        try read()
    }

    deinit { if let watch { loop.remove(watch) } }

    /// Those that are here.
    var present: [IPAddress] { holders.filter { !$0.value.isEmpty }.map(\.key) }

    /// Reads all addresses, at the start and after notifications were lost.
    private func read() throws(SystemError) {
        monitor.beginReload()
        let connection = try RouteConnection(try owned(hasup_route_socket(0), "open an rtnetlink socket"))
        _ = monitor.finishReload(with: try connection.snapshot()) { self.take($0) }
    }

    private func drain() {
        let before = Set(present)
        var isLost = false
        do throws(SystemError) {
            try monitor.drain { event in
                if event == .overflow { isLost = true }
                self.take(event)
            }
            if isLost { try read() }
        } catch {
            // What is known stays.
        }
        let after = Set(present)
        let (come, gone) = (Array(after.subtracting(before)), Array(before.subtracting(after)))
        if !come.isEmpty { onChange?(come, true) }
        if !gone.isEmpty { onChange?(gone, false) }
    }

    private func take(_ event: LinkEvent) {
        switch event {
        case .address(let address): holders[address.address]?.insert(address.interfaceIndex)
        case .addressRemoved(let address): holders[address.address]?.remove(address.interfaceIndex)
        case .link, .linkRemoved, .forwardsIPv6, .overflow: break
        }
    }
}
