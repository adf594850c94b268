import Glibc

/// An open file that outlives hasupd, and its name in systemd's descriptor store.
struct StoredDescriptor: Hashable {
    let name: String
    let number: Int32
}

/// Descriptors that systemd passes from the service's store to the process that it starts: sd_listen_fds(3).
enum ListenDescriptors {
    private static let first: Int32 = 3
    /// More than any unit's FileDescriptorStoreMax should be.
    private static let countMax: Int32 = 256
    private static let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]

    /// Reads the three variables; none for a process that they don't mean, or for what isn't a number. Descriptors
    /// without a name are called "unknown", as systemd does.
    static func parse(
        pid: String?, count: String?, names: String?, ownPID: Int32
    ) -> [StoredDescriptor] {
        guard let pid = pid.flatMap({ Int32($0) }), pid == ownPID, let count = count.flatMap({ Int32($0) }), count > 0,
            count <= countMax
        else { return [] }
        let words = (names ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        return (0..<count).map { index in
            let name = Int(index) < words.count ? words[Int(index)] : ""
            return StoredDescriptor(name: name.isEmpty ? "unknown" : name, number: first + index)
        }
    }

    /// Takes those that are open: they are closed on exec from now on, and no child sees the variables. To be called once,
    /// before this process opens anything: then what is open at these numbers was passed.
    static func take() -> [StoredDescriptor] {
        func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let passed = parse(
            pid: text("LISTEN_PID"), count: text("LISTEN_FDS"), names: text("LISTEN_FDNAMES"), ownPID: getpid())
        for name in variables { unsetenv(name) }
        return passed.filter { fcntl($0.number, F_SETFD, FD_CLOEXEC) == 0 }
    }
}
