import Base
import CLinux
import Glibc
import Reactor

/// The output of another program, limited in time and size.
enum ProgramOutput {
    private static let limit = Interval.seconds(5)
    private static let sizeMax = 1 << 20
    private static let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]

    /// Runs a program with standard error beside standard output. - Returns: what it printed, and why that isn't all; nil
    /// when it ended by itself and well.
    static func of(_ command: [String]) -> (bytes: [UInt8], trouble: String?) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return ([], "there are too many open files") }
        let reading = Descriptor(owning: ends[0])
        let pid: Int32
        do {
            let writing = Descriptor(owning: ends[1])
            var arguments: [UnsafeMutablePointer<CChar>?] =
                (["sh", "-c", "exec \"$@\" 2>&1 </dev/null", "sh"] + command).map { strdup($0) } + [nil]
            var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
            defer { for pointer in arguments + variables { free(pointer) } }
            pid = hasup_spawn_into("/bin/sh", &arguments, &variables, [], 0, writing.number, 0, 1)
        }
        guard pid > 0 else { return ([], SystemError.text(of: -pid)) }
        let (bytes, isWhole) = read(reading.number, until: Clock.now + limit)
        // The program has a process group of its own, which ends with it.
        if !isWhole { kill(-pid, SIGKILL) }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard isWhole else { return (bytes, "it took too long or printed too much") }
        let code = (status >> 8) & 0xff
        guard code != 127 else { return ([], "it isn't installed") }
        return (bytes, status == 0 ? nil : "it ended with status \(code)")
    }

    private static func read(_ number: Int32, until deadline: Instant) -> (bytes: [UInt8], isWhole: Bool) {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < sizeMax {
            var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            let left = (deadline - Clock.now).nanoseconds / 1_000_000
            guard left > 0, poll(&entry, 1, Int32(left)) > 0 else { return (bytes, false) }
            let count = Glibc.read(number, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return (bytes, true) }
            bytes += part[..<count]
        }
        return (bytes, false)
    }
}
