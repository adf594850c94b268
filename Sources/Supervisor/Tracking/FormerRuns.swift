import Base
import CLinux
import Glibc
import Reactor
import Sandbox

/// A former hasup-track and the runs that it has left. They are in its session, which it led: as long as one of them is
/// there, the kernel gives the session's number to no other process.
enum FormerRuns {
    /// Ends them (SIGKILL to their groups). What a script that has ended has left behind isn't a run any more, and stays.
    static func end(of former: ProcessIdentity) {
        if let process = try? ProcessInspection(pid: former.pid) {
            // Another process has its number: then nothing of its session is there.
            guard process.startTicks == former.startTicks else { return }
            // It starts nothing any more.
            kill(former.pid, SIGKILL)
        }
        for group in leaders(inSession: former.pid) { kill(-group, SIGKILL) }
    }

    /// Processes of a session that lead a group, without the session's leader.
    private static func leaders(inSession session: Int32) -> [Int32] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var found: [Int32] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let pid = Int32(name), pid != session, getsid(pid) == session, getpgid(pid) == pid else { continue }
            found.append(pid)
        }
        return found
    }
}
