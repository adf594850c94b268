// ConfigurationModel: the settings of a configuration as typed records; their limits and encoding; diagnostics.
// Imports: Base.
// Begin with ConfigurationModel.swift, the root record; Fields.swift has the forms in which records list their fields.

import Base

/// The meaning of the files, with every default filled in: the only form in which a configuration leaves this room.
package struct ConfigurationModel: Record {
    package var global = GlobalSettings()
    /// vrrp_instance blocks in the order of the files. A block that can't run is here too, with its `faults`.
    package var instances: [InstanceSettings] = []
    /// Definitions, groups, and what is installed whatever the instances' states are.
    package var shared = SharedObjects()
    /// cluster blocks.
    package var clusters: [ClusterSettings] = []
    /// virtual_server blocks in the order of the files, those with `faults` too: the checker is started for them.
    package var virtualServers: [VirtualServerSettings] = []
    /// virtual_server_group blocks.
    package var virtualServerGroups: [VirtualServerGroup] = []
    /// SSL.
    package var tlsClient = TLSClientSettings()
    /// Settings that were read but have no effect (unknown, misplaced or not yet handled); status shows the number.
    package var ignoredSettings = 0

    package init() {}

    /// The smallest advert_int of all instances; the watchdog's measure (docs/decisions, D13).
    package var smallestAdvertInterval: Interval? { instances.map(\.advertInterval).min() }
    /// True if any script is run, which decides how far the supervisor may seal itself (D2).
    package var hasScripts: Bool {
        instances.contains { !$0.scripts.isEmpty } || shared.syncGroups.contains { !$0.scripts.isEmpty }
            || hasTrackScripts || global.daemon.hasScripts || global.balancer.hasScripts
            || virtualServers.contains(where: \.hasScripts)
            || clusters.contains { !($0.release?.arguments.isEmpty ?? true) }
    }

    /// True if a check speaks TLS: only then the files of SSL are read.
    package var usesTLS: Bool {
        virtualServers.contains { $0.realServers.contains { $0.checks.contains(where: \.isEncrypted) } }
    }

    /// The longest time that a before_release and the release script behind it may take; zero without any.
    package var releaseTime: Interval {
        let hooks = (instances.map(\.hooks) + shared.syncGroups.map(\.hooks)).filter(\.hasBeforeRelease).map(\.timeout)
        let scripts = clusters.compactMap { $0.ownNode == nil ? nil : $0.release?.timeout }
        return (hooks.max() ?? .zero) + (scripts.max() ?? .zero)
    }

    /// The part for the VRRP worker. It reads the network, so it gets nothing that it doesn't need, as passwords of
    /// mail servers and arguments of programs. Scripts are run by hasupd.
    package var vrrpPart: ConfigurationModel {
        var part = ConfigurationModel()
        part.global.garpInterval = global.garpInterval
        part.global.gnaInterval = global.gnaInterval
        part.global.startupDelay = global.startupDelay
        part.global.adoptsLeftovers = global.adoptsLeftovers
        part.instances = instances
        for index in part.instances.indices { part.instances[index].scripts = [] }
        part.shared.syncGroups = shared.syncGroups
        for index in part.shared.syncGroups.indices { part.shared.syncGroups[index].scripts = [] }
        part.clusters = clusters.map(\.workerPart)
        return part
    }

    /// The part for the checker (docs/decisions, D71, D128). It reads strangers' bytes, so it gets the services and their
    /// checks and nothing else: of a script only what tells it from another.
    package var servicesPart: ConfigurationModel {
        var part = ConfigurationModel()
        part.global.routerID = global.routerID
        part.global.balancer.notifiesInitialState = global.balancer.notifiesInitialState
        part.tlsClient = tlsClient
        part.virtualServers = virtualServers
        var arguments: [UInt64: [String]] = [:]
        for place in part.virtualServers.indices {
            part.virtualServers[place].scripts = []
            for server in part.virtualServers[place].realServers.indices {
                part.virtualServers[place].realServers[server].scripts = []
                for check in part.virtualServers[place].realServers[server].checks.indices {
                    part.virtualServers[place].realServers[server].checks[check].hideArguments(&arguments)
                }
            }
        }
        return part
    }

    /// All but the instances, which stand in bytes by themselves and are compared one by one.
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.part(&global)
        try fields.part(&shared)
        try fields.blocks("cluster", &clusters, name: \.name)
        try fields.blocks("virtual_server_group", &virtualServerGroups, name: \.name)
        try fields.part(&tlsClient, prefix: "SSL ")
        try fields.blocks("virtual_server", &virtualServers, name: \.address.description)
    }
}
