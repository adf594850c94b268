import Base

// Trackers in bytes. Each reader stands below its writer.

extension ByteWriter {
    package mutating func write(_ texts: [String]) { write(list: texts) { $0.write($1) } }

    package mutating func write(optional text: String?) { write(optional: text) { $0.write($1) } }
    package mutating func write(optional address: IPAddress?) { write(optional: address) { $0.write(tagged: $1) } }
    package mutating func write(optional prefix: Prefix?) { write(optional: prefix) { $0.write($1) } }
    package mutating func write(optional number: UInt32?) { write(optional: number) { $0.write($1) } }
    package mutating func write(optional number: UInt8?) { write(optional: number) { $0.write($1) } }
    package mutating func write(optional number: Int?) { write(optional: number) { $0.write($1) } }
}

extension ByteReader {
    package mutating func readStrings() throws(ByteError) -> [String] {
        try readList { reader throws(ByteError) in try reader.readString() }
    }
    package mutating func readOptionalString() throws(ByteError) -> String? {
        try readOptional { reader throws(ByteError) in try reader.readString() }
    }
    package mutating func readOptionalAddress() throws(ByteError) -> IPAddress? {
        try readOptional { reader throws(ByteError) in try reader.readTaggedAddress() }
    }
    package mutating func readOptionalPrefix() throws(ByteError) -> Prefix? {
        try readOptional { reader throws(ByteError) in try reader.readPrefix() }
    }
    package mutating func readOptionalUInt32() throws(ByteError) -> UInt32? {
        try readOptional { reader throws(ByteError) in try reader.readUInt32() }
    }
    package mutating func readOptionalUInt8() throws(ByteError) -> UInt8? {
        try readOptional { reader throws(ByteError) in try reader.readUInt8() }
    }
    package mutating func readOptionalIdentity() throws(ByteError) -> ScriptIdentity? {
        try readOptional { reader throws(ByteError) in try reader.readIdentity() }
    }

    /// A command line: whoever starts it takes the first word as the program.
    package mutating func readCommand() throws(ByteError) -> [String] {
        let words = try readStrings()
        guard !words.isEmpty else { throw .invalid }
        return words
    }

    /// One of an enumeration's cases.
    package mutating func readCase<Value: RawRepresentable<UInt8>>(_: Value.Type) throws(ByteError) -> Value {
        guard let value = Value(rawValue: try readUInt8()) else { throw .invalid }
        return value
    }
}

extension ByteWriter {
    package mutating func write(_ tracker: Tracker) {
        write(tracker.kind.rawValue)
        write(tracker.name)
        write(tracker.weight)
        write(tracker.reverse)
    }
}

extension ByteReader {
    package mutating func readTracker() throws(ByteError) -> Tracker {
        Tracker(
            kind: try readCase(TrackerKind.self), name: try readString(), weight: try readInt(Limits.trackerWeight),
            reverse: try readBool())
    }
}

extension ByteWriter {
    package mutating func write(_ script: TrackScript) {
        write(script.name)
        switch script.command {
        case .run(let words):
            write(UInt8(0))
            write(words)
        case .open(let path):
            write(UInt8(1))
            write(path)
        }
        write(script.interval)
        write(script.timeout)
        write(script.weight)
        write(script.reverse)
        write(script.rise)
        write(script.fall)
        write(optional: script.identity) { $0.write($1) }
        write(script.startsFailed)
    }
}

extension ByteReader {
    package mutating func readTrackScript() throws(ByteError) -> TrackScript {
        let name = try readString()
        let command: TrackCommand
        switch try readUInt8() {
        case 0: command = .run(try readCommand())
        case 1: command = .open(try readString())
        default: throw .invalid
        }
        var script = TrackScript(name: name, command: command)
        script.interval = try readInterval()
        script.timeout = try readInterval()
        guard script.interval > .zero, script.timeout > .zero else { throw .invalid }
        script.weight = try readInt(Limits.trackerWeight)
        script.reverse = try readBool()
        script.rise = try readInt(Limits.results)
        script.fall = try readInt(Limits.results)
        script.identity = try readOptionalIdentity()
        script.startsFailed = try readBool()
        return script
    }
}

extension ByteWriter {
    package mutating func write(_ file: TrackFile) {
        write(file.name)
        write(file.path)
        write(file.weight)
        write(file.reverse)
        write(optional: file.initialValue)
        write(file.overwrites)
    }
}

extension ByteReader {
    package mutating func readTrackFile() throws(ByteError) -> TrackFile {
        var file = TrackFile(name: try readString(), path: try readString())
        file.weight = try readInt(Limits.trackerWeight)
        file.reverse = try readBool()
        file.initialValue = try readOptional { reader throws(ByteError) in try reader.readInt(Limits.fileValue) }
        file.overwrites = try readBool()
        return file
    }
}

extension ByteWriter {
    package mutating func write(_ process: TrackProcess) {
        write(process.name)
        write(process.process)
        write(process.parameters)
        write(process.match.rawValue)
        write(process.usesFullCommand)
        write(process.weight)
        write(process.reverse)
        write(process.quorum)
        write(optional: process.quorumMaximum)
        write(process.forkDelay)
        write(process.terminateDelay)
    }
}

extension ByteReader {
    package mutating func readTrackProcess() throws(ByteError) -> TrackProcess {
        var process = TrackProcess(name: try readString(), process: try readString())
        process.parameters = try readStrings()
        process.match = try readCase(ParameterMatch.self)
        process.usesFullCommand = try readBool()
        process.weight = try readInt(Limits.trackerWeight)
        process.reverse = try readBool()
        process.quorum = try readInt(0...65_535)
        process.quorumMaximum = try readOptional { reader throws(ByteError) in try reader.readInt(0...65_535) }
        process.forkDelay = try readInterval()
        process.terminateDelay = try readInterval()
        return process
    }
}

extension ByteWriter {
    package mutating func write(_ session: BFDSession) {
        write(session.name)
        write(tagged: session.neighbor)
        write(optional: session.source)
        write(session.minimumReceive)
        write(session.minimumTransmit)
        write(session.idleTransmit)
        write(session.multiplier)
        write(session.isPassive)
        write(session.timeToLive)
        write(optional: session.maximumHops)
        write(session.isMultihop)
        write(session.weight)
        write(session.reverse)
        write(session.servesVRRP)
        write(session.servesCheckers)
    }
}

extension ByteReader {
    package mutating func readBFDSession() throws(ByteError) -> BFDSession {
        var session = BFDSession(
            name: try readString(), neighbor: try readTaggedAddress())
        session.source = try readOptionalAddress()
        session.minimumReceive = try readInterval()
        session.minimumTransmit = try readInterval()
        session.idleTransmit = try readInterval()
        session.multiplier = try readInt(1...255)
        session.isPassive = try readBool()
        session.timeToLive = try readUInt8()
        session.maximumHops = try readOptionalUInt8()
        session.isMultihop = try readBool()
        session.weight = try readInt(Limits.trackerWeight)
        session.reverse = try readBool()
        session.servesVRRP = try readBool()
        session.servesCheckers = try readBool()
        guard session.minimumReceive > .zero, session.minimumTransmit > .zero, session.timeToLive > 0 else {
            throw .invalid
        }
        return session
    }
}
