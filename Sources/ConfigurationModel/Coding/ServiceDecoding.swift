import Base

/// The load balancer's part of an encoded model, which a stranger may have written: the offsets are validated at once,
/// the rest when it is asked for. It must not outlive the buffer.
package struct EncodedServices {
    private let bytes: UnsafeRawBufferPointer
    package let count: Int
    private let preamble: Range<Int>

    package init(_ bytes: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(bytes)
        let count = Int(try reader.readUInt32())
        let length = Int(try reader.readUInt32())
        guard count <= ServiceFormat.maximumServers else { throw .invalid }
        guard (count + 1) * 4 <= reader.remaining else { throw .truncated }
        var last = 0
        for index in 0...count {
            let offset = Int(try reader.readUInt32())
            guard offset >= last, index > 0 || offset == 0 else { throw .invalid }
            last = offset
        }
        guard length + last <= reader.remaining else { throw .truncated }
        guard length + last == reader.remaining else { throw .trailing }
        self.bytes = bytes
        self.count = count
        preamble = reader.offset..<reader.offset + length
    }

    private func body(_ range: Range<Int>) -> ByteReader { ByteReader(UnsafeRawBufferPointer(rebasing: bytes[range])) }

    /// Where a server begins; the end for the count itself. The table was validated.
    private func offset(_ index: Int) throws(ByteError) -> Int {
        var reader = ByteReader(bytes)
        _ = try reader.readView(ServiceFormat.headerLength + index * 4)
        return preamble.upperBound + Int(try reader.readUInt32())
    }

    package func server(at index: Int) throws(ByteError) -> VirtualServerSettings {
        guard (0..<count).contains(index) else { throw .invalid }
        var reader = body(try offset(index)..<(try offset(index + 1)))
        let server = try reader.readVirtualServer()
        try reader.finish()
        return server
    }

    package func common() throws(ByteError) -> (groups: [VirtualServerGroup], tls: TLSClientSettings) {
        var reader = body(preamble)
        let groups = try reader.readList { reader throws(ByteError) in try reader.readServerGroup() }
        let tls = try reader.readTLSClient()
        try reader.finish()
        return (groups, tls)
    }
}

extension ByteReader {
    package mutating func readUInt32(_ limits: ClosedRange<Int>) throws(ByteError) -> Int {
        let value = Int(try readUInt32())
        guard limits.contains(value) else { throw .invalid }
        return value
    }

    package mutating func readServiceAddress() throws(ByteError) -> ServiceAddress {
        switch try readUInt8() {
        case 0: return .address(try readTaggedAddress(), port: try readUInt16())
        case 1: return .firewallMark(try readUInt32())
        case 2: return .group(try readString())
        default: throw .invalid
        }
    }

    package mutating func readForwarding() throws(ByteError) -> Forwarding {
        switch try readUInt8() {
        case 0: return .masquerading
        case 1: return .directRouting
        case 2: return .tunnel(.ipip)
        case 3: return .tunnel(.gue(port: try readUInt16(), try readChecksum()))
        case 4: return .tunnel(.gre(try readChecksum()))
        default: throw .invalid
        }
    }

    private mutating func readChecksum() throws(ByteError) -> TunnelChecksum {
        guard let checksum = TunnelChecksum(rawValue: try readUInt8()) else { throw .invalid }
        return checksum
    }

    package mutating func readPersistence() throws(ByteError) -> Persistence {
        let timeout = try readInterval()
        let granularity: PersistenceGranularity
        switch try readUInt8() {
        case 4: granularity = .netmask(try readUInt32())
        case 6:
            let length = try readUInt8()
            guard (1...128).contains(length) else { throw .invalid }
            granularity = .prefixLength(length)
        default: throw .invalid
        }
        var persistence = Persistence(granularity: granularity)
        persistence.timeout = timeout
        persistence.engine = try readOptionalString()
        return persistence
    }

