import Base
import ConfigurationModel

/// Something that happened to the connection or the datagrams of one attempt.
package enum MachineInput {
    case connected
    case received(UnsafeRawBufferPointer)
    /// The other side sends no more.
    case ended
    /// An error number.
    case failed(Int32)
    /// connect_timeout has passed since the last progress.
    case timedOut
    /// The attempt as a whole took too long (docs/decisions, D83).
    case overdue
    /// The answer to `examine`.
    case examined(BodyFinding)
}

/// What a machine wants next.
package enum MachineStep: Sendable {
    case wait
    case send([UInt8])
    /// Look whether a body fits, and tell.
    case examine(BodyExamination)
    case finish(CheckVerdict)
}

/// A body to compare with a digest and a pattern. PCRE2 and MD5 are the shell's.
package struct BodyExamination: Hashable, Sendable {
    /// Decoded.
    package var body: [UInt8]
    /// As it came, when it came in chunks and has a digest: digests made for keepalived are of these bytes.
    package var raw: [UInt8]?
    package var digest: [UInt8]?
    package var pattern: BodyPattern?
}

/// Whether a body fits.
package enum BodyFinding: Hashable, Sendable {
    case fits
    case wrongDigest
    case wrongPattern
    case tooExpensive
}

/// One attempt of a check as a machine over bytes: it knows no socket and no clock.
package enum CheckMachine: Sendable {
    case connect
    case http(HTTPMachine)

    /// The machine of a check over the network; nil for one that others do.
    ///
    /// - Parameter request: number of the url block, for HTTP_GET.
    package init?(_ settings: CheckSettings, request: Int) {
        switch settings.kind {
        case .tcp: self = .connect
        case .http(let check):
            guard let endpoint = settings.endpoint, check.requests.indices.contains(request), !check.isEncrypted else {
                return nil
            }
            self = .http(HTTPMachine(check.requests[request], check.version, endpoint))
        default: return nil
        }
    }

    package mutating func handle(_ input: MachineInput) -> MachineStep {
        switch self {
        case .connect:
            switch input {
            case .connected: return .finish(.passed())
            default: return .finish(Self.verdict(on: input) ?? .failed(.closedEarly))
            }
        case .http(var machine):
            // Taken out, so that what it has gathered isn't copied.
            self = .connect
            let step = machine.handle(input)
            self = .http(machine)
            return step
        }
    }

    /// The verdict on an end that is the same for all; nil for what isn't an end.
    static func verdict(on input: MachineInput) -> CheckVerdict? {
        switch input {
        case .failed(let number): .error(number)
        case .timedOut: .failed(.timedOut)
        case .overdue: .failed(.tooSlow)
        case .connected, .received, .ended, .examined: nil
        }
    }
}
