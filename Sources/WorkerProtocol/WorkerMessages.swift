import Base
import ConfigurationModel
import Reactor

/// The protocol's version, exchanged in the first message of both sides. Workers start from the running image
/// (docs/decisions, D7), so there is never a second version to talk to; a difference is an error.
package let workerProtocolVersion: UInt16 = 10

/// Former configurations that a worker is told of at most. A reload that would make more of them is refused.
package let previousGenerationsMax = 16

/// The severity of a line by syslog's numbers.
package enum LogLevel: UInt8, Hashable, Comparable, Sendable, CaseIterable {
    case error = 3
    case warning = 4
    case notice = 5
    case info = 6
    case debug = 7
    /// More urgent is smaller, as in syslog(3).
    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// The counters that count from zero again once they have been sent.
package enum CounterReset: ByteCoded, Hashable, Sendable {
    case none
    case all
    /// Those of the instance with this name, if there is one.
    case instance(String)

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .none
        case 1: self = .all
        case 2: self = .instance(try String(decoding: &reader))
        default: throw .invalid
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .none: writer.write(UInt8(0))
        case .all: writer.write(UInt8(1))
        case .instance(let name):
            writer.write(UInt8(2))
            name.encode(into: &writer)
        }
    }
}

/// A message of hasupd to the VRRP worker.
package enum SupervisorToVRRP {
    /// First of all: the generation of the configuration. Descriptors, in this order: state page, configuration,
    /// rtnetlink for changes, rtnetlink for notifications, packet socket, address page. The last notification that has
    /// come tells a successor which ones to repeat. The grace is how long the worker goes on when hasupd is gone. What
    /// is said of the address page is said until a worker has run its configuration.
    ///
    /// - Parameters:
    ///   - isFirst: whether nobody has written into the address page: nothing was handed on to this hasupd.
    ///   - mayAdopt: whether hasupd was also started anew, and has seen that no keepalived runs here: what one has left
    ///     behind is nobody's.
    case hello(
        version: UInt16, generation: UInt64, lastNotification: UInt64, grace: Interval, isFirst: Bool, mayAdopt: Bool)
    /// Before `hello`: a configuration that isn't in force any more and of which something may still be in the kernel;
    /// its memfd comes along.
    case previousGeneration
    /// Before `hello` and `configure`: the keys of a cluster of the configuration that comes next, by its place there;
    /// their file's bytes come along in a memfd. A cluster without them can't guard.
    case clusterKeys(cluster: UInt8)
    /// A new configuration; its memfd comes along.
    case configure(generation: UInt64)
    /// Results of tracked objects, encoded by the VRRP room: all those of the configuration that comes next, in one frame
    /// or more (`hasMore` in the header until the last one), or new ones of the configuration that runs.
    case trackers(isTable: Bool, [UInt8])
    /// All orders of operators, in one frame or more (`hasMore`): those that are in effect from now on, or with the
    /// configuration that comes next.
    case orders(isOfNext: Bool, [UInt8])
    /// The end of a hook that was asked for, encoded by the VRRP room.
    case hookEnded([UInt8])
    /// The socket that was requested under the frame's correlation id, as the descriptor that comes along.
    case socket
    /// It can't be had, and why.
    case socketRefused(String)
    /// Send the status of all instances, under the frame's correlation id; then count these counters from zero again.
    case status(resetting: CounterReset)
    /// Hand over everything and end.
    case stop

    enum Kind: UInt16 {
        case hello = 0x101, configure, socket, socketRefused, status, stop, previousGeneration, trackers
        case orders, hookEnded, clusterKeys
    }

    /// Bytes of a table in one frame.
    package static let tableBytesMax = 32_768

    package var descriptorCount: Int {
        switch self {
        case .hello: 6
        case .configure, .socket, .previousGeneration, .clusterKeys: 1
        case .socketRefused, .status, .stop, .trackers, .orders, .hookEnded: 0
        }
    }

    package func send(
        on channel: Channel, correlation: UInt32 = 0, hasMore: Bool = false, descriptors: [Int32] = []
    ) {
        var writer = ByteWriter()
        let kind: Kind
        switch self {
        case .hello(let version, let generation, let lastNotification, let grace, let isFirst, let mayAdopt):
            kind = .hello
            writer.write(version)
            writer.write(generation)
            writer.write(lastNotification)
            writer.write(grace.nanoseconds)
            writer.write(isFirst)
            writer.write(mayAdopt)
        case .previousGeneration: kind = .previousGeneration
        case .clusterKeys(let cluster):
            kind = .clusterKeys
            writer.write(cluster)
        case .configure(let generation):
            kind = .configure
            writer.write(generation)
        case .trackers(let isTable, let bytes):
            kind = .trackers
            writer.write(isTable)
            writer.write(bytes)
        case .orders(let isOfNext, let bytes):
            kind = .orders
            writer.write(isOfNext)
            writer.write(bytes)
        case .hookEnded(let bytes):
            kind = .hookEnded
            writer.write(bytes)
        case .socket: kind = .socket
        case .socketRefused(let reason):
            kind = .socketRefused
            writer.write(reason)
        case .status(let reset):
            kind = .status
            reset.encode(into: &writer)
        case .stop: kind = .stop
        }
        var header = FrameHeader(type: kind.rawValue)
        header.correlation = correlation
        header.hasMore = hasMore
        channel.send(header, writer.bytes, descriptors: descriptors)
    }

    /// Reads a frame of this direction. - Throws: `FrameError`.
    package init(_ frame: Frame) throws(FrameError) {
        guard let kind = Kind(rawValue: frame.header.type) else { throw .unknownType(frame.header.type) }
        self = try frame.decode { reader in
            switch kind {
            case .hello:
                .hello(
                    version: try reader.readUInt16(), generation: try reader.readUInt64(),
                    lastNotification: try reader.readUInt64(), grace: Interval(nanoseconds: try reader.readInt64()),
                    isFirst: try reader.readBool(), mayAdopt: try reader.readBool())
            case .previousGeneration: .previousGeneration
            case .clusterKeys: .clusterKeys(cluster: try reader.readUInt8())
            case .configure: .configure(generation: try reader.readUInt64())
            case .trackers:
                .trackers(isTable: try reader.readBool(), try reader.readBytes(reader.remaining))
            case .orders: .orders(isOfNext: try reader.readBool(), try reader.readBytes(reader.remaining))
            case .hookEnded: .hookEnded(try reader.readBytes(reader.remaining))
            case .socket: .socket
            case .socketRefused: .socketRefused(try reader.readString())
            case .status: .status(resetting: try CounterReset(decoding: &reader))
            case .stop: .stop
            }
        }
        guard frame.descriptors.count == descriptorCount else {
            throw .descriptors(claimed: descriptorCount, real: frame.descriptors.count)
        }
    }
}

