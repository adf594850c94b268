import Base

/// The binary form in which a model goes from the parser to the daemon and its workers (docs/decisions.md, D6).
///
/// Header: magic, version, instance count, ignored settings, smallest advert_int, whether there are scripts, offset of
/// the globals; then one offset for each instance and a last one for the end of the instances; then the length of the
/// globals, the globals and what instances share; then the instances; then the load balancer's part (`ServiceFormat`).
/// All numbers are in network order.
package enum ModelFormat {
    /// "hasC"
    package static let magic: UInt32 = 0x6861_7343
    package static let version: UInt16 = 3
    /// Bytes before the offset table.
    package static let headerLength = 4 + 2 + 4 + 8 + 8 + 1 + 4
    /// More than any network needs; a hostile count is refused before anything is allocated.
    package static let maximumInstances = 1 << 20
}

extension ConfigurationModel {
    /// The model in bytes.
    package func encode() -> [UInt8] {
        var globals = ByteWriter()
        globals.write(global)
        let globalLength = UInt32(globals.bytes.count)
        globals.write(shared)
        var bodies = ByteWriter(capacity: instances.count * 256)
        let tableLength = (instances.count + 1) * 4
        let first = ModelFormat.headerLength + tableLength + 4 + globals.bytes.count
        var offsets: [UInt32] = []
        offsets.reserveCapacity(instances.count + 1)
        for instance in instances {
            offsets.append(UInt32(first + bodies.bytes.count))
            bodies.write(instance)
        }
        offsets.append(UInt32(first + bodies.bytes.count))
        let services = encodeServices()
        var writer = ByteWriter(capacity: first + bodies.bytes.count + services.bytes.count)
        writer.write(ModelFormat.magic)
        writer.write(ModelFormat.version)
        writer.write(UInt32(instances.count))
        writer.write(Int64(ignoredSettings))
        writer.write(smallestAdvertInterval?.nanoseconds ?? -1)
        writer.write(hasScripts)
        writer.write(UInt32(ModelFormat.headerLength + tableLength))
        for offset in offsets { writer.write(offset) }
        writer.write(globalLength)
        writer.write(globals.bytes)
        writer.write(bodies.bytes)
        writer.write(services.bytes)
        return writer.bytes
    }
}

extension ByteWriter {
    package mutating func write(_ interval: Interval) { write(interval.nanoseconds) }
    package mutating func write(_ number: Int) { write(Int64(number)) }

    package mutating func write<Value>(optional value: Value?, _ body: (inout ByteWriter, Value) -> Void) {
        write(value != nil)
        if let value { body(&self, value) }
    }

    package mutating func write<Value>(list values: [Value], _ body: (inout ByteWriter, Value) -> Void) {
        write(UInt32(values.count))
        for value in values { body(&self, value) }
    }

    package mutating func write(tagged address: IPAddress) {
        write(address.family.rawValue)
        write(address)
    }

    package mutating func write(_ prefix: Prefix) {
        write(tagged: prefix.address)
        write(UInt8(prefix.length))
    }

    package mutating func write(_ location: SourceLocation) {
        write(location.file)
        write(location.line)
        write(location.column)
    }

    package mutating func write(_ identity: ScriptIdentity) {
        write(identity.user)
        write(optional: identity.group) { $0.write($1) }
        write(identity.supplementaryGroups)
        write(optional: identity.account) { $0.write($1) }
    }

    package mutating func write(_ account: ScriptAccount) {
        write(account.uid)
        write(account.gid)
        write(UInt32(account.groups.count))
        for group in account.groups { write(group) }
    }

    package mutating func write(_ global: GlobalSettings) {
        write(optional: global.routerID) { $0.write($1) }
        write(global.garpInterval)
        write(global.gnaInterval)
        write(global.startupDelay)
        write(optional: global.realtimePriority) { $0.write($1) }
        write(global.dynamicInterfaces)
        write(global.adoptsLeftovers)
        write(global.scriptSecurity)
        write(optional: global.scriptUser) { $0.write($1) }
        write(optional: global.defaultScriptAccount) { $0.write($1) }
        write(global.supplementaryGroups)
        write(global.delayAfterBoot)
        write(global.logsUnknownVirtualRouters)
        write(global.daemon)
        write(global.vrrpProcess)
        write(global.bfdProcess)
        write(optional: global.automaticPriority.maximum)
        write(global.automaticPriority.lateness)
        write(global.firewall)
        write(global.agent)
        write(global.reports)
        write(global.buffers)
        write(global.links)
        write(global.balancer)
        write(global.mail)
    }

    package mutating func write(_ address: VirtualAddress) {
        write(address.prefix)
        write(optional: address.interface) { $0.write($1) }
        write(address.scope)
        write(optional: address.broadcast) { $0.write(tagged: $1) }
        write(optional: address.label) { $0.write($1) }
        write(optional: address.peer) { $0.write($1) }
        write(address.duplicateAddressDetection)
        write(address.noPrefixRoute)
        write(address.isUntracked)
        write(address.flags.rawValue)
        write(optional: address.preferredLifetime) { $0.write($1) }
    }

    package mutating func write(_ settings: AnnouncementSettings) {
        write(settings.delay)
        write(settings.rounds)
        write(settings.refresh)
        write(settings.refreshRounds)
        write(settings.lowerPriorityDelay)
        write(settings.lowerPriorityRounds)
    }

    package mutating func write(_ script: NotifyScript) {
        write(script.trigger.rawValue)
        write(list: script.arguments) { $0.write($1) }
        write(optional: script.identity) { $0.write($1) }
    }

    package mutating func write(_ instance: InstanceSettings) {
        write(instance.name)
        write(instance.location)
        write(instance.interface)
        write(instance.family.rawValue)
        write(instance.virtualRouterID?.rawValue ?? 0)
        write(instance.version.rawValue)
        write(instance.priority.rawValue)
        write(instance.advertInterval)
        write(instance.wantsMaster)
        write(instance.nopreempt)
        write(instance.preemptDelay)
        write(optional: instance.password) { writer, password in
            writer.write(list: password) { $0.write($1) }
        }
        write(list: instance.virtualAddresses) { $0.write($1) }
        write(list: instance.excludedAddresses) { $0.write($1) }
        write(optional: instance.sourceAddress) { $0.write(tagged: $1) }
        write(tagged: instance.multicastGroup)
        write(list: instance.unicastPeers) { writer, peer in
            writer.write(tagged: peer.address)
            writer.write(optional: peer.minimumTTL) { $0.write($1) }
            writer.write(optional: peer.maximumTTL) { $0.write($1) }
        }
        write(instance.checkUnicastSource)
        write(instance.unicastTTL)
        write(list: instance.trackedInterfaces) { $0.write($1) }
        write(instance.ignoresPrimaryInterface)
        write(instance.announcements)
        write(instance.downTimerAdverts)
        write(instance.checksumWithoutPseudoHeader)
        write(instance.skipsAddressListCheck)
        write(instance.lowerPriorityNoAdvert)
        write(list: instance.scripts) { $0.write($1) }
        write(instance.options.rawValue)
        write(list: instance.trackers) { $0.write($1) }
        write(list: instance.routes) { $0.write($1) }
        write(list: instance.rules) { $0.write($1) }
        write(optional: instance.uncommon) { $0.write($1.value) }
        write(list: instance.faults) { $0.write($1) }
    }
}
