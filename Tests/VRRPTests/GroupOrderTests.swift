import Base
import ConfigurationModel
import Testing

@testable import VRRP

/// Orders to sync groups, and their hooks (docs/decisions, D48, D49): all members together.
@Suite struct GroupOrderTests {
    private static let group = NotificationKey(.group, "G")

    /// VI_1 and VI_2 in group G.
    private static func bench(_ change: (inout ConfigurationModel) -> Void = { _ in }) -> Bench {
        var bench = Bench(empty: ())
        bench.model.instances = [1, 2].map { number in
            Bench.settings {
                $0.name = "VI_\(number)"
                $0.virtualRouterID = VRID(rawValue: UInt8(19 + number))
                $0.virtualAddresses = [virtual("10.0.4.\(number)/24")]
            }
        }
        var group = SyncGroup(name: "G")
        group.members = [0, 1]
        bench.model.shared.syncGroups = [group]
        change(&bench.model)
        bench.handle(.interface(bench.eth0))
        bench.tell(Bench.ownAddresses)
        bench.handle(.configure(bench.model))
        return bench
    }

    private static func master(_ change: (inout ConfigurationModel) -> Void = { _ in }) -> Bench {
        var bench = bench(change)
        bench.advance(.seconds(5))
        _ = bench.take()
        return bench
    }

    private static func order(_ bench: inout Bench, _ kind: OperatorOrder.Kind?, _ number: UInt64 = 1) {
        let order = kind.map {
            OperatorOrder($0, group, number: number, until: $0 == .raised ? bench.now + .seconds(60) : .never)
        }
        bench.handle(.orders(order.map { [$0] } ?? []))
    }

    private static func states(_ bench: Bench) -> [RouterState] { [bench.status(0).state, bench.status(1).state] }

    private static func end(_ bench: inout Bench, _ hook: HookRequest?, succeeded: Bool) {
        guard let hook else { return }
        bench.handle(.hookEnded(HookEnd(hook.hook, of: group, number: hook.number, succeeded: succeeded)))
    }

    // MARK: Orders

    /// The first successor that is heard is the sign for all: a peer's members are MASTER together, too.
    @Test func resign() {
        var bench = Self.master()
        Self.order(&bench, .resigned)
        var actions = bench.take()
        #expect(actions.advertsByInstance == ["0: 0", "1: 0"] && actions.withdrawn.isEmpty)
        #expect(Self.states(bench) == [.master, .master])
        bench.receive(50, for: 1)
        actions = bench.take()
        #expect(Self.states(bench) == [.backup, .backup] && actions.withdrawn.count == 2)
        #expect(actions.outcomes == [.handedOver(Bench.lower)] && actions.reasons == [.resigned, .resigned])
        #expect(actions.adverts.isEmpty && actions.told == ["1 BACKUP", "0 BACKUP", "G0 BACKUP"])
        for _ in 0..<8 {
            for member in 0...1 { bench.receive(50, for: member) }
            bench.advance(.seconds(1))
        }
        #expect(Self.states(bench) == [.backup, .backup])
        // Both must be silent.
        for _ in 0..<8 {
            bench.receive(50, for: 1)
            bench.advance(.seconds(1))
        }
        #expect(Self.states(bench) == [.backup, .backup])
        _ = bench.take()
        bench.advance(.seconds(4))
        #expect(Self.states(bench) == [.master, .master] && bench.take().outcomes == [.masterSilent])
    }

    @Test func nobodyTakesOver() {
        var bench = Self.master()
        Self.order(&bench, .resigned)
        bench.advance(.seconds(2))
        let actions = bench.take()
        #expect(actions.advertsByInstance.prefix(4) == ["0: 0", "1: 0", "0: 100", "1: 100"])
        #expect(Self.states(bench) == [.master, .master] && actions.outcomes == [.nobodyTookOver])
    }

    /// One member whose successors would find its address is enough.
    @Test func breakBeforeMake() {
        var bench = Self.master { $0.instances[1].virtualAddresses[0].duplicateAddressDetection = true }
        Self.order(&bench, .resigned)
        #expect(Self.states(bench) == [.backup, .backup] && bench.take().advertsByInstance == ["0: 0", "1: 0"])
        bench.advance(.seconds(2))
        #expect(Self.states(bench) == [.master, .master] && bench.take().outcomes == [.nobodyTookOver])
    }

