import Base

// global_defs in bytes, but for what ModelEncoding has. Each reader stands below its writer.

extension ByteWriter {
    package mutating func write(_ fifo: NotifyFIFO) {
        write(fifo.path)
        write(optional: fifo.owner) { $0.write($1) }
        write(fifo.script)
        write(optional: fifo.scriptIdentity) { $0.write($1) }
    }

    package mutating func write(_ script: DaemonScript) {
        write(script.arguments)
        write(optional: script.identity) { $0.write($1) }
        write(script.timeout)
    }

    package mutating func write(_ daemon: DaemonSettings) {
        write(optional: daemon.namespace)
        write(optional: daemon.ipvsNamespace)
        write(optional: daemon.instance)
        write(daemon.usesPIDDirectory)
        write(daemon.childWaitTime)
        write(optional: daemon.startupScript) { $0.write($1) }
        write(optional: daemon.shutdownScript) { $0.write($1) }
        write(optional: daemon.notifyFIFO) { $0.write($1) }
        write(optional: daemon.vrrpNotifyFIFO) { $0.write($1) }
        write(daemon.writesStatesOnReload)
        write(daemon.umask)
        write(daemon.keepsSymbolicLinks)
    }
}

extension ByteReader {
    package mutating func readFIFO() throws(ByteError) -> NotifyFIFO {
        var fifo = NotifyFIFO(path: try readString())
        fifo.owner = try readOptionalIdentity()
        fifo.script = try readStrings()
        fifo.scriptIdentity = try readOptionalIdentity()
        return fifo
    }

    package mutating func readDaemonScript() throws(ByteError) -> DaemonScript {
        var script = DaemonScript(arguments: try readCommand(), identity: try readOptionalIdentity())
        script.timeout = try readInterval()
        return script
    }

    package mutating func readDaemon() throws(ByteError) -> DaemonSettings {
        var daemon = DaemonSettings()
        daemon.namespace = try readOptionalString()
        daemon.ipvsNamespace = try readOptionalString()
        daemon.instance = try readOptionalString()
        daemon.usesPIDDirectory = try readBool()
        daemon.childWaitTime = try readInterval()
        daemon.startupScript = try readOptional { reader throws(ByteError) in try reader.readDaemonScript() }
        daemon.shutdownScript = try readOptional { reader throws(ByteError) in try reader.readDaemonScript() }
        daemon.notifyFIFO = try readOptional { reader throws(ByteError) in try reader.readFIFO() }
        daemon.vrrpNotifyFIFO = try readOptional { reader throws(ByteError) in try reader.readFIFO() }
        daemon.writesStatesOnReload = try readBool()
        daemon.umask = try readUInt16()
        guard daemon.umask <= 0o777 else { throw .invalid }
        daemon.keepsSymbolicLinks = try readBool()
        return daemon
    }
}

extension ByteWriter {
    package mutating func write(_ process: ProcessSettings) {
        write(optional: process.nice)
        write(optional: process.realtimePriority)
        write(process.locksMemory)
        write(list: process.processors) { $0.write($1) }
        write(optional: process.realtimeLimit) { $0.write($1) }
    }

    package mutating func write(_ firewall: FirewallSettings) {
        write(optional: firewall.chains) { writer, chains in
            writer.write(chains.input)
            writer.write(optional: chains.output)
        }
        write(optional: firewall.sets) { $0.write($1) }
        write(optional: firewall.table)
        write(firewall.priority)
        write(firewall.matchesIndices)
        write(firewall.countsPackets)
        write(optional: firewall.ipvsTable)
        write(firewall.ipvsPriority)
        write(firewall.firstMark)
    }

    package mutating func write(_ agent: AgentSettings) {
        write(optional: agent.masterSocket)
        write(agent.sendsTraps)
        write(agent.servesVRRP)
        write(agent.servesCheckers)
        write(agent.servesRFC2787)
        write(agent.servesRFC6527)
        write(agent.serviceStatisticsAge)
        write(agent.serverStatisticsAge)
        write(agent.servesDBus)
        write(optional: agent.busName)
        write(optional: agent.busNameWithoutInterface)
    }
}

extension ByteReader {
    package mutating func readProcess() throws(ByteError) -> ProcessSettings {
        var process = ProcessSettings()
        process.nice = try readOptional { reader throws(ByteError) in try reader.readInt(Limits.nice) }
        process.realtimePriority = try readOptional { reader throws(ByteError) in try reader.readInt(1...99) }
        process.locksMemory = try readBool()
        process.processors = try readList { reader throws(ByteError) in try reader.readInt(Limits.processor) }
        process.realtimeLimit = try readOptional { reader throws(ByteError) in try reader.readInterval() }
        return process
    }