    package mutating func readServiceScript() throws(ByteError) -> ServiceScript {
        guard let trigger = ServiceTrigger(rawValue: try readUInt8()) else { throw .invalid }
        let arguments = try readCommand()
        let identity = try readOptional { reader throws(ByteError) in try reader.readIdentity() }
        return ServiceScript(trigger: trigger, arguments: arguments, identity: identity)
    }

    package mutating func readVirtualServer() throws(ByteError) -> VirtualServerSettings {
        var server = VirtualServerSettings(address: try readServiceAddress(), location: try readLocation())
        server.family = try readFamily()
        server.transport = try readOptional { reader throws(ByteError) in
            guard let transport = ServiceTransport(rawValue: try reader.readUInt8()) else { throw .invalid }
            return transport
        }
        guard let scheduler = Scheduler(rawValue: try readString()) else { throw .invalid }
        server.scheduler = scheduler
        server.schedulerFlags = SchedulerFlags(rawValue: try readUInt8())
        guard server.schedulerFlags.isSubset(of: [.first, .second, .third]) else { throw .invalid }
        server.schedulesSinglePackets = try readBool()
        server.forwarding = try readForwarding()
        server.persistence = try readOptional { reader throws(ByteError) in try reader.readPersistence() }
        server.suspendsWithoutAddress = try readBool()
        server.sendsMail = try readBool()
        server.notifiesAtShutdown = try readBool()
        server.quorum = try readInt(1...Int(UInt32.max))
        server.hysteresis = try readInt(0...Int(UInt32.max))
        server.scripts = try readList { reader throws(ByteError) in try reader.readServiceScript() }
        server.snmpName = try readOptionalString()
        server.sorryServer = try readOptional { reader throws(ByteError) in
            var sorry = SorryServer(
                address: try reader.readTaggedAddress(), port: try reader.readUInt16(),
                forwarding: try reader.readForwarding())
            sorry.isInhibited = try reader.readBool()
            return sorry
        }
        server.realServers = try readList { reader throws(ByteError) in try reader.readRealServer() }
        server.faults = try readList { reader throws(ByteError) in try reader.readString() }
        return server
    }

    package mutating func readRealServer() throws(ByteError) -> RealServerSettings {
        var server = RealServerSettings(address: try readTaggedAddress(), port: try readUInt16())
        server.weight = try readUInt32(Limits.weight)
        server.forwarding = try readForwarding()
        server.upperThreshold = try readUInt32()
        server.lowerThreshold = try readUInt32()
        server.isInhibitedOnFailure = try readBool()
        server.sendsMail = try readBool()
        server.scripts = try readList { reader throws(ByteError) in try reader.readServiceScript() }
        server.snmpName = try readOptionalString()
        server.checks = try readList { reader throws(ByteError) in try reader.readCheck() }
        return server
    }

    package mutating func readServerGroup() throws(ByteError) -> VirtualServerGroup {
        var group = VirtualServerGroup(name: try readString(), location: try readLocation())
        group.entries = try readList { reader throws(ByteError) in try reader.readGroupEntry() }
        return group
    }

    private mutating func readGroupEntry() throws(ByteError) -> ServiceGroupEntry {
        switch try readUInt8() {
        case 0:
            let first = try readTaggedAddress()
            let last = try readAddress(first.family)
            // Whoever walks through it must come to an end.
            guard first <= last, first.high == last.high, last.low - first.low < Limits.rangeMaximum else {
                throw .invalid
            }
            return .addresses(first: first, last: last, port: try readUInt16())
        case 1:
            return .firewallMark(
                try readUInt32(), try readOptional { reader throws(ByteError) in try reader.readFamily() })
        default: throw .invalid
        }
    }

    package mutating func readTLSClient() throws(ByteError) -> TLSClientSettings {
        var settings = TLSClientSettings()
        settings.password = try readOptionalString()
        settings.authorities = try readOptionalString()
        settings.certificate = try readOptionalString()
        settings.key = try readOptionalString()
        return settings
    }
}
