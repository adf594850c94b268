import Base
import ConfigurationModel
import Testing
import VRRP
import Wire

/// What a MASTER takes for a sign of a second one: the second advertisement of one sender within a master-down interval.
/// One is what a takeover leaves of the former master.
@Suite struct RivalTests {
    private static let downInterval = Interval(nanoseconds: 3_609_375_000)

    /// The routers that count at this moment.
    private func rivals(_ bench: Bench) -> [RivalReport] { bench.status().rivals }

    @Test func theSecondAdvertOfALowerPriorityCounts() throws {
        var bench = Bench.master()
        bench.receive(50)
        #expect(rivals(bench).isEmpty, "the first one may be the former master's last")
        #expect(bench.take().rivals.isEmpty)
        bench.advance(.seconds(1))
        bench.receive(50)
        let rival = try #require(rivals(bench).first)
        #expect(rival.source == Bench.lower && rival.sign == .lowerPriority(Priority(rawValue: 50)))
        #expect(rival.since == .seconds(1) && rival.age == .zero)
        #expect(bench.take().rivals == [Bench.lower])
        for _ in 0..<5 {
            bench.advance(.seconds(1))
            bench.receive(50)
        }
        #expect(bench.take().rivals.isEmpty, "told once for as long as it is heard")
        bench.advance(Self.downInterval - .milliseconds(1))
        #expect(rivals(bench).count == 1)
        bench.advance(.milliseconds(1))
        #expect(rivals(bench).isEmpty, "silent for a master-down interval")
    }

    @Test func twoThatAreFartherApartAreNone() {
        var bench = Bench.master()
        for _ in 0..<4 {
            bench.receive(50)
            bench.advance(Self.downInterval + .milliseconds(1))
        }
        #expect(bench.take().rivals.isEmpty)
        // Two senders with one each, as a takeover of a third one may leave.
        bench.receive(50, from: Bench.lower)
        bench.receive(50, from: address("10.0.0.2"))
        #expect(bench.take().rivals.isEmpty && rivals(bench).isEmpty)
    }

    /// The same mcast_src_ip in both files: each takes the other's advertisements for its own. A virtual switch that sends
    /// ours back is no second master.
    @Test func ourSourceAddressIsAnothersUnlessItIsAnEcho() {
        var bench = Bench.master()
        // A millisecond after an advertisement of ours.
        bench.advance(Interval(nanoseconds: 610_375_000))
        for _ in 0..<4 {
            bench.advance(.seconds(1))
            bench.receive(bench.model.instances[0].priority.rawValue, from: Bench.own)
        }
        #expect(bench.take().rivals.isEmpty, "it comes back as soon as it was sent")
        bench.advance(.milliseconds(400))
        for _ in 0..<2 {
            bench.receive(bench.model.instances[0].priority.rawValue, from: Bench.own)
            bench.advance(.seconds(1))
        }
        #expect(bench.take().rivals == [Bench.own], "it comes between ours")
        #expect(rivals(bench).count == 1)

        bench = Bench.master()
        for _ in 0..<2 {
            bench.advance(.seconds(1))
            bench.receive(110, from: Bench.own)
        }
        #expect(bench.take().rivals == [Bench.own], "its priority isn't ours")
    }

    @Test func silenceBeginsANewSeries() {
        var bench = Bench.master()
        for _ in 0..<2 {
            bench.receive(50)
            bench.receive(50)
            bench.advance(Self.downInterval + .milliseconds(1))
        }
        #expect(bench.take().rivals == [Bench.lower, Bench.lower])
    }

