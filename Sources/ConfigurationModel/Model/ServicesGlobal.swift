import Base

/// global_defs for the load balancer.
package struct BalancerSettings: Hashable, Sendable {
    /// lvs_timeouts: `tcp`; nil for the kernel's.
    package var tcpTimeout: Interval?
    /// lvs_timeouts: `tcpfin`.
    package var tcpFinTimeout: Interval?
    /// lvs_timeouts: `udp`.
    package var udpTimeout: Interval?
    /// lvs_flush: the whole IPVS table is emptied at start.
    package var flushesAtStart = false
    /// lvs_flush_on_stop.
    package var flushAtStop = FlushAtStop.none
    /// lvs_sync_daemon.
    package var syncDaemon: SyncDaemonSettings?
    /// rs_init_notifies: real servers' scripts run for the first state, too.
    package var notifiesInitialState = false
    /// lvs_notify_fifo.
    package var notifyFIFO: NotifyFIFO?
    /// Scheduling of the checker's process.
    package var process = CheckerProcessSettings()

    /// keepalived's defaults.
    package init() {}
}

/// lvs_flush_on_stop.
package enum FlushAtStop: UInt8, Hashable, Sendable {
    /// Services are removed one by one.
    case none = 0
    /// The whole table is emptied, other people's services with it.
    case everything = 1
    /// `VS`: our services only.
    case ownServices = 2
}

/// lvs_sync_daemon: the connection table goes from the master to the backups.
package struct SyncDaemonSettings: Hashable, Sendable {
    /// Interface the messages leave by.
    package var interface: String
    /// The vrrp_instance that decides which role is played.
    package var instance: String
    /// id, 0...255; nil for the instance's VRID.
    package var identifier: UInt8?
    /// maxlen in bytes; nil for the kernel's choice.
    package var maximumLength: UInt16?
    /// port, UDP.
    package var port: UInt16 = 8848
    /// ttl.
    package var timeToLive: UInt8 = 1
    package var group = IPAddress(v4: 0xe000_0051)
    /// A daemon with the kernel's defaults.
    package init(interface: String, instance: String) {
        self.interface = interface
        self.instance = instance
    }
}

/// A FIFO that events are written to.
package struct NotifyFIFO: Hashable, Sendable {
    package var path: String
    /// Who it belongs to; nil for the default.
    package var owner: ScriptIdentity?
    /// The program that reads it, with its arguments; empty for none.
    package var script: [String] = []
    /// Who that runs as; nil for the default.
    package var scriptIdentity: ScriptIdentity?
    /// A FIFO at a path.
    package init(path: String) { self.path = path }
}

/// checker_priority and its kin.
package struct CheckerProcessSettings: Hashable, Sendable {
    /// checker_priority: nice value.
    package var nice: Int?
    /// checker_rt_priority.
    package var realtimePriority: Int?
    /// checker_no_swap.
    package var locksMemory = false
    /// checker_cpu_affinity: numbers of CPUs; empty for all.
    package var processors: [Int] = []
    /// checker_rlimit_rttime.
    package var realtimeLimit: Interval?
    /// The system's defaults.
    package init() {}
}

/// global_defs for mail.
package struct MailSettings: Hashable, Sendable {
    /// smtp_server: name or address; nil sends no mail.
    package var relay: String?
    /// Port of smtp_server.
    package var relayPort: UInt16 = 25
    /// smtp_helo_name; nil for the host's name.
    package var heloName: String?
    /// smtp_connect_timeout.
    package var connectTimeout = Interval.seconds(30)
    /// notification_email_from; nil for the user's name at the host's.
    package var sender: String?
    /// notification_email.
    package var recipients: [String] = []
    /// smtp_alert; nil when nothing is said.
    package var isDefault: Bool?
    /// smtp_alert_vrrp: default of instances and sync groups.
    package var isDefaultOfInstances: Bool?
    /// smtp_alert_checker: default of virtual and real servers.
    package var isDefaultOfServers: Bool?
    /// no_email_faults: nothing is sent for FAULT.
    package var omitsFaults = false
    /// no_checker_emails: only the state of a real server as a whole is worth a mail.
    package var omitsChecks = false

    /// keepalived's defaults.
    package init() {}
}

/// SSL: what SSL_GET connects with. Nil members aren't set.
package struct TLSClientSettings: Hashable, Sendable {
    /// password of the key.
    package var password: String?
    /// ca: file of certificate authorities.
    package var authorities: String?
    /// certificate: file.
    package var certificate: String?
    /// key: file.
    package var key: String?
    /// Nothing set.
    package init() {}
}
