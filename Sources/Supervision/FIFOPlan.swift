import ConfigurationModel

/// A FIFO that global_defs asks for.
package struct FIFOPlan: Hashable, Sendable {
    /// Which events it gets. hasup has no events of virtual servers yet, so both get the same.
    package enum Kind: UInt8, CaseIterable, Sendable {
        case all = 0
        case vrrp = 1

        package var keyword: String { self == .all ? "notify_fifo" : "vrrp_notify_fifo" }
    }

    /// The user and group that it is given to.
    package struct Owner: Hashable, Sendable {
        package var uid: UInt32
        package var gid: UInt32

        package init(uid: UInt32, gid: UInt32) {
            self.uid = uid
            self.gid = gid
        }
    }

    package var kind: Kind
    package var path: String
    /// Nil for hasupd's own user.
    package var owner: Owner?
    /// The name of an owner that wasn't found when the configuration was read.
    package var unknownOwner: String?
    package var mode: UInt16
    /// The script that reads it, with the path as its last argument; nil for none.
    package var reader: ScriptCommand?

    /// The FIFOs of a configuration.
    package static func all(of global: GlobalSettings) -> [FIFOPlan] {
        Kind.allCases.compactMap { kind in
            (kind == .all ? global.daemon.notifyFIFO : global.daemon.vrrpNotifyFIFO).map {
                FIFOPlan(kind, $0, global)
            }
        }
    }

    /// One that nothing is asked of but to end.
    package init(_ kind: Kind, path: String) {
        self.kind = kind
        self.path = path
        mode = 0o600
    }

    private init(_ kind: Kind, _ fifo: NotifyFIFO, _ global: GlobalSettings) {
        self.kind = kind
        path = fifo.path
        if let account = fifo.owner?.account {
            owner = Owner(uid: account.uid, gid: account.gid)
        } else {
            unknownOwner = fifo.owner?.name
        }
        // As keepalived: readable for all as far as umask, 0177 by default, lets it be.
        mode = 0o644 & ~global.daemon.umask
        guard !fifo.script.isEmpty else { return }
        let script = NotifyScript(
            trigger: .any, arguments: fifo.script + [fifo.path], identity: fifo.scriptIdentity)
        reader = ScriptCommand(script, global: global)
    }
}
