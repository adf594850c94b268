import Base

/// A model in bytes that a stranger may have written: the header is validated at once, the rest when it is asked for.
/// It must not outlive the buffer.
package struct EncodedModel {
    /// The form of the encoding.
    package static var formatVersion: Int { Int(ModelFormat.version) }
    private let bytes: UnsafeRawBufferPointer
    /// Number of instances.
    package let instanceCount: Int
    /// Number of virtual_server blocks.
    package var virtualServerCount: Int { services.count }
    /// Settings without effect.
    package let ignoredSettings: Int
    /// The smallest advert_int; nil without instances.
    package let smallestAdvertInterval: Interval?
    /// Whether any instance has a script.
    package let hasScripts: Bool
    private let globalOffset: Int
    private let services: EncodedServices

    /// Validates the header and the offset table. - Throws: `truncated`, `invalid`.
    package init(_ bytes: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(bytes)
        guard try reader.readUInt32() == ModelFormat.magic, try reader.readUInt16() == ModelFormat.version else {
            throw .invalid
        }
        let count = Int(try reader.readUInt32())
        let ignored = try reader.readInt()
        let smallest = try reader.readInt64()
        hasScripts = try reader.readBool()
        globalOffset = Int(try reader.readUInt32())
        guard count <= ModelFormat.maximumInstances, ignored >= 0 else { throw .invalid }
        guard (count + 1) * 4 <= reader.remaining else { throw .truncated }
        guard globalOffset == ModelFormat.headerLength + (count + 1) * 4 else { throw .invalid }
        var last = globalOffset
        for _ in 0...count {
            let offset = Int(try reader.readUInt32())
            guard offset >= last else { throw .invalid }
            last = offset
        }
        guard last <= bytes.count else { throw .truncated }
        services = try EncodedServices(UnsafeRawBufferPointer(rebasing: bytes[last...]))
        self.bytes = bytes
        instanceCount = count
        ignoredSettings = ignored
        smallestAdvertInterval = smallest < 0 ? nil : Interval(nanoseconds: smallest)
    }

    /// Where an instance begins; the place after the last one for the count itself. The table was validated.
    private func offset(_ index: Int) throws(ByteError) -> Int {
        var reader = ByteReader(bytes)
        _ = try reader.readView(ModelFormat.headerLength + index * 4)
        return Int(try reader.readUInt32())
    }

    private func body(_ range: Range<Int>) -> ByteReader { ByteReader(UnsafeRawBufferPointer(rebasing: bytes[range])) }

    /// Decodes global_defs. - Throws: `truncated`, `trailing`, `invalid`.
    package func global() throws(ByteError) -> GlobalSettings {
        var reader = body(globalOffset..<(try offset(0)))
        var own = ByteReader(try reader.readView(Int(try reader.readUInt32())))
        let global = try own.readGlobal()
        try own.finish()
        return global
    }

    /// Decodes what instances share. - Throws: `truncated`, `trailing`, `invalid`.
    package func shared() throws(ByteError) -> SharedObjects {
        var reader = body(globalOffset..<(try offset(0)))
        _ = try reader.readView(Int(try reader.readUInt32()))
        let shared = try reader.readShared(instanceCount)
        try reader.finish()
        return shared
    }

    /// Decodes one instance and no other. - Throws: `invalid` for a number that isn't below `instanceCount`, and what
    /// its bytes deserve.
    package func instance(at index: Int) throws(ByteError) -> InstanceSettings { try instance(at: index, of: "") }

    /// One instance, which probably is of this file.
    private func instance(at index: Int, of file: String) throws(ByteError) -> InstanceSettings {
        guard (0..<instanceCount).contains(index) else { throw .invalid }
        var reader = body(try offset(index)..<(try offset(index + 1)))
        let instance = try reader.readInstance(of: file)
        try reader.finish()
        return instance
    }

    /// Decodes one virtual server and no other. - Throws: `invalid` for a number that isn't below
    /// `virtualServerCount`, and what its bytes deserve.
    package func virtualServer(at index: Int) throws(ByteError) -> VirtualServerSettings {
        try services.server(at: index)
    }

    /// Decodes the groups and the TLS settings that virtual servers refer to. - Throws: `truncated`, `trailing`,
    /// `invalid`.
    package func serviceCommons() throws(ByteError) -> (groups: [VirtualServerGroup], tls: TLSClientSettings) {
        try services.common()
    }

    /// Decodes everything. - Throws: `truncated`, `trailing`, `invalid`.
    package func decode() throws(ByteError) -> ConfigurationModel {
        var model = ConfigurationModel()
        model.global = try global()
        model.shared = try shared()
        model.ignoredSettings = ignoredSettings
        model.instances.reserveCapacity(instanceCount)
        for index in 0..<instanceCount {
            // Thousands of instances of one file keep its name once.
            let file = model.instances.last?.location.file
            model.instances.append(try instance(at: index, of: file ?? ""))
        }
        (model.virtualServerGroups, model.tlsClient) = try services.common()
        model.virtualServers.reserveCapacity(virtualServerCount)
        for index in 0..<virtualServerCount { model.virtualServers.append(try virtualServer(at: index)) }
        // The header repeats what instances say so that readers needn't decode them; both must agree.
        guard model.smallestAdvertInterval == smallestAdvertInterval, model.hasScripts == hasScripts else {
            throw .invalid
        }
        return model
    }
}

