import Base
import ConfigurationModel
import Testing

@testable import LoadBalancing

private func endpoint(_ address: String = "127.0.0.1", port: UInt16 = 9001) -> CheckEndpoint {
    CheckEndpoint(address: IPAddress(address) ?? IPAddress(v4: 0), port: port, timeout: .seconds(1))
}

/// The verdict on a reply that comes in these pieces.
private func verdict(
    _ request: HTTPRequest, pieces: [[UInt8]], closes: Bool,
    _ finding: (BodyExamination) -> BodyFinding = { _ in .fits }
) -> CheckVerdict? {
    var machine = HTTPMachine(request, .http10, endpoint())
    guard case .send = machine.handle(.connected) else { return nil }
    func follow(_ step: MachineStep) -> CheckVerdict? {
        switch step {
        case .wait, .send: return nil
        case .finish(let verdict): return verdict
        case .examine(let examination):
            guard case .finish(let verdict) = machine.handle(.examined(finding(examination))) else { return nil }
            return verdict
        }
    }
    for piece in pieces {
        let step = piece.withUnsafeBytes { machine.handle(.received($0)) }
        if let verdict = follow(step) { return verdict }
    }
    return closes ? follow(machine.handle(.ended)) : nil
}

/// The verdict on a reply, which must be the same wherever it is split.
private func verdict(
    _ request: HTTPRequest, on reply: [UInt8], closes: Bool = true,
    _ finding: (BodyExamination) -> BodyFinding = { _ in .fits }, sourceLocation: SourceLocation = #_sourceLocation
) -> CheckVerdict? {
    let whole = verdict(request, pieces: [reply], closes: closes, finding)
    let single = verdict(request, pieces: reply.map { [$0] }, closes: closes, finding)
    #expect(single == whole, "one byte at a time", sourceLocation: sourceLocation)
    guard reply.count < 600 else { return whole }
    for place in reply.indices {
        let split = verdict(
            request, pieces: [Array(reply[..<place]), Array(reply[place...])], closes: closes, finding)
        #expect(split == whole, "split at \(place)", sourceLocation: sourceLocation)
    }
    return whole
}

private typealias SourceLocation = Testing.SourceLocation

private func request(_ change: (inout HTTPRequest) -> Void = { _ in }) -> HTTPRequest {
    var request = HTTPRequest(path: "/")
    change(&request)
    return request
}

private let withBody = request { $0.digest = Array(repeating: 7, count: 16) }

