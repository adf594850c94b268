import Base
import ConfigurationModel
import Testing

@testable import VRRP

/// `address_lease` (docs/decisions, D16).
struct LeaseTests {
    private static func master(
        _ seconds: Int = 3, _ change: (inout InstanceSettings) -> Void = { _ in }
    ) -> Bench {
        Bench.master {
            $0.extra = Bench.lease(seconds)
            change(&$0)
        }
    }

    private static func placed(_ actions: [Action]) -> [PlacedAddress] {
        actions.flatMap { action -> [PlacedAddress] in
            switch action {
            case .install(let places, _), .renew(let places, _, _): places
            default: []
            }
        }
    }

    /// From the beginning, those that aren't advertised, too, and anew before a third of it is over.
    @Test(arguments: [3, 10, 60]) func renewsBeforeAThirdIsOver(seconds: Int) {
        var bench = Bench {
            $0.extra = Bench.lease(seconds)
            $0.excludedAddresses = [virtual("fd00::1/128")]
        }
        bench.advance(.seconds(4))
        let installed = Self.placed(bench.take().filter { if case .install = $0 { true } else { false } })
        #expect(installed.map(\.lease) == [seconds, seconds])
        var last = bench.now
        var count = 0
        for _ in 0..<400 {
            bench.advance(.milliseconds(250))
            for renewal in bench.take().renewed {
                #expect(renewal == ["10.0.4.1 \(seconds)", "fd00::1 \(seconds)"])
                // Looked at four times a second.
                if count > 0 { #expect(bench.now - last <= .seconds(Int64(seconds)) / 3 + .milliseconds(250)) }
                last = bench.now
                count += 1
            }
        }
        #expect(count >= 300 / seconds)
        #expect(bench.status().addressLease == .seconds(Int64(seconds)))
        #expect(bench.status().leaseAge ?? .seconds(99) <= .seconds(Int64(seconds)) / 3)
    }

    /// Only a MASTER renews, and only what is its own.
    @Test func renewsNothingElse() {
        var bench = Self.master()
        bench.receive(200)
        _ = bench.take()
        bench.receive(200)
        bench.advance(.seconds(2))
        #expect(bench.state == .backup && bench.take().renewed.isEmpty)

        var other = Bench {
            $0.extra = Bench.lease(3)
            $0.virtualAddresses = [virtual("10.0.4.1/24"), virtual("10.0.4.2/24")]
        }
        other.tell([Bench.kernelAddress("10.0.4.1/24")])
        other.advance(.seconds(6))
        #expect(other.state == .master && other.status().foreignAddresses == [address("10.0.4.1")])
        let renewed = Set(other.take().renewed)
        #expect(renewed == [["10.0.4.2 3"]])
    }

    /// The kernel does one thing after the other: while it doesn't answer, renewals don't pile up.
    @Test func asksAgainWhenAnswered() {
        var bench = Self.master()
        bench.kernelAnswers = false
        bench.advance(.seconds(20))
        let asked = bench.take().filter { if case .renew = $0 { true } else { false } }
        #expect(asked.count == 1)
        bench.kernelAnswers = true
        bench.answer(asked[0])
        #expect(bench.take().renewed == [["10.0.4.1 3"]])
        bench.advance(.seconds(9))
        #expect(bench.take().renewed.count >= 9)
    }

    /// A refusal is reported once, and asked again in a second.
    @Test func refusalIsReportedOnce() {
        var bench = Self.master()
        bench.kernelAnswers = false
        var reported = 0
        for _ in 0..<5 {
            bench.advance(.seconds(1))
            let actions = bench.take()
            for action in actions {
                if case .renew = action { bench.answer(action, [.refused(12)], sentence: "no memory") }
            }
            reported += bench.take().count {
                if case .observe(.kernelFailure(_, "no memory")) = $0 { true } else { false }
            }
        }
        #expect(reported == 1 && bench.state == .master)
    }

    /// A reload edits addresses in place: none is removed, added or announced.
    @Test func reloadEditsInPlace() {
        var bench = Bench.master()
        bench.reload { $0.instances[0].extra = Bench.lease(5) }
        var actions = bench.take()
        #expect(actions.renewed == [["10.0.4.1 5"]] && actions.installed.isEmpty && actions.withdrawn.isEmpty)
        #expect(actions.announced.isEmpty)
        bench.tell([Bench.kernelAddress("10.0.4.1/24", by: AddressProtocol.ours, flags: .limited)])
        bench.advance(.seconds(3))
        #expect(bench.take().renewed.count == 2)
        bench.reload { $0.instances[0].extra = Bench.lease(3) }
        #expect(bench.take().renewed == [["10.0.4.1 3"]])
        bench.reload { $0.instances[0].extra = nil }
        actions = bench.take()
        #expect(actions.renewed == [["10.0.4.1 endless"]] && actions.installed.isEmpty && actions.withdrawn.isEmpty)
        bench.tell([Bench.kernelAddress("10.0.4.1/24", by: AddressProtocol.ours)])
        bench.advance(.seconds(9))
        #expect(bench.take().renewed.isEmpty && bench.status().addressLease == nil)
    }

    /// A reload while the kernel is busy: what it was asked for before is corrected by its answer.
    @Test(arguments: [true, false]) func reloadOverARequest(isInstallation: Bool) {
        var bench = Bench { $0.extra = Bench.lease(3) }
        bench.kernelAnswers = !isInstallation
        bench.advance(.seconds(4))
        bench.kernelAnswers = false
        if !isInstallation {
            _ = bench.take()
            bench.advance(.seconds(1))
        }
        let asked = bench.take().filter {
            switch $0 {
            case .install, .renew: true
            default: false
            }
        }
        #expect(asked.count == 1)
        bench.reload { $0.instances[0].extra = nil }
        #expect(bench.take().renewed.isEmpty)
        bench.answer(asked[0])
        #expect(bench.take().renewed == [["10.0.4.1 endless"]])
    }

    /// A successor renews at once; without the keyword it takes the lifetime away that a predecessor has left.
    @Test(arguments: [true, false]) func successorGoesOn(hasLease: Bool) {
        var bench = Self.master()
        var keeper = Keeper()
        keeper.keep(&bench.node)
        var model = bench.model
        if !hasLease { model.instances[0].extra = nil }
        var snapshot = keeper.snapshot(heardUntil: bench.now, lastNotification: 99)
        snapshot.ledger = Array(keeper.ledger.values)
        var next = Bench(empty: ())
        next.now = bench.now + .milliseconds(20)
        next.handle(.interface(next.eth0))
        next.tell(Bench.ownAddresses)
        next.tell([Bench.kernelAddress("10.0.4.1/24", by: AddressProtocol.ours, flags: .limited)])
        next.model = model
        next.handle(.resume(model, snapshot))
        let actions = next.take()
        #expect(next.state == .master && actions.installed.isEmpty && actions.withdrawn.isEmpty)
        #expect(actions.renewed == [[hasLease ? "10.0.4.1 3" : "10.0.4.1 endless"]])
    }

    /// Where other addresses would go with one of ours, it has no lifetime; one of ours with a lease is no other.
    @Test func othersDontGoWithIt() {
        var bench = Self.master { $0.virtualAddresses = [virtual("10.0.4.1/24"), virtual("10.0.4.2/24")] }
        bench.tell([
            Bench.kernelAddress("10.0.4.2/24", by: AddressProtocol.ours, flags: [.secondary, .limited])
        ])
        bench.advance(.seconds(1))
        #expect(Self.guarded(bench.take()) == [[]])
        bench.tell([Bench.kernelAddress("10.0.4.9/24", flags: .secondary)])
        bench.kernelAnswers = false
        bench.advance(.seconds(1))
        let actions = bench.take()
        #expect(Self.guarded(actions) == [[2]])
        for action in actions { if case .renew = action { bench.answer(action, [.endless, .endless]) } }
        let told = bench.take().count { if case .observe(.kernelFailure) = $0 { true } else { false } }
        #expect(told == 1 && bench.status().endlessAddresses == 2)
    }

    private static func guarded(_ actions: [Action]) -> [Set<Int32>] {
        actions.compactMap { if case .renew(_, let guarded, _) = $0 { guarded } else { nil } }
    }

    /// The route to an IPv6 prefix is left to the machine's own address in it.
    @Test func leavesARouteToTheMachine() {
        var bench = Self.master {
            $0.virtualAddresses = [virtual("fd00::100/64"), virtual("fd01::100/64")]
        }
        bench.tell([Bench.kernelAddress("fd00::5/64")])
        bench.advance(.seconds(1))
        let routes = Self.placed(bench.take()).map(\.address.noPrefixRoute)
        #expect(routes == [true, false])
    }

    // MARK: - A node that stood still

    /// T6: who has stood still until a peer may have taken over doesn't serve again beside it, whatever it hears first.
    @Test(arguments: ["advert", "removal", "timer"]) func thawedMasterYields(first: String) {
        var bench = Self.master()
        bench.stall(.seconds(10))
        switch first {
        case "advert": bench.receive(50)
        case "removal": bench.remove(["10.0.4.1/24"])
        default: bench.handle(.timeout)
        }
        let actions = bench.take()
        #expect(bench.state == .backup && actions.reasons == [.leaseEnded])
        #expect(actions.adverts.isEmpty && actions.installed.isEmpty && actions.removals.isEmpty)
    }

    /// Nobody has taken over yet: it goes on, and no program is blamed for what the kernel did.
    @Test func blamesNobodyForTheEnd() {
        var bench = Self.master { $0.advertInterval = .seconds(3) }
        for _ in 0..<8 {
            bench.stall(.seconds(4))
            bench.remove(["10.0.4.1/24"])
            bench.handle(.timeout)
            bench.advance(.seconds(1))
            let actions = bench.take()
            #expect(bench.state == .master && actions.removals.isEmpty && !actions.installed.isEmpty)
        }
        // Another program is, while the lease lasts.
        bench.advance(.seconds(3))
        _ = bench.take()
        bench.remove(["10.0.4.1/24"])
        bench.advance(.milliseconds(200))
        #expect(bench.take().removals == [1])
    }

    /// Without a lease a MASTER that stood still goes on, as RFC 9568 has it.
    @Test func withoutALeaseItGoesOn() {
        var bench = Bench.master()
        bench.stall(.seconds(10))
        bench.handle(.timeout)
        #expect(bench.state == .master && !bench.take().adverts.isEmpty)
    }
}
