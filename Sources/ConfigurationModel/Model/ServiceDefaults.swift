import Base

/// global_defs for the load balancer.
package struct BalancerSettings: Record {
    /// lvs_timeouts: `tcp`; nil for the kernel's.
    package var tcpTimeout: Interval?
    /// lvs_timeouts: `tcpfin`.
    package var tcpFinTimeout: Interval?
    /// lvs_timeouts: `udp`.
    package var udpTimeout: Interval?
    /// lvs_flush: the whole IPVS table is emptied at start.
    package var flushesAtStart = false
    package var flushAtStop = FlushAtStop.none
    package var syncDaemon: SyncDaemonSettings?
    /// rs_init_notifies: real servers' scripts run for the first state, too.
    package var notifiesInitialState = false
    package var notifyFIFO: NotifyFIFO?
    package var process = ProcessSettings()

    package init() {}

    /// True if lvs_notify_fifo has a reader.
    var hasScripts: Bool { notifyFIFO.map { !$0.script.isEmpty } ?? false }

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("lvs_timeouts tcp", &tcpTimeout)
        try fields.field("lvs_timeouts tcpfin", &tcpFinTimeout)
        try fields.field("lvs_timeouts udp", &udpTimeout)
        try fields.field("lvs_flush", &flushesAtStart)
        try fields.field("lvs_flush_on_stop", &flushAtStop)
        try fields.field("lvs_sync_daemon", &syncDaemon)
        try fields.field("rs_init_notifies", &notifiesInitialState)
        try fields.field("lvs_notify_fifo", &notifyFIFO)
        try fields.part(&process, prefix: "checker_")
    }
}

/// lvs_flush_on_stop.
package enum FlushAtStop: UInt8, FieldValue {
    /// Services are removed one by one.
    case none = 0
    /// The whole table is emptied, other people's services with it.
    case everything = 1
    /// `VS`: our services only.
    case ownServices = 2
}

/// lvs_sync_daemon: the connection table goes from the master to the backups.
package struct SyncDaemonSettings: Record {
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
    package var timeToLive: UInt8 = 1
    package var group = IPAddress(v4: 0xe000_0051)
    package init(interface: String, instance: String) {
        self.interface = interface
        self.instance = instance
    }

    package init() { self.init(interface: "", instance: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &interface)
        try fields.field("", &instance)
        try fields.field("id", &identifier)
        try fields.field("maxlen", &maximumLength)
        try fields.field("port", &port)
        try fields.field("ttl", &timeToLive)
        try fields.field("group", &group)
    }
}

/// A FIFO that events are written to.
package struct NotifyFIFO: Record {
    package var path: String
    /// Its user and group; nil for the default.
    package var owner: ScriptIdentity?
    /// The program that reads it, with its arguments; empty for none.
    package var script: [String] = []
    /// The script's user and group; nil for the default.
    package var scriptIdentity: ScriptIdentity?
    package init(path: String) { self.path = path }

    package init() { self.init(path: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &path)
        try fields.field("", &owner)
        try fields.list("script", &script)
        try fields.field("", &scriptIdentity)
    }
}

/// smtp_tls: the protection of the connection to the relay.
package enum MailProtection: UInt8, FieldValue {
    case off = 0
    /// TLS from the STARTTLS command on; without it nothing is sent (RFC 3207).
    case starttls = 1
    /// TLS from the beginning (RFC 8314).
    case tls = 2
}

/// smtp_auth: a user of the relay. The password isn't in the configuration: it is read when a mail is sent.
package struct MailLogin: Record {
    package var user: String
    package var passwordFile: String
    package init(user: String, passwordFile: String) {
        self.user = user
        self.passwordFile = passwordFile
    }

    package init() { self.init(user: "", passwordFile: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &user)
        try fields.field("file", &passwordFile)
    }
}

/// global_defs for mail.
package struct MailSettings: Record {
    /// smtp_server: name or address; nil sends no mail.
    package var relay: String?
    /// Port of smtp_server.
    package var relayPort: UInt16 = 25
    package var protection = MailProtection.off
    /// smtp_ca: a file of authorities; nil for those of the system.
    package var authorities: String?
    package var login: MailLogin?
    /// smtp_helo_name; nil for the host's name.
    package var heloName: String?
    package var connectTimeout = Interval.seconds(30)
    /// notification_email_from; nil for the user's name at the host's.
    package var sender: String?
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

    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("smtp_server", &relay)
        try fields.field("smtp_server port", &relayPort)
        try fields.field("smtp_tls", &protection)
        try fields.field("smtp_ca", &authorities)
        try fields.field("smtp_auth", &login)
        try fields.field("smtp_helo_name", &heloName)
        try fields.field("smtp_connect_timeout", &connectTimeout)
        try fields.field("notification_email_from", &sender)
        try fields.list("notification_email", &recipients)
        try fields.field("smtp_alert", &isDefault)
        try fields.field("smtp_alert_vrrp", &isDefaultOfInstances)
        try fields.field("smtp_alert_checker", &isDefaultOfServers)
        try fields.field("no_email_faults", &omitsFaults)
        try fields.field("no_checker_emails", &omitsChecks)
    }
}

/// SSL: what SSL_GET connects with. Nil members aren't set.
package struct TLSClientSettings: Record {
    /// password of the key.
    package var password: String?
    /// ca: file of certificate authorities.
    package var authorities: String?
    /// certificate: file.
    package var certificate: String?
    /// key: file.
    package var key: String?
    package init() {}

    /// True if there is a file to be read. A key without a certificate has no effect.
    package var namesFiles: Bool { authorities != nil || certificate != nil }

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.secret("password", &password)
        try fields.field("ca", &authorities)
        try fields.field("certificate", &certificate)
        try fields.field("key", &key)
    }
}

/// The contents of the files that SSL names. They are no part of a model: only the checker is handed them
/// (docs/decisions, D71).
package struct TLSCredentials: Hashable, Sendable, ByteCoded {
    package var authorities: [UInt8]?
    package var certificate: [UInt8]?
    package var key: [UInt8]?
    package init() {}

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        authorities = try [UInt8]?(decoding: &reader)
        certificate = try [UInt8]?(decoding: &reader)
        key = try [UInt8]?(decoding: &reader)
    }

    package func encode(into writer: inout ByteWriter) {
        authorities.encode(into: &writer)
        certificate.encode(into: &writer)
        key.encode(into: &writer)
    }

    /// True where SSL names no file.
    package var isEmpty: Bool { self == TLSCredentials() }
}