extension ByteReader {
    package mutating func readInt() throws(ByteError) -> Int { Int(try readInt64()) }

    /// A length of time that a configuration can name: readers multiply and add without fear of an overflow.
    package mutating func readInterval() throws(ByteError) -> Interval {
        let value = Interval(nanoseconds: try readInt64())
        guard value >= .zero, value <= .seconds(Int64(Limits.seconds.upperBound)) else { throw .invalid }
        return value
    }

    /// A number within limits that arithmetic may rely on.
    package mutating func readInt(_ limits: ClosedRange<Int>) throws(ByteError) -> Int {
        let value = try readInt()
        guard limits.contains(value) else { throw .invalid }
        return value
    }

    package mutating func readOptional<Value>(
        _ body: (inout ByteReader) throws(ByteError) -> Value
    ) throws(ByteError) -> Value? {
        try readBool() ? try body(&self) : nil
    }

    /// A count and that many values. The count is refused when the bytes left can't hold as many.
    package mutating func readList<Value>(
        _ body: (inout ByteReader) throws(ByteError) -> Value
    ) throws(ByteError) -> [Value] {
        let count = Int(try readUInt32())
        guard count <= remaining else { throw .truncated }
        var values: [Value] = []
        for _ in 0..<count { values.append(try body(&self)) }
        return values
    }

    package mutating func readFamily() throws(ByteError) -> AddressFamily {
        guard let family = AddressFamily(rawValue: try readUInt8()) else { throw .invalid }
        return family
    }

    package mutating func readTaggedAddress() throws(ByteError) -> IPAddress { try readAddress(try readFamily()) }

    package mutating func readPrefix() throws(ByteError) -> Prefix {
        let address = try readTaggedAddress()
        guard let prefix = Prefix(address: address, length: Int(try readUInt8())) else { throw .invalid }
        return prefix
    }

    package mutating func readLocation(sharing file: String = "") throws(ByteError) -> SourceLocation {
        SourceLocation(
            file: try readString(sharing: file), line: try readInt(0...Int(UInt32.max)),
            column: try readInt(0...Int(UInt32.max)))
    }

    package mutating func readIdentity() throws(ByteError) -> ScriptIdentity {
        let user = try readString()
        let group = try readOptional { reader throws(ByteError) in try reader.readString() }
        var identity = ScriptIdentity(user: user, group: group, supplementaryGroups: try readBool())
        identity.account = try readOptional { reader throws(ByteError) in try reader.readAccount() }
        return identity
    }

    package mutating func readAccount() throws(ByteError) -> ScriptAccount {
        var account = ScriptAccount(uid: try readUInt32(), gid: try readUInt32())
        let count = Int(try readUInt32())
        guard count <= remaining / 4 else { throw .truncated }
        for _ in 0..<count { account.groups.append(try readUInt32()) }
        return account
    }

    package mutating func readGlobal() throws(ByteError) -> GlobalSettings {
        var global = GlobalSettings()
        global.routerID = try readOptional { reader throws(ByteError) in try reader.readString() }
        global.garpInterval = try readInterval()
        global.gnaInterval = try readInterval()
        global.startupDelay = try readInterval()
        global.realtimePriority = try readOptional { reader throws(ByteError) in try reader.readInt(1...99) }
        global.dynamicInterfaces = try readBool()
        global.adoptsLeftovers = try readBool()
        global.scriptSecurity = try readBool()
        global.scriptUser = try readOptional { reader throws(ByteError) in try reader.readIdentity() }
        global.defaultScriptAccount = try readOptional { reader throws(ByteError) in try reader.readAccount() }
        global.supplementaryGroups = try readBool()
        global.delayAfterBoot = try readInterval()
        global.logsUnknownVirtualRouters = try readBool()
        global.daemon = try readDaemon()
        global.vrrpProcess = try readProcess()
        global.bfdProcess = try readProcess()
        global.automaticPriority.maximum = try readOptional { reader throws(ByteError) in try reader.readInt(1...99) }
        global.automaticPriority.lateness = try readInterval()
        global.firewall = try readFirewall()
        global.agent = try readAgent()
        global.reports = try readReports()
        global.buffers = try readBuffers()
        global.links = try readLinks()
        global.balancer = try readBalancer()
        global.mail = try readMail()
        return global
    }

