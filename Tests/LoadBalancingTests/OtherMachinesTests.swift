import Base
import ConfigurationModel
import Testing
import Wire

@testable import LoadBalancing

/// The verdict on what comes in these pieces; `.wait` at the end is no verdict.
private func verdict(_ machine: CheckMachine, _ pieces: [[UInt8]], closes: Bool) -> CheckVerdict? {
    var machine = machine
    if case .finish(let verdict) = machine.handle(.connected) { return verdict }
    for piece in pieces {
        if case .finish(let verdict) = piece.withUnsafeBytes({ machine.handle(.received($0)) }) { return verdict }
    }
    if closes, case .finish(let verdict) = machine.handle(.ended) { return verdict }
    return nil
}

private func check(_ kind: CheckKind) -> CheckSettings {
    CheckSettings(
        kind: kind, endpoint: CheckEndpoint(address: IPAddress(v4: 0x7f00_0001), port: 53, timeout: .seconds(1)),
        schedule: CheckSchedule(interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .zero))
}

@Suite("SMTP_CHECK (behaviours_lvs2 B20; docs/decisions, D85)")
struct SMTPMachineTests {
    @Test(
        "replies, wherever they are split",
        arguments: [
            ("220 x\r\n250 y\r\n221 z\r\n", nil), ("220 x\n250 y\n500 no\n", nil), ("220\r\n250\r\n\r\n", nil),
            ("220-a\r\n220-b\r\n220 c\r\n250-d\r\n250 e\r\n221 z\r\n", nil),
            ("554 no\r\n", .wrongReply), ("220 x\r\n500 no\r\n", .wrongReply), ("220 x\r\n250 y\r\n", .closedEarly),
            ("220 x\r\n", .closedEarly), ("", .noReply), ("220-a\r\n554 b\r\n", .wrongReply),
            ("hello\r\n", .malformedReply), ("2200 x\r\n", .malformedReply), ("22", .closedEarly),
            ("SSH-2.0-x\r\n", .malformedReply),
        ] as [(String, CheckReason?)])
    func replies(_ reply: String, _ reason: CheckReason?) {
        let machine = CheckMachine.smtp(SMTPMachine(heloName: "me"))
        let bytes = Array(reply.utf8)
        let whole = verdict(machine, [bytes], closes: true)
        #expect(whole?.outcome == (reason == nil ? .passed : .failed) && whole?.reason == reason ?? CheckReason.none)
        #expect(verdict(machine, bytes.map { [$0] }, closes: true) == whole)
        for place in bytes.indices {
            #expect(verdict(machine, [Array(bytes[..<place]), Array(bytes[place...])], closes: true) == whole)
        }
    }