    @Test func maintenance() {
        var bench = Self.master()
        Self.order(&bench, .maintenance)
        bench.receive(50)
        #expect(bench.take().reasons == [.maintenance, .maintenance])
        bench.advance(.seconds(60))
        #expect(Self.states(bench) == [.backup, .backup])
        Self.order(&bench, nil)
        bench.advance(.seconds(1))
        #expect(Self.states(bench) == [.master, .master])
    }

    /// A member that has wanted to be MASTER for long doesn't, from here on.
    @Test func maintenanceOfAGroupThatWaits() {
        var bench = Self.bench { $0.instances[1].advertInterval = .seconds(2) }
        bench.advance(.seconds(5))
        #expect(bench.status(0).waiting == .syncGroup)
        Self.order(&bench, .maintenance)
        #expect(bench.status(0).waiting == .maintenance && bench.status(0).heldBy.isEmpty)
        bench.advance(.seconds(60))
        #expect(Self.states(bench) == [.backup, .backup])
    }

    @Test func takeover() {
        var bench = Self.bench { for id in 0...1 { $0.instances[id].nopreempt = true } }
        bench.receive(150, from: Bench.higher)
        bench.receive(180, for: 1, from: Bench.higher)
        Self.order(&bench, .raised)
        bench.handle(.timeout)
        let actions = bench.take()
        #expect(Self.states(bench) == [.master, .master])
        #expect(actions.advertsByInstance == ["0: 151", "1: 181"])
        #expect(actions.outcomes == [.becameMaster])
        bench.receive(200, for: 1, from: Bench.higher)
        #expect(Self.states(bench) == [.backup, .backup] && bench.take().outcomes == [.lostMastership])
        #expect(bench.status(0).priority.rawValue == 100 && bench.status(1).priority.rawValue == 100)
    }

    /// hasupd refuses it, and a reload may bring an instance that has an order into a group.
    @Test func orderToAMember() {
        var bench = Self.master()
        bench.handle(.orders([OperatorOrder(.maintenance, NotificationKey(.instance, "VI_1"), number: 1)]))
        bench.advance(.seconds(3))
        #expect(Self.states(bench) == [.master, .master])
    }

    /// A master that a reload brings into a group that hands over hands over, too.
    @Test func aMasterJoinsAHandOver() {
        var bench = Self.master { $0.shared.syncGroups[0].members = [0] }
        #expect(Self.states(bench) == [.master, .master])
        Self.order(&bench, .resigned)
        #expect(bench.take().advertsByInstance == ["0: 0"])
        bench.reload { $0.shared.syncGroups[0].members = [0, 1] }
        #expect(bench.take().advertsByInstance == ["1: 0"] && bench.status(1).isResigning)
        bench.receive(50, for: 1)
        #expect(Self.states(bench) == [.backup, .backup])
    }

    /// A member that a reload brings goes with its group.
    @Test func aMemberJoins() {
        var bench = Self.bench { $0.shared.syncGroups[0].members = [0] }
        bench.advance(.seconds(5))
        Self.order(&bench, .maintenance)
        bench.receive(50)
        #expect(Self.states(bench) == [.backup, .master])
        bench.reload { $0.shared.syncGroups[0].members = [0, 1] }
        bench.advance(.seconds(60))
        #expect(Self.states(bench) == [.backup, .backup])
    }

    // MARK: Hooks

    private static func hooked(
        master: Bool = false, release: Bool = false, _ failure: HookSettings.Failure = .yield
    ) -> Bench {
        bench {
            $0.shared.syncGroups[0].hooks.hasBeforeMaster = master
            $0.shared.syncGroups[0].hooks.hasBeforeRelease = release
            $0.shared.syncGroups[0].hooks.failure = failure
        }
    }