/// A message of the VRRP worker to hasupd. It names things of the configuration, it never describes them (the broker
/// rule).
package enum VRRPToSupervisor {
    /// Requests or observations in one frame: what hasupd does within a millisecond. A frame is always handled as a
    /// whole, so more of them would hold its loop (docs/decisions, D6).
    package static let entriesMax = 128
    /// Reasons for which packets are discarded: more than there are.
    static let reasonsMax = 64
    /// Bytes of observations in one frame.
    package static let observationBytesMax = 8_192

    /// First of all: sealed and listening.
    case hello(version: UInt16, SandboxReport)
    /// It goes on where its predecessor has died: how many instances as MASTER, how many as BACKUP or in FAULT, how
    /// many were MASTER for too long without advertising, and how many weren't known.
    case resumed(masters: UInt32, others: UInt32, late: UInt32, fresh: UInt32)
    /// This generation runs.
    case configured(generation: UInt64)
    /// Nothing that only configurations before this generation name is in the kernel any more.
    case cleared(generation: UInt64)
    /// One advertisement was sent or received on time since the start (docs/decisions, D11).
    case worked
    /// Open the VRRP socket of this instance's interface, family and group; the answer has the same correlation id.
    case openSocket(generation: UInt64, instance: UInt32)
    /// Open the socket of a heartbeat path; the answer has the same correlation id.
    case openHeartbeatSocket(generation: UInt64, HeartbeatPlace)
    /// Open the raw ICMP socket of a reference; the answer has the same correlation id.
    case openReferenceSocket(generation: UInt64, ReferencePlace)
    /// Open the packet socket by which this instance asks who has its first address; the answer has the same correlation id.
    case openQuestionSocket(generation: UInt64, instance: UInt32)
    /// Notifications to send, one after the other, encoded by the VRRP room. One frame for all of a turn: thousands of
    /// instances may change at once.
    case notify(generation: UInt64, [UInt8])
    /// Hooks to run, one after the other, encoded by the VRRP room.
    case hooks(generation: UInt64, [UInt8])
    /// Observations for operators, one after the other, encoded by the VRRP room.
    case observations(generation: UInt64, [UInt8])
    /// Some instances' status, encoded by the VRRP room; `hasMore` in the header until the last part.
    case status(generation: UInt64, [UInt8])
    /// Discarded packets that no instance could be found for, by the number of the reason. Precedes the last part of
    /// a status when there are any.
    case discarded([UInt64])
    /// The other nodes of the clusters, encoded by the VRRP room. Precede the last part of a status when there are any; one
    /// frame each.
    case clusterNode([UInt8])
    /// A line for the log.
    case log(LogLevel, String)
    /// Everything is handed over; the process ends next.
    case stopped

    enum Kind: UInt16 {
        case hello = 0x201, configured, worked, openSocket, notify, observations, status, log, stopped
        case resumed, cleared, discarded, hooks, openHeartbeatSocket, clusterNode
        case openReferenceSocket, openQuestionSocket
    }

    package func send(on channel: Channel, correlation: UInt32 = 0, hasMore: Bool = false) {
        var writer = ByteWriter()
        let kind: Kind
        switch self {
        case .hello(let version, let seal):
            kind = .hello
            writer.write(version)
            seal.encode(into: &writer)
        case .resumed(let masters, let others, let late, let fresh):
            kind = .resumed
            for count in [masters, others, late, fresh] { writer.write(count) }
        case .configured(let generation):
            kind = .configured
            writer.write(generation)
        case .cleared(let generation):
            kind = .cleared
            writer.write(generation)
        case .worked: kind = .worked
        case .openSocket(let generation, let instance):
            kind = .openSocket
            writer.write(generation)
            writer.write(instance)
        case .openHeartbeatSocket(let generation, let place):
            kind = .openHeartbeatSocket
            writer.write(generation)
            writer.write([place.cluster, place.path, place.node])
        case .openReferenceSocket(let generation, let place):
            kind = .openReferenceSocket
            writer.write(generation)
            writer.write([place.cluster, place.reference])
        case .openQuestionSocket(let generation, let instance):
            kind = .openQuestionSocket
            writer.write(generation)
            writer.write(instance)
        case .notify(let generation, let bytes):
            kind = .notify
            writer.write(generation)
            writer.write(bytes)
        case .hooks(let generation, let bytes):
            kind = .hooks
            writer.write(generation)
            writer.write(bytes)
        case .observations(let generation, let bytes):
            kind = .observations
            writer.write(generation)
            writer.write(bytes)
        case .status(let generation, let bytes):
            kind = .status
            writer.write(generation)
            writer.write(bytes)
        case .discarded(let counts):
            kind = .discarded
            for count in counts { writer.write(count) }
        case .clusterNode(let bytes):
            kind = .clusterNode
            writer.write(bytes)
        case .log(let level, let text):
            kind = .log
            writer.write(level.rawValue)
            writer.write(text)
        case .stopped: kind = .stopped
        }
        var header = FrameHeader(type: kind.rawValue)
        header.correlation = correlation
        header.hasMore = hasMore
        channel.send(header, writer.bytes)
    }

    /// Reads a frame of this direction. - Throws: `FrameError`.
    package init(_ frame: Frame) throws(FrameError) {
        guard let kind = Kind(rawValue: frame.header.type) else { throw .unknownType(frame.header.type) }
        guard frame.descriptors.count == 0 else { throw .descriptors(claimed: 0, real: frame.descriptors.count) }
        self = try frame.decode { reader in
            switch kind {
            case .hello:
                .hello(version: try reader.readUInt16(), try SandboxReport(from: &reader))
            case .resumed:
                .resumed(
                    masters: try reader.readUInt32(), others: try reader.readUInt32(), late: try reader.readUInt32(),
                    fresh: try reader.readUInt32())
            case .configured: .configured(generation: try reader.readUInt64())
            case .cleared: .cleared(generation: try reader.readUInt64())
            case .worked: .worked
            case .openSocket:
                .openSocket(generation: try reader.readUInt64(), instance: try reader.readUInt32())
            case .openHeartbeatSocket:
                .openHeartbeatSocket(
                    generation: try reader.readUInt64(),
                    HeartbeatPlace(
                        cluster: try reader.readUInt8(), path: try reader.readUInt8(), node: try reader.readUInt8()))
            case .openReferenceSocket:
                .openReferenceSocket(
                    generation: try reader.readUInt64(),
                    ReferencePlace(cluster: try reader.readUInt8(), reference: try reader.readUInt8()))
            case .openQuestionSocket:
                .openQuestionSocket(generation: try reader.readUInt64(), instance: try reader.readUInt32())
            case .notify:
                .notify(generation: try reader.readUInt64(), try reader.readBytes(reader.remaining))
            case .hooks: .hooks(generation: try reader.readUInt64(), try reader.readBytes(reader.remaining))
            case .observations:
                .observations(generation: try reader.readUInt64(), try reader.readBytes(reader.remaining))
            case .status: .status(generation: try reader.readUInt64(), try reader.readBytes(reader.remaining))
            case .discarded: .discarded(try reader.readCounts(max: Self.reasonsMax))
            case .clusterNode: .clusterNode(try reader.readBytes(reader.remaining))
            case .log: .log(try reader.readLogLevel(), try reader.readLine())
            case .stopped: .stopped
            }
        }
    }
}

