import Base
import ConfigurationModel
import Testing
import Wire

@testable import VRRP

/// Questions, answers and news cross each other, and a process may die between any two of them (docs/decisions, D14).
@Suite struct KernelOrderTests {
    private static func fast(_ settings: inout InstanceSettings) {
        settings.version = .v3
        settings.advertInterval = .centiseconds(10)
    }

    private static func installs(_ actions: [Action]) -> [Action] {
        actions.filter { if case .install = $0 { true } else { false } }
    }

    private static func withdrawals(_ actions: [Action]) -> [Action] {
        actions.filter { if case .withdraw = $0 { true } else { false } }
    }

    /// An address that the kernel didn't let go is wanted again: it isn't asked to let it go once more.
    @Test func refusedWithdrawalOfAFormerStateIsForgotten() throws {
        var bench = Bench.master(Self.fast)
        bench.kernelAnswers = false
        bench.receive(200, from: Bench.higher) { $0.interval = .centiseconds(10) }
        #expect(bench.state == .backup)
        let withdrawal = try #require(Self.withdrawals(bench.take()).first)
        bench.answer(withdrawal, [.refused(16)])
        bench.kernelAnswers = true
        bench.advance(.milliseconds(500))
        #expect(bench.state == .master)
        bench.advance(.seconds(2))
        #expect(Self.withdrawals(bench.take()).isEmpty)
        #expect(bench.status().installedAddresses == [address("10.0.4.1")])
    }

    /// A kernel that refuses to remove what has gone already doesn't have it.
    @Test func refusedRemovalOfWhatHasGoneIsNoPresence() throws {
        var bench = Bench.master(Self.fast)
        bench.kernelAnswers = false
        bench.receive(200, from: Bench.higher) { $0.interval = .centiseconds(10) }
        let withdrawal = try #require(Self.withdrawals(bench.take()).first)
        bench.remove(["10.0.4.1/24"])
        bench.answer(withdrawal, [.refused(16)])
        bench.kernelAnswers = true
        bench.advance(.milliseconds(500))
        #expect(bench.state == .master)
        #expect(Self.installs(bench.take()).count == 1)
    }

    /// A network's second address may be its first one by the time at which it is removed.
    @Test func withdrawalBesideAnotherIsGuarded() {
        var bench = Bench()
        bench.reload {
            $0.instances.append(
                Bench.settings { settings in
                    settings.name = "VI_2"
                    settings.virtualRouterID = VRID(rawValue: 21)
                    settings.virtualAddresses = [virtual("10.0.4.2/24")]
                })
        }
        bench.advance(.seconds(9))
        bench.tell([
            Bench.kernelAddress("10.0.4.2/24", by: AddressProtocol.ours, flags: .secondary),
            Bench.kernelAddress("10.0.4.9/24", flags: .secondary),
        ])
        _ = bench.take()
        bench.kernelAnswers = false
        bench.handle(.stop)
        let guarded = bench.take().compactMap { if case .withdraw(_, let guarded, _) = $0 { guarded } else { nil } }
        #expect(guarded == [[2], [2]])
    }

    /// A link that went down and came up before anybody looked takes IPv6 addresses along; nobody has removed them.
    @Test(arguments: [true, false])
    func flappedLinkIsNobodysDoing(_ hasFlapped: Bool) {
        var bench = Bench.master {
            $0.version = .v3
            $0.family = .ipv6
            $0.multicastGroup = address("ff02::12")
            $0.virtualAddresses = [virtual("fe80::100/64")]
        }
        #expect(bench.state == .master)
        let own = AddressChange(Bench.kernelAddress("fe80::5/64"), isPresent: false)
        let lost = AddressChange(
            Bench.kernelAddress("fe80::100/64", by: AddressProtocol.ours), isPresent: false)
        let back = AddressChange(own.address, isPresent: true)
        bench.handle(.addresses(hasFlapped ? [own, lost, back] : [lost], isAfterLoss: false))
        bench.advance(.milliseconds(200))
        let actions = bench.take()
        #expect(Self.installs(actions).count == 1)
        let isTold = actions.contains { if case .observe(.addressRemoved) = $0 { true } else { false } }
        #expect(isTold == !hasFlapped)
    }

    /// Somebody removes an address before its answer has come: it is asked for again.
    @Test func removalBeforeTheAnswerIsFound() throws {
        var bench = Bench()
        bench.kernelAnswers = false
        bench.kernelTells = false
        bench.advance(.seconds(5))
        let question = try #require(Self.installs(bench.take()).first)
        let added = Bench.kernelAddress("10.0.4.1/24", by: AddressProtocol.ours)
        bench.tell([added])
        bench.tell([added], isPresent: false)
        _ = bench.take()
        bench.answer(question)
        #expect(Self.installs(bench.take()).count == 1)
    }

