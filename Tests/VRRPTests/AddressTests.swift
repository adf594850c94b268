import Base
import Configuration
import Testing
import VRRP

/// Addresses that can't be where they belong: their interface doesn't exist, or somebody takes them away.
@Suite struct AddressTests {
    private static let far = address("10.9.0.1")

    /// An instance with one address on eth0 and one on eth9, which doesn't exist.
    private func bench() -> Bench {
        Bench {
            var elsewhere = virtual("10.9.0.1/24")
            elsewhere.interface = "eth9"
            $0.virtualAddresses.append(elsewhere)
            $0.announcements.delay = .zero
        }
    }

    private func waits(_ actions: [Action]) -> [String] {
        actions.compactMap {
            if case .observe(.addressWaits(0, let prefix, let interface)) = $0 { "\(prefix) \(interface)" } else { nil }
        }
    }

    /// The instance runs, the other address is served, and what is missing is told once.
    @Test func missingInterface() {
        var bench = bench()
        bench.advance(.seconds(5))
        let actions = bench.take()
        #expect(bench.state == .master)
        #expect(actions.installed == [[address("10.0.4.1")]])
        #expect(Set(actions.announced) == [address("10.0.4.1")])
        #expect(waits(actions) == ["10.9.0.1/24 eth9"])
        #expect(bench.status().installedAddresses == [address("10.0.4.1")])
        #expect(bench.status().waitingAddresses == [Self.far])
        bench.advance(.seconds(100))
        #expect(waits(bench.take()).isEmpty)
    }

    /// It comes when the interface comes, and is announced; the other one isn't touched.
    @Test func interfaceAppears() {
        var bench = bench()
        bench.advance(.seconds(5))
        _ = bench.take()
        bench.handle(.interface(Bench.interface("eth9", 9)))
        #expect(bench.status().waitingAddresses.isEmpty)
        #expect(bench.status().installedAddresses == [address("10.0.4.1"), Self.far])
        bench.advance(.milliseconds(20))
        var actions = bench.take()
        #expect(actions.installed == [[Self.far]])
        #expect(actions.announced == Array(repeating: Self.far, count: 5))
        #expect(actions.transitions.isEmpty)
        // Other news of it is no reason to do it again.
        var changed = Bench.interface("eth9", 9)
        changed.isUsable = false
        bench.handle(.interface(changed))
        actions = bench.take()
        #expect(actions.installed.isEmpty && actions.announced.isEmpty)
    }

    /// A new interface is there before it is up: nothing can leave by it until then.
    @Test func interfaceComesUp() {
        var bench = bench()
        bench.advance(.seconds(5))
        var eth9 = Bench.interface("eth9", 9)
        eth9.isUsable = false
        bench.handle(.interface(eth9))
        bench.advance(.seconds(1))
        _ = bench.take()
        eth9.isUsable = true
        bench.handle(.interface(eth9))
        bench.advance(.milliseconds(20))
        #expect(bench.take().announced == Array(repeating: Self.far, count: 5))
        // No news is no reason.
        eth9.forwardsIPv6 = true
        bench.handle(.interface(eth9))
        bench.advance(.milliseconds(20))
        #expect(bench.take().announced.isEmpty)
    }

    /// Removed and made again, by itself or under another index.
    @Test func interfaceGoesAndComes() {
        var bench = bench()
        bench.handle(.interface(Bench.interface("eth9", 9)))
        bench.advance(.seconds(5))
        _ = bench.take()
        bench.handle(.interfaceRemoved("eth9"))
        #expect(bench.state == .master)
        #expect(waits(bench.take()) == ["10.9.0.1/24 eth9"])
        #expect(bench.status().installedAddresses == [address("10.0.4.1")])
        #expect(bench.status().waitingAddresses == [Self.far])
        bench.handle(.interface(Bench.interface("eth9", 10)))
        #expect(bench.take().installed == [[Self.far]])
        bench.handle(.interface(Bench.interface("eth9", 11)))
        #expect(bench.take().installed == [[Self.far]])
        #expect(bench.status().installedAddresses == [address("10.0.4.1"), Self.far])
    }