extension ByteReader {
    /// Bytes of a line that are read. Our own lines are shorter.
    private static let lineMax = 2_048

    /// A line for the log. A worker in strange hands could send 64 KB of one character again and again, and to decode
    /// and escape all of it would take too long (docs/decisions, D6).
    mutating func readLine() throws(ByteError) -> String {
        let bytes = try readView(Int(try readUInt32()))
        guard bytes.count <= Self.lineMax else {
            // A character may be cut in two here.
            return String(decoding: bytes.prefix(Self.lineMax), as: UTF8.self) + "…"
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalid }
        return text
    }

    mutating func readLogLevel() throws(ByteError) -> LogLevel {
        guard let level = LogLevel(rawValue: try readUInt8()) else { throw .invalid }
        return level
    }

    fileprivate mutating func readCounts(max: Int) throws(ByteError) -> [UInt64] {
        guard remaining <= max * MemoryLayout<UInt64>.size else { throw .invalid }
        var counts: [UInt64] = []
        while remaining > 0 { counts.append(try readUInt64()) }
        return counts
    }

    mutating func readStrings(max: UInt16) throws(ByteError) -> [String] {
        let count = try readUInt16()
        guard count <= max else { throw .invalid }
        var texts: [String] = []
        for _ in 0..<count { texts.append(try readString()) }
        return texts
    }
}
