import Base
import ConfigurationModel
import Testing
import VRRP
import Wire

/// Discarded packets: the reason, and that nothing else comes of it (RFC 9568 §7.1; behaviours §16: rejected packets
/// must not silence a master).
@Suite struct PacketTests {
    /// Gives one bad packet to a BACKUP and to a MASTER: its own counter rises, nothing else changes.
    private func expect(
        _ reason: DiscardReason, _ configure: (inout InstanceSettings) -> Void = { _ in },
        give: (inout Bench) -> Void
    ) {
        var backup = Bench(configure)
        backup.advance(.seconds(1))
        var master = Bench.master(configure)
        master.advance(.milliseconds(300))
        for var bench in [backup, master] {
            _ = bench.take()
            let before = bench.status()
            let deadline = bench.node.deadline
            give(&bench)
            let after = bench.status()
            #expect(after.discarded(reason) == 1, "\(reason)")
            #expect(after.lastDiscard?.reason == reason && after.lastDiscard?.age == .zero, "\(reason)")
            let later = bench.node.status(of: 0, at: bench.now + .seconds(9))?.lastDiscard
            #expect(later?.age == .seconds(9) && (later?.isRecent == true || later?.source == Bench.own), "\(reason)")
            #expect(after.counters.discarded.total == 1)
            #expect(after.counters.advertsReceived == 0)
            #expect(after.state == before.state)
            #expect(after.takeover == before.takeover)
            #expect(after.master == before.master)
            #expect(bench.node.deadline == deadline)
            let actions = bench.take()
            #expect(actions.discards == [reason])
            // An address of ours under another VRID is a sign of a second master at once (RivalTests).
            #expect(actions.count == 1 + (reason == .otherVRID && before.state == .master ? 1 : 0))
        }
    }

    @Test func shortPackets() {
        for count in 2..<20 { expect(.length) { $0.receive(200, bend: { $0 = Array($0[..<count]) }) } }
        expect(.length) { $0.receive(200, bend: { $0.append(0) }) }
        // The IP header promised more than there is.
        expect(.length) {
            $0.give([0x21, 20, 200, 1], from: Bench.lower, to: address("224.0.0.18"), payloadLength: 20)
        }
        // And this one less than nothing.
        expect(.length) {
            $0.give([0x21, 20, 200, 1], from: Bench.lower, to: address("224.0.0.18"), payloadLength: -1)
        }
    }

    /// RFC 9568 §5.2.5: a master without an address would take over nothing.
    @Test func noAddress() {
        expect(.noAddress) { $0.receive(200, { $0.addresses = [] }) }
    }

    /// Ethernet pads short frames: bytes beyond the IP length are nobody's.
    @Test func padding() {
        var bench = Bench()
        let sample: [UInt8] = [
            0x21, 20, 150, 2, 0, 1, 0x2c, 0xe5, 10, 0, 4, 1, 10, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 0,
        ]
        bench.give(sample + [0, 0], from: Bench.lower, to: address("224.0.0.18"), payloadLength: sample.count)
        #expect(bench.status().counters.advertsReceived == 1)
    }

    /// RFC 9568 §5.1.1.3: TTL 255, also when the kernel didn't say.
    @Test func hopLimit() {
        for hopLimit: UInt8? in [nil, 0, 1, 64, 254] { expect(.hopLimit) { $0.receive(200, hopLimit: hopLimit) } }
    }

    @Test func version() {
        expect(.version) { $0.receive(200, { $0.version = .v3 }) }
        expect(.version, { $0.version = .v3 }) { $0.receive(200, { $0.version = .v2 }) }
        expect(.version) { $0.receive(200, bend: { $0[0] = 0x41 }) }
    }

    @Test func type() { expect(.type) { $0.receive(200, bend: { $0[0] = 0x22 }) } }

    @Test func checksum() {
        expect(.checksum) { $0.receive(200, bend: { $0[6] ^= 0x55 }) }
        expect(.checksum, { $0.version = .v3 }) { $0.receive(200, bend: { $0[6] ^= 0x55 }) }
    }

    /// I1: the other form has a reason of its own; with v3_checksum_as_v2 both are accepted.
    @Test func otherFormOfTheChecksum() {
        expect(.checksumOtherForm, { $0.version = .v3 }) {
            $0.receive(200, { $0.checksumWithoutPseudoHeader = true })
        }
        var bench = Bench {
            $0.version = .v3
            $0.checksumWithoutPseudoHeader = true
        }
        bench.receive(200) { $0.checksumWithoutPseudoHeader = true }
        bench.receive(200) { $0.checksumWithoutPseudoHeader = false }
        #expect(bench.status().counters.advertsReceived == 2)
    }

