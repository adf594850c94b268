import Base

// Routes and rules in bytes. Each reader stands below its writer.

extension ByteWriter {
    package mutating func write(_ realms: Realms) {
        write(realms.source)
        write(realms.destination)
    }

    package mutating func write(_ encapsulation: Encapsulation) {
        switch encapsulation {
        case .mpls(let labels):
            write(UInt8(1))
            write(list: labels) { $0.write($1) }
        case .ip(let tunnel):
            write(UInt8(2))
            write(tunnel.family.rawValue)
            write(optional: tunnel.id) { $0.write($1) }
            write(optional: tunnel.source)
            write(optional: tunnel.destination)
            write(optional: tunnel.trafficClass)
            write(optional: tunnel.timeToLive)
            write(optional: tunnel.flags) { $0.write($1) }
        case .ila(let locator):
            write(UInt8(3))
            write(locator)
        }
    }

    package mutating func write(_ hop: NextHop) {
        write(optional: hop.gateway)
        write(optional: hop.interface)
        write(hop.weight)
        write(hop.isOnLink)
        write(optional: hop.encapsulation) { $0.write($1) }
        write(optional: hop.realms) { $0.write($1) }
    }
}

extension ByteReader {
    package mutating func readOptionalRealms() throws(ByteError) -> Realms? {
        try readOptional { reader throws(ByteError) in
            Realms(source: try reader.readUInt16(), destination: try reader.readUInt16())
        }
    }

    package mutating func readEncapsulation() throws(ByteError) -> Encapsulation {
        switch try readUInt8() {
        case 1: return .mpls(labels: try readList { reader throws(ByteError) in try reader.readUInt32() })
        case 2:
            var tunnel = Encapsulation.IPTunnel(family: try readFamily())
            tunnel.id = try readOptional { reader throws(ByteError) in try reader.readUInt64() }
            tunnel.source = try readOptionalAddress()
            tunnel.destination = try readOptionalAddress()
            tunnel.trafficClass = try readOptionalUInt8()
            tunnel.timeToLive = try readOptionalUInt8()
            tunnel.flags = try readOptional { reader throws(ByteError) in try reader.readUInt16() }
            return .ip(tunnel)
        case 3: return .ila(locator: try readUInt64())
        default: throw .invalid
        }
    }

    package mutating func readHop() throws(ByteError) -> NextHop {
        var hop = NextHop()
        hop.gateway = try readOptionalAddress()
        hop.interface = try readOptionalString()
        hop.weight = try readInt(1...256)
        hop.isOnLink = try readBool()
        hop.encapsulation = try readOptional { reader throws(ByteError) in try reader.readEncapsulation() }
        hop.realms = try readOptionalRealms()
        return hop
    }
}

extension ByteWriter {
    package mutating func write(_ route: RouteSettings) {
        write(route.family.rawValue)
        write(route.type.rawValue)
        write(route.destination)
        write(optional: route.source)
        write(optional: route.preferredSource)
        write(route.typeOfService)
        write(optional: route.table)
        write(optional: route.vrf)
        write(route.routeProtocol)
        write(optional: route.scope)
        write(route.metric)
        write(list: route.hops) { $0.write($1) }
        write(list: route.metrics) { writer, metric in
            writer.write(metric.kind.rawValue)
            writer.write(metric.value)
            writer.write(metric.isLocked)
        }
        write(optional: route.congestionControl)
        write(route.locksCongestionControl)
        write(optional: route.expires)
        write(optional: route.preference?.rawValue)
        write(optional: route.propagatesTTL) { $0.write($1) }
        write(route.operation.rawValue)
        write(route.isUntracked)
        write(optional: route.trackGroup)
    }
}

extension ByteReader {
    package mutating func readRoute() throws(ByteError) -> RouteSettings {
        let family = try readFamily()
        let type = try readCase(RouteType.self)
        var route = RouteSettings(destination: try readPrefix())
        guard route.family == family else { throw .invalid }
        route.type = type
        route.source = try readOptionalPrefix()
        route.preferredSource = try readOptionalAddress()
        route.typeOfService = try readUInt8()
        route.table = try readOptionalUInt32()
        route.vrf = try readOptionalString()
        route.routeProtocol = try readUInt8()
        route.scope = try readOptionalUInt8()
        route.metric = try readUInt32()
        route.hops = try readList { reader throws(ByteError) in try reader.readHop() }
        route.metrics = try readList { reader throws(ByteError) in
            RouteMetric(
                kind: try reader.readCase(RouteMetric.Kind.self), value: try reader.readUInt32(),
                isLocked: try reader.readBool())
        }
        route.congestionControl = try readOptionalString()
        route.locksCongestionControl = try readBool()
        route.expires = try readOptionalUInt32()
        route.preference = try readOptional { reader throws(ByteError) in try reader.readCase(RouterPreference.self) }
        route.propagatesTTL = try readOptional { reader throws(ByteError) in try reader.readBool() }
        route.operation = try readCase(RouteOperation.self)
        route.isUntracked = try readBool()
        route.trackGroup = try readOptionalString()
        return route
    }
}

