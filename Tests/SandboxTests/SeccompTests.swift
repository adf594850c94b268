import Base
import CLinux
import Glibc
import Reactor
import Sandbox
import Testing

/// Each list is tried by a sealed child that dies of the first call that isn't on it.
@Suite(.serialized, .enabled(if: Child.canSeal, "needs root with SETUID, SETGID, SETPCAP, NET_ADMIN"))
struct SeccompTests {
    /// Seals a child for the role and runs the body in it. - Returns: its end and what it has said.
    private func sealed(
        _ role: SandboxRole, _ violation: SeccompViolation = .killProcess, keeping brought: [Int32]? = nil,
        _ body: (_ report: Int32) -> Int32
    ) throws -> (end: Child.End, report: String) {
        let filter = try SeccompProgram.compile(role, onViolation: violation)
        let number = filter.number
        // What other tests have open counts for the limit of descriptors.
        let kept = brought.map { $0 + [number] } ?? (role == .checker || role == .config ? [number] : nil)
        return try Child.run(keeping: kept) { report in
            var plan = SandboxPlan(
                identity: Identity(uid: 65534, gid: 65534), capabilities: role == .vrrp ? .netAdmin : [],
                filter: number)
            plan.startsThread = role == .vrrp
            let result = seal(as: plan)
            guard result.isComplete, result.isFiltered else {
                Child.say(result.shortfalls.joined(separator: "; "), to: report)
                return 99
            }
            return body(report)
        }
    }

    @Test func programsAreSmall() throws {
        for role in SandboxRole.allCases {
            let file = try SeccompProgram.compile(role)
            let count = try SeccompProgram.instructions(in: file.number).count
            print("\(role): \(count) instructions")
            #expect(count > 50)
            #expect(count < 400)
            #expect(hasup_memfd_is_sealed(file.number) == 1)
        }
    }

    @Test func refusesWhatIsNoProgram() throws {
        let file = try owned(hasup_memfd_create("x"), "create a memory file")
        #expect(throws: (any Error).self) { try SeccompProgram.instructions(in: file.number) }
        _ = write(file.number, "abc", 3)
        #expect(throws: (any Error).self) { try SeccompProgram.instructions(in: file.number) }
    }

    @Test func letsTheVRRPWorkerWork() throws {
        let route = try owned(hasup_route_socket(0), "open a netlink socket")
        var pair: [Int32] = [0, 0]
        try checked(hasup_socketpair(&pair), "make a socket pair")
        let (end, text) = try sealed(.vrrp, keeping: [route.number] + pair) { report in
            VRRPWork.run(route: route.number, pair: pair, report: report)
        }
        close(pair[0])
        close(pair[1])
        #expect(end == .exited(0), "\(text)")
    }

    @Test(arguments: Forbidden.allCases)
    func killsTheVRRPWorker(_ forbidden: Forbidden) throws {
        let (end, text) = try sealed(.vrrp) { _ in
            forbidden.attempt()
            return 1
        }
        #expect(end == .killed(signal: SIGSYS), "\(text)")
    }

    @Test func refusesQuietly() throws {
        let (end, text) = try sealed(.vrrp) { report in
            Child.say("\(open("/etc/hostname", O_RDONLY)) \(errno == EACCES)", to: report)
            return fork() == -1 ? 0 : 1
        }
        #expect(text == "-1 true\n")
        #expect(end == .killed(signal: SIGSYS))
    }

