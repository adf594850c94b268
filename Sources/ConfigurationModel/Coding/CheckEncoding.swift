import Base

extension ByteWriter {
    package mutating func write(_ check: CheckSettings) {
        write(check.kind)
        write(optional: check.endpoint) { $0.write($1) }
        write(optional: check.schedule) { writer, schedule in
            writer.write(schedule.interval)
            writer.write(UInt32(schedule.retries))
            writer.write(schedule.delayBeforeRetry)
            writer.write(schedule.warmup)
        }
        write(check.startsDown)
        write(check.logsAllFailures)
    }

    package mutating func write(_ endpoint: CheckEndpoint) {
        write(tagged: endpoint.address)
        write(endpoint.port)
        write(endpoint.timeout)
        write(optional: endpoint.localAddress) { $0.write(tagged: $1) }
        write(endpoint.localPort)
        write(optional: endpoint.localInterface) { $0.write($1) }
        write(endpoint.firewallMark)
    }

    package mutating func write(_ kind: CheckKind) {
        switch kind {
        case .tcp: write(UInt8(0))
        case .http(let check):
            write(UInt8(1))
            write(check.isEncrypted)
            write(check.version.rawValue)
            write(check.recoversFast)
            write(list: check.requests) { $0.write($1) }
        case .smtp(let heloName):
            write(UInt8(2))
            write(heloName)
        case .dns(let query):
            write(UInt8(3))
            write(query.type.rawValue)
            write(query.name)
        case .udp(let probe):
            write(UInt8(4))
            write(optional: probe.payload) { writer, payload in writer.write(list: payload) { $0.write($1) } }
            write(probe.requiresReply)
            write(list: probe.reply) { writer, byte in
                writer.write(byte.value)
                writer.write(byte.mask)
            }
            write(UInt16(probe.minimumReplyLength))
            write(UInt16(probe.maximumReplyLength))
        case .ping: write(UInt8(5))
        case .script(let script):
            write(UInt8(6))
            write(list: script.arguments) { $0.write($1) }
            write(optional: script.identity) { $0.write($1) }
            write(script.timeout)
            write(script.setsWeight)
        case .file(let file):
            write(UInt8(7))
            write(file.tracker)
            write(file.weight)
            write(file.isReversed)
        case .bfd(let session):
            write(UInt8(8))
            write(session)
        }
    }

    package mutating func write(_ request: HTTPRequest) {
        write(request.path)
        write(optional: request.host) { $0.write($1) }
        write(optional: request.serverName) { $0.write($1) }
        write(request.isTLSCompliant)
        write(optional: request.digest) { $0.write($1) }
        write(list: request.statusCodes) { writer, codes in
            writer.write(codes.lowerBound)
            writer.write(codes.upperBound)
        }
        write(optional: request.pattern) { writer, pattern in
            writer.write(list: pattern.expression) { $0.write($1) }
            writer.write(pattern.mustNotMatch)
            writer.write(list: pattern.options) { $0.write($1.rawValue) }
            writer.write(pattern.minimumOffset)
            writer.write(optional: pattern.maximumOffset) { $0.write($1) }
        }
    }
}

extension ByteReader {
    package mutating func readCheck() throws(ByteError) -> CheckSettings {
        let kind = try readCheckKind()
        let endpoint = try readOptional { reader throws(ByteError) in try reader.readEndpoint() }
        let schedule = try readOptional { reader throws(ByteError) in try reader.readSchedule() }
        var check = CheckSettings(kind: kind, endpoint: endpoint, schedule: schedule)
        check.startsDown = try readBool()
        check.logsAllFailures = try readBool()
        // What each kind has is part of its meaning; nobody has to ask again.
        let (hasEndpoint, hasSchedule) =
            switch kind {
            case .tcp, .http, .smtp, .dns, .udp, .ping: (true, true)
            case .script: (false, true)
            case .file, .bfd: (false, false)
            }
        guard (endpoint != nil) == hasEndpoint, (schedule != nil) == hasSchedule else { throw .invalid }
        return check
    }

    private mutating func readSchedule() throws(ByteError) -> CheckSchedule {
        let interval = try readInterval()
        guard interval > .zero else { throw .invalid }
        return CheckSchedule(
            interval: interval, retries: try readUInt32(Limits.rounds), delayBeforeRetry: try readInterval(),
            warmup: try readInterval())
    }