    @Test("what is said, and when") func dialogue() {
        var machine = SMTPMachine(heloName: "me.example")
        func said(_ text: String) -> String {
            guard case .send(let bytes) = Array(text.utf8).withUnsafeBytes({ machine.handle(.received($0)) }) else {
                return ""
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        _ = machine.handle(.connected)
        #expect(said("220-x\r\n") == "")
        #expect(said("220 x\r\n") == "HELO me.example\r\n")
        #expect(said("250 y\r\n") == "QUIT\r\n")
    }

    @Test("lines without end, and 10,000 of them") func limits() {
        let machine = CheckMachine.smtp(SMTPMachine(heloName: "me"))
        let long = Array("220 ".utf8) + Array(repeating: UInt8(ascii: "x"), count: 2_000)
        #expect(verdict(machine, [long], closes: false) == .failed(.replyTooLong))
        let many = (0..<10_000).flatMap { _ in Array("220-x\r\n".utf8) }
        #expect(verdict(machine, [many], closes: false) == .failed(.replyTooLong))
    }
}

@Suite("DNS_CHECK (behaviours_lvs2 B22; docs/decisions, D85)")
struct DNSMachineTests {
    private let id: UInt16 = 0x1234
    private var query: [UInt8] {
        DNSQuestion(id: id, type: 6, name: "Example.org")?.encode() ?? []
    }

    private func verdict(_ datagrams: [[UInt8]]) -> CheckVerdict? {
        var settings = DNSQuery()
        settings.name = "Example.org"
        guard let machine = CheckMachine(check(.dns(settings)), request: 0, random: UInt64(id)) else { return nil }
        return LoadBalancingTests.verdict(machine, datagrams, closes: false)
    }

    private func reply(_ change: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
        var reply = query
        reply[2] |= 0x80
        change(&reply)
        return reply
    }

    @Test func queryBytes() {
        #expect(
            query == [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7] + Array("Example".utf8) + [3] + Array("org".utf8)
                + [0, 0, 6, 0, 1])
        #expect(DNSQuestion(id: 1, type: 1, name: "")?.encode().suffix(5) == [0, 0, 1, 0, 1])
        for name in ["a..b", String(repeating: "a", count: 64), String(repeating: "abcdefg.", count: 32) + "a"] {
            #expect(DNSQuestion(id: 1, type: 1, name: name) == nil, "\(name)")
        }
    }

    @Test("a reply that echoes the question passes, whatever records it has") func passes() {
        #expect(verdict([reply()]) == .passed())
        #expect(verdict([reply { $0[2] |= 0x02 }]) == .passed(), "TC")
        #expect(verdict([reply { $0[13] = UInt8(ascii: "e") }]) == .passed(), "case")
        #expect(verdict([reply { $0 += [0xc0, 0x0c, 0xc0, 0x0c] }]) == .passed(), "looping compression behind it")
    }

    @Test("codes other than 0 fail", arguments: [2, 3, 5] as [UInt8]) func codes(_ code: UInt8) {
        #expect(verdict([reply { $0[3] = code }]) == .failed(.responseCode, detail: Int32(code)))
        #expect(
            verdict([reply { $0 = Array($0[..<3]) + [code, 0, 0, 0, 0, 0, 0, 0, 0] }])
                == .failed(.responseCode, detail: Int32(code)), "without a question")
    }

    @Test("what isn't the reply is passed over") func foreign() {
        let foreign = [
            [], [0x12, 0x34, 0x80, 0], query, reply { $0[0] = 0 }, reply { $0[14] = 0 }, reply { $0[26] = 1 },
            reply { $0[5] = 0 }, reply { $0 = Array($0[..<20]) },
            reply { $0 = Array($0[..<12]) + [0xc0, 0x0c] },
        ]
        for datagram in foreign {
            #expect(verdict([datagram]) == nil, "\(datagram)")
            #expect(verdict([datagram, reply()]) == .passed())
        }
    }
}

@Suite("UDP_CHECK (behaviours_lvs2 B21; docs/decisions, D85)")
struct DatagramMachineTests {
    private func machine(_ change: (inout UDPProbe) -> Void = { _ in }) -> DatagramMachine {
        var probe = UDPProbe()
        change(&probe)
        return DatagramMachine(probe)
    }

    private func verdict(_ machine: DatagramMachine, _ input: MachineInput) -> CheckVerdict? {
        if case .finish(let verdict) = machine.handle(input) { verdict } else { nil }
    }

    private func verdict(_ machine: DatagramMachine, _ bytes: [UInt8]) -> CheckVerdict? {
        bytes.withUnsafeBytes { verdict(machine, .received($0)) }
    }

