import Base
import ConfigurationModel
import Wire

/// DNS_CHECK: one question (docs/decisions, D85; behaviours_lvs2, B22).
package struct DNSMachine: Sendable {
    private let question: DNSQuestion

    package init(_ question: DNSQuestion) { self.question = question }

    package func handle(_ input: MachineInput) -> MachineStep {
        if let verdict = CheckMachine.verdict(on: input) { return .finish(verdict) }
        switch input {
        case .connected: return .send(question.encode())
        case .received(let bytes):
            switch question.answer(in: bytes) {
            case .foreign: return .wait
            case .reply(0): return .finish(.passed())
            case .reply(let code): return .finish(.failed(.responseCode, detail: Int32(code)))
            }
        default: return .wait
        }
    }
}

/// UDP_CHECK: one datagram; silence passes unless a reply is required (behaviours_lvs2, B21).
package struct DatagramMachine: Sendable {
    /// The payload where none is configured.
    package static let defaultPayload = Array("keepalived check - keepalived ch".utf8)

    private let probe: UDPProbe

    package init(_ probe: UDPProbe) { self.probe = probe }

    package func handle(_ input: MachineInput) -> MachineStep {
        switch input {
        case .connected: return .send(probe.payload ?? Self.defaultPayload)
        case .received(let bytes): return .finish(verdict(on: bytes))
        case .timedOut where !probe.requiresReply, .overdue where !probe.requiresReply:
            // Nobody has said that the port is closed, and nobody that it is open.
            return .finish(CheckVerdict(.passed, .silence))
        default: return CheckMachine.verdict(on: input).map { .finish($0) } ?? .wait
        }
    }

    private func verdict(on bytes: UnsafeRawBufferPointer) -> CheckVerdict {
        guard probe.requiresReply, !probe.reply.isEmpty else { return .passed() }
        guard
            (probe.minimumReplyLength...max(probe.minimumReplyLength, probe.maximumReplyLength)).contains(bytes.count),
            bytes.count >= probe.reply.count
        else { return .failed(.replyLength, detail: Int32(clamping: bytes.count)) }
        let fits = zip(bytes, probe.reply).allSatisfy { byte, expected in byte & expected.mask == expected.value }
        return fits ? .passed() : .failed(.wrongReply)
    }
}

/// PING_CHECK: one echo request (behaviours_lvs2, B23).
package struct EchoMachine: Sendable {
    private let echo: ICMPEcho

    package init(_ echo: ICMPEcho) { self.echo = echo }

    package func handle(_ input: MachineInput) -> MachineStep {
        if let verdict = CheckMachine.verdict(on: input) { return .finish(verdict) }
        switch input {
        case .connected: return .send(echo.encode())
        case .received(let bytes): return echo.isAnswered(by: bytes) ? .finish(.passed()) : .wait
        default: return .wait
        }
    }
}
