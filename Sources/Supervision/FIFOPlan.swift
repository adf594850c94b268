import Base
import ConfigurationModel

/// A FIFO that global_defs asks for.
package struct FIFOPlan: Hashable, Sendable {
    /// Which events it gets.
    package enum Kind: UInt8, CaseIterable, Sendable {
        case all = 0
        case vrrp = 1
        /// Of virtual and real servers.
        case services = 2

        package var keyword: String {
            switch self {
            case .all: "notify_fifo"
            case .vrrp: "vrrp_notify_fifo"
            case .services: "lvs_notify_fifo"
            }
        }

        /// True if it gets lines about this.
        package func takes(_ key: NotificationKey) -> Bool {
            switch self {
            case .all: true
            case .vrrp: !key.isOfServices
            case .services: key.isOfServices
            }
        }
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
            fifo(kind, of: global).map { FIFOPlan(kind, $0, global) }
        }
    }

    private static func fifo(_ kind: Kind, of global: GlobalSettings) -> NotifyFIFO? {
        switch kind {
        case .all: global.daemon.notifyFIFO
        case .vrrp: global.daemon.vrrpNotifyFIFO
        case .services: global.balancer.notifyFIFO
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
