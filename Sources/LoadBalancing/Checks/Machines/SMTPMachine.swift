import Base

/// SMTP_CHECK: greeting, HELO, QUIT (RFC 5321; docs/decisions, D85). Replies of several lines pass, the code of the last
/// one counts; QUIT has to be answered by something (behaviours_lvs2, B20).
package struct SMTPMachine: Sendable {
    /// Bytes of a line: RFC 5321 §4.5.3.1.5 has 512.
    package static let lineMax = 1_024
    package static let linesMax = 128

    private enum DialoguePhase: Sendable {
        case connecting
        case greeting
        case helo
        case quit
    }

    private let heloName: String
    private var phase = DialoguePhase.connecting
    private var line: [UInt8] = []
    private var lineCount = 0

    package init(heloName: String) { self.heloName = heloName }

    package mutating func handle(_ input: MachineInput) -> MachineStep {
        if let verdict = CheckMachine.verdict(on: input) { return .finish(verdict) }
        switch input {
        case .connected:
            if case .connecting = phase { phase = .greeting }
            return .wait
        case .received(let bytes):
            // A server that speaks before it is asked has the same verdict however its bytes come.
            var said: [UInt8] = []
            for byte in bytes {
                switch take(byte) {
                case .send(let command): said += command
                case .finish(let verdict): return .finish(verdict)
                case .wait, .examine, nil: break
                }
            }
            return said.isEmpty ? .wait : .send(said)
        case .ended:
            return .finish(.failed(line.isEmpty && lineCount == 0 ? .noReply : .closedEarly))
        case .examined, .failed, .timedOut, .overdue: return .wait
        }
    }

    /// Returns nil to go on.
    private mutating func take(_ byte: UInt8) -> MachineStep? {
        guard byte == UInt8(ascii: "\n") else {
            line.append(byte)
            return line.count <= Self.lineMax ? nil : .finish(.failed(.replyTooLong))
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        defer { line.removeAll(keepingCapacity: true) }
        lineCount += 1
        guard lineCount <= Self.linesMax else { return .finish(.failed(.replyTooLong)) }
        if case .quit = phase { return .finish(.passed()) }
        guard line.count >= 3, line[..<3].allSatisfy({ (48...57).contains($0) }),
            line.count == 3 || line[3] == UInt8(ascii: " ") || line[3] == UInt8(ascii: "-")
        else { return .finish(.failed(.malformedReply)) }
        if line.count > 3, line[3] == UInt8(ascii: "-") { return nil }
        return takeReply(line[..<3].reduce(0) { $0 * 10 + Int32($1 - 48) })
    }

    private mutating func takeReply(_ code: Int32) -> MachineStep? {
        switch phase {
        case .greeting where code == 220:
            phase = .helo
            return .send(Array("HELO \(heloName)\r\n".utf8))
        case .helo where code == 250:
            phase = .quit
            return .send(Array("QUIT\r\n".utf8))
        default: return .finish(.failed(.wrongReply, detail: code))
        }
    }
}
