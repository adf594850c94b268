import Base
import ConfigurationModel
import Testing
import VRRP
import Varlink

/// Addresses that can't be where they belong: their interface doesn't exist, or somebody takes them away.
@Suite struct AddressTests {
    private static let far = address("10.9.0.1")

    /// An instance with one address on eth0 and one on eth9, which doesn't exist and isn't tracked.
    private func bench() -> Bench {
        Bench {
            var elsewhere = virtual("10.9.0.1/24")
            elsewhere.interface = "eth9"
            elsewhere.isUntracked = true
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
        bench.handle(.interfaceRemoved(9))
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

    /// D14: an entry ends with its interface. What is on a new one of the same number is wanted again, or a stranger's.
    @Test func interfaceComesAgainUnderItsNumber() {
        var bench = bench()
        bench.handle(.interface(Bench.interface("eth9", 9)))
        bench.advance(.seconds(5))
        var places: [Int: AddressKey] = [:]
        bench.node.saveLedger { places[$0] = $1?.key }
        #expect(places.count == 2)
        bench.handle(.interfaceRemoved(9))
        bench.node.saveLedger { places[$0] = $1?.key }
        #expect(places.values.map(\.address) == [address("10.0.4.1")])
        _ = bench.take()
        bench.handle(.interface(Bench.interface("eth9", 9)))
        #expect(bench.take().installed == [[Self.far]])
        bench.handle(.interfaceRemoved(9))
        bench.handle(.interface(Bench.interface("lan9", 9)))
        bench.tell([Bench.kernelAddress("10.9.0.1/24", on: 9)])
        bench.receive(200)
        let actions = bench.take()
        #expect(bench.state == .backup && actions.withdrawn == [[address("10.0.4.1")]])
        #expect(actions.strangers.map(\.interface) == ["lan9"])
    }

    /// What the kernel says of an interface that is gone by now isn't believed, and not announced.
    @Test func answerAfterTheInterfaceIsGone() throws {
        var bench = bench()
        bench.handle(.interface(Bench.interface("eth9", 9)))
        bench.kernelAnswers = false
        bench.advance(.seconds(5))
        let question = try #require(Bench.questions(bench.take()).first)
        bench.handle(.interfaceRemoved(9))
        _ = bench.take()
        bench.kernelTells = false
        bench.answer(question)
        #expect(bench.status().installedAddresses == [address("10.0.4.1")])
        bench.advance(.milliseconds(20))
        #expect(Set(bench.take().announced) == [address("10.0.4.1")])
    }

    /// A BACKUP has nothing to wait for.
    @Test func backupDoesNotWait() {
        var bench = bench()
        _ = bench.take()
        bench.handle(.interface(Bench.interface("eth9", 9)))
        bench.handle(.interfaceRemoved(9))
        #expect(bench.take().isEmpty)
        #expect(bench.status().waitingAddresses.isEmpty)
    }

    /// One command may take many addresses away, a whole network with its first one: all come back, nothing changes hands.
    @Test func manyRemovedAtOnce() {
        let all = (1...20).map { "10.0.4.\($0)/24" }
        var bench = Bench.master { $0.virtualAddresses = all.map(virtual) }
        for text in all { bench.remove([text]) }
        #expect(bench.state == .master)
        let actions = bench.take()
        #expect(actions.installed.flatMap { $0 } == all.map { virtual($0).prefix.address })
        #expect(actions.transitions.isEmpty)
    }

    /// Somebody else's address that we leave where it is: when he takes it away, the service is without one.
    @Test func foreignAddressRemoved() {
        var bench = Bench()
        bench.tell([Bench.kernelAddress("10.0.4.1/24")])
        bench.advance(.seconds(4))
        _ = bench.take()
        bench.remove(["10.0.4.1/24"])
        #expect(bench.take().installed == [[address("10.0.4.1")]])
        #expect(bench.status().installedAddresses == [address("10.0.4.1")])
        #expect(bench.status().foreignAddresses.isEmpty)
    }

    /// no_track: what somebody takes away isn't put back. What he puts there instead is his.
    @Test func untrackedAddressRemoved() {
        var bench = Bench.master {
            var untracked = virtual("10.0.5.1/24")
            untracked.isUntracked = true
            $0.virtualAddresses.append(untracked)
        }
        bench.remove(["10.0.5.1/24"])
        #expect(bench.take().installed.isEmpty)
        bench.tell([Bench.kernelAddress("10.0.5.1/24")])
        #expect(bench.status().installedAddresses == [address("10.0.4.1")])
        #expect(bench.status().foreignAddresses == [address("10.0.5.1")])
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
        status.sendFailure = SendFailure(code: 1, since: .seconds(2), isSilent: true)
        status.encode(into: &writer)
        try writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            for observation in said { #expect(try Observation(from: &reader) == observation) }
            #expect(try InstanceStatus(decoding: &reader) == status)
            try reader.finish()
        }
    }

    /// The interface of each address is tracked unless it says no_track; dont_track_primary is about the instance's own
    /// interface only (docs/decisions, D129).
    @Test(arguments: [true, false]) func interfacesOfAddressesAreTracked(ignoresPrimary: Bool) {
        var bench = Bench {
            var elsewhere = virtual("10.9.0.1/24")
            elsewhere.interface = "eth1"
            $0.excludedAddresses = [elsewhere]
            $0.ignoresPrimaryInterface = ignoresPrimary
        }
        bench.advance(.seconds(5))
        #expect(bench.state == .master)
        var eth1 = Bench.interface("eth1", 3)
        eth1.isUsable = false
        bench.handle(.interface(eth1))
        #expect(bench.state == .fault && bench.status().faults == [.addressInterfaceDown("eth1")])
        eth1.isUsable = true
        bench.handle(.interface(eth1))
        #expect(bench.state == .backup)
        bench.handle(.interfaceRemoved(3))
        #expect(bench.state == .fault && bench.status().faults == [.addressInterfaceDown("eth1")])
    }

    /// D14: a renamed interface keeps its addresses, so they are taken away by its number.
    @Test func renamedInterface() {
        var bench = Bench.master()
        var renamed = bench.eth0
        renamed.name = "lan0"
        bench.handle(.interface(renamed))
        let actions = bench.take()
        #expect(bench.state == .fault && bench.status().faults == [.interfaceMissing("eth0")])
        #expect(actions.withdrawn == [[address("10.0.4.1")]])
        #expect(bench.status().installedAddresses.isEmpty)
        bench.handle(.interface(bench.eth0))
        #expect(bench.state == .backup)
    }

    /// p25: neighbours are told of another hardware address.
    @Test func anotherHardwareAddressIsAnnounced() {
        var bench = Bench.master { $0.announcements.delay = .zero }
        bench.eth0.hardwareAddress = MACAddress(bits: 0x02_00_00_00_00_aa)
        bench.handle(.interface(bench.eth0))
        bench.advance(.milliseconds(20))
        #expect(bench.take().announced.count == 5)
        #expect(bench.state == .master)
    }

    /// A MASTER none of whose addresses can be used hands over, and tries again after 1, 2, 4 … 60 s. Nobody else is there:
    /// it becomes MASTER again each time, for as long as the kernel takes to answer.
    @Test func refusedMasterHandsOver() {
        var bench = Bench()
        bench.kernelAnswers = false
        var waits: [Interval] = []
        for _ in 0..<9 {
            while bench.state != .master { bench.advance(.milliseconds(10)) }
            let since = bench.now
            bench.answer(Bench.questions(bench.take())[0], [.refused(22)], sentence: "no")
            #expect(bench.state == .fault)
            #expect(bench.status().faults == [.addressesUnusable(address("10.0.4.1"), code: 22)])
            #expect(bench.take().adverts.last == 0)
            while bench.state == .fault { bench.advance(.milliseconds(10)) }
            waits.append(bench.now - since)
        }
        let seconds = waits.map { ($0.nanoseconds + 500_000_000) / 1_000_000_000 }
        #expect(seconds == [1, 2, 4, 8, 16, 32, 60, 60, 60])
    }

    /// D129: the waits begin anew after a minute as MASTER with an address, and not before.
    @Test(arguments: [(59, 8), (61, 1)] as [(Int64, Int64)])
    func waitsBeginAnewAfterAMinute(served: Int64, wait: Int64) throws {
        var bench = Bench { $0.announcements.delay = .zero }
        bench.kernelAnswers = false
        func refuse() throws {
            let question = try #require(Bench.questions(bench.take()).last)
            bench.answer(question, [.refused(22)])
            #expect(bench.state == .fault)
        }
        for _ in 0..<3 {
            while bench.state != .master { bench.advance(.milliseconds(10)) }
            try refuse()
        }
        while bench.state != .master { bench.advance(.milliseconds(10)) }
        bench.answer(try #require(Bench.questions(bench.take()).last))
        bench.advance(.seconds(served))
        #expect(bench.state == .master && bench.status().installedAddresses == [address("10.0.4.1")])
        bench.remove(["10.0.4.1/24"])
        try refuse()
        bench.advance(.milliseconds(wait * 1_000 - 1))
        #expect(bench.state == .fault)
        bench.advance(.milliseconds(1))
        #expect(bench.state == .backup)
    }

    /// D129: while duplicate address detection runs nothing is decided. Its end says whether an address serves.
    @Test(arguments: [true, false])
    func aTentativeAddressDecidesNothing(isDuplicate: Bool) throws {
        let text = "fd00::100/64"
        func kernel(_ flags: KernelAddress.Flags) -> [KernelAddress] {
            [Bench.kernelAddress(text, by: AddressProtocol.ours, flags: flags)]
        }
        var bench = Bench {
            $0.family = .ipv6
            $0.version = .v3
            $0.multicastGroup = address("ff02::12")
            $0.virtualAddresses = [virtual(text), virtual("fd00::101/64")]
        }
        bench.kernelAnswers = false
        bench.kernelTells = false
        bench.advance(.seconds(5))
        let question = try #require(Bench.questions(bench.take()).first)
        bench.tell(kernel(.tentative))
        bench.answer(question, [.done, .refused(22)])
        #expect(bench.state == .master, "one is refused, the other may be used soon")
        bench.tell(kernel(isDuplicate ? .duplicate : []))
        if isDuplicate {
            #expect(bench.state == .fault && bench.take().adverts.last == 0)
        } else {
            bench.advance(.seconds(3))
            #expect(bench.state == .master)
            #expect(bench.status().unusableAddresses.map(\.address) == [address("fd00::101")])
        }
    }

    /// What may have mended it ends the wait: a change of the interface, of its addresses, or of the file.
    @Test func refusalEndsByAChange() {
        func refused() -> Bench {
            var bench = Bench()
            bench.kernelAnswers = false
            bench.advance(.seconds(4))
            for question in Bench.questions(bench.take()) { bench.answer(question, [.refused(22)]) }
            #expect(bench.state == .fault)
            return bench
        }
        var bench = refused()
        bench.eth0.mtu = 9_000
        bench.handle(.interface(bench.eth0))
        #expect(bench.state == .backup)
        bench = refused()
        bench.tell([Bench.kernelAddress("10.0.9.9/24")])
        #expect(bench.state == .backup)
        bench = refused()
        bench.reload { $0.instances[0].virtualAddresses[0].scope = 253 }
        #expect(bench.state == .backup)
        // Our own addresses going isn't a change.
        bench = refused()
        for question in Bench.questions(bench.take()) { bench.answer(question) }
        #expect(bench.state == .fault)
    }

    /// p08: another machine has the address: nobody can use it here.
    @Test func duplicateAddress() {
        var bench = Bench {
            $0.family = .ipv6
            $0.version = .v3
            $0.multicastGroup = address("ff02::12")
            $0.virtualAddresses = [virtual("fd00::100/64")]
        }
        bench.advance(.seconds(5))
        #expect(bench.state == .master)
        bench.tell([Bench.kernelAddress("fd00::100/64", by: AddressProtocol.ours, flags: [.tentative])])
        #expect(bench.state == .master)
        bench.tell([Bench.kernelAddress("fd00::100/64", by: AddressProtocol.ours, flags: [.duplicate])])
        #expect(bench.state == .fault)
        #expect(bench.status().faults == [.addressesUnusable(address("fd00::100"), code: 0)])
        #expect(bench.take().withdrawn == [[address("fd00::100")]])
    }

    /// RFC 9568 §6.1 and §1.5 (p18): an address owner's virtual address is the interface's own, and it sends from it.
    @Test func addressOwner() {
        var bench = Bench {
            $0.priority = .owner
            $0.virtualAddresses = [virtual("10.0.0.5/24")]
        }
        bench.advance(.milliseconds(50))
        #expect(bench.state == .master)
        let actions = bench.take()
        #expect(actions.adverts == [255] && actions.installed.isEmpty)
        #expect(Set(actions.announced) == [Bench.own])
        #expect(bench.status().foreignAddresses == [Bench.own])
        bench.handle(.stop)
        #expect(bench.take().withdrawn.isEmpty)
    }

    /// p14: which addresses are virtual decides where it sends from, at each reload.
    @Test func reloadMendsTheSource() {
        var bench = Bench { $0.virtualAddresses = [virtual("10.0.0.5/24")] }
        #expect(bench.state == .fault && bench.status().faults == [.noSourceAddress("eth0")])
        bench.reload { $0.instances[0].virtualAddresses = [virtual("10.0.4.1/24")] }
        #expect(bench.state == .backup)
        bench.reload { $0.instances[0].virtualAddresses = [virtual("10.0.0.5/24")] }
        #expect(bench.state == .fault)
    }

    /// Two instances with one address: what one of them gives back, the other one gets again.
    @Test func sharedAddress() {
        var bench = Bench()
        bench.reload { $0.instances.append(Bench.settings { $0.virtualRouterID = VRID(rawValue: 9) }) }
        bench.advance(.seconds(5))
        _ = bench.take()
        bench.reload { $0.instances.removeFirst() }
        bench.advance(.milliseconds(200))
        let actions = bench.take()
        #expect(actions.withdrawn == [[address("10.0.4.1")]])
        #expect(actions.installed == [[address("10.0.4.1")]])
        #expect(actions.removals.isEmpty)
        #expect(bench.status().installedAddresses == [address("10.0.4.1")])
    }
}
