import Base

/// The load balancer's part of an encoded model, after the instances.
///
/// Number of virtual servers, length of the preamble, an offset for each virtual server and one for the end, counted
/// from the first; then the preamble with groups and TLS; then the virtual servers. A checker that maps it decodes one
/// server at a time.
package enum ServiceFormat {
    /// Number of servers and length of the preamble.
    package static let headerLength = 8
    /// More than any network needs; a hostile count is refused before anything is allocated.
    package static let maximumServers = 1 << 20
}

extension ConfigurationModel {
    /// The load balancer's part in bytes.
    package func encodeServices() -> ByteWriter {
        var preamble = ByteWriter()
        preamble.write(list: virtualServerGroups) { $0.write($1) }
        preamble.write(tlsClient)
        var bodies = ByteWriter(capacity: virtualServers.reduce(0) { $0 + 256 + $1.realServers.count * 160 })
        var writer = ByteWriter()
        writer.write(UInt32(virtualServers.count))
        writer.write(UInt32(preamble.bytes.count))
        for server in virtualServers {
            writer.write(UInt32(bodies.bytes.count))
            bodies.write(server)
        }
        writer.write(UInt32(bodies.bytes.count))
        writer.write(preamble.bytes)
        writer.write(bodies.bytes)
        return writer
    }
}

extension ByteWriter {
    package mutating func write(_ address: ServiceAddress) {
        switch address {
        case .address(let address, let port):
            write(UInt8(0))
            write(tagged: address)
            write(port)
        case .firewallMark(let mark):
            write(UInt8(1))
            write(mark)
        case .group(let name):
            write(UInt8(2))
            write(name)
        }
    }

    package mutating func write(_ forwarding: Forwarding) {
        switch forwarding {
        case .masquerading: write(UInt8(0))
        case .directRouting: write(UInt8(1))
        case .tunnel(.ipip): write(UInt8(2))
        case .tunnel(.gue(let port, let checksum)):
            write(UInt8(3))
            write(port)
            write(checksum.rawValue)
        case .tunnel(.gre(let checksum)):
            write(UInt8(4))
            write(checksum.rawValue)
        }
    }

    package mutating func write(_ persistence: Persistence) {
        write(persistence.timeout)
        switch persistence.granularity {
        case .netmask(let mask):
            write(UInt8(4))
            write(mask)
        case .prefixLength(let length):
            write(UInt8(6))
            write(length)
        }
        write(optional: persistence.engine) { $0.write($1) }
    }

    package mutating func write(_ script: ServiceScript) {
        write(script.trigger.rawValue)
        write(list: script.arguments) { $0.write($1) }
        write(optional: script.identity) { $0.write($1) }
    }

    package mutating func write(_ server: VirtualServerSettings) {
        write(server.address)
        write(server.location)
        write(server.family.rawValue)
        write(optional: server.transport) { $0.write($1.rawValue) }
        write(server.scheduler.rawValue)
        write(server.schedulerFlags.rawValue)
        write(server.schedulesSinglePackets)
        write(server.forwarding)
        write(optional: server.persistence) { $0.write($1) }
        write(server.suspendsWithoutAddress)
        write(server.sendsMail)
        write(server.notifiesAtShutdown)
        write(server.quorum)
        write(server.hysteresis)
        write(list: server.scripts) { $0.write($1) }
        write(optional: server.snmpName) { $0.write($1) }
        write(optional: server.sorryServer) { writer, sorry in
            writer.write(tagged: sorry.address)
            writer.write(sorry.port)
            writer.write(sorry.forwarding)
            writer.write(sorry.isInhibited)
        }
        write(list: server.realServers) { $0.write($1) }
        write(list: server.faults) { $0.write($1) }
    }

    package mutating func write(_ server: RealServerSettings) {
        write(tagged: server.address)
        write(server.port)
        write(UInt32(server.weight))
        write(server.forwarding)
        write(server.upperThreshold)
        write(server.lowerThreshold)
        write(server.isInhibitedOnFailure)
        write(server.sendsMail)
        write(list: server.scripts) { $0.write($1) }
        write(optional: server.snmpName) { $0.write($1) }
        write(list: server.checks) { $0.write($1) }
    }

    package mutating func write(_ group: VirtualServerGroup) {
        write(group.name)
        write(group.location)
        write(list: group.entries) { writer, entry in
            switch entry {
            case .addresses(let first, let last, let port):
                writer.write(UInt8(0))
                writer.write(tagged: first)
                writer.write(last)
                writer.write(port)
            case .firewallMark(let mark, let family):
                writer.write(UInt8(1))
                writer.write(mark)
                writer.write(optional: family) { $0.write($1.rawValue) }
            }
        }
    }

    package mutating func write(_ settings: TLSClientSettings) {
        for text in [settings.password, settings.authorities, settings.certificate, settings.key] {
            write(optional: text) { $0.write($1) }
        }
    }
}
