import Base
import Sandbox
import Testing

@testable import Supervisor

@Suite("What is lost without a capability (C3)")
struct PrivilegesTests {
    private static let all: CapabilitySet = [
        .netAdmin, .netRaw, .setUID, .setGID, .setPCap, .kill, .sysNice, .chown,
    ]
    private static let needs = Privileges.Needs(
        hasWorkerUser: true, hasScripts: true, realtimePriority: 50, needsChown: true, givesFIFOsAway: true)

    private func root(without missing: CapabilitySet) -> Privileges {
        Privileges(effective: Self.all.subtracting(missing), user: 0, realtimeLimit: 0)
    }

    @Test func nothingIsMissing() {
        #expect(root(without: []).refusal == nil)
        #expect(root(without: []).losses(for: Self.needs) == [])
        #expect(root(without: []).mayChangeUsers)
    }

    @Test(arguments: [CapabilitySet.setUID, .setGID, .setPCap, .kill, .sysNice, .chown])
    func eachGivesOneSentence(_ missing: CapabilitySet) {
        let losses = root(without: missing).losses(for: Self.needs)
        #expect(losses.count == 1)
        #expect(losses.first?.hasPrefix("the capability \(missing) is missing: ") == true)
        #expect(root(without: missing).refusal == nil)
    }

    @Test func withoutTheTwoThatEverythingNeedsItDoesNotStart() {
        #expect(root(without: .netRaw).refusal?.contains("net_raw is missing: hasupd can't send") == true)
        #expect(root(without: .netAdmin).refusal?.contains("net_admin is missing: hasupd can't set") == true)
        #expect(root(without: [.netRaw, .netAdmin]).refusal?.contains("net_raw is missing: hasupd can't send") == true)
    }

    @Test(arguments: [CapabilitySet.setUID, .setGID, .kill])
    func workersKeepTheUserWhenTheyCouldNotBeEnded(_ missing: CapabilitySet) {
        #expect(!root(without: missing).mayChangeUsers)
    }

    @Test func whatNobodyAsksForIsNotMissed() {
        let ordinary = Privileges(effective: [.netAdmin, .netRaw, .setPCap], user: 1000, realtimeLimit: 99)
        #expect(ordinary.losses(for: Privileges.Needs(hasWorkerUser: true, realtimePriority: 50)) == [])
        let scripts = Privileges.Needs(hasWorkerUser: true, hasScripts: true, realtimePriority: 50)
        #expect(ordinary.losses(for: scripts).count == 2)
        #expect(!ordinary.mayChangeUsers)
    }

    @Test func theLimitIsAsGoodAsTheCapability() {
        let limited = Privileges(effective: [], user: 1000, realtimeLimit: 50)
        #expect(limited.mayBeRealtime(50))
        #expect(!limited.mayBeRealtime(51))
    }
}

@Suite("The service manager's watchdog")
struct WatchdogVariableTests {
    @Test(
        arguments: [
            ("10000000", nil, Interval.seconds(10)), ("10000000", "7", .seconds(10)), ("10000000", "8", nil),
            ("0", nil, nil), ("-1", nil, nil), ("rubbish", nil, nil), (nil, nil, nil), ("999999999999999", nil, nil),
            ("10000000", "rubbish", nil),
        ] as [(String?, String?, Interval?)])
    func variables(_ microseconds: String?, _ pid: String?, _ limit: Interval?) {
        #expect(SystemdNotify.watchdogLimit(microseconds: microseconds, pid: pid, ownPID: 7) == limit)
    }
}
