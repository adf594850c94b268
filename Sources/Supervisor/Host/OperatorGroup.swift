import Glibc

/// Gives the run directory and the control socket to the group of the operators (docs/decisions, D3).
enum OperatorGroup {
    /// Gives a file of hasupd's to the group. Returns true if the group has it now.
    ///
    /// An owner may give a file to a group of his own: CAP_CHOWN is gone after the start (D2), but CAP_SETGID isn't.
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
