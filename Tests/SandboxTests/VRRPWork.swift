import Base
import CLinux
import Glibc
import Reactor

/// What a VRRP worker does after the seal: every kind of system call that its loop and its second thread need.
enum VRRPWork {
    /// 0 when all of it worked, else which step failed.
    static func run(route: Int32, pair: [Int32], report: Int32) -> Int32 {
        do {
            return try attempt(route, pair, report)
        } catch {
            Child.say("\(error)", to: report)
            return 90
        }
    }

    private static func attempt(_ route: Int32, _ pair: [Int32], _ report: Int32) throws -> Int32 {
        guard memory() else { return 1 }
        guard try snapshotPage() else { return 2 }
        guard messages(pair) else { return 3 }
        guard options(route, pair[0]) else { return 4 }
        guard thread() else { return 5 }
        guard try loop() else { return 6 }
        let random = UInt64.random(in: 1...(.max))
        guard random != 0, Clock.now.nanoseconds > 0 else { return 7 }
        Child.say("all done", to: report)
        Child.say("and to stderr", to: report)
        return 0
    }

    /// A loop with a timer, a counter as the second thread has one, and signals.
    private static func loop() throws -> Bool {
        let loop = try EventLoop()
        let counter = try owned(hasup_eventfd_create(), "create an event counter")
        let number = counter.number
        let signals = try Signals([SIGTERM], on: loop) { _ in }
        var counted = false
        let watch = try loop.add(number) { _ in counted = hasup_eventfd_take(number) == 0 }
        let timer = loop.makeTimer { loop.stop() }
        _ = hasup_eventfd_signal(number)
        loop.set(timer, to: Clock.now + .milliseconds(5))
        try loop.run()
        loop.remove(watch)
        withExtendedLifetime(signals) {}
        return counted
    }

    private static func memory() -> Bool {
        // Small, growing, huge; freed in between, so that the allocator maps, moves, trims and gives back.
        var kept: [[UInt8]] = []
        for round in 0..<200 { kept.append([UInt8](repeating: UInt8(round), count: 1 << (round % 16))) }
        kept.removeAll()
        var growing: [UInt8] = []
        for round in 0..<3_000_000 { growing.append(UInt8(truncatingIfNeeded: round)) }
        return growing.count == 3_000_000
    }

    private static func snapshotPage() throws -> Bool {
        let file = try owned(hasup_memfd_create("hasup-snapshot"), "create a memory file")
        guard ftruncate(file.number, 8192) == 0, hasup_memfd_seal_size(file.number) == 0 else { return false }
        guard let page = mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0), page != MAP_FAILED
        else { return false }
        page.storeBytes(of: 7, as: UInt64.self)
        munmap(page, 8192)
        return fcntl(file.number, F_GETFD) == FD_CLOEXEC
    }

    private static func messages(_ pair: [Int32]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64)
        var passed = [Int32](repeating: -1, count: Int(HASUP_DESCRIPTORS_MAX))
        var count: Int32 = 0
        guard hasup_send_packet(pair[0], "hello", 5, [pair[0]], 1) == 5,
            hasup_receive_packet(pair[1], &buffer, buffer.count, &passed, &count) == 5, count == 1
        else { return false }
        close(passed[0])
        guard let receiver = hasup_receiver_create() else { return false }
        defer { hasup_receiver_destroy(receiver) }
        defer { shutdown(pair[0], Int32(SHUT_RDWR)) }
        // What this pair makes of them doesn't matter: that the filter lets them through does.
        var packet = hasup_outgoing()
        packet.family = 4
        _ = hasup_send_batch(pair[0], &packet, 1)
        _ = hasup_send_frame(pair[0], 1, "x", 1)
        return hasup_receive_batch(receiver, pair[1], 4) >= 0
    }

    private static func options(_ route: Int32, _ channel: Int32) -> Bool {
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        var yes: Int32 = 1
        var size = socklen_t(4)
        // NETLINK_GET_STRICT_CHK.
        return setsockopt(route, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)) == 0
            && setsockopt(route, 270, 12, &yes, 4) == 0
            && getsockopt(channel, SOL_SOCKET, SO_ERROR, &yes, &size) == 0
            && dumpsLinks(route)
    }

    /// RTM_GETLINK by hand, as the second thread does it.
    private static func dumpsLinks(_ route: Int32) -> Bool {
        let request: [UInt8] = [32, 0, 0, 0, 18, 0, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 16)
        guard send(route, request, request.count, 0) == request.count else { return false }
        var answer = [UInt8](repeating: 0, count: 32768)
        // RTM_NEWLINK.
        return recv(route, &answer, answer.count, 0) > 32 && answer[4] == 16
    }

    /// A thread with a stack of its own that allocates, steps down to SCHED_OTHER, and ends.
    private static func thread() -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 256 << 10)
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, &attributes,
            { _ in
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                guard hasup_set_realtime(0, 0) == 0 else { return nil }
                var kept: [[UInt8]] = []
                for round in 0..<200 { kept.append([UInt8](repeating: 1, count: 1 << (round % 18))) }
                return UnsafeMutableRawPointer(bitPattern: kept.count)
            }, nil)
        var result: UnsafeMutableRawPointer?
        return failed == 0 && pthread_join(thread, &result) == 0 && Int(bitPattern: result) == 200
    }
}

/// What the VRRP worker must die of (docs/decisions, D3, D4).
enum Forbidden: CaseIterable {
    case killsParent, opensSocket, binds, connects, forks, executes, setsFilter, joinsGroup, mapsCode, makesCode
    case raisesItself, changesLimits, signalsByDescriptor

    func attempt() {
        switch self {
        case .killsParent: kill(getppid(), 0)
        case .opensSocket: _ = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        case .binds: _ = bind(0, nil, 0)
        case .connects: _ = connect(0, nil, 0)
        case .forks: _ = fork()
        case .executes:
            var none: [UnsafeMutablePointer<CChar>?] = [nil]
            execve("/bin/true", &none, &none)
        // SO_ATTACH_FILTER.
        case .setsFilter: setsockopt(0, SOL_SOCKET, 26, nil, 0)
        // IP_ADD_MEMBERSHIP.
        case .joinsGroup: setsockopt(0, 0, 35, nil, 0)
        case .mapsCode: mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        case .makesCode:
            let page = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            mprotect(page, 4096, PROT_READ | PROT_EXEC)
        case .raisesItself: _ = hasup_set_realtime(10, 0)
        case .changesLimits: _ = hasup_limit_set(HASUP_LIMIT_REALTIME_PRIORITY, 0, 0)
        case .signalsByDescriptor: _ = hasup_pidfd_signal(0, 0)
        }
    }
}
