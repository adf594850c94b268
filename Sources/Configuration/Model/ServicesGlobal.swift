import Base

/// global_defs for the load balancer.
public struct BalancerSettings: Hashable, Sendable {
    /// lvs_timeouts: `tcp`; nil for the kernel's.
    public var tcpTimeout: Interval?
    /// lvs_timeouts: `tcpfin`.
    public var tcpFinTimeout: Interval?
    /// lvs_timeouts: `udp`.
    public var udpTimeout: Interval?
    /// lvs_flush: the whole IPVS table is emptied at start.
    public var flushesAtStart = false
    /// lvs_flush_on_stop.
    public var flushAtStop = FlushAtStop.none
    /// lvs_sync_daemon.
    public var syncDaemon: SyncDaemonSettings?
    /// rs_init_notifies: real servers' scripts run for the first state, too.
    public var notifiesInitialState = false
    /// lvs_notify_fifo.
    public var notifyFIFO: NotifyFIFO?
    /// Scheduling of the checker's process.
    public var process = CheckerProcessSettings()

    /// keepalived's defaults.
    public init() {}
}

/// lvs_flush_on_stop.
public enum FlushAtStop: UInt8, Hashable, Sendable {
    /// Services are removed one by one.
    case none = 0
    /// The whole table is emptied, other people's services with it.
    case everything = 1
    /// `VS`: our services only.
    case ownServices = 2
}

/// lvs_sync_daemon: the connection table goes from the master to the backups.
public struct SyncDaemonSettings: Hashable, Sendable {
    /// Interface the messages leave by.
    public var interface: String
    /// The vrrp_instance that decides which role is played.
    public var instance: String
    /// id, 0...255; nil for the instance's VRID.
    public var identifier: UInt8?
    /// maxlen in bytes; nil for the kernel's choice.
    public var maximumLength: UInt16?
    /// port, UDP.
    public var port: UInt16 = 8848
    /// ttl.
    public var timeToLive: UInt8 = 1
    /// group.
    public var group = IPAddress(v4: 0xe000_0051)
    /// A daemon with the kernel's defaults.
    public init(interface: String, instance: String) {
        self.interface = interface
        self.instance = instance
    }
}

/// A FIFO that events are written to.
public struct NotifyFIFO: Hashable, Sendable {
    /// Its path.
    public var path: String
    /// Who it belongs to; nil for the default.
    public var owner: ScriptIdentity?
    /// The program that reads it, with its arguments; empty for none.
    public var script: [String] = []
    /// Who that runs as; nil for the default.
    public var scriptIdentity: ScriptIdentity?
    /// A FIFO at a path.
    public init(path: String) { self.path = path }
}

/// checker_priority and its kin.
public struct CheckerProcessSettings: Hashable, Sendable {
    /// checker_priority: nice value.
    public var nice: Int?
    /// checker_rt_priority.
    public var realtimePriority: Int?
    /// checker_no_swap.
    public var locksMemory = false
    /// checker_cpu_affinity: numbers of CPUs; empty for all.
    public var processors: [Int] = []
    /// checker_rlimit_rttime.
    public var realtimeLimit: Interval?
    /// The system's defaults.
    public init() {}
}

/// global_defs for mail.
public struct MailSettings: Hashable, Sendable {
    /// smtp_server: name or address; nil sends no mail.
    public var relay: String?
    /// Port of smtp_server.
    public var relayPort: UInt16 = 25
    /// smtp_helo_name; nil for the host's name.
    public var heloName: String?
    /// smtp_connect_timeout.
    public var connectTimeout = Interval.seconds(30)
    /// notification_email_from; nil for the user's name at the host's.
    public var sender: String?
    /// notification_email.
    public var recipients: [String] = []
    /// smtp_alert; nil when nothing is said.
    public var isDefault: Bool?
    /// smtp_alert_vrrp: default of instances and sync groups.
    public var isDefaultOfInstances: Bool?
    /// smtp_alert_checker: default of virtual and real servers.
    public var isDefaultOfServers: Bool?
    /// no_email_faults: nothing is sent for FAULT.
    public var omitsFaults = false
    /// no_checker_emails: only the state of a real server as a whole is worth a mail.
    public var omitsChecks = false

    /// keepalived's defaults.
    public init() {}
}

/// SSL: what SSL_GET connects with. Nil members aren't set.
public struct TLSClientSettings: Hashable, Sendable {
    /// password of the key.
    public var password: String?
    /// ca: file of certificate authorities.
    public var authorities: String?
    /// certificate: file.
    public var certificate: String?
    /// key: file.
    public var key: String?
    /// Nothing set.
    public init() {}
}
