import Base
import Reactor

/// A message of hasupd to the checker.
package enum SupervisorToChecker {
    /// Standings in one frame (docs/decisions, D6).
    package static let standingsMax = 128

    /// First of all. The page of checks comes along. Notifications are numbered from behind this one.
    case hello(version: UInt16, lastNotification: UInt64)
    /// The knowledge about services and servers, by the numbers of the configuration that comes next, which is the first one:
    /// reports, one after the other, encoded by the LoadBalancing room.
    case standings([UInt8])
    /// Addresses that are on this host, or aren't any more, for ha_suspend: of those that the configuration waits for. What
    /// isn't told isn't there.
    case addresses([IPAddress], arePresent: Bool)
    /// A check's program has ended that was asked for; how, encoded by the LoadBalancing room.
    case scriptEnded(check: UInt32, fingerprint: UInt64, [UInt8])
    /// The socket that a check needs comes along: with its firewall mark, bound to its local ends.
    case socket(check: UInt32, fingerprint: UInt64)
    /// There is none, because of this error number.
    case socketRefused(check: UInt32, fingerprint: UInt64, error: Int32)
    /// The number in a track_file.
    case file(name: String, value: Int32)
    /// A new configuration; its services part comes along.
    case configure(generation: UInt64)
    /// Tell what is to be told at the end, and end.
    case stop

    enum Kind: UInt16 {
        case hello = 0x301, stop, standings, configure, addresses, file, scriptEnded, socket, socketRefused
    }

    package var descriptorCount: Int {
        switch self {
        case .hello, .configure, .socket: 1
        case .standings, .addresses, .file, .scriptEnded, .socketRefused, .stop: 0
        }
    }

    package func send(on channel: Channel, descriptors: [Int32] = []) {
        var writer = ByteWriter()
        let kind: Kind
        switch self {
        case .hello(let version, let lastNotification):
            kind = .hello
            writer.write(version)
            writer.write(lastNotification)
        case .standings(let bytes):
            kind = .standings
            writer.write(bytes)
        case .addresses(let addresses, let arePresent):
            kind = .addresses
            writer.write(arePresent)
            addresses.encode(into: &writer)
        case .scriptEnded(let check, let fingerprint, let bytes):
            kind = .scriptEnded
            writer.write(check)
            writer.write(fingerprint)
            writer.write(bytes)
        case .socket(let check, let fingerprint):
            kind = .socket
            writer.write(check)
            writer.write(fingerprint)
        case .socketRefused(let check, let fingerprint, let error):
            kind = .socketRefused
            writer.write(check)
            writer.write(fingerprint)
            error.encode(into: &writer)
        case .file(let name, let value):
            kind = .file
            name.encode(into: &writer)
            value.encode(into: &writer)
        case .configure(let generation):
            kind = .configure
            writer.write(generation)
        case .stop: kind = .stop
        }
        channel.send(FrameHeader(type: kind.rawValue), writer.bytes, descriptors: descriptors)
    }

    /// Reads a frame of this direction. - Throws: `FrameError`.
    package init(_ frame: Frame) throws(FrameError) {
        guard let kind = Kind(rawValue: frame.header.type) else { throw .unknownType(frame.header.type) }
        self = try frame.decode { reader in
            switch kind {
            case .hello: .hello(version: try reader.readUInt16(), lastNotification: try reader.readUInt64())
            case .standings: .standings(try reader.readBytes(reader.remaining))
            case .addresses:
                try Self.readAddresses(&reader)
            case .scriptEnded:
                .scriptEnded(
                    check: try reader.readUInt32(), fingerprint: try reader.readUInt64(),
                    try reader.readBytes(reader.remaining))
            case .socket: .socket(check: try reader.readUInt32(), fingerprint: try reader.readUInt64())
            case .socketRefused:
                .socketRefused(
                    check: try reader.readUInt32(), fingerprint: try reader.readUInt64(),
                    error: try Int32(decoding: &reader))
            case .file: .file(name: try String(decoding: &reader), value: try Int32(decoding: &reader))
            case .configure: .configure(generation: try reader.readUInt64())
            case .stop: .stop
            }
        }
        guard frame.descriptors.count == descriptorCount else {
            throw .descriptors(claimed: descriptorCount, real: frame.descriptors.count)
        }
    }
}

extension SupervisorToChecker {
    /// Addresses in one frame.
    package static let addressesMax = 1_024

    private static func readAddresses(_ reader: inout ByteReader) throws(ByteError) -> Self {
        let arePresent = try reader.readBool()
        let addresses = try [IPAddress](decoding: &reader)
        guard addresses.count <= addressesMax else { throw .invalid }
        return .addresses(addresses, arePresent: arePresent)
    }
}

/// A message of the checker to hasupd. It names things of the configuration, it never describes them (the broker rule).
package enum CheckerToSupervisor {
    /// Reports or observations in one frame: what hasupd does within a millisecond (docs/decisions, D6).
    package static let entriesMax = 128

    /// First of all: sealed and listening.
    case hello(version: UInt16, SandboxReport)
    /// This generation runs; the states of all that it has were told before.
    case configured(generation: UInt64)
    /// Reports on services and servers, one after the other, encoded by the LoadBalancing room.
    case reports(generation: UInt64, [UInt8])
    /// Observations for the log, encoded likewise.
    case observations(generation: UInt64, [UInt8])
    /// Run the program of this check, unless it runs.
    case runScript(check: UInt32, fingerprint: UInt64)
    /// Make a socket for this check, which needs rights that the checker hasn't got.
    case openSocket(check: UInt32, fingerprint: UInt64)
    /// Checks that began late because too many ran, since the checker began.
    case late(UInt64)
    /// A line for the log.
    case log(LogLevel, String)
    /// Everything is told; the process ends next.
    case stopped

    enum Kind: UInt16 {
        case hello = 0x401, log, configured, reports, observations, late, stopped, runScript, openSocket
    }

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
        case .reports(let generation, let bytes):
            kind = .reports
            writer.write(generation)
            writer.write(bytes)
        case .observations(let generation, let bytes):
            kind = .observations
            writer.write(generation)
            writer.write(bytes)
        case .runScript(let check, let fingerprint):
            kind = .runScript
            writer.write(check)
            writer.write(fingerprint)
        case .openSocket(let check, let fingerprint):
            kind = .openSocket
            writer.write(check)
            writer.write(fingerprint)
        case .late(let count):
            kind = .late
            writer.write(count)
        case .log(let level, let text):
            kind = .log
            writer.write(level.rawValue)
            writer.write(text)
        case .stopped: kind = .stopped
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
            case .reports:
                .reports(generation: try reader.readUInt64(), try reader.readBytes(reader.remaining))
            case .observations:
                .observations(generation: try reader.readUInt64(), try reader.readBytes(reader.remaining))
            case .runScript: .runScript(check: try reader.readUInt32(), fingerprint: try reader.readUInt64())
            case .openSocket: .openSocket(check: try reader.readUInt32(), fingerprint: try reader.readUInt64())
            case .late: .late(try reader.readUInt64())
            case .log: .log(try reader.readLogLevel(), try reader.readLine())
            case .stopped: .stopped
            }
        }
    }
}
