import Base
import ConfigurationModel
import Wire

/// A reference address as its socket sees it. Counters begin with the worker.
struct AskedReference {
    /// Nil until there is a socket.
    private var echo: ReferenceEcho?
    var sent: UInt64 = 0
    /// Errors of sending, also those that the network has reported afterwards.
    private(set) var errors: UInt64 = 0
    /// The error number of the last one.
    private(set) var lastError: Int32 = 0
    /// By reason.
    private(set) var refused = [UInt64](repeating: 0, count: EchoRefusal.allCases.count)
    /// By reason: when the log may say it again.
    private var reports = EchoRefusal.allCases.map { _ in RateLimit(period: .seconds(60)) }

    /// A socket has come: what was asked before isn't answered by it.
    mutating func begin(_ target: ReferenceTarget) {
        echo = ReferenceEcho(
            family: target.address.family, identifier: .random(in: .min ... .max), nonce: .random(in: .min ... .max))
    }

    mutating func request(_ number: UInt16) -> [UInt8]? { echo?.request(number) }

    /// Returns the number of the request that this answers.
    ///
    /// - Parameter bytes: what the socket gives: IPv4 with its header.
    mutating func read(_ bytes: UnsafeRawBufferPointer, from target: ReferenceTarget) -> Result<UInt16, EchoRefusal> {
        guard target.address.family == .ipv4 else { return read(bytes) }
        guard let header = IPHeaderView(bytes), header.source == target.address,
            (0...header.payload.count).contains(header.payloadLength)
        else { return .failure(.form) }
        return read(UnsafeRawBufferPointer(rebasing: header.payload[..<header.payloadLength]))
    }

    private mutating func read(_ message: UnsafeRawBufferPointer) -> Result<UInt16, EchoRefusal> {
        guard var echo else { return .failure(.foreign) }
        let result = Result { () throws(EchoRefusal) in try echo.number(answeredBy: message) }
        self.echo = echo
        return result
    }

    /// Counts a refused reply. - Returns: how many there were, if the log may say it.
    mutating func refuse(_ refusal: EchoRefusal, at now: Instant) -> UInt64? {
        let reason = Int(refusal.rawValue)
        refused[reason] += 1
        return reports[reason].admits(at: now) ? refused[reason] : nil
    }

    mutating func failed(_ code: Int32) {
        errors += 1
        lastError = code
    }
}