    /// Whatever it is discarded for, its sender advertises for our virtual router.
    @Test(
        arguments: [
            .version, .checksum, .hopLimit, .interval, .noAddress, .destination, .authenticationType,
            .authenticationFailure, .source, .checksumOtherForm, .authenticationTrailer,
        ] as [DiscardReason])
    func thrownAwayAdvertsCount(_ reason: DiscardReason) throws {
        var bench = Bench.master {
            if reason == .authenticationFailure { $0.password = Array("secret\0\0".utf8) }
            if reason == .checksumOtherForm { $0.version = .v3 }
            if reason == .source {
                $0.sourceAddress = Bench.own
                $0.unicastPeers = [UnicastPeer(address: Bench.higher)]
                $0.checkUnicastSource = true
            }
        }
        func give() {
            switch reason {
            case .version: bench.receive(200, { $0.version = .v3 })
            case .checksum: bench.receive(200, bend: { $0[6] ^= 1 })
            case .hopLimit: bench.receive(200, hopLimit: 64)
            case .interval: bench.receive(200, { $0.interval = .seconds(2) })
            case .noAddress: bench.receive(200, { $0.addresses = [] })
            case .destination: bench.receive(200, destination: Bench.own)
            case .authenticationType: bench.receive(200, { $0.password = Array("secret\0\0".utf8) })
            case .authenticationFailure: bench.receive(200, { $0.password = Array("wrong\0\0\0".utf8) })
            case .checksumOtherForm: bench.receive(200, { $0.checksumWithoutPseudoHeader = true })
            case .authenticationTrailer:
                bench.receive(200, bend: { $0 += [1, 1, 0, 0] + [UInt8](repeating: 7, count: 24) })
            default: bench.receive(200)
            }
        }
        give()
        #expect(bench.status().discarded(reason) == 1)
        #expect(rivals(bench).isEmpty)
        bench.advance(.seconds(1))
        give()
        let rival = try #require(rivals(bench).first)
        guard case .discarded(reason, _) = rival.sign else {
            Issue.record("\(rival.sign)")
            return
        }
        #expect(bench.take().rivals == [Bench.lower])
        #expect(bench.state == .master)
    }

    /// A router that advertises more slowly than we do is one between its advertisements, too.
    @Test func aSlowRivalIsOne() {
        var bench = Bench.master()
        for _ in 0..<3 {
            bench.receive(200, { $0.interval = .seconds(20) })
            bench.advance(.seconds(20))
        }
        #expect(rivals(bench).count == 1)
        #expect(bench.take().rivals == [Bench.lower])
        bench.advance(.seconds(41))
        #expect(rivals(bench).isEmpty)
    }

    /// What a broken packet says of its interval says nothing, whatever else is wrong with it: two of them would be a
    /// second master for minutes.
    @Test(arguments: [VRRPVersion.v2, .v3], [255, 1] as [UInt8])
    func theIntervalOfABrokenAdvertIsNotBelieved(_ version: VRRPVersion, _ hopLimit: UInt8) {
        var bench = Bench.master { $0.version = version }
        for _ in 0..<2 {
            bench.advance(.seconds(1))
            bench.receive(200, hopLimit: hopLimit, { $0.interval = .seconds(40) }, bend: { $0[6] ^= 1 })
        }
        #expect(rivals(bench).count == 1 && bench.state == .master)
        bench.advance(.seconds(4))
        #expect(rivals(bench).isEmpty)
    }

    @Test func whatSaysNothingOfASecondMaster() {
        func expectNone(_ comment: Comment, _ give: (inout Bench) -> Void) {
            var bench = Bench.master()
            for _ in 0..<5 {
                give(&bench)
                bench.advance(.milliseconds(500))
            }
            #expect(bench.status().counters.discarded.total + bench.status().counters.advertsReceived > 0, comment)
            #expect(rivals(bench).isEmpty && bench.take().rivals.isEmpty, comment)
        }
        expectNone("two bytes") { $0.give([0x21, 20], from: Bench.lower, to: address("224.0.0.18")) }
        expectNone("our own address") { $0.receive(200, from: Bench.own, hopLimit: 1) }
        expectNone("nobody's address") { $0.receive(200, from: address("0.0.0.0"), hopLimit: 1) }
        expectNone("no advertisement") { $0.receive(200, bend: { $0[0] = 0x22 }) }
        expectNone("a version that nobody speaks") { $0.receive(200, bend: { $0[0] = 0x71 }) }
        expectNone("who leaves") { $0.receive(0) }
        expectNone("who leaves without being understood") { $0.receive(0, hopLimit: 1) }
        expectNone("CARP") {
            $0.give([0x21, 20, 0, 7] + [UInt8](repeating: 9, count: 32), from: Bench.lower, to: address("224.0.0.18"))
        }
    }

