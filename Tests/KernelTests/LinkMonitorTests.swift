import Base
import CLinux
import Glibc
import Kernel
import Reactor
import Testing

@Suite(.serialized, .enabled(if: NetworkNamespace.isPossible, "needs the right to make a network namespace"))
struct LinkMonitorTests {
    private func fill(_ monitor: LinkMonitor, from connection: RouteConnection) throws -> [LinkEvent] {
        var events: [LinkEvent] = []
        monitor.beginReload()
        let snapshot = try connection.snapshot()
        #expect(monitor.finishReload(with: snapshot) { events.append($0) })
        return events
    }

    /// Reads until this holds: what follows from a change the kernel tells in its own time. At most two seconds.
    private func drain(_ monitor: LinkMonitor, until holds: () -> Bool) throws -> [LinkEvent] {
        let deadline = Clock.now + .seconds(2)
        var events = try drain(monitor)
        while !holds(), Clock.now < deadline {
            var news = pollfd(fd: monitor.descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&news, 1, 100)
            events += try drain(monitor)
        }
        return events
    }

    private func drain(_ monitor: LinkMonitor) throws -> [LinkEvent] {
        var events: [LinkEvent] = []
        try monitor.drain { events.append($0) }
        return events
    }

    /// The Router flag of a neighbour advertisement (RFC 4861 §4.4) follows the interface's setting.
    @Test func followsForwarding() throws {
        try NetworkNamespace.inside {
            func forward(_ value: String) throws {
                let setting = Descriptor(owning: open("/proc/sys/net/ipv6/conf/va/forwarding", O_WRONLY | O_CLOEXEC))
                #expect(write(setting.number, value, 1) == 1)
            }
            let monitor = try NetworkNamespace.monitor()
            let connection = try NetworkNamespace.connect()
            let index = try NetworkNamespace.makePair()
            _ = try fill(monitor, from: connection)
            #expect(monitor.link(index)?.forwardsIPv6 == false)
            _ = monitor.takeChangedInterfaces()
            try forward("1")
            _ = try drain(monitor)
            #expect(monitor.link(index)?.forwardsIPv6 == true)
            #expect(monitor.takeChangedInterfaces().contains(index))
            // A message that doesn't say it changes nothing.
            try NetworkNamespace.ip("link", "set", "va", "mtu", "1400")
            _ = try drain(monitor)
            #expect(monitor.link(index)?.forwardsIPv6 == true)
            try forward("0")
            _ = try drain(monitor)
            #expect(monitor.link(index)?.forwardsIPv6 == false)
        }
    }

    @Test func followsLinksAndAddresses() throws {
        try NetworkNamespace.inside {
            let monitor = try NetworkNamespace.monitor()
            let connection = try NetworkNamespace.connect()
            let index = try NetworkNamespace.makePair(linkLocal: false)
            _ = try fill(monitor, from: connection)
            // The kernel says that both ends have a carrier a while after they are up.
            _ = try drain(monitor) {
                monitor.link(named: "va")?.isUsable == true && monitor.link(named: "vb")?.isUsable == true
            }
            let link = try #require(monitor.link(named: "va"))
            #expect(link.index == index)
            #expect(link.isUsable)
            #expect(link.hardwareAddress != nil)
            #expect(link.mtu == 1500)
            #expect(monitor.link(named: "lo")?.hardwareAddress == nil)
            _ = monitor.takeChangedInterfaces()
            #expect(monitor.takeChangedInterfaces() == [])

            try NetworkNamespace.ip("address", "add", "10.0.0.2/24", "dev", "va")
            #expect(try drain(monitor).count == 1)
            #expect(monitor.takeChangedInterfaces() == [index])
            let left = monitor.addresses(on: index).filter { $0.address.family == .ipv4 }
            #expect(left.map(\.address.description) == ["10.0.0.2"])

            try NetworkNamespace.ip("address", "del", "10.0.0.2/24", "dev", "va")
            guard case .addressRemoved(let gone)? = try drain(monitor).first else {
                Issue.record("no removal")
                return
            }
            #expect(gone.interfaceIndex == index)
            #expect(gone.address.description == "10.0.0.2")

            try NetworkNamespace.ip("link", "set", "vb", "down")
            let carrier = try drain(monitor) { monitor.link(index)?.isUsable == false }
            #expect(!carrier.isEmpty)
            #expect(monitor.link(index)?.isUsable == false)

            try NetworkNamespace.ip("link", "set", "va", "name", "vc")
            let renamed = try drain(monitor)
            #expect(renamed.contains(.linkRemoved(index: index, name: "va")))
            #expect(monitor.link(named: "vc")?.index == index)

            try NetworkNamespace.ip("link", "del", "vc")
            #expect(try drain(monitor).contains(.linkRemoved(index: index, name: "vc")))
            #expect(monitor.link(index) == nil)
        }
    }

