import Configuration
import ConfigurationModel
import Glibc

/// Users and groups by the system's databases. It may ask a server that doesn't answer: never from an event loop.
enum AccountLookup {
    /// Room for an entry: a group may have thousands of members.
    private static let roomMax = 1 << 20

    /// The numbers of a user and of his own or another group, each by name or number.
    static func find(user: String, group: String?) -> AccountFinding {
        var account = ScriptAccount(uid: 0, gid: 0)
        var ownGroup: UInt32?
        var name = user
        if let found = entry(user) {
            account.uid = found.uid
            ownGroup = found.gid
            name = found.name
        } else if let number = UInt32(user), number != .max {
            account.uid = number
        } else {
            return .unknown("there is no user '\(user)'")
        }
        if let group {
            guard let number = groupNumber(group) else { return .unknown("there is no group '\(group)'") }
            account.gid = number
        } else {
            guard let ownGroup else {
                return .unknown("user \(user) isn't known on this machine and has no group: name one")
            }
            account.gid = ownGroup
        }
        account.groups = groups(of: name, account.gid)
        return .known(account)
    }

    /// Looks up by name, else by number.
    private static func entry(_ user: String) -> (name: String, uid: UInt32, gid: UInt32)? {
        var room = [CChar](repeating: 0, count: 4096)
        while true {
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            var failed = getpwnam_r(user, &entry, &room, room.count, &found)
            if failed == 0, found == nil, let number = UInt32(user) {
                failed = getpwuid_r(number, &entry, &room, room.count, &found)
            }
            if failed == 0, found != nil, let name = entry.pw_name {
                return (String(cString: name), entry.pw_uid, entry.pw_gid)
            }
            guard failed == ERANGE, room.count < roomMax else { return nil }
            room = [CChar](repeating: 0, count: room.count * 2)
        }
    }

    private static func groupNumber(_ group: String) -> UInt32? {
        var room = [CChar](repeating: 0, count: 4096)
        while true {
            var entry = Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            let failed = getgrnam_r(group, &entry, &room, room.count, &found)
            if failed == 0, found != nil { return entry.gr_gid }
            guard failed == ERANGE, room.count < roomMax else { return UInt32(group) }
            room = [CChar](repeating: 0, count: room.count * 2)
        }
    }

    private static func groups(of user: String, _ gid: UInt32) -> [UInt32] {
        var groups = [gid_t](repeating: 0, count: 64)
        var count = Int32(groups.count)
        if getgrouplist(user, gid, &groups, &count) < 0 {
            // It says how many there are.
            groups = [gid_t](repeating: 0, count: max(Int(count), 64))
            count = Int32(groups.count)
            guard getgrouplist(user, gid, &groups, &count) >= 0 else { return [gid] }
        }
        return Array(groups.prefix(Int(count)))
    }
}
