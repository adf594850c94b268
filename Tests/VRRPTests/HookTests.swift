import Base
import ConfigurationModel
import Testing

@testable import VRRP

extension [Action] {
    var hooks: [HookRequest] { compactMap { if case .runHook(let hook) = $0 { hook } else { nil } } }
}

/// before_master and before_release (docs/decisions, D48; pain point F7).
@Suite struct HookTests {
    private static func bench(
        master: Bool = true, release: Bool = false, _ failure: HookSettings.Failure = .yield
    ) -> Bench {
        Bench { $0.setHooks(master: master, release: release, failure) }
    }

    /// Lets it become MASTER. - Returns: the request for its before_master.
    private static func claim(_ bench: inout Bench) -> HookRequest? {
        bench.advance(.seconds(4))
        return bench.actions.hooks.last
    }

    private static func end(_ bench: inout Bench, _ hook: HookRequest?, succeeded: Bool) {
        guard let hook else { return }
        bench.handle(
            .hookEnded(
                HookEnd(hook.hook, of: NotificationKey(.instance, "VI_1"), number: hook.number, succeeded: succeeded)))
    }

    // MARK: before_master

    /// MASTER on the wire at once; the addresses when the hook has ended.
    @Test func theAddressesWait() {
        var bench = Self.bench()
        let hook = Self.claim(&bench)
        var actions = bench.take()
        #expect(bench.state == .master && actions.adverts.first == 100 && actions.installed.isEmpty)
        #expect(hook?.hook == .beforeMaster && bench.status().awaitedHook == .beforeMaster)
        // Nothing else brings them: neither a link, nor a reload.
        bench.advance(.seconds(1))
        bench.eth0.hardwareAddress = MACAddress(bits: 2)
        bench.handle(.interface(bench.eth0))
        bench.reload { $0.instances[0].virtualAddresses.append(virtual("10.0.4.2/24")) }
        actions = bench.take()
        #expect(actions.installed.isEmpty && actions.announced.isEmpty && actions.adverts == [100])
        // Nor are scripts told before the addresses can be used (D47).
        #expect(!actions.notified.contains(.master))
        Self.end(&bench, hook, succeeded: true)
        actions = bench.take()
        #expect(actions.installed == [[address("10.0.4.1"), address("10.0.4.2")]])
        #expect(bench.status().awaitedHook == nil && !actions.announced.isEmpty && actions.notified == [.master])
        bench.advance(.seconds(20))
        #expect(bench.state == .master)
    }

    /// Priority 0 and BACKUP, and not again for a master-down interval; then the hook runs again.
    @Test(arguments: [true, false])
    func itFailsOrIsLate(_ isLate: Bool) {
        var bench = Self.bench()
        let hook = Self.claim(&bench)
        _ = bench.take()
        if isLate { bench.advance(.seconds(5)) } else { Self.end(&bench, hook, succeeded: false) }
        let actions = bench.take()
        #expect(bench.state == .backup && actions.reasons == [.hookFailed] && actions.adverts.last == 0)
        #expect(actions.installed.isEmpty && bench.status().waiting == .hookFailed)
        // Even if the next master leaves at once.
        bench.receive(50)
        bench.receive(0)
        bench.advance(.milliseconds(3_600) - (isLate ? .milliseconds(400) : .zero))
        #expect(bench.state == .backup)
        bench.advance(.milliseconds(500))
        #expect(bench.state == .master)
        let again = bench.take().hooks
        #expect(again.count == 1 && again.first?.number != hook?.number)
    }

    @Test(arguments: [true, false])
    func itProceeds(_ isLate: Bool) {
        var bench = Self.bench(.proceed)
        let hook = Self.claim(&bench)
        _ = bench.take()
        if isLate { bench.advance(.seconds(5)) } else { Self.end(&bench, hook, succeeded: false) }
        #expect(bench.state == .master && bench.take().installed == [[address("10.0.4.1")]])
    }

    /// An election waits for no hook, and its end means nothing any more.
    @Test func mastershipIsLostMeanwhile() {
        var bench = Self.bench()
        let hook = Self.claim(&bench)
        bench.receive(200, from: Bench.higher)
        #expect(bench.state == .backup)
        _ = bench.take()
        Self.end(&bench, hook, succeeded: true)
        bench.advance(.seconds(4))
        let actions = bench.take()
        #expect(bench.state == .master && actions.installed.isEmpty && actions.hooks.count == 1)
        // Nor does the end of the one before.
        Self.end(&bench, hook, succeeded: true)
        #expect(bench.take().installed.isEmpty)
    }

