import Base
import ConfigurationModel
import Testing
import VRRP

/// FAULT, tracked interfaces and priorities (behaviours §7 and §8).
@Suite struct FaultTests {
    @Test func startsInFaultWithoutInterface() {
        var bench = Bench(empty: ())
        bench.model.instances = [Bench.settings()]
        bench.handle(.configure(bench.model))
        #expect(bench.state == .fault)
        #expect(bench.status().faults == [.interfaceMissing("eth0")])
        #expect(bench.take().notified == [.fault])
        bench.advance(.seconds(100))
        #expect(bench.state == .fault)
        // A3: it appears without an address, then with one.
        bench.handle(.interface(bench.eth0))
        #expect(bench.status().faults == [.noSourceAddress("eth0")])
        #expect(bench.take().isEmpty)
        bench.tell(Bench.ownAddresses)
        #expect(bench.state == .backup)
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
        #expect(bench.take().reasons == [.recovered])
    }

    @Test func configurationFault() {
        var bench = Bench { $0.faults = ["no addresses"] }
        #expect(bench.status().faults == [.configuration])
        bench = Bench { $0.virtualRouterID = nil }
        #expect(bench.status().faults == [.configuration])
        bench.advance(.seconds(10))
        #expect(bench.state == .fault)
    }

    /// MASTER to FAULT: nothing can leave a dead interface, the addresses go.
    @Test func masterLosesItsInterface() {
        var bench = Bench.master()
        bench.eth0.isUsable = false
        bench.handle(.interface(bench.eth0))
        let actions = bench.take()
        #expect(bench.state == .fault)
        #expect(actions.adverts.isEmpty)
        #expect(actions.withdrawn == [[address("10.0.4.1")]])
        #expect(actions.notified == [.fault])
        #expect(actions.reasons == [.fault(.interfaceDown("eth0"))])
        // It is no peer of its own, also when its source went with the link.
        #expect(bench.status().lastTransition?.peer == nil)
        var flushed = Bench.master()
        flushed.remove(["10.0.0.5/24"])
        #expect(flushed.state == .fault && flushed.status().lastTransition?.peer == nil)
        bench.eth0.isUsable = true
        bench.handle(.interface(bench.eth0))
        #expect(bench.state == .backup)
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
    }

    /// MASTER to FAULT by a tracker: it releases (behaviours §7).
    @Test func masterReleasesOnATrackedFault() {
        var bench = Bench.master { $0.trackedInterfaces = [TrackedInterface(name: "eth1")] }
        bench.handle(.interfaceRemoved(3))
        #expect(bench.state == .fault)
        let actions = bench.take()
        #expect(actions.adverts == [0])
        #expect(actions.reasons == [.fault(.trackedInterfaceDown("eth1"))])
        #expect(bench.status().counters.releasesSent == 1)
    }

    /// All reasons must clear.
    @Test func allFaultsMustClear() {
        var bench = Bench { $0.trackedInterfaces = [TrackedInterface(name: "eth1")] }
        bench.handle(.interfaceRemoved(3))
        bench.eth0.isUsable = false
        bench.handle(.interface(bench.eth0))
        #expect(bench.status().faults == [.interfaceDown("eth0"), .trackedInterfaceDown("eth1")])
        bench.handle(.interface(Bench.interface("eth1", 3)))
        #expect(bench.state == .fault)
        bench.eth0.isUsable = true
        bench.handle(.interface(bench.eth0))
        #expect(bench.state == .backup)
    }

    @Test func ownerReturnsAtOnce() {
        var bench = Bench { $0.priority = .owner }
        bench.advance(.seconds(1))
        bench.handle(.interfaceRemoved(2))
        #expect(bench.state == .fault)
        bench.handle(.interface(bench.eth0))
        bench.tell(Bench.ownAddresses)
        bench.advance(.zero)
        #expect(bench.state == .master)
    }

    @Test func dontTrackPrimary() {
        var bench = Bench.master { $0.ignoresPrimaryInterface = true }
        bench.eth0.isUsable = false
        bench.handle(.interface(bench.eth0))
        #expect(bench.state == .master)
        bench.handle(.interfaceRemoved(2))
        #expect(bench.status().faults == [.interfaceMissing("eth0")])
    }

    /// A2: deleted and created again under another index.
    @Test func recreatedInterface() {
        var bench = Bench.master()
        bench.eth0.index = 17
        bench.handle(.interface(bench.eth0))
        bench.tell([Bench.kernelAddress("10.0.0.5/24", on: 17)])
        #expect(bench.take().reasons == [.fault(.interfaceMissing("eth0")), .recovered])
        bench.receive(200)
        #expect(bench.status().counters.advertsReceived == 1)
        bench.eth0.index = 2
        bench.receive(200)
        #expect(bench.node.discardedWithoutInstance[Int(DiscardReason.unknownVRID.rawValue)] == 1)
    }

    /// An index that reappears under another name is a renamed interface: the old name is gone.
    @Test func renamedInterface() {
        var bench = Bench()
        var renamed = bench.eth0
        renamed.name = "lan0"
        bench.handle(.interface(renamed))
        #expect(bench.status().faults == [.interfaceMissing("eth0")])
    }