    /// What came and went while news were lost: the difference says nothing of it.
    @Test func lossBetweenTwoLooksIsFound() {
        var bench = Bench()
        bench.kernelTells = false
        bench.advance(.seconds(5))
        _ = bench.take()
        bench.tell([], isAfterLoss: true)
        #expect(Self.installs(bench.take()).count == 1)
    }

    /// A record says what the kernel may have: the new form counts once the kernel has said so.
    @Test func recordHasTheFormThatTheKernelHas() throws {
        var bench = Bench.master()
        var saved: [AddressRecord] = []
        bench.node.saveLedger { if let record = $1 { saved.append(record) } }
        let old = try #require(saved.last?.form)
        bench.kernelAnswers = false
        bench.reload { $0.instances[0].virtualAddresses[0].scope = 253 }
        saved = []
        bench.node.saveLedger { if let record = $1 { saved.append(record) } }
        #expect(saved.allSatisfy { $0.form == old })
        for question in Bench.questions(bench.take()) { bench.answer(question) }
        bench.node.saveLedger { if let record = $1 { saved.append(record) } }
        #expect(saved.last?.form == bench.model.instances[0].virtualAddresses[0].form)
    }

    /// Another form is wanted before the first one's answer has come.
    @Test func formThatChangesMeanwhileIsCorrected() {
        var bench = Bench()
        bench.kernelAnswers = false
        bench.advance(.seconds(5))
        _ = bench.take()
        bench.reload { $0.instances[0].virtualAddresses[0].scope = 253 }
        let actions = bench.take()
        #expect(Self.withdrawals(actions).count == 1)
        #expect(Self.installs(actions).count == 1)
    }