    @Test func aReloadTakesItAway() {
        var bench = Self.bench()
        _ = Self.claim(&bench)
        _ = bench.take()
        bench.reload { $0.instances[0].setHooks(master: false, release: false, .yield) }
        #expect(bench.take().installed == [[address("10.0.4.1")]])
    }

    /// A successor asks for the same run, and waits no longer than its predecessor would have.
    @Test func death() {
        var twin = Twin.master()
        twin.bench.reload { $0.instances[0].setHooks(master: true, release: false, .yield) }
        twin.bench.receive(250, from: Bench.higher)
        twin.bench.advance(.seconds(6))
        twin.keeper.keep(&twin.bench.node)
        let hook = twin.bench.take().hooks.last
        #expect(twin.bench.state == .master && hook != nil)
        twin.die(after: .milliseconds(20))
        var actions = twin.bench.take()
        #expect(twin.bench.state == .master && actions.installed.isEmpty && actions.hooks == [hook].compactMap { $0 })
        twin.keeper.keep(&twin.bench.node)
        twin.die(after: .milliseconds(20))
        Self.end(&twin.bench, hook, succeeded: true)
        actions = twin.bench.take()
        #expect(twin.bench.state == .master && actions.installed.count == 1)
    }

    // MARK: before_release

    /// It is MASTER until the hook has ended, whatever the end is.
    @Test(arguments: [0, 1, 2])
    func stop(_ end: Int) {
        var bench = Self.bench(master: false, release: true)
        bench.advance(.seconds(4))
        _ = bench.take()
        bench.handle(.stopAfterHooks)
        let hook = bench.actions.hooks.first
        #expect(hook?.hook == .beforeRelease && bench.state == .master && !bench.node.hasStopped)
        bench.advance(.seconds(2))
        #expect(bench.take().adverts == [100, 100])
        if end == 2 { bench.advance(.seconds(3)) } else { Self.end(&bench, hook, succeeded: end == 0) }
        let actions = bench.take()
        #expect(bench.node.hasStopped && actions.adverts.last == 0 && actions.withdrawn.count == 1)
        #expect(actions.notified == [.stop])
    }

    /// Without hasupd nobody would run it; a BACKUP has nothing to release.
    @Test func stopAtOnce() {
        var bench = Self.bench(master: false, release: true)
        bench.handle(.stopAfterHooks)
        #expect(bench.node.hasStopped && bench.take().hooks.isEmpty)
        bench = Self.bench(master: false, release: true)
        bench.advance(.seconds(4))
        bench.handle(.stop)
        #expect(bench.node.hasStopped && bench.take().hooks.isEmpty)
    }

    /// Another router may take over meanwhile: then nothing is waited for.
    @Test func takenOverWhileStopping() {
        var bench = Self.bench(master: false, release: true)
        bench.advance(.seconds(4))
        bench.handle(.stopAfterHooks)
        bench.receive(200, from: Bench.higher)
        #expect(bench.node.hasStopped && bench.state == .initialize)
    }

    @Test func involuntaryReleases() {
        var bench = Self.bench(master: false, release: true)
        bench.advance(.seconds(4))
        _ = bench.take()
        bench.eth0.isUsable = false
        bench.handle(.interface(bench.eth0))
        #expect(bench.state == .fault && bench.take().hooks.isEmpty)
    }

    @Test func removal() {
        var bench = Self.bench(master: false, release: true)
        bench.advance(.seconds(4))
        _ = bench.take()
        var next = bench.model
        next.instances = [Bench.settings { $0.virtualRouterID = VRID(rawValue: 21) }]
        bench.handle(.prepare(next))
        #expect(bench.node.isPreparing && bench.actions.hooks.count == 1)
        Self.end(&bench, bench.actions.hooks.first, succeeded: false)
        #expect(!bench.node.isPreparing)
        // What changes only isn't released.
        next = bench.model
        next.instances[0].priority = Priority(rawValue: 7)
        bench.handle(.prepare(next))
        #expect(!bench.node.isPreparing)
    }

    /// An order that comes while a configuration waits for a hook holds when the configuration runs.
    @Test func anOrderWhileAConfigurationWaits() {
        var bench = Self.bench(master: false, release: true)
        bench.model.instances.append(
            Bench.settings {
                $0.name = "VI_2"
                $0.virtualRouterID = VRID(rawValue: 30)
                $0.virtualAddresses = [virtual("10.0.4.2/24")]
            })
        bench.handle(.configure(bench.model))
        bench.advance(.seconds(4))
        var next = bench.model
        next.instances.removeFirst()
        bench.handle(.orderTable([]))
        bench.handle(.prepare(next))
        let hook = bench.take().hooks.first
        bench.handle(.orders([OperatorOrder(.maintenance, NotificationKey(.instance, "VI_2"), number: 1)]))
        Self.end(&bench, hook, succeeded: true)
        bench.handle(.configure(next))
        bench.advance(.seconds(30))
        #expect(bench.status().state == .backup)
    }

