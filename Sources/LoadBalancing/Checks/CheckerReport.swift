import Base

/// The state of a real server as the checks have it, by its numbers in the configuration (docs/decisions, D64).
package struct ServerStanding: ByteCoded, Hashable, Sendable {
    package var service: UInt32
    package var server: UInt32
    /// No check of it fails.
    package var isUp: Bool
    /// Each of its checks has had a verdict since the server is known.
    package var isProven: Bool
    /// Its weight while it is up: the configured one, or what checks make of it.
    package var weight: UInt32
    /// Why it is down.
    package var reason = CheckReason.none
    package var detail: Int32 = 0
    /// Number of the notification that this is; 0 when nobody is to be notified.
    package var notification: UInt64 = 0

    package init(service: UInt32, server: UInt32, isUp: Bool, isProven: Bool, weight: UInt32) {
        self.service = service
        self.server = server
        self.isUp = isUp
        self.isProven = isProven
        self.weight = weight
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        service = try reader.readUInt32()
        server = try reader.readUInt32()
        isUp = try reader.readBool()
        isProven = try reader.readBool()
        weight = try reader.readUInt32()
        reason = try CheckReason(decoding: &reader)
        detail = try Int32(decoding: &reader)
        notification = try reader.readUInt64()
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(service)
        writer.write(server)
        writer.write(isUp)
        writer.write(isProven)
        writer.write(weight)
        reason.encode(into: &writer)
        detail.encode(into: &writer)
        writer.write(notification)
    }
}

/// The state of a service as the checks have it.
package struct ServiceStanding: ByteCoded, Hashable, Sendable {
    package var service: UInt32
    package var hasQuorum: Bool
    package var notification: UInt64 = 0

    package init(service: UInt32, hasQuorum: Bool) {
        self.service = service
        self.hasQuorum = hasQuorum
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        service = try reader.readUInt32()
        hasQuorum = try reader.readBool()
        notification = try reader.readUInt64()
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(service)
        writer.write(hasQuorum)
        writer.write(notification)
    }
}

/// The news of services and servers, in the order in which it happened.
package enum CheckerReport: ByteCoded, Hashable, Sendable {
    case server(ServerStanding)
    case service(ServiceStanding)

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .server(try ServerStanding(decoding: &reader))
        case 1: self = .service(try ServiceStanding(decoding: &reader))
        default: throw .invalid
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .server(let standing):
            writer.write(UInt8(0))
            standing.encode(into: &writer)
        case .service(let standing):
            writer.write(UInt8(1))
            standing.encode(into: &writer)
        }
    }

    /// The notification that it is; 0 for none.
    package var notification: UInt64 {
        switch self {
        case .server(let standing): standing.notification
        case .service(let standing): standing.notification
        }
    }
}

/// Something about a check for the log.
package enum CheckObservation: ByteCoded, Hashable, Sendable {
    /// An attempt failed that doesn't decide (log_all_failures).
    case failed(service: UInt32, server: UInt32, CheckReason, detail: Int32, retriesLeft: UInt16)
    /// A check couldn't be tried for three intervals and more: the server stays as it is, unchecked.
    case untried(service: UInt32, server: UInt32, CheckReason, detail: Int32)
    /// A check failed, or passes again, of a server that stays down for another one.
    case turned(service: UInt32, server: UInt32, CheckReason, detail: Int32, isPassing: Bool)

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        let kind = try reader.readUInt8()
        let service = try reader.readUInt32()
        let server = try reader.readUInt32()
        let reason = try CheckReason(decoding: &reader)
        let detail = try Int32(decoding: &reader)
        switch kind {
        case 0:
            self = .failed(
                service: service, server: server, reason, detail: detail, retriesLeft: try reader.readUInt16())
        case 1: self = .untried(service: service, server: server, reason, detail: detail)
        case 2:
            self = .turned(
                service: service, server: server, reason, detail: detail, isPassing: try reader.readBool())
        default: throw .invalid
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .failed(let service, let server, let reason, let detail, let retriesLeft):
            writer.write(UInt8(0))
            writer.write(service)
            writer.write(server)
            reason.encode(into: &writer)
            detail.encode(into: &writer)
            writer.write(retriesLeft)
        case .untried(let service, let server, let reason, let detail):
            writer.write(UInt8(1))
            writer.write(service)
            writer.write(server)
            reason.encode(into: &writer)
            detail.encode(into: &writer)
        case .turned(let service, let server, let reason, let detail, let isPassing):
            writer.write(UInt8(2))
            writer.write(service)
            writer.write(server)
            reason.encode(into: &writer)
            detail.encode(into: &writer)
            writer.write(isPassing)
        }
    }
}

extension ByteCoded {
    /// Reads values one after the other; nil for more than `max`, and for what isn't such values.
    package static func all(in bytes: [UInt8], max: Int) -> [Self]? {
        bytes.withUnsafeBytes { memory in
            var reader = ByteReader(memory)
            return try? reader.readAll(Self.self, max: max)
        }
    }
}

extension ByteReader {
    /// Reads values one after the other to the end. - Throws: `invalid` for more than `max`.
    package mutating func readAll<Value: ByteCoded>(_: Value.Type, max: Int) throws(ByteError) -> [Value] {
        var values: [Value] = []
        while remaining > 0 {
            guard values.count < max else { throw .invalid }
            values.append(try Value(decoding: &self))
        }
        return values
    }
}
