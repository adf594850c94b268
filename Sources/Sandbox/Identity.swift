import Glibc
import Reactor

/// The numbers that a worker runs as. The supervisor looks them up once at start and hands them over: workers read no
/// files (docs/decisions, D3).
package struct Identity: Hashable, Sendable {
    package var uid: UInt32
    /// The only group.
    package var gid: UInt32

    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }

    /// Looks up a user and a group in the system's databases. - Throws: `SystemError`: `can't find user hasup: …`;
    /// ENOENT when there is none of that name.
    package static func lookup(user: String = "hasup", group: String = "hasup-run") throws(SystemError) -> Identity {
        Identity(uid: try userNumber(user), gid: try groupNumber(group))
    }

    /// The number of a user. - Throws: `SystemError`.
    package static func userNumber(_ name: String) throws(SystemError) -> UInt32 {
        var buffer = [CChar](repeating: 0, count: 4096)
        while true {
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            let failed = getpwnam_r(name, &entry, &buffer, buffer.count, &found)
            if failed == 0, found != nil { return entry.pw_uid }
            try grow(&buffer, failed, "find user \(name)")
        }
    }

    /// The number of a group. - Throws: `SystemError`.
    package static func groupNumber(_ name: String) throws(SystemError) -> UInt32 {
        var buffer = [CChar](repeating: 0, count: 4096)
        while true {
            var entry = Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            let failed = getgrnam_r(name, &entry, &buffer, buffer.count, &found)
            if failed == 0, found != nil { return entry.gr_gid }
            try grow(&buffer, failed, "find group \(name)")
        }
    }

    /// A group may have thousands of members: the room is doubled up to 1 MiB.
    private static func grow(_ buffer: inout [CChar], _ failed: Int32, _ purpose: String) throws(SystemError) {
        guard failed == ERANGE, buffer.count < 1 << 20 else {
            throw SystemError(failed == 0 ? ENOENT : failed, purpose)
        }
        buffer = [CChar](repeating: 0, count: buffer.count * 2)
    }
}