    /// RFC 2338 §5.3.6.1.
    @Test func authentication() {
        let secret = Array("secret".utf8) + [0, 0]
        expect(.authenticationType, { $0.password = secret }) { $0.receive(200, { $0.password = nil }) }
        expect(.authenticationType) { $0.receive(200, { $0.password = secret }) }
        expect(.authenticationFailure, { $0.password = secret }) {
            $0.receive(200, { $0.password = Array("secre".utf8) })
        }
        // One that RFC 2338 doesn't have.
        expect(.unknownAuthenticationType) { $0.receive(200, bend: { $0[4] = 7 }) }
        var bench = Bench { $0.password = secret }
        bench.receive(200)
        #expect(bench.status().counters.advertsReceived == 1)
    }

    /// RFC 3768 §7.1: another interval; version 3 forbids only 0.
    @Test func interval() {
        expect(.interval) { $0.receive(200, { $0.interval = .seconds(2) }) }
        expect(.interval, { $0.version = .v3 }) { bench in
            bench.receive(200, { $0.checksumWithoutPseudoHeader = false }) { bytes in
                bytes[5] = 0
                // 100 cs less in the sum is 100 more in its complement.
                let sum = UInt16(bytes[6]) << 8 | UInt16(bytes[7])
                let fixed = sum &+ 100
                bytes[6] = UInt8(fixed >> 8)
                bytes[7] = UInt8(truncatingIfNeeded: fixed)
            }
        }
    }

    @Test func destination() {
        expect(.destination) { $0.receive(200, destination: Bench.own) }
        expect(.destination) { $0.receive(200, destination: address("224.0.0.19")) }
        let unicast: (inout InstanceSettings) -> Void = { $0.unicastPeers = [UnicastPeer(address: Bench.lower)] }
        expect(.destination, unicast) { $0.receive(200, destination: address("224.0.0.18")) }
    }

    @Test func sources() {
        expect(.badSource) { $0.receive(200, from: address("0.0.0.0")) }
        expect(.badSource) { $0.receive(200, from: address("224.0.0.1")) }
        expect(.own) { $0.receive(200, from: Bench.own) }
    }

    /// Unicast: any TTL unless limited, any source unless checked (behaviours §7).
    @Test func unicast() {
        func peers(_ change: @escaping (inout InstanceSettings) -> Void = { _ in }) -> (inout InstanceSettings) -> Void
        {
            {
                $0.sourceAddress = Bench.own
                $0.unicastPeers = [
                    UnicastPeer(address: Bench.lower, minimumTTL: 250, maximumTTL: 253),
                    UnicastPeer(address: Bench.higher),
                ]
                change(&$0)
            }
        }
        expect(.hopLimit, peers()) { $0.receive(200, hopLimit: 249) }
        expect(.hopLimit, peers()) { $0.receive(200, hopLimit: 254) }
        expect(.hopLimit, peers()) { $0.receive(200, hopLimit: nil) }
        expect(.source, peers { $0.checkUnicastSource = true }) { $0.receive(200, from: address("10.0.0.77")) }
        var bench = Bench(peers())
        bench.receive(200, hopLimit: 252)
        bench.receive(200, from: Bench.higher, hopLimit: 3)
        bench.receive(200, from: address("10.0.0.77"), hopLimit: nil)
        #expect(bench.status().counters.advertsReceived == 3)
    }

    /// Unknown VRIDs and truncated packets are counted by the node, and reported by reason (D17).
    @Test func withoutInstance() {
        var bench = Bench()
        _ = bench.take()
        bench.give([0x21, 99, 1, 2, 3], from: Bench.lower, to: address("224.0.0.18"))
        bench.give([0x21], from: Bench.lower, to: address("224.0.0.18"))
        bench.give([], from: Bench.lower, to: address("224.0.0.18"))
        #expect(bench.node.discardedWithoutInstance[Int(DiscardReason.unknownVRID.rawValue)] == 1)
        #expect(bench.node.discardedWithoutInstance[Int(DiscardReason.length.rawValue)] == 2)
        #expect(bench.take().discards == [.unknownVRID, .length], "each reason once a second")
    }

    /// T2: an address of ours under another VRID is a wrong virtual_router_id on one of the two, and both are master.
    @Test func otherVRID() {
        guard let number = VRID(rawValue: 99) else { return }
        let other: (inout Advertisement) -> Void = { $0.virtualRouterID = number }
        expect(.otherVRID) { $0.receive(1, other) }
        expect(.otherVRID) {
            $0.receive(
                1,
                { advertisement in
                    other(&advertisement)
                    advertisement.addresses.insert(address("10.9.9.9"), at: 0)
                })
        }
        // Another cluster, who lets go of the address, what was spoilt on the way, and a rump.
        let strangers: [(inout Bench) -> Void] = [
            { $0.receive(1, { ($0.virtualRouterID, $0.addresses) = (number, [address("10.9.9.9")]) }) },
            { $0.receive(0, other) },
            { $0.receive(1, other, bend: { $0[6] ^= 1 }) },
            { $0.receive(1, other, bend: { $0.removeLast() }) },
        ]
        for give in strangers {
            var bench = Bench.master()
            _ = bench.take()
            give(&bench)
            #expect(bench.take().discards == [.unknownVRID])
            #expect(bench.status().counters.discarded.total == 0)
        }
    }