    /// All members wait for one run, which both ask for.
    @Test(arguments: [true, false])
    func beforeMaster(_ succeeds: Bool) {
        var bench = Self.hooked(master: true)
        bench.advance(.seconds(4))
        var actions = bench.take()
        #expect(Self.states(bench) == [.master, .master] && actions.installed.isEmpty)
        #expect(Set(actions.hooks).count == 1 && actions.hooks.first?.subject == .group(0))
        #expect(!actions.told.contains("G0 MASTER"))
        Self.end(&bench, actions.hooks.first, succeeded: succeeds)
        actions = bench.take()
        #expect(actions.installed.count == (succeeds ? 2 : 0))
        #expect(Self.states(bench) == (succeeds ? [.master, .master] : [.backup, .backup]))
        if succeeds {
            #expect(actions.told.last == "G0 MASTER")
        } else {
            #expect(actions.advertsByInstance == ["0: 0", "1: 0"] && bench.status(1).waiting == .hookFailed)
        }
    }

    /// A member that a reload brings doesn't run the group's hook again; while it runs, the member waits for it, too.
    @Test(arguments: [true, false])
    func aMemberJoinsBehindTheHook(_ hasRun: Bool) {
        var bench = Self.bench {
            $0.shared.syncGroups[0].members = [0]
            $0.shared.syncGroups[0].hooks.hasBeforeMaster = true
            $0.instances[1].virtualRouterID = VRID(rawValue: 99)
        }
        bench.advance(.seconds(4))
        let hook = bench.take().hooks.first
        if hasRun { Self.end(&bench, hook, succeeded: true) }
        _ = bench.take()
        bench.reload {
            $0.instances[1].virtualRouterID = VRID(rawValue: 20)
            $0.shared.syncGroups[0].members = [0, 1]
        }
        let asked = bench.take().hooks.filter { !$0.isVoid }
        #expect(Self.states(bench) == [.master, .master])
        #expect(asked.allSatisfy { $0.number == hook?.number } && asked.isEmpty == hasRun)
        if !hasRun {
            #expect(bench.status(1).awaitedHook == .beforeMaster)
            Self.end(&bench, hook, succeeded: true)
        }
        #expect(bench.status(0).awaitedHook == nil && bench.status(1).awaitedHook == nil)
    }

    /// A member's own hook decides about all, and the others wait for it when it claims again.
    @Test func aMembersHookFails() {
        var bench = Self.bench {
            var extra = ExtraSettings()
            extra.hooks.hasBeforeMaster = true
            $0.instances[1].extra = OutOfLine(extra)
        }
        bench.advance(.seconds(4))
        let hook = bench.take().hooks.first
        bench.handle(
            .hookEnded(
                HookEnd(
                    .beforeMaster, of: NotificationKey(.instance, "VI_2"), number: hook?.number ?? 0, succeeded: false))
        )
        #expect(Self.states(bench) == [.backup, .backup])
        #expect(bench.take().reasons == [.hookFailed, .syncGroup(member: "VI_2", group: "G")])
        bench.advance(.seconds(3))
        #expect(Self.states(bench) == [.backup, .backup])
        bench.advance(.seconds(1))
        #expect(Self.states(bench) == [.master, .master] && bench.take().hooks.count == 1)
    }

    @Test func stop() {
        var bench = Self.hooked(release: true)
        bench.advance(.seconds(4))
        _ = bench.take()
        bench.handle(.stopAfterHooks)
        let hooks = bench.take().hooks
        #expect(hooks.count == 1 && !bench.node.hasStopped && bench.status(1).awaitedHook == .beforeRelease)
        Self.end(&bench, hooks.first, succeeded: false)
        let actions = bench.take()
        #expect(bench.node.hasStopped && actions.advertsByInstance == ["0: 0", "1: 0"])
        #expect(actions.told == ["0 STOP", "1 STOP", "G0 STOP"])
    }

    @Test func aHookRefusesAResignation() {
        var bench = Self.hooked(release: true)
        bench.advance(.seconds(4))
        Self.order(&bench, .resigned, 7)
        let hook = bench.take().hooks.first
        #expect(hook?.number == 7)
        Self.end(&bench, hook, succeeded: false)
        #expect(Self.states(bench) == [.master, .master] && bench.take().outcomes == [.refused])
    }
}
