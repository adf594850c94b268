import Base
import ConfigurationModel
import Testing
import VRRP

/// Virtual addresses that are on the machine and that hasup hasn't added.
@Suite struct ForeignAddressTests {
    /// D14: an address that was there before isn't asked for, serves, and is announced.
    @Test func foreignAddresses() {
        var bench = Bench()
        bench.tell([Bench.kernelAddress("10.0.4.1/24")])
        bench.advance(.seconds(4))
        let actions = bench.take()
        #expect(actions.installed.isEmpty)
        #expect(bench.status().installedAddresses.isEmpty)
        #expect(bench.status().foreignAddresses == [address("10.0.4.1")])
        #expect(actions.announced.count == 5)
        // It isn't withdrawn, and said: it stays beside the next master.
        bench.receive(200)
        #expect(bench.take().withdrawn.isEmpty)
        #expect(bench.status().strangers.map(\.prefix.description) == ["10.0.4.1/24"])
    }

    /// D14: what a MASTER served by and hadn't added stays when it ends, and that is said once, whatever the kernel tells
    /// afterwards: the whole list, also one with another length, which is shown while it is MASTER.
    @Test(arguments: [false, true]) func whatStaysIsSaidAtTheEnd(hasOwn: Bool) {
        var bench = Bench { if hasOwn { $0.virtualAddresses.append(virtual("10.0.4.2/24")) } }
        bench.tell([Bench.kernelAddress("10.0.4.1/24")])
        bench.advance(.seconds(4))
        bench.tell([Bench.kernelAddress("10.0.4.1/32")])
        #expect(bench.state == .master)
        #expect(bench.status().strangers.map(\.prefix.description) == ["10.0.4.1/24", "10.0.4.1/32"])
        _ = bench.take()
        bench.handle(.stop)
        let actions = bench.take()
        #expect(actions.withdrawn.isEmpty != hasOwn)
        #expect(actions.strangers.isEmpty)
        let names = [virtual("10.0.4.1/24"), virtual("10.0.4.1/32")].map { NamedAddress($0.prefix, interface: "eth0") }
        #expect(actions.staying == [names])
    }

    /// Who yields says it as who isn't MASTER, and only so; who was BACKUP has said it before.
    @Test func whatStaysIsSaidOnce() {
        var bench = Bench()
        bench.tell([Bench.kernelAddress("10.0.4.1/24")])
        #expect(bench.take().strangers.count == 1)
        bench.advance(.seconds(4))
        bench.receive(200)
        var actions = bench.take()
        #expect(actions.strangers.count == 1 && actions.staying.isEmpty)
        bench.handle(.stop)
        actions = bench.take()
        #expect(actions.strangers.isEmpty && actions.staying.isEmpty)
    }

    /// D14: one that came between our look and our question isn't ours either.
    @Test func foreignAddressOfTheLastMoment() {
        var bench = Bench()
        bench.kernelAnswers = false
        bench.advance(.seconds(4))
        bench.answer(Bench.questions(bench.take())[0], [.existed])
        bench.tell([Bench.kernelAddress("10.0.4.1/24")])
        #expect(bench.status().foreignAddresses == [address("10.0.4.1")])
        bench.receive(200)
        #expect(bench.take().withdrawn.isEmpty)
    }

    /// D14: what appears after the kernel has confirmed our removal is a stranger's: it is said, and not removed.
    @Test func addedAfterOurWithdrawal() {
        var bench = Bench.master()
        bench.receive(200)
        _ = bench.take()
        bench.tell([Bench.kernelAddress("10.0.4.1/24")])
        var actions = bench.take()
        #expect(actions.withdrawn.isEmpty)
        #expect(actions.strangers.map(\.prefix.description) == ["10.0.4.1/24"])
        #expect(bench.status().strangers.map(\.interface) == ["eth0"])
        // Told once, and again when it comes again.
        bench.tell([Bench.kernelAddress("10.0.4.1/24", flags: .secondary)])
        #expect(bench.take().strangers.isEmpty)
        bench.remove(["10.0.4.1/24"])
        #expect(bench.status().strangers.isEmpty)
        #expect(bench.take().gone == [NamedAddress(virtual("10.0.4.1/24").prefix, interface: "eth0")])
        bench.tell([Bench.kernelAddress("10.0.4.1/32", on: 3)])
        actions = bench.take()
        #expect(actions.strangers.map(\.interface) == ["eth1"] && actions.gone.isEmpty)
    }

    /// What a start will do with it is said as the file of the moment has it: not for what stands where the file doesn't
    /// want it, has a lifetime, or another's mark.
    @Test func fateAtStart() {
        var bench = Bench()
        func atStart(_ address: KernelAddress) -> ForeignAddress.AtStart? {
            bench.tell([address])
            defer { bench.tell([address], isPresent: false) }
            return bench.status().strangers.first?.atStart
        }
        for adopts in [false, true] {
            bench.reload { $0.global.adoptsLeftovers = adopts }
            #expect(atStart(Bench.kernelAddress("10.0.4.1/24")) == (adopts ? .goes : .staysUnlessAdopted))
            #expect(atStart(Bench.kernelAddress("10.0.4.1/24", by: AddressProtocol.keepalived)) == .goes)
            #expect(atStart(Bench.kernelAddress("10.0.4.1/24", by: 77)) == .stays)
            #expect(atStart(Bench.kernelAddress("10.0.4.1/24", flags: .limited)) == .stays)
            #expect(atStart(Bench.kernelAddress("10.0.4.1/24", on: 3)) == .stays)
        }
    }

    /// News come by another way than answers: those of what we have added may come after we have taken it away again.
    @Test func lateNotificationsOfOurs() {
        let ours = Bench.kernelAddress("10.0.4.1/24", by: AddressProtocol.ours)
        var bench = Bench()
        bench.kernelTells = false
        bench.advance(.seconds(4))
        bench.receive(200)
        #expect(bench.state == .backup)
        bench.tell([ours])
        #expect(bench.status().strangers.isEmpty)
        bench.tell([ours], isPresent: false)
        #expect(bench.take().strangers.isEmpty)
        // What comes now is one.
        bench.tell([ours])
        #expect(bench.take().strangers.count == 1)
    }

    /// On the loopback interface it is a real server's of LVS; an address owner's is the machine's own.
    @Test func exceptions() {
        var bench = Bench()
        var loopback = Bench.interface("lo", 1)
        loopback.isSilent = true
        bench.handle(.interface(loopback))
        bench.tell([Bench.kernelAddress("10.0.4.1/32", on: 1)])
        #expect(bench.status().strangers.map(\.isSilent) == [true])
        var owner = Bench {
            $0.priority = .owner; $0.interface = "eth9"
        }
        owner.tell([Bench.kernelAddress("10.0.4.1/24")])
        #expect(owner.state == .fault && owner.status().strangers.isEmpty)
    }
}
