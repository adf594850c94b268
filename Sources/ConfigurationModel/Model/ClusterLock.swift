import Base

/// lock: a register outside of the nodes, which one of them holds.
package struct LockSettings: Record {
    /// The service or the medium that keeps it.
    package enum Engine: Choice {
        case etcd([LockEndpoint], TLSFiles)
        /// A third machine that runs `hasupd --witness`.
        case witness(IPAddress, port: UInt16)
        case sanlock(lockspace: String)
        /// A file on a shared disk. unfenced: without a fence that keeps a frozen holder from it.
        case file(String, isUnfenced: Bool)

        package static let cases: [Self] = [
            .etcd([], TLSFiles()), .witness(IPAddress(v4: 0), port: Limits.witnessPort), .sanlock(lockspace: ""),
            .file("", isUnfenced: false),
        ]
        package var number: UInt8 {
            switch self {
            case .etcd: 0
            case .witness: 1
            case .sanlock: 2
            case .file: 3
            }
        }
        package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
            switch self {
            case .etcd(var endpoints, var files):
                try fields.list("etcd", &endpoints)
                try fields.require(endpoints.count <= Limits.lockEndpoints)
                try fields.field("", &files)
                self = .etcd(endpoints, files)
            case .witness(var address, var port):
                try fields.field("witness", &address)
                try fields.field("port", &port, in: 1...UInt16.max)
                self = .witness(address, port: port)
            case .sanlock(var lockspace):
                try fields.field("sanlock", &lockspace)
                self = .sanlock(lockspace: lockspace)
            case .file(var path, var isUnfenced):
                try fields.field("file", &path)
                try fields.field("unfenced", &isUnfenced)
                self = .file(path, isUnfenced: isUnfenced)
            }
        }
    }
    package enum LockMode: UInt8, FieldValue, CaseIterable {
        /// Only when a node isn't heard.
        case smart = 0
        /// For each claim.
        case always = 1
    }
    /// unreachable: the consequence for a MASTER that nobody answers, neither a node nor the lock.
    package enum Unreachable: UInt8, FieldValue, CaseIterable {
        /// It stays with references, and releases without.
        case auto = 0
        case stay = 1
        case release = 2
    }
    package var engine: Engine
    package var mode = LockMode.smart
    /// ttl: the time for which it is held after its last renewal. sanlock and file have none.
    package var ttl = Interval.seconds(5)
    package var unreachable = Unreachable.auto
    package init(engine: Engine) { self.engine = engine }

    package init() { self.init(engine: Engine.cases[0]) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &engine)
        try fields.field("mode", &mode)
        try fields.field("ttl", &ttl, in: Limits.lockTime)
        try fields.field("unreachable", &unreachable)
    }

    /// True if leases of the engine end by `ttl`.
    package var hasLease: Bool {
        switch engine {
        case .etcd, .witness: true
        case .sanlock, .file: false
        }
    }
}

/// One endpoint of etcd: a numeric address, because nothing is resolved where locks are kept.
package struct LockEndpoint: Record {
    /// https.
    package var isEncrypted: Bool
    package var address: IPAddress
    package var port: UInt16
    package init(isEncrypted: Bool, address: IPAddress, port: UInt16) {
        self.isEncrypted = isEncrypted
        self.address = address
        self.port = port
    }

    package init() { self.init(isEncrypted: true, address: IPAddress(v4: 0), port: 2_379) }
    package var fieldText: String {
        let host = address.family == .ipv4 ? "\(address)" : "[\(address)]"
        return "\(isEncrypted ? "https" : "http")://\(host):\(port)"
    }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("https", &isEncrypted)
        try fields.field("", &address)
        try fields.field("port", &port, in: 1...UInt16.max)
    }
}

/// Paths of the files for TLS with etcd; nil for those that aren't written.
package struct TLSFiles: Record {
    /// ca: the authorities that may have signed the server's certificate.
    package var authorities: String?
    /// cert: the certificate that is shown.
    package var certificate: String?
    /// key: its key.
    package var key: String?
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("ca", &authorities)
        try fields.field("cert", &certificate)
        try fields.field("key", &key)
    }
}

extension Limits {
    /// Nodes of a cluster block and groups that it guards: one frame of 1,400 bytes holds them all.
    package static let clusterNodes = 8
    package static let guardedGroups = 48
    /// Paths of a node: their number is a byte of each frame.
    package static let heartbeatPaths = 16
    package static let heartbeatInterval = Interval.milliseconds(10)...Interval.seconds(10)
    package static let heartbeatTimeout = Interval.milliseconds(30)...Interval.seconds(60)
    /// As many intervals fit into the timeout at least.
    package static let heartbeatsInTimeout: Int64 = 3
    /// Frames of a serial line for which a timeout must have room, or the line isn't counted as a path.
    package static let serialFramesInTimeout: Int64 = 4
    package static let heartbeatPort: UInt16 = 7_112
    package static let witnessPort: UInt16 = 7_113
    /// Bits a second; which of them are speeds is the language's to say.
    package static let serialSpeed = 1_200...4_000_000
    package static let references = 16
    package static let referenceTime = Interval.milliseconds(10)...Interval.seconds(60)
    package static let referenceLosses = 1...100
    package static let probeTime = Interval.milliseconds(1)...interval.upperBound
    package static let releaseTime = Interval.milliseconds(10)...Interval.seconds(60)
    /// A witness grants nothing for the upper one after its start.
    package static let lockTime = Interval.seconds(1)...Interval.seconds(30)
    package static let lockEndpoints = 16
}
