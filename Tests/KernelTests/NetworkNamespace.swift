import CLinux
import Glibc
import Kernel
import Reactor

/// A fresh network namespace for the calling thread. A namespace belongs to a thread, so what runs in `inside` must
/// not change threads; threads that it starts live there, too.
enum NetworkNamespace {
    /// Why the tests that need one can't run here; nil when they can.
    static let obstacle: String? = {
        do {
            try inside {}
            return nil
        } catch {
            return "needs a network namespace of its own: \(error)"
        }
    }()

    static var isPossible: Bool { obstacle == nil }

    private typealias Unshare = @convention(c) (Int32) -> Int32
    private typealias Enter = @convention(c) (Int32, Int32) -> Int32

    /// Runs the body in a namespace of its own, and goes back. - Throws: `SystemError`, and what the body throws.
    static func inside<Result>(_ body: () throws -> Result) throws -> Result {
        // Glibc's module hides both behind _GNU_SOURCE, and the product has no use for them.
        guard let unshareSymbol = dlsym(nil, "unshare"), let enterSymbol = dlsym(nil, "setns") else {
            throw SystemError(ENOSYS, "find unshare")
        }
        let unshare = unsafeBitCast(unshareSymbol, to: Unshare.self)
        let enter = unsafeBitCast(enterSymbol, to: Enter.self)
        let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        guard home >= 0 else { throw SystemError(errno, "open the namespace") }
        let former = Descriptor(owning: home)
        // CLONE_NEWNET.
        guard unshare(0x4000_0000) == 0 else { throw SystemError(errno, "make a network namespace") }
        defer { _ = enter(former.number, 0x4000_0000) }
        return try body()
    }

    /// Runs ip(8) in the calling thread's namespace.
    static func ip(_ arguments: String...) throws {
        let words = ["ip"] + arguments
        var copies: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        copies.append(nil)
        defer { for copy in copies { free(copy) } }
        let path =
            (["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"] as [String]).first { access($0, X_OK) == 0 } ?? "/sbin/ip"
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        let pid = try checked(hasup_spawn(path, copies, &environment, nil, 0), "run \(words.joined(separator: " "))")
        var status: Int32 = 0
        guard waitpid(pid, &status, 0) == pid, status == 0 else {
            throw SystemError(EINVAL, "run \(words.joined(separator: " ")), status \(status)")
        }
    }

    /// A pair of Ethernet interfaces, both up: `va` and `vb`. Without `linkLocal` the kernel gives them no address.
    /// - Returns: the number of `va`.
    static func makePair(linkLocal: Bool = true) throws -> Int32 {
        try ip("link", "set", "lo", "up")
        try ip("link", "add", "va", "type", "veth", "peer", "name", "vb")
        if !linkLocal {
            try ip("link", "set", "va", "addrgenmode", "none")
            try ip("link", "set", "vb", "addrgenmode", "none")
        }
        try ip("link", "set", "va", "up")
        try ip("link", "set", "vb", "up")
        return hasup_interface_index("va")
    }

    /// The setting as sysctl(8) shows it in the calling thread's namespace.
    static func promotesSecondaries(on interface: String) throws -> Bool {
        let path = "/proc/sys/net/ipv4/conf/\(interface)/promote_secondaries"
        let file = try owned(open(path, O_RDONLY | O_CLOEXEC), "open \(path)")
        var byte: UInt8 = 0
        guard read(file.number, &byte, 1) == 1 else { throw SystemError(errno, "read \(path)") }
        return byte == UInt8(ascii: "1")
    }

    /// A connection in the calling thread's namespace.
    static func connect() throws -> RouteConnection {
        try RouteConnection(try owned(hasup_route_socket(0), "open a netlink socket"))
    }

    /// A monitor in the calling thread's namespace.
    static func monitor() throws -> LinkMonitor {
        LinkMonitor(try owned(hasup_route_socket(LinkMonitor.groups), "open a netlink socket"))
    }
}
