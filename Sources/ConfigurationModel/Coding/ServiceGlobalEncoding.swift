import Base

extension ByteWriter {
    package mutating func write(_ settings: BalancerSettings) {
        for timeout in [settings.tcpTimeout, settings.tcpFinTimeout, settings.udpTimeout] {
            write(optional: timeout) { $0.write($1) }
        }
        write(settings.flushesAtStart)
        write(settings.flushAtStop.rawValue)
        write(optional: settings.syncDaemon) { writer, daemon in
            writer.write(daemon.interface)
            writer.write(daemon.instance)
            writer.write(optional: daemon.identifier) { $0.write($1) }
            writer.write(optional: daemon.maximumLength) { $0.write($1) }
            writer.write(daemon.port)
            writer.write(daemon.timeToLive)
            writer.write(tagged: daemon.group)
        }
        write(settings.notifiesInitialState)
        write(optional: settings.notifyFIFO) { writer, fifo in
            writer.write(fifo.path)
            writer.write(optional: fifo.owner) { $0.write($1) }
            writer.write(list: fifo.script) { $0.write($1) }
            writer.write(optional: fifo.scriptIdentity) { $0.write($1) }
        }
        write(optional: settings.process.nice) { $0.write($1) }
        write(optional: settings.process.realtimePriority) { $0.write($1) }
        write(settings.process.locksMemory)
        write(list: settings.process.processors) { $0.write($1) }
        write(optional: settings.process.realtimeLimit) { $0.write($1) }
    }

    package mutating func write(_ settings: MailSettings) {
        write(optional: settings.relay) { $0.write($1) }
        write(settings.relayPort)
        write(optional: settings.heloName) { $0.write($1) }
        write(settings.connectTimeout)
        write(optional: settings.sender) { $0.write($1) }
        write(list: settings.recipients) { $0.write($1) }
        for flag in [settings.isDefault, settings.isDefaultOfInstances, settings.isDefaultOfServers] {
            write(optional: flag) { $0.write($1) }
        }
        write(settings.omitsFaults)
        write(settings.omitsChecks)
    }
}

extension ByteReader {
    package mutating func readBalancer() throws(ByteError) -> BalancerSettings {
        var settings = BalancerSettings()
        settings.tcpTimeout = try readOptional { reader throws(ByteError) in try reader.readInterval() }
        settings.tcpFinTimeout = try readOptional { reader throws(ByteError) in try reader.readInterval() }
        settings.udpTimeout = try readOptional { reader throws(ByteError) in try reader.readInterval() }
        settings.flushesAtStart = try readBool()
        guard let flush = FlushAtStop(rawValue: try readUInt8()) else { throw .invalid }
        settings.flushAtStop = flush
        settings.syncDaemon = try readOptional { reader throws(ByteError) in try reader.readSyncDaemon() }
        settings.notifiesInitialState = try readBool()
        settings.notifyFIFO = try readOptional { reader throws(ByteError) in try reader.readFIFO() }
        settings.process.nice = try readOptional { reader throws(ByteError) in try reader.readInt(-20...19) }
        settings.process.realtimePriority = try readOptional { reader throws(ByteError) in
            try reader.readInt(1...99)
        }
        settings.process.locksMemory = try readBool()
        settings.process.processors = try readList { reader throws(ByteError) in try reader.readInt(0...8_191) }
        settings.process.realtimeLimit = try readOptional { reader throws(ByteError) in try reader.readInterval() }
        return settings
    }

    private mutating func readSyncDaemon() throws(ByteError) -> SyncDaemonSettings {
        var daemon = SyncDaemonSettings(interface: try readString(), instance: try readString())
        daemon.identifier = try readOptional { reader throws(ByteError) in try reader.readUInt8() }
        daemon.maximumLength = try readOptional { reader throws(ByteError) in try reader.readUInt16() }
        daemon.port = try readUInt16()
        daemon.timeToLive = try readUInt8()
        daemon.group = try readTaggedAddress()
        return daemon
    }

    package mutating func readMail() throws(ByteError) -> MailSettings {
        var settings = MailSettings()
        settings.relay = try readOptionalString()
        settings.relayPort = try readUInt16()
        settings.heloName = try readOptionalString()
        settings.connectTimeout = try readInterval()
        settings.sender = try readOptionalString()
        settings.recipients = try readList { reader throws(ByteError) in try reader.readString() }
        settings.isDefault = try readOptional { reader throws(ByteError) in try reader.readBool() }
        settings.isDefaultOfInstances = try readOptional { reader throws(ByteError) in try reader.readBool() }
        settings.isDefaultOfServers = try readOptional { reader throws(ByteError) in try reader.readBool() }
        settings.omitsFaults = try readBool()
        settings.omitsChecks = try readBool()
        return settings
    }
}
