import Base

/// The finding of one attempt of a check.
package struct CheckVerdict: Hashable, Sendable {
    package enum Outcome: UInt8, Sendable {
        case passed = 1
        case failed = 2
        /// It couldn't be tried, which says nothing about the server: no descriptor, no local address (docs/decisions, D78).
        case untried = 3
    }

    package var outcome: Outcome
    package var reason: CheckReason
    /// A status code, an error number, an exit status: what the reason's text speaks of.
    package var detail: Int32
    /// misc_dynamic: exit status 2 to 255 less two.
    package var weight: Int32?

    package init(_ outcome: Outcome, _ reason: CheckReason, detail: Int32 = 0, weight: Int32? = nil) {
        self.outcome = outcome
        self.reason = reason
        self.detail = detail
        self.weight = weight
    }

    package static func passed(detail: Int32 = 0) -> Self { Self(.passed, .none, detail: detail) }
    package static func failed(_ reason: CheckReason, detail: Int32 = 0) -> Self {
        Self(.failed, reason, detail: detail)
    }

    /// The verdict on a connection or datagram that ended with this error number.
    package static func error(_ number: Int32) -> Self {
        switch number {
        case SocketError.connectionRefused: .failed(.refused)
        case SocketError.hostUnreachable: .failed(.hostUnreachable)
        case SocketError.networkUnreachable, SocketError.networkDown: .failed(.networkUnreachable)
        case SocketError.connectionReset, SocketError.brokenPipe: .failed(.reset)
        case SocketError.timedOut: .failed(.timedOut)
        default: .failed(.error, detail: number)
        }
    }
}

/// Linux's error numbers (asm-generic/errno.h) that checks tell apart.
package enum SocketError {
    package static let brokenPipe: Int32 = 32
    package static let networkDown: Int32 = 100
    package static let networkUnreachable: Int32 = 101
    package static let connectionReset: Int32 = 104
    package static let timedOut: Int32 = 110
    package static let connectionRefused: Int32 = 111
    package static let hostUnreachable: Int32 = 113
}

/// The reason of a verdict. Its numbers stand in the page of checks.
package enum CheckReason: UInt8, ByteCoded, Hashable, Sendable, CaseIterable {
    case none = 0
    // Connections and datagrams.
    case refused = 1
    case timedOut
    case hostUnreachable
    case networkUnreachable
    case reset
    /// An error number without a case of its own.
    case error
    /// The whole check took too long (docs/decisions, D83).
    case tooSlow
    case closedEarly
    // Replies.
    case noReply
    case malformedStatusLine
    case headerTooLong
    case statusCode = 13
    case contradictingLengths
    case malformedChunk
    case bodyCutOff
    case bodyTooLong
    case digest
    case pattern
    /// A limit of the pattern's matcher was reached.
    case patternLimit
    case malformedReply
    case wrongReply
    case replyLength
    case replyTooLong
    /// A name server's.
    case responseCode
    case tls
    /// No reply, which is no failure: the server is up, but unproven.
    case silence
    // Scripts and files.
    case exitStatus
    case signal
    case scriptTimedOut
    case scriptNotRun
    case fileValue
    case sessionDown
    // This machine.
    case noLocalAddress
    case noDescriptor
    case noDevice
    case localError
    /// hasup doesn't do this check.
    case unsupported
    case patternNotCompiled
    case credentials
    /// Its device is down, or has no route to the server.
    case deviceDown
    /// net.ipv4.ping_group_range leaves the checker's group out.
    case pingForbidden
    /// A privileged port, or a firewall mark, that this machine doesn't allow.
    case noRight

    package init(decoding reader: inout ByteReader) throws(ByteError) { self = try reader.readCase(Self.self) }
    package func encode(into writer: inout ByteWriter) { writer.write(rawValue) }

    /// True if the check can't be done until somebody mends the configuration or this machine's settings.
    package var needsMending: Bool {
        switch self {
        case .unsupported, .patternNotCompiled, .credentials, .pingForbidden, .noRight: true
        default: false
        }
    }

    /// The reason in words, as it follows "failed: "; empty for a success.
    package func text(detail: Int32) -> String {
        switch self {
        case .none: ""
        case .refused: "connection refused"
        case .timedOut: "no answer in time"
        case .hostUnreachable: "host unreachable"
        case .networkUnreachable: "network unreachable"
        case .reset: "connection reset"
        case .error: "error \(detail)"
        case .tooSlow: "not done in time"
        case .closedEarly: "connection closed early"
        case .noReply: "connection closed without a reply"
        case .malformedStatusLine: "the reply's first line isn't HTTP"
        case .headerTooLong: "the reply's header is too long"
        case .statusCode: "status code \(detail)"
        case .contradictingLengths: "the reply has contradicting lengths"
        case .malformedChunk: "the reply has a malformed chunk"
        case .bodyCutOff: "the reply is cut off"
        case .bodyTooLong: "the reply's body is too long"
        case .digest: "the body has another digest"
        case .pattern: "the body doesn't fit the regex"
        case .patternLimit: "the regex takes too long on this body"
        case .malformedReply: "malformed reply"
        case .wrongReply: detail == 0 ? "wrong reply" : "reply code \(detail)"
        case .replyLength: "reply of \(detail) bytes"
        case .replyTooLong: "the reply is too long"
        case .responseCode: "response code \(detail)"
        case .tls: "TLS failed"
        case .silence: "no reply, and none is required"
        case .exitStatus: "exit status \(detail)"
        case .signal: "ended by signal \(detail)"
        case .scriptTimedOut: "the script took too long"
        case .scriptNotRun: "the script can't be run"
        case .fileValue: "the file's value is \(detail)"
        case .sessionDown: "the BFD session is down"
        case .noLocalAddress: "the local address isn't on this machine"
        case .noDescriptor: "no descriptor is left"
        case .noDevice: "the local interface isn't there"
        case .localError: "local error \(detail)"
        case .unsupported: "hasup can't do this check"
        case .patternNotCompiled: "the regex doesn't compile"
        case .credentials: "the files of `SSL` can't be used"
        case .deviceDown: "the local interface is down, or has no route"
        case .pingForbidden: "ping sockets aren't allowed (net.ipv4.ping_group_range)"
        case .noRight: "the mark or the local port isn't allowed"
        }
    }
}