    /// A reload has taken an instance away while its worker's successor began: what it had put there goes at once.
    @Test func whatNobodyOwnsAtAResumptionGoes() {
        let twin = Twin.master()
        var snapshot = twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: 0)
        let (there, gone) = (Bench.kernelAddress("10.0.4.8/24"), Bench.kernelAddress("10.0.4.9/24"))
        snapshot.ledger = [there, gone].enumerated().map { place, address in
            AddressRecord(key: address.key, fingerprint: 7, form: 0, slot: Int32(40 + place))
        }
        var bench = Bench(empty: ())
        bench.now = twin.bench.now
        for link in twin.links.values { bench.handle(.interface(link)) }
        bench.tell(Bench.ownAddresses + [there])
        bench.kernelAnswers = false
        bench.handle(.resume(twin.bench.model, snapshot))
        let questions = Self.withdrawals(bench.take())
        let asked = questions.flatMap { question in
            if case .withdraw(let keys, _, _) = question { keys } else { [AddressKey]() }
        }
        #expect(asked == [there.key])
        for question in questions { bench.answer(question) }
        // Their places are free, or others' by now.
        var places: [Int: AddressKey] = [40: there.key, 41: gone.key]
        bench.node.saveLedger { places[$0] = $1?.key }
        #expect(!places.values.contains(there.key) && !places.values.contains(gone.key))
        let owes = bench.node.context.owesWithdrawals
        #expect(!owes)
    }

    /// A successor goes on with its predecessor's places, in whatever order it finds them: an entry that it made anew would
    /// leave the old one behind.
    @Test func adoptedEntriesKeepTheirPlaces() {
        func key(_ number: Int32) -> AddressKey { Bench.kernelAddress("10.0.4.\(number)/24").key }
        var ledger = AddressLedger()
        for slot in [5, 2, 7, 3] as [Int32] {
            ledger.adopt(
                AddressRecord(key: key(slot), fingerprint: 7, form: 1, slot: slot), owner: 0, phase: .present)
        }
        var changes: [Int] = []
        ledger.saveChanges { place, _ in changes.append(place) }
        #expect(changes.isEmpty, "they are where they were")
        for slot in [2, 5] as [Int32] { ledger.end(key(slot)) }
        ledger.saveChanges { place, record in if record == nil { changes.append(place) } }
        #expect(changes == [2, 5])
        // New ones go where nothing is.
        var taken: Set = [3, 7]
        for number in 10..<20 as Range<Int32> {
            let hasRoom = ledger.request(key(number), owner: 0, fingerprint: 7, form: 1, ticket: 1)
            #expect(hasRoom)
        }
        ledger.saveChanges { place, _ in #expect(taken.insert(place).inserted) }
        #expect(taken.count == 12)
    }

    /// The kernel refuses to remove an address, and then to add it in its other form: it still has the old one.
    @Test func formThatTheKernelRefusedToChangeIsAskedForAgain() {
        var bench = Bench.master()
        bench.kernelAnswers = false
        bench.reload { $0.instances[0].virtualAddresses[0].scope = 253 }
        let questions = Bench.questions(bench.take())
        #expect(questions.count == 2)
        bench.answer(questions[0], [.refused(16)])
        bench.answer(questions[1], [.refused(105)])
        #expect(bench.state == .master)
        _ = bench.take()
        bench.kernelAnswers = true
        bench.advance(.seconds(1))
        let actions = bench.take()
        #expect(actions.withdrawn == [[address("10.0.4.1")]])
        #expect(actions.installed == [[address("10.0.4.1")]])
        // The news of the removal come before the answer to the addition.
        #expect(bench.state == .master)
    }

    /// A reload names an address that a stranger has put here, or one appears that the kernel had refused: it serves from
    /// here on, and the neighbours are told.
    @Test func strangersAddressThatComesIntoServiceIsAnnounced() {
        var bench = Bench.master()
        bench.tell([Bench.kernelAddress("10.0.4.2/24")])
        bench.reload { $0.instances[0].virtualAddresses.append(virtual("10.0.4.2/24")) }
        bench.advance(.milliseconds(100))
        #expect(Set(bench.take().announced) == [address("10.0.4.2")])
        bench.kernelAnswers = false
        bench.reload { $0.instances[0].virtualAddresses.append(virtual("10.0.4.3/24")) }
        for question in Bench.questions(bench.take()) { bench.answer(question, [.refused(105)]) }
        bench.tell([Bench.kernelAddress("10.0.4.3/24")])
        bench.advance(.seconds(2))
        #expect(Set(bench.take().announced) == [address("10.0.4.3")])
        #expect(bench.status().foreignAddresses == [address("10.0.4.2"), address("10.0.4.3")])
    }

    /// An interface beside the own one gets another name: a MASTER takes away what it has put there. By its name it
    /// would never find it again.
    @Test func renamedInterfaceOfAMasterIsCleared() {
        var bench = Bench.master {
            var beside = virtual("10.1.4.1/24")
            beside.interface = "eth1"
            beside.isUntracked = true
            $0.excludedAddresses = [beside]
        }
        #expect(bench.status().installedAddresses == [address("10.0.4.1"), address("10.1.4.1")])
        bench.handle(.interface(Bench.interface("lan1", 3)))
        #expect(bench.state == .master)
        #expect(bench.take().withdrawn == [[address("10.1.4.1")]])
        bench.handle(.interface(Bench.interface("eth1", 3)))
        #expect(bench.take().installed == [[address("10.1.4.1")]])
        #expect(bench.status().installedAddresses == [address("10.0.4.1"), address("10.1.4.1")])
    }

    /// A link gets another hardware address while no process listens: the neighbours are told by the next one.
    @Test(arguments: ["eth0", "eth1"])
    func hardwareAddressThatChangedUnheardIsAnnounced(_ name: String) {
        var twin = Twin.master()
        twin.links[name]?.hardwareAddress = MACAddress(bits: 0x02_00_00_00_00_aa)
        twin.die(after: .milliseconds(3))
        twin.bench.advance(.milliseconds(20))
        #expect(twin.bench.state == .master)
        // Its addresses are all on eth0.
        let announced = Set(twin.bench.take().announced)
        #expect(announced == (name == "eth0" ? [address("10.0.4.1"), address("10.0.4.2")] : []))
        // Its successor knows.
        twin.keeper.keep(&twin.bench.node)
        twin.bench.advance(.milliseconds(200))
        twin.keeper.keep(&twin.bench.node)
        _ = twin.bench.take()
        twin.die(after: .milliseconds(3))
        twin.bench.advance(.milliseconds(20))
        #expect(twin.bench.take().announced.isEmpty)
    }

    /// What the kernel added after its process had died was announced by nobody.
    @Test func addressWhoseAnswerNobodyHeardIsAnnounced() {
        for isHeard in [true, false] {
            var twin = Twin.master()
            twin.bench.kernelAnswers = isHeard
            twin.bench.reload { $0.instances[0].virtualAddresses.append(virtual("10.0.4.3/24")) }
            twin.keeper.keep(&twin.bench.node)
            twin.take(.wait(.milliseconds(300)))
            let model = twin.bench.model
            var node = Node()
            var actions: [Action] = []
            var snapshot = twin.keeper.snapshot(
                heardUntil: twin.bench.now, lastNotification: twin.bench.node.context.lastNotification)
            snapshot.ledger = twin.keeper.ledger.values.sorted { $0.key.address < $1.key.address }
            for link in twin.links.values { node.handle(.interface(link), at: twin.bench.now, into: &actions) }
            let there = ["10.0.4.1/24", "10.0.4.2/24", "10.0.4.3/24"].map {
                Bench.kernelAddress($0, by: AddressProtocol.ours)
            }
            node.handle(
                .addresses((Bench.ownAddresses + there).map { AddressChange($0, isPresent: true) }, isAfterLoss: true),
                at: twin.bench.now, into: &actions)
            node.handle(.resume(model, snapshot), at: twin.bench.now, into: &actions)
            node.handle(.timeout, at: twin.bench.now + .milliseconds(500), into: &actions)
            let announced = Set(
                actions.compactMap { if case .announce(_, let address) = $0 { address.prefix.address } else { nil } })
            #expect(announced == (isHeard ? [] : [address("10.0.4.3")]))
        }
    }
}