@Suite("HTTP_GET as a machine over bytes (docs/decisions, D82; behaviours_lvs2 B15 to B18)")
struct HTTPMachineTests {
    @Test("B15: requests")
    func requests() {
        func text(_ request: HTTPRequest, _ version: HTTPVersion, _ endpoint: CheckEndpoint) -> String {
            String(decoding: HTTPMachine.text(of: request, version, endpoint), as: UTF8.self)
        }
        #expect(
            text(request(), .http10, endpoint())
                == "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 127.0.0.1:9001\r\n\r\n")
        #expect(
            text(request { $0.host = "a.example" }, .http11, endpoint())
                == "GET / HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: a.example\r\n\r\n")
        #expect(
            text(request { $0.path = "/x?y" }, .http10WithClose, endpoint("fd00::1", port: 80))
                == "GET /x?y HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: [fd00::1]:80\r\n\r\n"
        )
    }

    @Test(
        "B16: replies without a body that is asked for",
        arguments: [
            ("HTTP/1.0 200 OK\r\n\r\n", nil),
            ("HTTP/1.1 200\r\n\r\n", nil),
            ("HTTP/1.1 200 \r\n\r\n", nil),
            ("HTTP/1.1 299 Odd\nA: b\n\n", nil),
            ("HTTP/1.1 200 OK\r\nA: b\u{0}c\r\n\r\n", nil),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", nil),
            ("HTTP/1.1 200 OK\r\nA: b\r\n continued\r\n\r\n", nil),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", nil),
            ("ICY 200 OK\r\n\r\n", .malformedStatusLine),
            ("HTTP/2 200\r\n\r\n", .malformedStatusLine),
            ("HTTP/1.1  200 OK\r\n\r\n", .malformedStatusLine),
            ("HTTP/1.1 2000\r\n\r\n", .malformedStatusLine),
            ("HTTP/1.1 +200\r\n\r\n", .malformedStatusLine),
            ("\r\nHTTP/1.1 200 OK\r\n\r\n", .malformedStatusLine),
            ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", nil),
            ("HTTP/1.1 200 OK\r\n: no name\r\n\r\n", nil),
            ("HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", .statusCode),
            ("HTTP/1.1 500 Sorry\r\n\r\n", .statusCode),
            ("HTTP/1.1 200 OK\r\n", .closedEarly),
            ("HTTP/1.1 200 OK\r\nA: b\r\n", .closedEarly),
            ("", .noReply),
        ] as [(String, CheckReason?)])
    func replies(_ reply: String, _ reason: CheckReason?) {
        let verdict = verdict(request(), on: Array(reply.utf8))
        #expect(verdict?.outcome == (reason == nil ? .passed : .failed))
        #expect(verdict?.reason == reason ?? CheckReason.none)
    }

    @Test("B16: a connection that is kept open is no failure when the header says enough")
    func keptOpen() {
        #expect(verdict(request(), on: Array("HTTP/1.1 200 OK\r\n\r\n".utf8), closes: false)?.outcome == .passed)
        let counted = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
        #expect(verdict(withBody, on: counted, closes: false)?.outcome == .passed)
        #expect(verdict(withBody, on: Array("HTTP/1.1 200 OK\r\n\r\nok".utf8), closes: false) == nil)
    }

    @Test("status_code: several ranges")
    func ranges() {
        let codes = request { $0.statusCodes = [200...200, 301...302] }
        for (code, passes) in [(200, true), (201, false), (301, true), (302, true), (303, false)] {
            let verdict = verdict(codes, on: Array("HTTP/1.1 \(code) X\r\n\r\n".utf8))
            #expect(verdict?.outcome == (passes ? .passed : .failed), "\(code)")
        }
    }

    @Test(
        "B16, B17: the body that is looked at",
        arguments: [
            ("HTTP/1.0 200 OK\r\n\r\nhello", "hello", nil),
            ("HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nhello", "hell", nil),
            ("HTTP/1.0 200 OK\r\nContent-Length:  9 \r\n\r\nhello", "hello", nil),
            ("HTTP/1.0 200 OK\r\nContent-Length: 4 , 4\r\ncontent-length: 4\r\n\r\nhello", "hell", nil),
            ("HTTP/1.0 200 OK\r\nno colon\r\nContent-Length: 4\r\n\r\nhello", "hell", nil),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "", nil),
            ("HTTP/1.0 204 No Content\r\n\r\n", "", nil),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello",
                "5\r\nhello\r\n0\r\n\r\n"
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\nContent-Length: 3\r\n\r\n"
                    + "2;a=\"b\"\nhe\n03 \r\nllo\r\n0\r\nA: b\r\n\r\n", "hello",
                "2;a=\"b\"\nhe\n03 \r\nllo\r\n0\r\nA: b\r\n\r\n"
            ),
        ] as [(String, String, String?)])
    func bodies(_ reply: String, _ body: String, _ raw: String?) {
        let verdict = verdict(withBody, on: Array(reply.utf8)) { examination in
            examination.body == Array(body.utf8) && examination.raw == raw.map { Array($0.utf8) }
                && examination.digest == Array(repeating: 7, count: 16) ? .fits : .wrongDigest
        }
        #expect(verdict?.outcome == .passed)
    }

    @Test(
        "bodies that can't be read",
        arguments: [
            ("Content-Length: 1\r\nContent-Length: 2", "", .contradictingLengths),
            ("Content-Length: 2, 3", "", .contradictingLengths),
            ("Content-Length: 2,", "", .contradictingLengths),
            ("Content-Length: -1", "", .contradictingLengths),
            ("Content-Length: 99999999999999999999", "", .contradictingLengths),
            ("Content-Length: 20000000", "", .bodyTooLong),
            ("Transfer-Encoding: chunked", "x\r\n", .malformedChunk),
            ("Transfer-Encoding: chunked", "\r\n", .malformedChunk),
            ("Transfer-Encoding: chunked", "2\r\nhello\r\n", .malformedChunk),
            ("Transfer-Encoding: chunked", "123456789\r\n", .malformedChunk),
            ("Transfer-Encoding: chunked", "-1\r\n", .malformedChunk),
            ("Transfer-Encoding: chunked", "5\rhello\r\n", .malformedChunk),
            ("Transfer-Encoding: chunked", "5\r\nhel", .bodyCutOff),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n", .bodyCutOff),
        ] as [(String, String, CheckReason)])
    func badBodies(_ field: String, _ body: String, _ reason: CheckReason) {
        let reply = Array("HTTP/1.1 200 OK\r\n\(field)\r\n\r\n\(body)".utf8)
        #expect(verdict(withBody, on: reply) == .failed(reason))
    }

    @Test("findings on a body")
    func findings() {
        let reply = Array("HTTP/1.1 200 OK\r\n\r\nhello".utf8)
        #expect(verdict(withBody, on: reply) { _ in .wrongDigest } == .failed(.digest))
        #expect(verdict(withBody, on: reply) { _ in .wrongPattern } == .failed(.pattern))
        #expect(verdict(withBody, on: reply) { _ in .tooExpensive } == .failed(.patternLimit))
        // The status decides first (B16).
        #expect(
            verdict(withBody, on: Array("HTTP/1.1 500 X\r\n\r\nhello".utf8)) == .failed(.statusCode, detail: 500))
    }

    @Test("limits: header lines without end, however short, 1xx without end, a body without end")
    func limits() {
        let head = Array("HTTP/1.1 200 OK\r\n".utf8)
        let long = head + Array(repeating: UInt8(ascii: "a"), count: 20_000)
        #expect(verdict(request(), on: long, closes: false) == .failed(.headerTooLong))
        let fields = (0..<4_000).flatMap { _ in Array("A:b\r\n".utf8) }
        #expect(verdict(request(), on: head + fields, closes: false) == .failed(.headerTooLong))
        let many = head + fields[..<15_000] + Array("\r\n".utf8)
        #expect(verdict(request(), on: many, closes: false)?.outcome == .passed)
        let interim = (0..<1_000).flatMap { _ in Array("HTTP/1.1 100 Continue\r\n\r\n".utf8) }
        #expect(verdict(request(), on: interim, closes: false) == .failed(.headerTooLong))

        let million = [UInt8](repeating: 0, count: 1 << 20)
        let endless = [head + Array("\r\n".utf8)] + Array(repeating: million, count: 17)
        #expect(verdict(withBody, pieces: endless, closes: false) == .failed(.bodyTooLong))
        let chunks =
            [head + Array("Transfer-Encoding: chunked\r\n\r\n".utf8)]
            + Array(repeating: Array("100000\r\n".utf8) + million + Array("\r\n".utf8), count: 17)
        #expect(verdict(withBody, pieces: chunks, closes: false) == .failed(.bodyTooLong))
        // Without a wish for the body none of it is read.
        #expect(verdict(request(), pieces: endless, closes: false)?.outcome == .passed)
    }

    @Test("ends of a connection, in each phase", arguments: [0, 10, 17, 30, 40])
    func ends(_ place: Int) {
        let reply = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".utf8)
        let cases: [(MachineInput, CheckReason)] = [
            (.timedOut, .timedOut), (.overdue, .tooSlow), (.failed(SocketError.connectionReset), .reset),
            (.failed(SocketError.hostUnreachable), .hostUnreachable), (.failed(5), .error),
        ]
        for (input, reason) in cases {
            var machine = HTTPMachine(withBody, .http11, endpoint())
            _ = machine.handle(.connected)
            _ = reply[..<place].withUnsafeBytes { machine.handle(.received($0)) }
            guard case .finish(let verdict) = machine.handle(input) else {
                Issue.record("no verdict")
                continue
            }
            #expect(verdict.outcome == .failed && verdict.reason == reason)
        }
    }
}

@Suite("TCP_CHECK")
struct ConnectMachineTests {
    @Test func verdicts() {
        let cases: [(MachineInput, CheckVerdict)] = [
            (.connected, .passed()), (.failed(SocketError.connectionRefused), .failed(.refused)),
            (.failed(SocketError.timedOut), .failed(.timedOut)), (.timedOut, .failed(.timedOut)),
            (.failed(SocketError.networkUnreachable), .failed(.networkUnreachable)),
            (.failed(SocketError.hostUnreachable), .failed(.hostUnreachable)), (.overdue, .failed(.tooSlow)),
            (.failed(13), .failed(.error, detail: 13)),
        ]
        for (input, expected) in cases {
            var machine = CheckMachine.connect
            guard case .finish(let verdict) = machine.handle(input) else {
                Issue.record("no verdict")
                continue
            }
            #expect(verdict == expected)
        }
    }
}