    @Test func canFailInsteadOfKilling() throws {
        let (end, _) = try sealed(.vrrp, .refuse) { _ in
            guard socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) == -1, errno == EPERM else { return 1 }
            guard kill(getppid(), 0) == -1, errno == EPERM else { return 2 }
            return 0
        }
        #expect(end == .exited(0))
    }

    @Test func letsTheVRRPWorkerForbidItselfThreads() throws {
        let (end, text) = try sealed(.vrrp) { _ in
            do throws(SystemError) { try ResourceLimits.noMoreThreads() } catch { return 1 }
            return 0
        }
        #expect(end == .exited(0), "\(text)")
    }

    /// Its fuse (D29) goes up to the hard limit and down again, and not beyond.
    @Test func letsTheVRRPWorkerChangeItsFuse() throws {
        let (end, text) = try sealed(.vrrp) { _ in
            do throws(SystemError) {
                try Realtime.change(to: .long)
                guard Self.hasFuse(5_000_000) else { return 1 }
                try Realtime.change(to: .short)
                guard Self.hasFuse(200_000) else { return 2 }
                try Realtime.change(to: .long)
                guard Self.hasFuse(5_000_000) else { return 3 }
            } catch { return 4 }
            // Without CAP_SYS_RESOURCE, and that is gone.
            return hasup_limit_set(HASUP_LIMIT_REALTIME_TIME, 6_000_000, 6_000_000) == -EPERM ? 0 : 5
        }
        #expect(end == .exited(0), "\(text)")
    }

    private static func hasFuse(_ microseconds: UInt64) -> Bool {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        guard hasup_limit_get(HASUP_LIMIT_REALTIME_TIME, &soft, &hard) == 0 else { return false }
        return soft == microseconds && hard == 5_000_000
    }

    /// What was computed before a fuse is shortened doesn't blow it; what is computed afterwards does, by SIGXCPU.
    @Test(.enabled(if: Child.mayBeRealtime, "needs the right to the realtime class"))
    func theFuseEndsWhoComputes() throws {
        // Nothing is left for a child of a process with threads to look up behind their locks.
        Realtime.leaving { Self.compute(.milliseconds(1)) }
        let (end, text) = try Child.run { report in
            // A thread of the test's may have blocked it.
            var none = sigset_t()
            sigemptyset(&none)
            sigprocmask(SIG_SETMASK, &none, nil)
            let shortfalls = Realtime.apply(RealtimePlan(priority: 1, fuse: .long, locksMemory: false))
            guard shortfalls.isEmpty else {
                Child.say(shortfalls.joined(separator: "; "), to: report)
                return 4
            }
            Self.compute(.milliseconds(400))
            do throws(SystemError) { try Realtime.change(to: .short) } catch { return 1 }
            Self.compute(.milliseconds(100))
            // In the ordinary class there is no fuse.
            Realtime.leaving { Self.compute(.milliseconds(400)) }
            guard Realtime.isRealtime(priority: 1) else { return 2 }
            Child.say("so far", to: report)
            Self.compute(.seconds(3))
            return 3
        }
        #expect(text == "so far\n")
        #expect(end == .killed(signal: SIGXCPU))
    }

    private static func compute(_ time: Interval) {
        let end = Clock.now + time
        while Clock.now < end {}
    }

    /// What removes the addresses of a dead worker needs no thread and no packet.
    @Test func letsWithdrawTalkToTheKernelOnly() throws {
        let route = try owned(hasup_route_socket(0), "open a netlink socket")
        let number = route.number
        let (end, text) = try sealed(.withdraw) { _ in
            var yes: Int32 = 1
            guard setsockopt(number, 270, 12, &yes, 4) == 0 else { return 1 }
            return send(number, "x", 1, 0) >= 0 || errno != EPERM ? 0 : 2
        }
        #expect(end == .exited(0), "\(text)")
        let thread = try sealed(.withdraw) { _ in fork() }
        #expect(thread.end == .killed(signal: SIGSYS))
        let packets = try sealed(.withdraw) { _ in
            var packet = hasup_outgoing()
            return hasup_send_batch(number, &packet, 1)
        }
        #expect(packets.end == .killed(signal: SIGSYS))
    }

    /// `log` refuses as `errno` does; what the kernel writes to its log isn't for a test to read.
    @Test func canRefuseAndLog() throws {
        let filter = try SeccompProgram.compile(.config, onViolation: .log)
        let number = filter.number
        let (end, text) = try Child.run { report in
            var plan = SandboxPlan(identity: nil, filter: number)
            plan.logsRefusals = true
            let result = seal(as: plan)
            Child.say(result.shortfalls.joined(separator: "; "), to: report)
            guard result.isFiltered else { return 1 }
            return socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) == -1 && errno == EPERM ? 0 : 2
        }
        #expect(end == .exited(0), "\(text)")
    }

    @Test func letsTheCheckerConnect() throws {
        let (end, text) = try sealed(.checker) { _ in
            let stream = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            let number = socket(AF_INET, stream, 0)
            guard number >= 0 else { return 1 }
            var target = sockaddr_in()
            target.sin_family = sa_family_t(AF_INET)
            target.sin_port = UInt16(9).bigEndian
            target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let result = withUnsafePointer(to: &target) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 || errno == EINPROGRESS || errno == ECONNREFUSED || errno == ENETUNREACH else {
                return 2
            }
            var code: Int32 = 0
            var size = socklen_t(4)
            getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size)
            let datagram = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
            guard datagram >= 0 || errno == EAFNOSUPPORT else { return 3 }
            let file = open("/etc/hostname", O_RDONLY)
            guard file >= 0 || errno == ENOENT || errno == EACCES else { return 4 }
            return close(number)
        }
        #expect(end == .exited(0), "\(text)")
    }

    /// The options that connections of checks set: device, local address or port, a reset at the end (D78).
    @Test(arguments: [UInt16(0), 40_009]) func letsTheCheckerSetOptions(localPort: UInt16) throws {
        let (end, text) = try sealed(.checker) { report in
            var target = hasup_check_target()
            target.transport = HASUP_CHECK_TCP
            target.family = 4
            target.address.0 = 127
            target.address.3 = 1
            target.port = 9
            target.has_local_address = 1
            target.local_address = target.address
            target.local_port = localPort
            (target.device.0, target.device.1) = (CChar(UInt8(ascii: "l")), CChar(UInt8(ascii: "o")))
            target.resets = 1
            target.withholds_acknowledgement = 1
            var isLocal: Int32 = 0
            let number = hasup_check_connect(&target, -1, &isLocal)
            Child.say("\(number) \(isLocal)", to: report)
            guard number >= 0 || number == -ECONNREFUSED else { return 1 }
            let error = hasup_socket_error(number >= 0 ? number : 0)
            return error == 0 || error == ECONNREFUSED || error == ENOTSOCK ? 0 : 2
        }
        #expect(end == .exited(0), "\(text)")
    }

    /// SO_MARK, SO_ATTACH_FILTER, SO_PRIORITY, IP_HDRINCL, IP_OPTIONS, IPT_SO_SET_REPLACE, IP_ADD_MEMBERSHIP,
    /// IPV6_HDRINCL, TCP_REPAIR, TCP_CONGESTION, TLS_TX; allowed numbers at other levels.
    private static let forbiddenOptions: [[Int32]] = [
        [SOL_SOCKET, 36], [SOL_SOCKET, 26], [SOL_SOCKET, 12], [0, 3], [0, 4], [0, 64], [0, 35], [0, 25], [41, 36],
        [41, 24],
        [6, 19], [6, 13], [282, 1], [255, SO_LINGER],
    ]

    @Test(arguments: forbiddenOptions) func keepsTheCheckerFromOtherOptions(_ option: [Int32]) throws {
        let (end, _) = try sealed(.checker) { _ in setsockopt(0, option[0], option[1], nil, 0) }
        #expect(end == .killed(signal: SIGSYS))
    }

    /// SO_PEERCRED, SO_PEERGROUPS, SO_LINGER, SO_ORIGINAL_DST, TCP_INFO.
    @Test(
        arguments: [[SOL_SOCKET, SO_PEERCRED], [SOL_SOCKET, 59], [SOL_SOCKET, SO_LINGER], [0, 80], [6, 11]] as [[Int32]]
    )
    func keepsTheCheckerFromOtherQuestions(_ option: [Int32]) throws {
        let (end, _) = try sealed(.checker) { _ in getsockopt(0, option[0], option[1], nil, nil) }
        #expect(end == .killed(signal: SIGSYS))
    }

    /// TCP_ULP: a build or a setting of OpenSSL asks for the kernel's TLS, and does without.
    @Test func refusesTheCheckerTheKernelsTLS() throws {
        let (end, _) = try sealed(.checker) { _ in
            setsockopt(0, Int32(IPPROTO_TCP), 31, "tls", 3) == -1 && errno == ENOPROTOOPT ? 0 : 1
        }
        #expect(end == .exited(0))
    }

    @Test func keepsTheCheckerFromUnixAndRawSockets() throws {
        let unix = try sealed(.checker) { _ in socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0) }
        #expect(unix.end == .killed(signal: SIGSYS))
        let raw = try sealed(.checker) { _ in socket(AF_INET, Int32(SOCK_RAW.rawValue), 112) }
        #expect(raw.end == .killed(signal: SIGSYS))
        let writing = try sealed(.checker) { _ in open("/tmp/x", O_WRONLY) }
        #expect(writing.end == .killed(signal: SIGSYS))
    }

    @Test func letsTheParserRead() throws {
        let (end, _) = try sealed(.config) { _ in
            let file = open("/etc/passwd", O_RDONLY)
            guard file >= 0 else { return 1 }
            var buffer = [UInt8](repeating: 0, count: 65536)
            guard read(file, &buffer, buffer.count) > 0 else { return 2 }
            guard let folder = opendir("/etc") else { return 3 }
            while readdir(folder) != nil {}
            closedir(folder)
            return 0
        }
        #expect(end == .exited(0))
        let connecting = try sealed(.config) { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
        #expect(connecting.end == .killed(signal: SIGSYS))
    }
}