    @Test(arguments: [true, false])
    func resign(_ succeeds: Bool) {
        var bench = Self.bench(master: false, release: true)
        bench.advance(.seconds(4))
        _ = bench.take()
        bench.order(.resigned, number: 7)
        let hook = bench.actions.hooks.first
        #expect(hook?.number == 7 && bench.take().adverts.isEmpty && bench.status().awaitedHook == .beforeRelease)
        Self.end(&bench, hook, succeeded: succeeds)
        let actions = bench.take()
        #expect(actions.adverts == (succeeds ? [0] : []) && actions.outcomes == (succeeds ? [] : [.refused]))
        #expect(bench.state == .master && bench.status().isResigning == succeeds)
    }

    /// What before_release has closed is opened again behind before_master, when nobody takes over.
    @Test func anUnsuccessfulResignationOpensAgain() {
        var bench = Self.bench(master: true, release: true)
        Self.end(&bench, Self.claim(&bench), succeeded: true)
        _ = bench.take()
        bench.order(.resigned, number: 7)
        Self.end(&bench, bench.take().hooks.first, succeeded: true)
        bench.advance(.seconds(3))
        var actions = bench.take()
        #expect(actions.outcomes == [.nobodyTookOver] && actions.reasons == [.resigned, .notTakenOver])
        let again = actions.hooks.last
        #expect(bench.state == .master && again?.hook == .beforeMaster && again?.isVoid == false)
        #expect(bench.status().awaitedHook == .beforeMaster && actions.installed.isEmpty)
        Self.end(&bench, again, succeeded: true)
        actions = bench.take()
        #expect(actions.installed.count == 1 && actions.notified == [.master])
    }

    /// A router that couldn't serve leaves a lower master alone, until that falls silent or an operator says so.
    @Test(arguments: [true, false])
    func whoCannotServeLeavesAMasterAlone(_ isTakenOver: Bool) {
        var bench = Self.bench()
        Self.end(&bench, Self.claim(&bench), succeeded: false)
        _ = bench.take()
        for _ in 0..<30 {
            bench.receive(50)
            bench.advance(.seconds(1))
        }
        #expect(bench.state == .backup && bench.status().waiting == .hookFailed && bench.take().hooks.isEmpty)
        if isTakenOver { bench.order(.raised) } else { bench.advance(.seconds(5)) }
        bench.handle(.timeout)
        #expect(bench.state == .master && bench.take().hooks.count == 1)
    }

    /// Not MASTER any more: what before_master would open is another router's by now.
    @Test func aLostMastershipVoidsItsHook() {
        var bench = Self.bench()
        var hook = Self.claim(&bench)
        _ = bench.take()
        bench.receive(200, from: Bench.higher)
        hook?.isVoid = true
        #expect(bench.state == .backup && bench.take().hooks == [hook].compactMap { $0 })
    }

    /// A raised priority stays until the priority 0 has left: nobody preempts while before_release runs.
    @Test func aRaisedMasterResignsBehindItsHook() {
        var bench = Bench {
            $0.nopreempt = true
            $0.setHooks(master: false, release: true, .yield)
        }
        bench.receive(150, from: Bench.higher)
        bench.order(.raised, number: 1)
        bench.handle(.timeout)
        _ = bench.take()
        bench.order(.resigned, number: 2)
        let hook = bench.take().hooks.first
        bench.receive(150, from: Bench.higher)
        #expect(bench.state == .master && bench.status().priority.rawValue == 151)
        Self.end(&bench, hook, succeeded: true)
        #expect(bench.take().adverts.last == 0 && bench.status().priority.rawValue == 100)
        bench.receive(150, from: Bench.higher)
        #expect(bench.state == .backup)
    }

    @Test func aLateHookRefusesAResignation() {
        var bench = Self.bench(master: false, release: true)
        bench.advance(.seconds(4))
        bench.order(.maintenance)
        _ = bench.take()
        bench.advance(.seconds(5))
        #expect(bench.take().outcomes == [.refused] && bench.state == .master)
    }
}

extension InstanceSettings {
    fileprivate mutating func setHooks(master: Bool, release: Bool, _ failure: HookSettings.Failure) {
        var extra = ExtraSettings()
        extra.hooks.hasBeforeMaster = master
        extra.hooks.hasBeforeRelease = release
        extra.hooks.failure = failure
        self.extra = OutOfLine(extra)
    }
}