    private mutating func readEndpoint() throws(ByteError) -> CheckEndpoint {
        var endpoint = CheckEndpoint(
            address: try readTaggedAddress(), port: try readUInt16(), timeout: try readInterval())
        guard endpoint.timeout > .zero else { throw .invalid }
        endpoint.localAddress = try readOptional { reader throws(ByteError) in try reader.readTaggedAddress() }
        guard endpoint.localAddress?.family ?? endpoint.address.family == endpoint.address.family else {
            throw .invalid
        }
        endpoint.localPort = try readUInt16()
        endpoint.localInterface = try readOptionalString()
        endpoint.firewallMark = try readUInt32()
        return endpoint
    }

    private mutating func readCheckKind() throws(ByteError) -> CheckKind {
        switch try readUInt8() {
        case 0: return .tcp
        case 1: return .http(try readHTTPCheck())
        case 2: return .smtp(heloName: try readString())
        case 3:
            var query = DNSQuery()
            guard let type = DNSRecordType(rawValue: try readUInt16()) else { throw .invalid }
            query.type = type
            query.name = try readString()
            return .dns(query)
        case 4: return .udp(try readProbe())
        case 5: return .ping
        case 6:
            let arguments = try readCommand()
            let identity = try readOptional { reader throws(ByteError) in try reader.readIdentity() }
            var script = ScriptCheck(arguments: arguments, timeout: try readInterval())
            script.identity = identity
            script.setsWeight = try readBool()
            return .script(script)
        case 7:
            var file = FileCheck(tracker: try readString())
            file.weight = try readInt(-Limits.weight.upperBound...Limits.weight.upperBound)
            file.isReversed = try readBool()
            return .file(file)
        case 8: return .bfd(session: try readString())
        default: throw .invalid
        }
    }

    private mutating func readProbe() throws(ByteError) -> UDPProbe {
        var probe = UDPProbe()
        probe.payload = try readOptional { reader throws(ByteError) in
            try reader.readList { reader throws(ByteError) in try reader.readUInt8() }
        }
        probe.requiresReply = try readBool()
        probe.reply = try readList { reader throws(ByteError) in
            ReplyByte(value: try reader.readUInt8(), mask: try reader.readUInt8())
        }
        probe.minimumReplyLength = Int(try readUInt16())
        probe.maximumReplyLength = Int(try readUInt16())
        return probe
    }

    private mutating func readHTTPCheck() throws(ByteError) -> HTTPCheck {
        var check = HTTPCheck(isEncrypted: try readBool())
        guard let version = HTTPVersion(rawValue: try readUInt8()) else { throw .invalid }
        check.version = version
        check.recoversFast = try readBool()
        check.requests = try readList { reader throws(ByteError) in try reader.readRequest() }
        guard !check.requests.isEmpty else { throw .invalid }
        return check
    }

    private mutating func readRequest() throws(ByteError) -> HTTPRequest {
        var request = HTTPRequest(path: try readString())
        request.host = try readOptionalString()
        request.serverName = try readOptionalString()
        request.isTLSCompliant = try readBool()
        request.digest = try readOptional { reader throws(ByteError) in try reader.readBytes(16) }
        request.statusCodes = try readList { reader throws(ByteError) in
            let low = try reader.readUInt16()
            let high = try reader.readUInt16()
            guard low <= high, low >= 100, high <= 599 else { throw .invalid }
            return low...high
        }
        request.pattern = try readOptional { reader throws(ByteError) in try reader.readPattern() }
        return request
    }

    private mutating func readPattern() throws(ByteError) -> BodyPattern {
        var pattern = BodyPattern(
            expression: try readList { reader throws(ByteError) in try reader.readUInt8() })
        pattern.mustNotMatch = try readBool()
        pattern.options = try readList { reader throws(ByteError) in
            guard let option = PatternOption(rawValue: try reader.readString()) else { throw .invalid }
            return option
        }
        pattern.minimumOffset = try readInt(0...Int(UInt32.max))
        pattern.maximumOffset = try readOptional { reader throws(ByteError) in
            try reader.readInt(0...Int(UInt32.max))
        }
        return pattern
    }
}