    package mutating func readFirewall() throws(ByteError) -> FirewallSettings {
        var firewall = FirewallSettings()
        firewall.chains = try readOptional { reader throws(ByteError) in
            FirewallSettings.Chains(input: try reader.readString(), output: try reader.readOptionalString())
        }
        firewall.sets = try readOptional { reader throws(ByteError) in try reader.readStrings() }
        firewall.table = try readOptionalString()
        firewall.priority = try readInt(Limits.int32)
        firewall.matchesIndices = try readBool()
        firewall.countsPackets = try readBool()
        firewall.ipvsTable = try readOptionalString()
        firewall.ipvsPriority = try readInt(Limits.int32)
        firewall.firstMark = try readUInt32()
        return firewall
    }

    package mutating func readAgent() throws(ByteError) -> AgentSettings {
        var agent = AgentSettings()
        agent.masterSocket = try readOptionalString()
        agent.sendsTraps = try readBool()
        agent.servesVRRP = try readBool()
        agent.servesCheckers = try readBool()
        agent.servesRFC2787 = try readBool()
        agent.servesRFC6527 = try readBool()
        agent.serviceStatisticsAge = try readInterval()
        agent.serverStatisticsAge = try readInterval()
        agent.servesDBus = try readBool()
        agent.busName = try readOptionalString()
        agent.busNameWithoutInterface = try readOptionalString()
        return agent
    }
}

extension ByteWriter {
    package mutating func write(_ reports: ReportSettings) {
        write(optional: reports.reloadLog)
        write(optional: reports.reloadTimeFile)
        write(reports.repeatsReload)
        write(optional: reports.reloadFile)
        write(optional: reports.saveDirectory)
        write(reports.namesInstance)
        write(reports.jsonVersion)
        write(optional: reports.stateFile)
    }

    package mutating func write(_ buffers: BufferSettings) {
        for size in [
            buffers.vrrpCommands, buffers.vrrpMonitor, buffers.balancerCommands, buffers.balancerMonitor,
            buffers.processMonitor,
        ] {
            write(optional: size.bytes)
            write(size.isForced)
        }
        switch buffers.policy {
        case nil: write(UInt8(0))
        case .mtu: write(UInt8(1))
        case .advertisement: write(UInt8(2))
        case .bytes(let count):
            write(UInt8(3))
            write(count)
        }
        write(buffers.multiplier)
    }

    package mutating func write(_ links: LinkSettings) {
        write(optional: links.defaultInterface)
        write(links.allowsTypeChanges)
        write(links.suppressesIGMP)
        write(links.virtualPrefix)
        write(optional: links.virtualAddressPrefix)
        write(links.pollsLinks)
    }
}

extension ByteReader {
    package mutating func readReports() throws(ByteError) -> ReportSettings {
        var reports = ReportSettings()
        reports.reloadLog = try readOptionalString()
        reports.reloadTimeFile = try readOptionalString()
        reports.repeatsReload = try readBool()
        reports.reloadFile = try readOptionalString()
        reports.saveDirectory = try readOptionalString()
        reports.namesInstance = try readBool()
        reports.jsonVersion = try readInt(1...2)
        reports.stateFile = try readOptionalString()
        return reports
    }

    private mutating func readSize() throws(ByteError) -> BufferSettings.Size {
        var size = BufferSettings.Size()
        size.bytes = try readOptional { reader throws(ByteError) in try reader.readInt(Limits.buffer) }
        size.isForced = try readBool()
        return size
    }

    package mutating func readBuffers() throws(ByteError) -> BufferSettings {
        var buffers = BufferSettings()
        buffers.vrrpCommands = try readSize()
        buffers.vrrpMonitor = try readSize()
        buffers.balancerCommands = try readSize()
        buffers.balancerMonitor = try readSize()
        buffers.processMonitor = try readSize()
        switch try readUInt8() {
        case 0: buffers.policy = nil
        case 1: buffers.policy = .mtu
        case 2: buffers.policy = .advertisement
        case 3: buffers.policy = .bytes(try readInt(Limits.buffer))
        default: throw .invalid
        }
        buffers.multiplier = try readInt(Limits.bufferMultiplier)
        return buffers
    }

    package mutating func readLinks() throws(ByteError) -> LinkSettings {
        var links = LinkSettings()
        links.defaultInterface = try readOptionalString()
        links.allowsTypeChanges = try readBool()
        links.suppressesIGMP = try readBool()
        links.virtualPrefix = try readString()
        links.virtualAddressPrefix = try readOptionalString()
        links.pollsLinks = try readBool()
        return links
    }
}