    /// Whose an address is, and what it is good for.
    @Test func tellsMarksAndStates() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let monitor = try NetworkNamespace.monitor()
            let connection = try NetworkNamespace.connect()
            let vip = InterfaceAddress(
                interfaceIndex: index, interfaceName: "va", address: IPAddress(v4: 0x0a00_0001), prefixLength: 24)
            try connection.add(vip)
            try NetworkNamespace.ip("address", "add", "10.0.0.2/24", "dev", "va")
            _ = try fill(monitor, from: connection)
            let addresses = monitor.addresses(on: index).filter { $0.address.family == .ipv4 }
            #expect(addresses.map(\.address.description) == ["10.0.0.1", "10.0.0.2"])
            #expect(addresses.map(\.isSecondary) == [false, true])
            #expect(addresses[0].addedBy == AddressProtocol.ours || addresses[0].addedBy == nil)
            #expect(addresses[1].addedBy != AddressProtocol.ours)
            // A link-local address has to pass duplicate address detection first.
            func linkLocal() -> LinkAddress? { monitor.addresses(on: index).first { $0.address.isLinkLocal } }
            let deadline = Clock.now + .seconds(5)
            while linkLocal()?.isTentative != false, Clock.now < deadline {
                var ready = pollfd(fd: monitor.descriptor, events: Int16(POLLIN), revents: 0)
                _ = poll(&ready, 1, 100)
                _ = try drain(monitor)
            }
            #expect(try #require(linkLocal()).isTentative == false)
        }
    }

    @Test func readsAgainAfterAnOverflow() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let socket = try owned(hasup_route_socket(LinkMonitor.groups), "open a netlink socket")
            var small: Int32 = 4096
            setsockopt(socket.number, SOL_SOCKET, SO_RCVBUF, &small, socklen_t(MemoryLayout<Int32>.size))
            let monitor = LinkMonitor(socket)
            let connection = try NetworkNamespace.connect()
            try NetworkNamespace.ip("address", "add", "10.0.0.99/24", "dev", "va")
            _ = try fill(monitor, from: connection)
            var addresses: [InterfaceAddress] = []
            for number in 1...60 as ClosedRange<UInt32> {
                addresses.append(
                    InterfaceAddress(
                        interfaceIndex: index, interfaceName: "va", address: IPAddress(v4: 0x0a01_0000 + number),
                        prefixLength: 32))
            }
            var outcomes = [AddressOutcome](repeating: .pending, count: addresses.count)
            connection.install(addresses, into: &outcomes)
            try NetworkNamespace.ip("address", "del", "10.0.0.99/24", "dev", "va")
            #expect(try drain(monitor).contains(.overflow))
            let events = try fill(monitor, from: connection)
            #expect(
                events.contains {
                    if case .addressRemoved(let gone) = $0 { return gone.address.description == "10.0.0.99" }
                    return false
                })
            let there = Set(monitor.addresses(on: index).map(\.address))
            #expect(addresses.allSatisfy { there.contains($0.address) })
        }
    }

    @Test func putsLaterNotificationsOnTopOfASnapshot() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let monitor = try NetworkNamespace.monitor()
            let connection = try NetworkNamespace.connect()
            monitor.beginReload()
            let old = try connection.snapshot()
            try NetworkNamespace.ip("address", "add", "10.0.0.2/24", "dev", "va")
            _ = try drain(monitor)
            #expect(monitor.finishReload(with: old) { _ in })
            let left = monitor.addresses(on: index).filter { $0.address.family == .ipv4 }
            #expect(left.map(\.address.description) == ["10.0.0.2"])
            // Without a beginning there is no end.
            #expect(!monitor.finishReload(with: old) { _ in })
        }
    }
}
