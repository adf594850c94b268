import CLinux
import Glibc
import Reactor
import Sandbox
import Testing

/// Each plan is tried by a confined child, without a system call filter in front of it.
@Suite(
    .serialized,
    .enabled(if: Child.canSeal && Landlock.version > 0, "needs root with SETUID, SETGID, SETPCAP, and Landlock"))
struct LandlockTests {
    /// Seals a child with this plan and runs the body in it.
    private func confined(
        to plan: LandlockPlan, _ body: (_ report: Int32) -> Int32
    ) throws -> (end: Child.End, report: String) {
        var seal = SandboxPlan(identity: nil, capabilities: [.kill])
        seal.landlock = plan
        seal.startsThread = true
        let wanted = seal
        return try Child.run(keeping: []) { report in
            let result = Sandbox.seal(as: wanted)
            guard result.isComplete, result.isConfined else {
                Child.say(result.shortfalls.joined(separator: "; "), to: report)
                return 99
            }
            return body(report)
        }
    }

    /// Error number of opening a file; 0 when it opens.
    private static func opening(_ path: String, _ flags: Int32) -> Int32 {
        let number = open(path, flags | O_CLOEXEC, 0o600)
        if number >= 0 { close(number) }
        return number < 0 ? errno : 0
    }

    /// Error number of executing a program in this process, which ends if it works.
    private static func executing(_ path: String) -> Int32 {
        var none: [UnsafeMutablePointer<CChar>?] = [nil]
        execve(path, &none, &none)
        return errno
    }

    /// Error number of connecting to a port where nobody listens.
    private static func connecting() -> Int32 {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(number) }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = UInt16(9).bigEndian
        target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return result < 0 ? errno : 0
    }

    @Test func nothingMeansNothing() throws {
        let parent = getpid()
        let (end, text) = try confined(to: .nothing) { _ in
            guard Self.opening("/etc/passwd", O_RDONLY) == EACCES else { return 1 }
            guard Self.opening("/", O_RDONLY | O_DIRECTORY) == EACCES else { return 2 }
            guard Self.opening("/tmp/hasup-landlock", O_WRONLY | O_CREAT) == EACCES else { return 3 }
            guard mkdir("/tmp/hasup-landlock", 0o700) == -1, errno == EACCES else { return 4 }
            guard Self.executing("/bin/true") == EACCES else { return 5 }
            // What was open stays so, and memory is no file.
            guard hasup_memfd_create("x") >= 0 else { return 6 }
            if Landlock.version >= 4, Self.connecting() != EACCES { return 7 }
            if Landlock.version >= 6 {
                guard kill(parent, 0) == -1, errno == EPERM else { return 8 }
            }
            return 0
        }
        #expect(end == .exited(0), "\(text)")
    }

    @Test func theCheckerReadsWhatItNeedsAndConnects() throws {
        let (end, text) = try confined(to: .checker) { _ in
            guard Self.opening("/etc/passwd", O_RDONLY) == 0 else { return 1 }
            guard Self.opening("/usr/lib", O_RDONLY | O_DIRECTORY) == 0 else { return 2 }
            guard Self.opening("/proc/self/status", O_RDONLY) == EACCES else { return 3 }
            guard Self.opening("/etc/hasup-landlock", O_WRONLY | O_CREAT) == EACCES else { return 4 }
            guard Self.executing("/usr/bin/true") == EACCES else { return 5 }
            return Self.connecting() == EACCES ? 6 : 0
        }
        #expect(end == .exited(0), "\(text)")
    }

    @Test func theReaderOnlyReads() throws {
        let (end, text) = try Child.run { report in
            do throws(SystemError) {
                try confineToReading()
            } catch {
                Child.say("\(error)", to: report)
                return 99
            }
            guard Self.opening("/proc/self/status", O_RDONLY) == 0 else { return 1 }
            guard Self.opening("/tmp/hasup-landlock", O_WRONLY | O_CREAT) == EACCES else { return 2 }
            guard unlink("/tmp/hasup-landlock") == -1, [EACCES, ENOENT].contains(errno) else { return 3 }
            return Self.executing("/bin/true") == EACCES ? 0 : 4
        }
        #expect(end == .exited(0), "\(text)")
    }

    @Test func theSupervisorWritesAndExecutesWhereItIsMeantTo() throws {
        let template = "/tmp/hasup-landlock-XXXXXX"
        var bytes = Array(template.utf8CString)
        guard mkdtemp(&bytes) != nil else { throw SystemError(errno, "make a folder") }
        let folder = String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            unlink("\(folder)/b")
            rmdir(folder)
        }
        let plan = LandlockPlan.supervisor(
            writing: [folder, "/nowhere/at/all"], socketFolder: "/run", executing: ["/usr/bin", "/usr/lib"])
        let (end, text) = try confined(to: plan) { _ in
            guard Self.opening("\(folder)/a", O_WRONLY | O_CREAT | O_TRUNC) == 0 else { return 1 }
            guard rename("\(folder)/a", "\(folder)/b") == 0 else { return 2 }
            guard Self.opening("/tmp/hasup-landlock", O_WRONLY | O_CREAT) == EACCES else { return 3 }
            guard Self.opening("/proc/self/status", O_RDONLY) == 0 else { return 4 }
            guard Self.executing("\(folder)/b") == EACCES else { return 5 }
            guard mknod("\(folder)/c", S_IFBLK | 0o600, 1) == -1, [EACCES, EPERM].contains(errno) else { return 6 }
            // Ends this child with 0.
            return Self.executing("/usr/bin/true")
        }
        #expect(end == .exited(0), "\(text)")
    }

    @Test func theControlSocketsFolderCanBeMadeAnew() throws {
        var bytes = Array("/tmp/hasup-landlock-XXXXXX".utf8CString)
        guard mkdtemp(&bytes) != nil else { throw SystemError(errno, "make a folder") }
        let folder = String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            unlink("\(folder)/run/control.sock")
            for name in ["/run", ""] { rmdir(folder + name) }
        }
        #expect(mkdir("\(folder)/run", 0o700) == 0)
        let plan = LandlockPlan.supervisor(writing: [], socketFolder: "\(folder)/run", executing: [])
        #expect(rmdir("\(folder)/run") == 0)
        #expect(mkdir("\(folder)/run", 0o700) == 0)
        let (end, text) = try confined(to: plan) { _ in
            guard rmdir("\(folder)/run") == -1 else { return 1 }
            guard mknod("\(folder)/run/control.sock", S_IFSOCK | 0o600, 0) == 0 else { return 2 }
            guard mknod("\(folder)/run/fifo", S_IFIFO | 0o600, 0) == -1 else { return 3 }
            guard Self.opening("\(folder)/file", O_WRONLY | O_CREAT) == EACCES else { return 4 }
            return 0
        }
        #expect(end == .exited(0), "\(text)")
        #expect(
            LandlockPlan.supervisor(writing: [], socketFolder: "/run", executing: []).rules.count == 2,
            "/ is nobody's to make folders in")
    }

    @Test func whatIsNotConfinedSaysSo() { #expect(!Landlock.isInForce) }
}
