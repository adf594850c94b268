import Glibc

/// The group whose members are operators (docs/decisions.md, D3) is given the run directory and the control socket.
enum OperatorGroup {
    /// Gives the group a file of ours; whether it has it now.
    ///
    /// An owner may give a file to a group that he is in. CAP_CHOWN is gone after the start (D2), and CAP_SETGID isn't.
    @discardableResult static func give(_ path: String, to group: UInt32) -> Bool {
        if chown(path, uid_t.max, group) == 0 { return true }
        var groups = [gid_t](repeating: 0, count: 256)
        let count = getgroups(Int32(groups.count), &groups)
        var wanted = [group]
        guard count >= 0, setgroups(1, &wanted) == 0 else { return false }
        defer { setgroups(Int(count), &groups) }
        return chown(path, uid_t.max, group) == 0
    }
}