    /// CARP with our number is said as what it is.
    @Test func carpIsNamed() {
        var bench = Bench.master()
        bench.give([0x21, 20, 0, 7] + [UInt8](repeating: 9, count: 32), from: Bench.lower, to: address("224.0.0.18"))
        #expect(bench.status().discarded(.carp) == 1)
        #expect(bench.take().discards == [.carp])
    }

    @Test func aReleaseEndsIt() {
        var bench = Bench.master()
        bench.receive(50)
        bench.receive(50)
        #expect(rivals(bench).count == 1)
        bench.receive(0)
        #expect(rivals(bench).isEmpty)
    }

    /// What came in FAULT or as BACKUP is no sign; what came as MASTER is none any more once we aren't.
    @Test func onlyAMasterHasRivals() {
        var bench = Bench.master { $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: 0)] }
        bench.receive(50)
        bench.receive(50)
        #expect(rivals(bench).count == 1)
        var eth1 = Bench.interface("eth1", 3)
        eth1.isUsable = false
        bench.handle(.interface(eth1))
        #expect(bench.state == .fault && rivals(bench).isEmpty)
        for _ in 0..<3 {
            bench.receive(50)
            bench.advance(.seconds(1))
        }
        eth1.isUsable = true
        bench.handle(.interface(eth1))
        bench.receive(50)
        _ = bench.take()
        bench.advance(.seconds(4))
        #expect(bench.state == .master)
        bench.receive(50)
        #expect(rivals(bench).isEmpty && bench.take().rivals.isEmpty, "the last word of the one that yields")
    }

    /// An address of ours under another VRID is no former master's: the first advertisement counts.
    @Test func anotherVRIDCountsAtOnce() throws {
        var bench = Bench.master()
        let number = try #require(VRID(rawValue: 99))
        bench.receive(1, { $0.virtualRouterID = number })
        #expect(rivals(bench).map(\.sign) == [.discarded(.otherVRID, detail: 99)])
        #expect(bench.take().rivals == [Bench.lower])
        bench.advance(Self.downInterval * 3)
        #expect(rivals(bench).isEmpty)
        // A router may be a former master of ours and a master of the other number.
        bench.receive(1, { $0.virtualRouterID = number })
        bench.receive(50)
        #expect(rivals(bench).count == 1)
        bench.receive(50)
        #expect(rivals(bench).count == 2)
    }

    /// Whoever sends under ever new addresses is seen, costs no memory, and isn't told each time.
    @Test func aFloodOfSendersIsBounded() {
        var bench = Bench.master()
        for number in 0..<2_000 as Range<UInt32> { bench.receive(50, from: IPAddress(v4: 0x0a01_0000 + number)) }
        #expect((1...4).contains(rivals(bench).count))
        #expect((1...4).contains(bench.take().rivals.count))
    }

    // MARK: Other addresses

    /// Relevant while its sender is the master that is followed, or a second one.
    @Test func otherAddressesHaveAnEnd() throws {
        let other: (inout Advertisement) -> Void = { $0.addresses = [address("10.0.4.9")] }
        func told(_ bench: Bench) -> IPAddress? { bench.status().differentAddressesOf }
        var bench = Bench { $0.preemptDelay = .zero }
        bench.receive(200, other)
        #expect(told(bench) == Bench.lower)
        bench.advance(.milliseconds(3_600))
        #expect(bench.state == .backup && told(bench) == Bench.lower)
        bench.receive(200, other)
        // It goes, and this node takes over within the skew.
        bench.receive(0, other)
        bench.advance(.seconds(1))
        #expect(bench.state == .master && told(bench) == nil)
        // The last word of a router with a lower priority isn't what clients get.
        bench.receive(50, other)
        #expect(told(bench) == nil)
        bench.receive(50, other)
        #expect(told(bench) == Bench.lower, "a second master, with other addresses")
        bench.advance(Self.downInterval)
        #expect(told(bench) == nil)
        // Who mends his file is believed.
        bench.receive(200, other)
        bench.receive(200, other)
        #expect(bench.state == .backup && told(bench) == Bench.lower)
        bench.receive(200)
        #expect(told(bench) == nil)
    }
}