    @Test func ownersPriorityNeverChanges() {
        let bench = Bench {
            $0.priority = .owner
            $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: -100, reverse: true)]
        }
        #expect(bench.status().priority == .owner)
    }

    /// D52: with weight 0 and `reverse` what is up keeps it in FAULT, and is said to be up.
    @Test func reversedFault() {
        var bench = Bench { $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: 0, reverse: true)] }
        #expect(bench.status().faults == [.trackedInterfaceUp("eth1")])
        bench.handle(.interfaceRemoved(3))
        #expect(bench.state == .backup)
    }

    /// The running timer moves by the difference of the down times; no advertisement is sent for it.
    @Test func priorityMovesTheTimer() {
        var bench = Bench { $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: -28)] }
        bench.advance(.seconds(1))
        #expect(bench.remaining == Interval(nanoseconds: 2_609_375_000))
        bench.handle(.interfaceRemoved(3))
        #expect(bench.remaining == Interval(nanoseconds: 2_609_375_000 + 109_375_000))
        bench.handle(.interface(Bench.interface("eth1", 3)))
        #expect(bench.remaining == Interval(nanoseconds: 2_609_375_000))
    }

    @Test func masterAdvertisesItsNewPriorityOnTime() {
        var bench = Bench.master { $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: -28)] }
        let due = bench.node.deadline
        bench.handle(.interfaceRemoved(3))
        #expect(bench.take().adverts.isEmpty)
        #expect(bench.node.deadline == due)
        bench.advance(.seconds(1))
        #expect(bench.take().adverts == [72])
    }

    private static func unicast(from source: IPAddress) -> Bench {
        Bench {
            $0.unicastPeers = [UnicastPeer(address: Bench.lower)]
            $0.sourceAddress = source
        }
    }

    /// §7: a unicast source that isn't on this machine is a fault, from the start and when it is taken away; it may be
    /// on any interface.
    @Test func unicastSourceMustBeHere() {
        let source = address("10.0.0.77")
        var bench = Self.unicast(from: source)
        #expect(bench.state == .fault && bench.status().faults == [.sourceAddressMissing(source)])
        let there = Bench.kernelAddress("10.0.0.77/24", on: 3)
        bench.tell([there])
        #expect(bench.state == .backup && bench.take().reasons.last == .recovered)
        bench.advance(.seconds(5))
        #expect(bench.state == .master && bench.take().adverts.count == 2)
        // It moves to the own interface, comes there before it leaves the other.
        bench.tell([Bench.kernelAddress("10.0.0.77/24")])
        bench.handle(.interfaceRemoved(3))
        #expect(bench.state == .master)
        bench.remove(["10.0.0.77/24"])
        #expect(bench.state == .fault && bench.take().withdrawn == [[address("10.0.4.1")]])
        bench.handle(.interface(Bench.interface("eth1", 3)))
        bench.tell([there])
        #expect(bench.state == .backup)
        bench.handle(.interfaceRemoved(3))
        #expect(bench.state == .fault && bench.status().faults == [.sourceAddressMissing(source)])
    }

    /// A reload to a source that isn't here.
    @Test func reloadedSource() {
        var bench = Self.unicast(from: Bench.own)
        #expect(bench.state == .backup)
        bench.reload { $0.instances[0].sourceAddress = address("10.0.0.77") }
        #expect(bench.state == .fault)
        bench.reload { $0.instances[0].sourceAddress = Bench.own }
        #expect(bench.state == .backup)
    }

    /// Configured source, here or not (multicast, §7), or the interface's; IPv6 uses the link-local one.
    @Test func sources() {
        var bench = Bench { $0.sourceAddress = address("10.0.0.77") }
        bench.advance(.seconds(4))
        var sources = bench.take().compactMap { if case .advertise(_, let said) = $0 { said.source } else { nil } }
        #expect(sources.first == address("10.0.0.77"))
        bench = Bench {
            $0.family = .ipv6
            $0.version = .v3
            $0.multicastGroup = address("ff02::12")
            $0.virtualAddresses = [virtual("fe80::25/128")]
        }
        bench.advance(.seconds(4))
        sources = bench.take().compactMap { if case .advertise(_, let said) = $0 { said.source } else { nil } }
        #expect(sources.first == address("fe80::5"))
        bench.remove(["fe80::5/64"])
        #expect(bench.status().faults == [.noSourceAddress("eth0")])
    }

    /// Without an interface there's nothing to send from: the configuration says so, and nothing else does.
    @Test func noInterface() {
        var bench = Bench {
            $0.interface = ""
            $0.faults = ["interface is missing"]
            $0.unicastPeers = [UnicastPeer(address: Bench.lower)]
            $0.sourceAddress = Bench.own
        }
        bench.advance(.seconds(5))
        #expect(bench.state == .fault && bench.status().faults == [.configuration])
        bench.receive(200)
        #expect(bench.status().counters.advertsReceived == 0 && bench.take().adverts.isEmpty)
    }
}
