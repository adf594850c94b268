import CLinux
import Glibc
import Reactor
import Sandbox
import Testing

/// hasupd's own filter, in a child that dies of the first call that isn't on the list.
@Suite(.serialized, .enabled(if: Child.canSeal, "needs root with SETUID, SETGID, SETPCAP, NET_ADMIN"))
struct SupervisorFilterTests {
    private func limited(
        keeping kept: [Int32] = [], _ body: (_ report: Int32) -> Int32
    ) throws -> (end: Child.End, report: String) {
        let filter = try SeccompProgram.compile(.supervisor)
        var plan = SupervisorPlan(capabilities: .supervisor, isFull: true)
        plan.filter = filter.number
        let wanted = plan
        return try Child.run(keeping: kept + [filter.number]) { report in
            let result = limitSupervisor(as: wanted)
            guard result.isComplete, result.isFiltered else {
                Child.say(result.shortfalls.joined(separator: "; "), to: report)
                return 99
            }
            return body(report)
        }
    }

    /// A child of it starts, by the C library's loader, and a sealed one seals itself under both filters.
    @Test func itsChildrenStartAndSealThemselves() throws {
        let worker = try SeccompProgram.compile(.vrrp)
        let number = worker.number
        let (end, text) = try limited(keeping: [number]) { report in
            var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
            var environment: [UnsafeMutablePointer<CChar>?] = [nil]
            let pid = hasup_spawn("/usr/bin/true", &arguments, &environment, [], 0)
            var status: Int32 = -1
            guard pid > 0, waitpid(pid, &status, 0) == pid, status == 0 else { return 1 }
            let child = fork()
            if child == 0 {
                var plan = SandboxPlan(
                    identity: Identity(uid: 65534, gid: 65534), capabilities: .netAdmin, filter: number,
                    realtime: RealtimePlan(priority: nil, locksMemory: false))
                plan.landlock = Landlock.version > 0 ? .nothing : nil
                let result = seal(as: plan)
                for shortfall in result.shortfalls { Child.say(shortfall, to: report) }
                _exit(result.isComplete ? 0 : 1)
            }
            guard waitpid(child, &status, 0) == child, status == 0 else { return 2 }
            return 0
        }
        #expect(end == .exited(0), "\(text)")
    }

    @Test func itOpensTheSocketsOfWorkers() throws {
        let (end, text) = try limited { _ in
            guard hasup_route_socket(0) >= 0 else { return 1 }
            var pair: [Int32] = [0, 0]
            guard hasup_socketpair(&pair) == 0, hasup_interface_index("lo") > 0 else { return 2 }
            guard socket(AF_INET, Int32(SOCK_RAW.rawValue), 112) >= 0 else { return 3 }
            return hasup_frame_socket() >= 0 ? 0 : 4
        }
        #expect(end == .exited(0), "\(text)")
    }

    /// The reader of a configuration judges scripts under it.
    @Test func itsChildrenLookAtScripts() throws {
        let (end, text) = try limited { _ in
            guard hasup_has_access_list("/") >= 0 else { return 1 }
            var bytes = [UInt8](repeating: 0, count: 16)
            guard readlink("/proc/self/exe", &bytes, bytes.count) > 0 else { return 2 }
            return hasup_has_access_list("/none") == -ENOENT ? 0 : 3
        }
        #expect(end == .exited(0), "\(text)")
    }

    enum Attack: CaseIterable {
        case traces, mounts, unshares, entersNamespace, opensOtherSocket, sniffs, writesCode, accounts, reboots
        case readsMemory, swaps, becomesAnother, makesDevice

        func attempt() {
            switch self {
            case .traces: call("ptrace")
            case .mounts: _ = mount("none", "/nowhere", "tmpfs", 0, nil)
            case .unshares: call("unshare")
            case .entersNamespace: call("setns")
            // AF_ALG.
            case .opensOtherSocket: _ = socket(38, Int32(SOCK_STREAM.rawValue), 0)
            // ETH_P_ALL.
            case .sniffs: _ = socket(AF_PACKET, Int32(SOCK_RAW.rawValue), 0x0300)
            case .writesCode: mmap(nil, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            case .accounts: call("acct")
            case .reboots: call("reboot")
            case .readsMemory: call("process_vm_readv")
            case .swaps: call("swapoff")
            case .becomesAnother: call("personality")
            case .makesDevice: _ = mknod("/tmp/hasup-device", S_IFCHR | 0o600, 0x103)
            }
        }

        /// A function of the C library that Swift's module doesn't show, with arguments of no use.
        private func call(_ name: String) {
            typealias Function = @convention(c) (Int, Int, Int, Int, Int, Int) -> Int
            guard let found = dlsym(nil, name) else { return }
            _ = unsafeBitCast(found, to: Function.self)(0, 0, 0, 0, 0, 0)
        }
    }

    @Test(arguments: Attack.allCases) func itDies(_ attack: Attack) throws {
        let (end, text) = try limited { _ in
            attack.attempt()
            return 1
        }
        #expect(end == .killed(signal: SIGSYS), "\(text)")
    }

    /// Layers can't be taken back, and each costs time at every call.
    @Test func aSuccessorAddsNoLayer() throws {
        let filter = try SeccompProgram.compile(.supervisor)
        var plan = SupervisorPlan(capabilities: .supervisor, isFull: true)
        plan.filter = filter.number
        plan.landlock =
            Landlock.version > 0 ? .supervisor(writing: ["/run"], socketFolder: "/run", executing: []) : nil
        let first = plan
        plan.isSuccessor = true
        let second = plan
        let (end, text) = try Child.run { report in
            guard limitSupervisor(as: first).isComplete else { return 1 }
            // As many as Landlock has layers, and then some.
            for _ in 0..<20 {
                let result = limitSupervisor(as: second)
                guard result.isComplete, result.isFiltered else {
                    Child.say(result.shortfalls.joined(separator: "; "), to: report)
                    return 2
                }
            }
            guard let own = try? ProcessInspection(pid: getpid()) else { return 3 }
            return own.seccompFilters == 1 ? 0 : 4
        }
        #expect(end == .exited(0), "\(text)")
    }
}