extension ByteWriter {
    package mutating func write(_ rule: RuleSettings) {
        write(rule.priority)
        switch rule.action {
        case .table(let table):
            write(UInt8(1))
            write(table)
        case .goto(let priority):
            write(UInt8(2))
            write(priority)
        case .nop: write(UInt8(3))
        case .blackhole: write(UInt8(6))
        case .unreachable: write(UInt8(7))
        case .prohibit: write(UInt8(8))
        }
        write(rule.family.rawValue)
        write(rule.isInverted)
        write(optional: rule.source)
        write(optional: rule.destination)
        write(optional: rule.inputInterface)
        write(optional: rule.outputInterface)
        write(optional: rule.mark) { writer, mark in
            writer.write(mark.value)
            writer.write(mark.mask)
        }
        write(rule.typeOfService)
        write(optional: rule.ipProtocol)
        write(optional: rule.sourcePorts) { $0.write($1) }
        write(optional: rule.destinationPorts) { $0.write($1) }
        write(optional: rule.users) { writer, users in
            writer.write(users.lowerBound)
            writer.write(users.upperBound)
        }
        write(optional: rule.tunnel) { $0.write($1) }
        write(rule.usesL3MasterDevice)
        write(optional: rule.realms) { $0.write($1) }
        write(optional: rule.suppressedLength)
        write(optional: rule.suppressedGroup)
        write(rule.ruleProtocol)
        write(rule.isUntracked)
        write(optional: rule.trackGroup)
    }

    private mutating func write(_ ports: ClosedRange<UInt16>) {
        write(ports.lowerBound)
        write(ports.upperBound)
    }
}

extension ByteReader {
    private mutating func readRuleAction() throws(ByteError) -> RuleAction {
        switch try readUInt8() {
        case 1: return .table(try readUInt32())
        case 2: return .goto(try readUInt32())
        case 3: return .nop
        case 6: return .blackhole
        case 7: return .unreachable
        case 8: return .prohibit
        default: throw .invalid
        }
    }

    private mutating func readPorts() throws(ByteError) -> ClosedRange<UInt16> {
        let low = try readUInt16()
        let high = try readUInt16()
        guard low <= high else { throw .invalid }
        return low...high
    }

    private mutating func readUsers() throws(ByteError) -> ClosedRange<UInt32> {
        let low = try readUInt32()
        let high = try readUInt32()
        guard low <= high else { throw .invalid }
        return low...high
    }

    package mutating func readRule() throws(ByteError) -> RuleSettings {
        let priority = try readUInt32()
        var rule = RuleSettings(priority: priority, action: try readRuleAction())
        rule.family = try readFamily()
        rule.isInverted = try readBool()
        rule.source = try readOptionalPrefix()
        rule.destination = try readOptionalPrefix()
        guard rule.source?.address.family ?? rule.family == rule.family,
            rule.destination?.address.family ?? rule.family == rule.family
        else { throw .invalid }
        rule.inputInterface = try readOptionalString()
        rule.outputInterface = try readOptionalString()
        rule.mark = try readOptional { reader throws(ByteError) in
            RuleSettings.Mark(value: try reader.readUInt32(), mask: try reader.readUInt32())
        }
        rule.typeOfService = try readUInt8()
        rule.ipProtocol = try readOptionalUInt8()
        rule.sourcePorts = try readOptional { reader throws(ByteError) in try reader.readPorts() }
        rule.destinationPorts = try readOptional { reader throws(ByteError) in try reader.readPorts() }
        rule.users = try readOptional { reader throws(ByteError) in try reader.readUsers() }
        rule.tunnel = try readOptional { reader throws(ByteError) in try reader.readUInt64() }
        rule.usesL3MasterDevice = try readBool()
        rule.realms = try readOptionalRealms()
        rule.suppressedLength = try readOptionalUInt8()
        rule.suppressedGroup = try readOptionalUInt32()
        rule.ruleProtocol = try readUInt8()
        rule.isUntracked = try readBool()
        rule.trackGroup = try readOptionalString()
        return rule
    }
}