    package mutating func readVirtualAddress() throws(ByteError) -> VirtualAddress {
        var address = VirtualAddress(prefix: try readPrefix())
        address.interface = try readOptional { reader throws(ByteError) in try reader.readString() }
        address.scope = try readUInt8()
        address.broadcast = try readOptional { reader throws(ByteError) in try reader.readTaggedAddress() }
        address.label = try readOptional { reader throws(ByteError) in try reader.readString() }
        address.peer = try readOptional { reader throws(ByteError) in try reader.readPrefix() }
        address.duplicateAddressDetection = try readBool()
        address.noPrefixRoute = try readBool()
        address.isUntracked = try readBool()
        address.flags = AddressFlags(rawValue: try readUInt8())
        guard address.flags.isSubset(of: .all) else { throw .invalid }
        address.preferredLifetime = try readOptional { reader throws(ByteError) in try reader.readUInt32() }
        return address
    }

    package mutating func readPeer() throws(ByteError) -> UnicastPeer {
        let address = try readTaggedAddress()
        let low = try readOptional { reader throws(ByteError) in try reader.readUInt8() }
        let high = try readOptional { reader throws(ByteError) in try reader.readUInt8() }
        return UnicastPeer(address: address, minimumTTL: low, maximumTTL: high)
    }

    package mutating func readTrackedInterface() throws(ByteError) -> TrackedInterface {
        TrackedInterface(name: try readString(), weight: try readInt(-255...255), reverse: try readBool())
    }

    package mutating func readAnnouncements() throws(ByteError) -> AnnouncementSettings {
        var settings = AnnouncementSettings()
        settings.delay = try readInterval()
        settings.rounds = try readInt(Limits.rounds)
        settings.refresh = try readInterval()
        settings.refreshRounds = try readInt(Limits.rounds)
        settings.lowerPriorityDelay = try readInterval()
        settings.lowerPriorityRounds = try readInt(Limits.rounds)
        return settings
    }

    package mutating func readScript() throws(ByteError) -> NotifyScript {
        guard let trigger = NotifyTrigger(rawValue: try readUInt8()) else { throw .invalid }
        let arguments = try readList { reader throws(ByteError) in try reader.readString() }
        // Whoever starts it takes the first word as the program.
        guard !arguments.isEmpty else { throw .invalid }
        let identity = try readOptional { reader throws(ByteError) in try reader.readIdentity() }
        return NotifyScript(trigger: trigger, arguments: arguments, identity: identity)
    }

    package mutating func readInstance(of file: String) throws(ByteError) -> InstanceSettings {
        var instance = InstanceSettings(name: try readString(), location: try readLocation(sharing: file))
        instance.interface = try readString()
        instance.family = try readFamily()
        instance.virtualRouterID = VRID(rawValue: try readUInt8())
        guard let version = VRRPVersion(rawValue: try readUInt8()) else { throw .invalid }
        instance.version = version
        instance.priority = Priority(rawValue: try readUInt8())
        instance.advertInterval = try readInterval()
        guard (.milliseconds(10))...(.seconds(255)) ~= instance.advertInterval, instance.priority != .release else {
            throw .invalid
        }
        instance.wantsMaster = try readBool()
        instance.nopreempt = try readBool()
        instance.preemptDelay = try readInterval()
        instance.password = try readOptional { reader throws(ByteError) in
            try reader.readList { reader throws(ByteError) in try reader.readUInt8() }
        }
        guard instance.password?.count ?? 8 == 8 else { throw .invalid }
        instance.virtualAddresses = try readList { reader throws(ByteError) in try reader.readVirtualAddress() }
        guard instance.virtualAddresses.count <= 255 else { throw .invalid }
        instance.excludedAddresses = try readList { reader throws(ByteError) in try reader.readVirtualAddress() }
        instance.sourceAddress = try readOptional { reader throws(ByteError) in try reader.readTaggedAddress() }
        instance.multicastGroup = try readTaggedAddress()
        instance.unicastPeers = try readList { reader throws(ByteError) in try reader.readPeer() }
        instance.checkUnicastSource = try readBool()
        instance.unicastTTL = try readUInt8()
        instance.trackedInterfaces = try readList { reader throws(ByteError) in try reader.readTrackedInterface() }
        instance.ignoresPrimaryInterface = try readBool()
        instance.announcements = try readAnnouncements()
        instance.downTimerAdverts = try readInt(Limits.downTimerAdverts)
        instance.checksumWithoutPseudoHeader = try readBool()
        instance.skipsAddressListCheck = try readBool()
        instance.lowerPriorityNoAdvert = try readBool()
        instance.scripts = try readList { reader throws(ByteError) in try reader.readScript() }
        instance.options = try readOptions()
        instance.trackers = try readList { reader throws(ByteError) in try reader.readTracker() }
        instance.routes = try readList { reader throws(ByteError) in try reader.readRoute() }
        instance.rules = try readList { reader throws(ByteError) in try reader.readRule() }
        instance.uncommon = try readOptional { reader throws(ByteError) in Boxed(try reader.readUncommon()) }
        instance.faults = try readList { reader throws(ByteError) in try reader.readString() }
        return instance
    }
}
