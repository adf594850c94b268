import Base

/// global_defs, as far as instances don't carry the result themselves.
package struct GlobalSettings: Record {
    /// router_id; nil when it is to be the host name.
    package var routerID: String?
    /// vrrp_garp_interval: shortest gap between two gratuitous ARPs on an interface; zero for none.
    package var garpInterval = Interval.zero
    /// vrrp_gna_interval: the same for unsolicited neighbour advertisements.
    package var gnaInterval = Interval.zero
    /// vrrp_startup_delay: nothing is sent or judged for this long after the start.
    package var startupDelay = Interval.zero
    /// vrrp_rt_priority; nil lets the worker choose for itself.
    package var realtimePriority: Int?
    /// dynamic_interfaces: interfaces may be missing at start and appear later without that being an error.
    package var dynamicInterfaces = false
    /// adopt_leftovers: virtual addresses of the files that are there at a start without anybody's mark are removed.
    package var adoptsLeftovers = false
    package var scriptSecurity = false
    /// script_user, as written.
    package var scriptUser: ScriptIdentity?
    /// User `keepalived_script`, for scripts that say no other; nil when there is none: then hasupd's own.
    package var defaultScriptAccount: ScriptAccount?
    /// set_supplementary_groups: scripts get their user's supplementary groups even without `:`.
    package var supplementaryGroups = false
    /// vrrp_delay_after_boot: nothing is sent or judged before this much time has passed since the machine's start.
    package var delayAfterBoot = Interval.zero
    package var logsUnknownVirtualRouters = false
    package var daemon = DaemonSettings()
    /// Scheduling of the VRRP worker, but for `realtimePriority`.
    package var vrrpProcess = ProcessSettings()
    /// Scheduling of keepalived's BFD process.
    package var bfdProcess = ProcessSettings()
    package var automaticPriority = AutomaticPriority()
    package var firewall = FirewallSettings()
    package var agent = AgentSettings()
    /// Reloading, and files for people and programs.
    package var reports = ReportSettings()
    package var buffers = BufferSettings()
    package var links = LinkSettings()
    package var balancer = BalancerSettings()
    package var mail = MailSettings()

    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("router_id", &routerID)
        try fields.field("vrrp_garp_interval", &garpInterval)
        try fields.field("vrrp_gna_interval", &gnaInterval)
        try fields.field("vrrp_startup_delay", &startupDelay)
        try fields.field("vrrp_rt_priority", &realtimePriority, in: 1...99)
        try fields.field("dynamic_interfaces", &dynamicInterfaces)
        try fields.field("adopt_leftovers", &adoptsLeftovers)
        try fields.field("enable_script_security", &scriptSecurity)
        try fields.field("script_user", &scriptUser)
        try fields.field("user keepalived_script", &defaultScriptAccount)
        try fields.field("set_supplementary_groups", &supplementaryGroups)
        try fields.field("vrrp_delay_after_boot", &delayAfterBoot)
        try fields.field("log_unknown_vrids", &logsUnknownVirtualRouters)
        try fields.part(&daemon)
        try fields.part(&vrrpProcess, prefix: "vrrp_")
        try fields.part(&bfdProcess, prefix: "bfd_")
        try fields.part(&automaticPriority)
        try fields.part(&firewall)
        try fields.part(&agent)
        try fields.part(&reports)
        try fields.part(&buffers)
        try fields.part(&links)
        try fields.part(&balancer)
        try fields.part(&mail)
    }
}