    /// What the kernel says of an interface that is gone by now isn't believed, and not announced.
    @Test func answerAfterTheInterfaceIsGone() throws {
        var bench = bench()
        bench.handle(.interface(Bench.interface("eth9", 9)))
        bench.kernelAnswers = false
        bench.advance(.seconds(5))
        let ticket = try #require(
            bench.take().compactMap { if case .install(_, _, let ticket) = $0 { ticket } else { nil } }.first)
        bench.handle(.interfaceRemoved("eth9"))
        _ = bench.take()
        bench.handle(.applied(ticket: ticket, .done))
        #expect(bench.status().installedAddresses == [address("10.0.4.1")])
        bench.advance(.milliseconds(20))
        #expect(Set(bench.take().announced) == [address("10.0.4.1")])
    }

    /// A BACKUP has nothing to wait for.
    @Test func backupDoesNotWait() {
        var bench = bench()
        _ = bench.take()
        bench.handle(.interface(Bench.interface("eth9", 9)))
        bench.handle(.interfaceRemoved("eth9"))
        #expect(bench.take().isEmpty)
        #expect(bench.status().waitingAddresses.isEmpty)
    }

    /// One command may take many addresses away, a whole network with its first one: all come back, nothing changes hands.
    @Test func manyRemovedAtOnce() {
        let all = (1...20).map { "10.0.4.\($0)/24" }
        var bench = Bench.master { $0.virtualAddresses = all.map(virtual) }
        for text in all { bench.handle(.addressRemoved(instance: 0, virtual(text).prefix.address)) }
        #expect(bench.state == .master)
        let actions = bench.take()
        #expect(actions.installed.flatMap { $0 } == all.map { virtual($0).prefix.address })
        #expect(actions.transitions.isEmpty)
    }

    /// Somebody else's address that we leave where it is: when he takes it away, the service is without one.
    @Test func foreignAddressRemoved() throws {
        var bench = Bench()
        bench.kernelAnswers = false
        bench.advance(.seconds(4))
        let ticket = try #require(
            bench.take().compactMap { if case .install(_, _, let ticket) = $0 { ticket } else { nil } }.first)
        bench.handle(.applied(ticket: ticket, .doneKeeping([address("10.0.4.1")])))
        _ = bench.take()
        bench.kernelAnswers = true
        bench.handle(.addressRemoved(instance: 0, address("10.0.4.1")))
        #expect(bench.take().installed == [[address("10.0.4.1")]])
        #expect(bench.status().installedAddresses == [address("10.0.4.1")])
        #expect(bench.status().foreignAddresses.isEmpty)
    }

    /// Another interface is another virtual router: the old one releases and takes its addresses with it.
    @Test func interfaceOfAnInstanceChanges() {
        var bench = Bench.master()
        bench.reload { $0.instances = [Bench.settings { $0.interface = "eth1" }] }
        let actions = bench.take()
        #expect(actions.adverts == [0])
        #expect(actions.withdrawn == [[address("10.0.4.1")]])
        #expect(actions.reasons == [.reconfigured, .started])
        #expect(bench.state == .backup)
    }

    @Test func crossesProcesses() throws {
        var bench = bench()
        bench.advance(.seconds(5))
        let said = bench.take().compactMap { if case .observe(let observation) = $0 { observation } else { nil } }
        #expect(said.count == 3)
        var writer = ByteWriter()
        for observation in said { observation.encode(into: &writer) }
        var status = bench.status()
        status.counters.sendFailures = 7
        status.sendFailure = SendFailure(code: 1, since: bench.now, isSilent: true)
        status.encode(into: &writer)
        try writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            for observation in said { #expect(try Observation(from: &reader) == observation) }
            #expect(try InstanceStatus(from: &reader) == status)
            try reader.finish()
        }
    }
}
