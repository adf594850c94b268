import Base

/// A verdict on one tracked object, by its number in a configuration: scripts first, then files, then processes.
package struct NumberedVerdict: ByteCoded, Hashable, Sendable {
    package var number: UInt32
    package var verdict: TrackerVerdict

    package init(_ number: UInt32, _ verdict: TrackerVerdict) {
        self.number = number
        self.verdict = verdict
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        number = try UInt32(decoding: &reader)
        verdict = try TrackerVerdict(decoding: &reader)
    }

    package func encode(into writer: inout ByteWriter) {
        number.encode(into: &writer)
        verdict.encode(into: &writer)
    }
}

/// A message of hasupd to hasup-track.
package enum SupervisorToTracker {
    /// First of all. The page for its stamp comes along. `formers` are hasup-tracks before it, which may have left runs.
    case hello(version: UInt16, formers: [ProcessIdentity])
    /// The verdicts on objects of the configuration that comes next; those that aren't named have no result yet.
    case verdicts([NumberedVerdict])
    /// The kernel's reports about processes, a socket, come along; for the configuration that comes next and those after
    /// it, until one has no processes.
    case reports
    /// A new configuration; its tracking part comes along. `isStart` is true for the first one of hasupd's life when no
    /// results were kept: files may be written then (init_file).
    case configure(generation: UInt64, isStart: Bool)
    /// End all runs, and end.
    case stop

    enum Kind: UInt16 { case hello = 0x601, verdicts, reports, configure, stop }

    package var descriptorCount: Int {
        switch self {
        case .hello, .reports, .configure: 1
        case .verdicts, .stop: 0
        }
    }

    package func send(on channel: Channel, descriptors: [Int32] = []) {
        var writer = ByteWriter()
        let kind: Kind
        switch self {
        case .hello(let version, let formers):
            kind = .hello
            writer.write(version)
            formers.encode(into: &writer)
        case .verdicts(let verdicts):
            kind = .verdicts
            for verdict in verdicts { verdict.encode(into: &writer) }
        case .reports: kind = .reports
        case .configure(let generation, let isStart):
            kind = .configure
            writer.write(generation)
            writer.write(isStart)
        case .stop: kind = .stop
        }
        channel.send(FrameHeader(type: kind.rawValue), writer.bytes, descriptors: descriptors)
    }

    /// Reads a frame of this direction. - Throws: `FrameError`.
    package init(_ frame: Frame) throws(FrameError) {
        guard let kind = Kind(rawValue: frame.header.type) else { throw .unknownType(frame.header.type) }
        self = try frame.decode { reader in
            switch kind {
            case .hello:
                .hello(version: try reader.readUInt16(), formers: try [ProcessIdentity](decoding: &reader))
            case .verdicts: .verdicts(try reader.readVerdicts())
            case .reports: .reports
            case .configure:
                .configure(generation: try reader.readUInt64(), isStart: try Bool(decoding: &reader))
            case .stop: .stop
            }
        }
        guard frame.descriptors.count == descriptorCount else {
            throw .descriptors(claimed: descriptorCount, real: frame.descriptors.count)
        }
    }
}

/// A message of hasup-track to hasupd.
package enum TrackerToSupervisor {
    /// Verdicts in one frame: what hasupd does within a millisecond (docs/decisions, D6).
    package static let verdictsMax = 128

    /// First of all: limited and listening.
    case hello(version: UInt16, SandboxReport)
    /// This generation is watched.
    case configured(generation: UInt64)
    /// Changed verdicts, by the numbers of this generation.
    case verdicts(generation: UInt64, [NumberedVerdict])
    /// A line for the log.
    case log(LogLevel, String)

    enum Kind: UInt16 { case hello = 0x701, configured, verdicts, log }

    package func send(on channel: Channel) {
        var writer = ByteWriter()
        let kind: Kind
        switch self {
        case .hello(let version, let seal):
            kind = .hello
            writer.write(version)
            seal.encode(into: &writer)
        case .configured(let generation):
            kind = .configured
            writer.write(generation)
        case .verdicts(let generation, let verdicts):
            kind = .verdicts
            writer.write(generation)
            for verdict in verdicts { verdict.encode(into: &writer) }
        case .log(let level, let text):
            kind = .log
            writer.write(level.rawValue)
            writer.write(text)
        }
        channel.send(FrameHeader(type: kind.rawValue), writer.bytes)
    }

    /// Reads a frame of this direction. - Throws: `FrameError`.
    package init(_ frame: Frame) throws(FrameError) {
        guard let kind = Kind(rawValue: frame.header.type) else { throw .unknownType(frame.header.type) }
        guard frame.descriptors.count == 0 else { throw .descriptors(claimed: 0, real: frame.descriptors.count) }
        self = try frame.decode { reader in
            switch kind {
            case .hello: .hello(version: try reader.readUInt16(), try SandboxReport(from: &reader))
            case .configured: .configured(generation: try reader.readUInt64())
            case .verdicts: .verdicts(generation: try reader.readUInt64(), try reader.readVerdicts())
            case .log: .log(try reader.readLogLevel(), try reader.readLine())
            }
        }
    }
}

extension ByteReader {
    fileprivate mutating func readVerdicts() throws(ByteError) -> [NumberedVerdict] {
        var verdicts: [NumberedVerdict] = []
        while remaining > 0 {
            guard verdicts.count < TrackerToSupervisor.verdictsMax else { throw .invalid }
            verdicts.append(try NumberedVerdict(decoding: &self))
        }
        return verdicts
    }
}