    /// Whoever floods with strange VRIDs makes nobody compare addresses for longer than a moment in each period; one among
    /// many senders in step is found all the same.
    @Test func strangersAreLookedIntoNowAndThen() throws {
        let number = try #require(VRID(rawValue: 99))
        var flooded = Bench.master()
        for _ in 0..<1_000 { flooded.receive(1, { $0.virtualRouterID = number }) }
        #expect((1...40).contains(flooded.status().discarded(.otherVRID)))
        #expect(flooded.node.discardedWithoutInstance[Int(DiscardReason.unknownVRID.rawValue)] >= 960)
        for strangers in [16, 17] {
            var bench = Bench.master()
            for _ in 0..<60 {
                for _ in 0..<strangers {
                    bench.receive(1, { ($0.virtualRouterID, $0.addresses) = (number, [address("10.9.9.9")]) })
                }
                bench.receive(1, { $0.virtualRouterID = number })
                bench.advance(.seconds(1))
            }
            #expect(bench.status().discarded(.otherVRID) >= 20, "\(strangers)")
        }
        var spread = Bench.master()
        for _ in 0..<300 {
            for _ in 0..<40 {
                spread.receive(1, { ($0.virtualRouterID, $0.addresses) = (number, [address("10.9.9.9")]) })
                spread.advance(.milliseconds(24))
            }
            spread.receive(1, { $0.virtualRouterID = number })
            spread.advance(.milliseconds(40))
        }
        #expect(spread.status().discarded(.otherVRID) > 60)
    }

    /// In FAULT nothing is judged.
    @Test func notRunning() {
        var bench = Bench()
        bench.eth0.isUsable = false
        bench.handle(.interface(bench.eth0))
        bench.receive(200)
        #expect(bench.status().discarded(.notRunning) == 1)
    }

    /// A thousand bad packets are one observation a second.
    @Test func observationsAreBounded() {
        var bench = Bench()
        _ = bench.take()
        for _ in 0..<1_000 { bench.receive(200, hopLimit: 64) }
        #expect(bench.take().discards.count == 1)
        #expect(bench.status().discarded(.hopLimit) == 1_000)
        bench.advance(.seconds(1))
        bench.receive(200, hopLimit: 64)
        #expect(bench.take().discards.count == 1)
    }

    /// 10,000 random packets and mutations of good ones, to MASTER and BACKUP, in both versions and families: whatever
    /// isn't counted as received has changed nothing but a counter.
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func fuzz(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let configure: (inout InstanceSettings) -> Void = { settings in
            if seed % 2 == 0 { settings.version = .v3 }
            if seed > 2 { settings.password = settings.version == .v2 ? Array("secret".utf8) : nil }
        }
        var backup = Bench(configure)
        backup.receive(200)
        backup.advance(.milliseconds(700))
        var master = Bench.master(configure)
        master.advance(.milliseconds(300))
        for var bench in [backup, master] {
            let untouched = bench
            let before = bench.status()
            let deadline = bench.node.deadline
            for round in 0..<10_000 {
                _ = bench.take()
                if round % 2 == 0 {
                    bench.receive(UInt8.random(in: 0...255, using: &random)) { _ in
                    } bend: { bytes in
                        for _ in 0..<Int.random(in: 1...4, using: &random) {
                            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(
                                in: 1...255, using: &random)
                        }
                        if Int.random(in: 0..<4, using: &random) == 0 {
                            bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
                        }
                    }
                } else {
                    var bytes = (0..<Int.random(in: 0..<80, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                    if bytes.count > 1 { bytes[1] = 20 }
                    bench.give(bytes, from: Bench.lower, to: address("224.0.0.18"))
                }
                let after = bench.status()
                guard after.counters.advertsReceived == before.counters.advertsReceived else {
                    // The bends undid each other: a good packet, and another test's business.
                    bench = untouched
                    continue
                }
                #expect(after.state == before.state)
                #expect(after.takeover == before.takeover)
                #expect(after.waiting == before.waiting)
                #expect(bench.node.deadline == deadline)
                let actions = bench.take()
                #expect(actions.count == actions.discards.count + actions.rivals.count)
            }
        }
    }

    /// Four bad packets an interval for a minute: the master's rate doesn't change.
    @Test func rejectedPacketsDoNotSilenceAMaster() {
        var bench = Bench.master()
        let before = bench.status().counters.advertsSent
        for _ in 0..<240 {
            bench.advance(.milliseconds(250))
            bench.receive(200, hopLimit: 64)
            bench.receive(200, bend: { $0[7] ^= 1 })
        }
        #expect(bench.status().counters.advertsSent == before + 60)
        #expect(bench.state == .master)
    }
}
