import Base
import ConfigurationModel
import LoadBalancing
import Wire

/// What servers reply to checks, the page of checks, and what the checker tells.
///
/// Byte 0: the machine. Byte 1: where the reply is split once more. The rest is the reply. A stream's verdict must not depend
/// on how it is split.
enum CheckFuzz: FuzzTarget {
    private static let head = 2

    static func seeds() -> [[UInt8]] {
        let replies = [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n",
            "220-a\r\n220 b\r\n250-c\r\n250 d\r\n221 e\r\n",
        ]
        var seeds: [[UInt8]] = replies.flatMap { reply in
            (UInt8(0)..<3).map { machine -> [UInt8] in [machine, 7] + Array(reply.utf8) }
        }
        if let question = DNSQuestion(id: 1, type: 6, name: "a.example") {
            var reply = question.encode()
            reply[2] |= 0x80
            seeds.append([3, 0] + reply)
        }
        seeds.append([UInt8]([4, 0]) + ICMPEcho(family: .ipv4, sequence: 1, data: [0, 0, 0, 0, 0, 0, 0, 1]).encode())
        var record = [UInt8](repeating: 0, count: CheckRecord.size)
        record.withUnsafeMutableBytes { memory in
            if let base = memory.baseAddress { CheckRecord(CheckFingerprint(value: 9)).store(to: base) }
        }
        seeds.append([5, 0] + record)
        var writer = ByteWriter()
        CheckerReport.server(ServerStanding(service: 0, server: 0, isUp: true, isProven: true, weight: 1))
            .encode(into: &writer)
        CheckerReport.service(ServiceStanding(service: 1, hasQuorum: true)).encode(into: &writer)
        seeds.append([6, 0] + writer.bytes)
        return seeds
    }

    private static func check(_ kind: CheckKind) -> CheckSettings {
        CheckSettings(
            kind: kind, endpoint: CheckEndpoint(address: IPAddress(v4: 0x7f00_0001), port: 53, timeout: .seconds(1)),
            schedule: CheckSchedule(interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .zero))
    }

    private static func machine(_ number: UInt8) -> (machine: CheckMachine, isStream: Bool)? {
        var request = HTTPRequest(path: "/")
        switch number {
        case 0: break
        case 1: request.digest = Array(repeating: 0, count: 16)
        case 2: return CheckMachine(check(.smtp(heloName: "a")), request: 0).map { ($0, true) }
        case 3:
            var query = DNSQuery()
            query.name = "a.example"
            return CheckMachine(check(.dns(query)), request: 0, random: 1).map { ($0, false) }
        case 4: return CheckMachine(check(.ping), request: 0, random: 1).map { ($0, false) }
        default: return nil
        }
        let http = HTTPCheck(isEncrypted: false, requests: [request])
        return CheckMachine(check(.http(http)), request: 0).map { ($0, true) }
    }

    private static func verdict(_ machine: CheckMachine, _ pieces: [UnsafeRawBufferPointer]) -> CheckVerdict? {
        var machine = machine
        _ = machine.handle(.connected)
        for piece in pieces + [nil] {
            var step = machine.handle(piece.map { .received($0) } ?? .ended)
            if case .examine = step { step = machine.handle(.examined(.fits)) }
            if case .finish(let verdict) = step { return verdict }
        }
        return nil
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= head else { return }
        let reply = UnsafeRawBufferPointer(rebasing: input[head...])
        if input[0] == 5 {
            guard reply.count >= CheckRecord.size, let base = reply.baseAddress else { return }
            _ = CheckRecord(from: base)
            var kept = KeptStandings()
            kept.add(Array(reply))
            return
        }
        if input[0] == 6 {
            var table = StandingTable([VirtualServerSettings()])
            for report in CheckerReport.all(in: Array(reply), max: 128) ?? [] {
                _ = try? table.take(report, at: Instant(nanoseconds: 0))
            }
            _ = CheckObservation.all(in: Array(reply), max: 128)
            _ = ProgramEnd.all(in: Array(reply), max: 1)
            return
        }
        guard let (machine, isStream) = machine(input[0]) else { return }
        let whole = verdict(machine, [reply])
        guard isStream else { return }
        let place = min(Int(input[1]), reply.count)
        let split = [reply[..<place], reply[place...]].map { UnsafeRawBufferPointer(rebasing: $0) }
        let single = reply.indices.map { UnsafeRawBufferPointer(rebasing: reply[$0...$0]) }
        precondition(verdict(machine, split) == whole && verdict(machine, single) == whole)
    }
}
