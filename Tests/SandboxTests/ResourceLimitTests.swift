import CLinux
import Glibc
import Reactor
import Sandbox
import Testing

@Suite(.serialized, .enabled(if: Child.canSeal, "needs root with SETUID, SETGID, SETPCAP"))
struct ResourceLimitTests {
    private static func limit(_ kind: hasup_limit) -> [UInt64] {
        var soft: UInt64 = 1
        var hard: UInt64 = 1
        _ = hasup_limit_get(kind, &soft, &hard)
        return [soft, hard]
    }

    private static func startsThread() -> Bool {
        var thread = pthread_t()
        guard pthread_create(&thread, nil, { _ in nil }, nil) == 0 else { return false }
        return pthread_join(thread, nil) == 0
    }

    @Test func aSealedWorkerLeavesNoCoreAndStartsNothing() throws {
        let (end, text) = try Child.run { report in
            let result = seal(as: SandboxPlan(identity: Identity(uid: 65534, gid: 65534)))
            Child.say(result.shortfalls.joined(separator: "; "), to: report)
            guard result.isComplete, !result.isDumpable else { return 99 }
            guard Self.limit(HASUP_LIMIT_CORE) == [0, 0] else { return 1 }
            guard Self.limit(HASUP_LIMIT_DESCRIPTORS) == [64, 64] else { return 2 }
            guard !Self.startsThread() else { return 3 }
            let child = fork()
            if child == 0 { _exit(0) }
            return child == -1 && errno == EAGAIN ? 0 : 4
        }
        #expect(end == .exited(0), "\(text)")
    }

    @Test func theVRRPWorkerHasOneThreadMore() throws {
        let (end, text) = try Child.run { _ in
            var plan = SandboxPlan(identity: Identity(uid: 65534, gid: 65534))
            plan.startsThread = true
            guard seal(as: plan).isComplete, Self.startsThread() else { return 1 }
            do throws(SystemError) { try ResourceLimits.noMoreThreads() } catch { return 2 }
            return Self.startsThread() ? 3 : 0
        }
        #expect(end == .exited(0), "\(text)")
    }

    @Test func coresMayBeAskedFor() throws {
        let (end, _) = try Child.run { _ in
            guard hasup_limit_set(HASUP_LIMIT_CORE, 4096, 8192) == 0 else { return 1 }
            var plan = SandboxPlan(identity: Identity(uid: 65534, gid: 65534))
            plan.keepsCore = true
            let result = seal(as: plan)
            return result.isDumpable && Self.limit(HASUP_LIMIT_CORE) == [4096, 8192] ? 0 : 2
        }
        #expect(end == .exited(0))
    }

    /// What scripts are to get back must stay within reach without CAP_SYS_RESOURCE.
    @Test func theSupervisorWithScriptsKeepsHardLimits() throws {
        for (isFull, expected) in [(false, [UInt64(0), 8192]), (true, [0, 0])] {
            let (end, text) = try Child.run { report in
                guard hasup_limit_set(HASUP_LIMIT_CORE, 4096, 8192) == 0 else { return 1 }
                let hard = Self.limit(HASUP_LIMIT_DESCRIPTORS)[1]
                let result = limitSupervisor(as: SupervisorPlan(capabilities: .supervisor, isFull: isFull))
                Child.say("\(result.shortfalls) \(Self.limit(HASUP_LIMIT_CORE))", to: report)
                guard result.isComplete, !result.isDumpable, Self.limit(HASUP_LIMIT_CORE) == expected else { return 2 }
                return Self.limit(HASUP_LIMIT_DESCRIPTORS) == [min(hard, 4096), hard] ? 0 : 3
            }
            #expect(end == .exited(0), "\(text)")
        }
    }

    @Test func saysWhatItWants() {
        let wanted = SandboxArguments(
            identity: Identity(uid: 1, gid: 2), realtimePriority: 50, keepsCore: true, logsRefusals: true,
            requiresFilter: true)
        #expect(wanted.words == ["1", "2", "50", "core,log,strict"])
        #expect(SandboxArguments(words: wanted.words) == wanted)
        #expect(SandboxArguments(words: ["-", "-", "-", "-"]) == SandboxArguments(identity: nil))
        #expect(SandboxArguments(words: ["-", "-", "-", "cores"]) == nil)
        #expect(SandboxArguments(words: ["-", "-", "-"]) == nil)
    }
}