    @Test func payload() {
        guard case .send(let bytes) = machine().handle(.connected) else { return #expect(Bool(false)) }
        #expect(bytes.count == 32 && String(decoding: bytes, as: UTF8.self) == "keepalived check - keepalived ch")
    }

    @Test("silence passes, unproven, unless a reply is required; a closed port fails") func silence() {
        #expect(verdict(machine(), .timedOut) == CheckVerdict(.passed, .silence))
        #expect(verdict(machine { $0.requiresReply = true }, .timedOut) == .failed(.timedOut))
        #expect(verdict(machine(), .failed(SocketError.connectionRefused)) == .failed(.refused))
        #expect(verdict(machine(), .failed(SocketError.networkUnreachable)) == .failed(.networkUnreachable))
    }

    @Test("a required reply: bytes under their mask, length; a shorter one fails") func replies() {
        let strict = machine {
            $0.requiresReply = true
            $0.reply = [ReplyByte(value: 0xab, mask: 0xff), ReplyByte(value: 0x0c, mask: 0x0f)]
            $0.maximumReplyLength = 4
        }
        #expect(verdict(strict, [0xab, 0x7c]) == .passed())
        #expect(verdict(strict, [0xab, 0x7c, 0, 0]) == .passed())
        #expect(verdict(strict, [0xab, 0x7d]) == .failed(.wrongReply))
        #expect(verdict(strict, [0xab]) == .failed(.replyLength, detail: 1))
        #expect(verdict(strict, [0xab, 0x7c, 0, 0, 0]) == .failed(.replyLength, detail: 5))
        #expect(verdict(machine { $0.requiresReply = true }, []) == .passed())
    }
}

@Suite("PING_CHECK (RFC 792, RFC 4443)")
struct EchoMachineTests {
    @Test(arguments: [(AddressFamily.ipv4, 8, 0), (.ipv6, 128, 129)] as [(AddressFamily, UInt8, UInt8)])
    func replies(_ family: AddressFamily, _ request: UInt8, _ answer: UInt8) {
        let machine = EchoMachine(ICMPEcho(family: family, sequence: 0x0102, data: [7, 8]))
        guard case .send(let bytes) = machine.handle(.connected) else { return #expect(Bool(false)) }
        #expect(bytes == [request, 0, 0, 0, 0, 0, 1, 2, 7, 8])
        func passes(_ bytes: [UInt8]) -> Bool {
            guard case .finish(let verdict) = bytes.withUnsafeBytes({ machine.handle(.received($0)) }) else {
                return false
            }
            return verdict.outcome == .passed
        }
        #expect(passes([answer, 0, 9, 9, 4, 4, 1, 2, 7, 8]))
        for wrong in [
            [request, 0, 9, 9, 4, 4, 1, 2, 7, 8], [answer, 1, 9, 9, 4, 4, 1, 2, 7, 8],
            [answer, 0, 9, 9, 4, 4, 1, 3, 7, 8], [answer, 0, 9, 9, 4, 4, 1, 2, 7], [answer, 0, 9, 9, 4, 4, 1, 2, 7, 9],
            [],
        ] { #expect(!passes(wrong)) }
        guard case .finish(let verdict) = machine.handle(.timedOut) else { return #expect(Bool(false)) }
        #expect(verdict == .failed(.timedOut))
    }
}

@Suite("MISC_CHECK (behaviours_lvs2 B25)")
struct ScriptEndTests {
    @Test func verdicts() {
        let cases: [(ProgramEnd, Bool, CheckVerdict)] = [
            (.status(0), false, .passed()), (.status(0), true, .passed()),
            (.status(1), true, .failed(.exitStatus, detail: 1)), (.status(2), false, .failed(.exitStatus, detail: 2)),
            (.status(2), true, CheckVerdict(.passed, .none, weight: 0)),
            (.status(12), true, CheckVerdict(.passed, .none, weight: 10)),
            (.status(255), true, CheckVerdict(.passed, .none, weight: 253)),
            (.signal(9), true, .failed(.signal, detail: 9)), (.timedOut, true, .failed(.scriptTimedOut)),
            (.notRun, false, .failed(.scriptNotRun)),
        ]
        for (end, setsWeight, verdict) in cases {
            #expect(end.verdict(setsWeight: setsWeight) == verdict, "\(end)")
            var writer = ByteWriter()
            end.encode(into: &writer)
            #expect(ProgramEnd.all(in: writer.bytes, max: 1) == [end])
        }
    }

    @Test("misc_dynamic: the number is the weight, and 0 the configured one") func weights() {
        var script = ScriptCheck(arguments: ["/x"], timeout: .seconds(1))
        script.setsWeight = true
        let check = CheckSettings(
            kind: .script(script),
            schedule: CheckSchedule(interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .zero))
        var bench = CheckerBench()
        bench.begin([service([server(1, weight: 7, checks: [check])])])
        for (code, weight) in [(0, 7), (2, 0), (12, 10), (255, 253), (0, 7)] as [(Int32, UInt32)] {
            bench.now = max(bench.now, bench.checker.deadline)
            bench.handle(.timeout)
            bench.handle(
                .ended(check: 0, ProgramEnd.status(code).verdict(setsWeight: true), duration: .milliseconds(1)))
            #expect(bench.known.servers.first?.weight == weight, "\(code)")
        }
    }
}
