import Glibc

/// Descriptors that whoever started this process has passed to it, by the protocol of sd_listen_fds(3): systemd from
/// the service's store, or the hasupd that this one was before `hasup upgrade`.
struct PassedDescriptors {
    /// One of them.
    struct Passed: Hashable {
        let number: Int32
        let name: String
    }

    private static let first: Int32 = 3
    /// More than any unit's FileDescriptorStoreMax should be.
    private static let countMax: Int32 = 256
    private static let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]

    /// Reads the three variables; none for a process that they don't mean, or for what isn't a number. Descriptors
    /// without a name are called "unknown", as systemd does.
    static func parse(
        pid: String?, count: String?, names: String?, ownPID: Int32
    ) -> [Passed] {
        guard let pid = pid.flatMap({ Int32($0) }), pid == ownPID, let count = count.flatMap({ Int32($0) }), count > 0,
            count <= countMax
        else { return [] }
        let words = (names ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        return (0..<count).map { index in
            let name = Int(index) < words.count ? words[Int(index)] : ""
            return Passed(number: first + index, name: name.isEmpty ? "unknown" : name)
        }
    }

    /// Takes those that are open: they are closed on exec from now on, and no child is told of them. To be called once,
    /// before this process opens anything: then what is open at these numbers was passed.
    static func take() -> [Passed] {
        func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let passed = parse(
            pid: text("LISTEN_PID"), count: text("LISTEN_FDS"), names: text("LISTEN_FDNAMES"), ownPID: getpid())
        for name in variables { unsetenv(name) }
        return passed.filter { fcntl($0.number, F_SETFD, FD_CLOEXEC) == 0 }
    }

    /// Says in the environment what the program that this process becomes is passed from descriptor 3 on.
    static func announce(_ names: [String]) {
        setenv("LISTEN_PID", "\(getpid())", 1)
        setenv("LISTEN_FDS", "\(names.count)", 1)
        setenv("LISTEN_FDNAMES", names.joined(separator: ":"), 1)
    }

    /// Takes that back.
    static func unannounce() { for name in variables { unsetenv(name) } }
}
