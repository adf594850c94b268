import CLinux
import Glibc

/// The process at the other end, as the kernel recorded it when the connection was made.
package struct ControlPeer: Hashable, Sendable, CustomStringConvertible {
    /// Process.
    package var pid: Int32
    /// Effective user.
    package var uid: UInt32
    /// Effective group.
    package var gid: UInt32
    /// Supplementary groups.
    package var groups: [UInt32]

    package init(pid: Int32, uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    /// From SO_PEERCRED; nil if the kernel has none.
    init?(of descriptor: Int32) {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        guard hasup_peer_credentials(descriptor, &pid, &uid, &gid) == 0 else { return nil }
        self.init(pid: pid, uid: uid, gid: gid, groups: Self.groups(of: descriptor))
    }

    /// SO_PEERGROUPS (asm-generic/socket.h); not in every C library's headers.
    private static let peerGroupsOption: Int32 = 59

    private static func groups(of descriptor: Int32) -> [UInt32] {
        // 64 are enough for nearly all users; if not, the kernel returns the number.
        var groups = [UInt32](repeating: 0, count: 64)
        var size = socklen_t(groups.count * 4)
        if getsockopt(descriptor, SOL_SOCKET, peerGroupsOption, &groups, &size) == 0 {
            return Array(groups.prefix(Int(size) / 4))
        }
        guard errno == ERANGE, size <= 65_536 * 4 else { return [] }
        groups = [UInt32](repeating: 0, count: Int(size) / 4)
        guard getsockopt(descriptor, SOL_SOCKET, peerGroupsOption, &groups, &size) == 0 else { return [] }
        return Array(groups.prefix(Int(size) / 4))
    }

    /// `pid 1234 (uid 0)`.
    package var description: String { "pid \(pid) (uid \(uid))" }
}

/// The rights of a client.
package enum ControlAccess: UInt8, Hashable, Sendable {
    /// None, not even a connection.
    case refused
    /// Methods that change nothing.
    case read
    /// All methods.
    case change
}

/// The rights of users. The socket's file mode (0660, group hasup) is the first gate; this is the second.
package struct ControlPolicy: Sendable {
    /// Users that workers run as: a compromised worker may not use its supervisor's control socket (docs/decisions, D3).
    package var refusedUsers: Set<UInt32>
    /// hasupd's user.
    package var daemonUser: UInt32
    /// The group `hasup`; nil when there is none.
    package var operatorGroup: UInt32?

    package init(refusedUsers: Set<UInt32>, daemonUser: UInt32, operatorGroup: UInt32?) {
        self.refusedUsers = refusedUsers
        self.daemonUser = daemonUser
        self.operatorGroup = operatorGroup
    }

    /// Returns the rights of a user. When daemon and workers share one user (no privileges at all), it isn't refused.
    package func access(of peer: ControlPeer) -> ControlAccess {
        if peer.uid == 0 || peer.uid == daemonUser { return .change }
        if refusedUsers.contains(peer.uid) { return .refused }
        if let operatorGroup, peer.gid == operatorGroup || peer.groups.contains(operatorGroup) { return .change }
        return .read
    }
}
