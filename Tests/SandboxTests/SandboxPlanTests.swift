import CLinux
import Glibc
import Reactor
import Sandbox
import Testing

@Suite(.serialized, .enabled(if: Child.canSeal, "needs root with SETUID, SETGID, SETPCAP, NET_ADMIN"))
struct SandboxPlanTests {
    private let nobody = Identity(uid: 65534, gid: 65534)

    /// Seals a child, which then waits to be looked at. - Returns: what the kernel says about it, and its report.
    private func inspectSealed(
        _ action: @escaping () -> AppliedSandbox
    ) throws -> (process: ProcessInspection, shortfalls: [String], flags: String) {
        var toParent: [Int32] = [0, 0]
        var toChild: [Int32] = [0, 0]
        guard pipe(&toParent) == 0, pipe(&toChild) == 0 else { throw SystemError(errno, "make pipes") }
        let pid = fork()
        if pid == 0 {
            alarm(20)
            close(toChild[1])
            let report = action()
            for shortfall in report.shortfalls { Child.say(shortfall, to: toParent[1]) }
            Child.say(
                "flags \(report.hasIdentity) \(report.hasOnlyPlannedCapabilities) \(report.hasNoNewPrivileges) "
                    + "\(report.isFiltered)", to: toParent[1])
            close(toParent[1])
            var byte: UInt8 = 0
            _ = read(toChild[0], &byte, 1)
            _exit(0)
        }
        close(toParent[1])
        close(toChild[0])
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(toParent[0], &buffer, buffer.count)
            if count <= 0 { break }
            text += buffer[0..<count]
        }
        let process = try ProcessInspection(pid: pid)
        close(toChild[1])
        close(toParent[0])
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map { String($0) }
        return (process, lines.filter { !$0.hasPrefix("flags") }, lines.last ?? "")
    }

    @Test func sealsAWorker() throws {
        let filter = try SeccompProgram.compile(.vrrp)
        let number = filter.number
        let identity = nobody
        let (process, shortfalls, flags) = try inspectSealed {
            seal(as: SandboxPlan(identity: identity, capabilities: .netAdmin, filter: number))
        }
        #expect(shortfalls == [])
        #expect(flags == "flags true true true true")
        #expect(process.uid == 65534)
        #expect(process.gid == 65534)
        #expect(process.groups == [])
        #expect(process.permitted == .netAdmin)
        #expect(process.effective == .netAdmin)
        #expect(process.bounding == [])
        #expect(process.hasNoNewPrivileges)
        #expect(process.seccompMode == 2)
        #expect(process.coreLimit == 0)
        #expect(process.isDumpable == false)
    }

    @Test func goesOnWithoutRights() throws {
        let identity = nobody
        let (process, shortfalls, flags) = try inspectSealed {
            _ = seal(as: SandboxPlan(identity: identity))
            // Nothing is left: neither another user nor a capability can be had.
            return seal(as: SandboxPlan(identity: Identity(uid: 1, gid: 1), capabilities: .netAdmin))
        }
        #expect(flags == "flags false false true false")
        #expect(
            shortfalls == [
                "can't run as user 1 and group 1: Operation not permitted",
                "can't keep the capabilities net_admin: Operation not permitted",
            ])
        #expect(process.uid == 65534)
        #expect(process.effective == [])
    }

    @Test func limitsTheSupervisor() throws {
        let withScripts = try inspectSealed {
            limitSupervisor(as: SupervisorPlan(capabilities: .supervisor, isFull: false))
        }
        #expect(withScripts.shortfalls == [])
        #expect(withScripts.process.effective == .supervisor)
        #expect(withScripts.process.permitted == .supervisor)
        #expect(withScripts.process.bounding != .supervisor)
        #expect(!withScripts.process.hasNoNewPrivileges)

        let without = try inspectSealed {
            limitSupervisor(as: SupervisorPlan(capabilities: .supervisor, isFull: true))
        }
        #expect(without.shortfalls == [])
        #expect(without.process.effective == .supervisor)
        #expect(without.process.bounding == .supervisor)
        #expect(without.process.hasNoNewPrivileges)
    }

    @Test func becomesRealtimeOrSaysWhyNot() throws {
        let identity = nobody
        let (end, text) = try Child.run { report in
            let plan = RealtimePlan(priority: 10)
            let result = seal(as: SandboxPlan(identity: identity, realtime: plan))
            for line in result.shortfalls { Child.say(line, to: report) }
            // Raising oneself again isn't possible.
            let raised = hasup_set_realtime(20, 0)
            return (result.isRealtime ? 1 : 0) | (raised == 0 ? 2 : 0)
                | (hasup_scheduling_policy() == SCHED_FIFO ? 4 : 0)
        }
        if text.contains("realtime priority") {
            #expect(end == .exited(0))
        } else {
            #expect(end == .exited(5))
        }
        // A limit that can't be infinite means that nothing is locked; either is fine, silence about it isn't.
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        _ = hasup_limit_get(HASUP_LIMIT_LOCKED_MEMORY, &soft, &hard)
        let own = try ProcessInspection(pid: getpid())
        let sysResource = CapabilitySet(number: 24)
        if hard != .max, !own.effective.contains(sysResource) { #expect(text.contains("can't lock memory")) }
    }
}
