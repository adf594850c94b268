import Base
import ConfigurationModel
import Wire

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

/// A machine's next wish.
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

/// The fit of a body.
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
    case smtp(SMTPMachine)
    case dns(DNSMachine)
    case datagram(DatagramMachine)
    case echo(EchoMachine)

    /// The machine of a check over the network; nil for one that others do.
    ///
    /// - Parameters:
    ///   - request: number of the url block, for HTTP_GET.
    ///   - random: what nobody else can know, for the id of a question and the data of an echo.
    package init?(_ settings: CheckSettings, request: Int, random: UInt64 = 0) {
        switch settings.kind {
        case .tcp: self = .connect
        case .http(let check):
            guard let endpoint = settings.endpoint, check.requests.indices.contains(request) else {
                return nil
            }
            self = .http(HTTPMachine(check.requests[request], check.version, endpoint))
        case .smtp(let heloName): self = .smtp(SMTPMachine(heloName: heloName))
        case .dns(let query):
            let id = UInt16(truncatingIfNeeded: random)
            guard let question = DNSQuestion(id: id, type: query.type.rawValue, name: query.name) else { return nil }
            self = .dns(DNSMachine(question))
        case .udp(let probe): self = .datagram(DatagramMachine(probe))
        case .ping:
            guard let endpoint = settings.endpoint else { return nil }
            var writer = ByteWriter()
            writer.write(random)
            self = .echo(
                EchoMachine(
                    ICMPEcho(
                        family: endpoint.address.family, sequence: UInt16(truncatingIfNeeded: random >> 16),
                        data: writer.bytes)))
        case .script, .file, .bfd: return nil
        }
    }

    /// Bytes of the body that it has gathered.
    package var bodyBytes: Int {
        if case .http(let machine) = self { machine.bodyBytes } else { 0 }
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
        case .smtp(var machine):
            self = .connect
            let step = machine.handle(input)
            self = .smtp(machine)
            return step
        case .dns(let machine): return machine.handle(input)
        case .datagram(let machine): return machine.handle(input)
        case .echo(let machine): return machine.handle(input)
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
