import Base
import ConfigurationModel

/// HTTP_GET: one request and its reply (docs/decisions, D82).
package struct HTTPMachine: Sendable {
    /// Bytes of all header lines, interim replies included.
    package static let headerBytesMax = 16_384
    package static let bodyBytesMax = 16 << 20

    private enum ReplyPhase: Sendable {
        case connecting
        case statusLine
        case fields
        /// The body by its length.
        case counted(Int)
        case untilEnd
        case chunked
        case examining
    }

    private let request: HTTPRequest
    private let version: HTTPVersion
    private let endpoint: CheckEndpoint
    private var phase = ReplyPhase.connecting
    private var line: [UInt8] = []
    private var headerBytes = 0
    private var head = ReplyHead()
    private var body: [UInt8] = []
    private var raw: [UInt8]?
    private var chunks = ChunkDecoder()

    package init(_ request: HTTPRequest, _ version: HTTPVersion, _ endpoint: CheckEndpoint) {
        self.request = request
        self.version = version
        self.endpoint = endpoint
    }

    /// The request's bytes (behaviours_lvs2, B15).
    package static func text(of request: HTTPRequest, _ version: HTTPVersion, _ endpoint: CheckEndpoint) -> [UInt8] {
        let address = endpoint.address.family == .ipv6 ? "[\(endpoint.address)]" : "\(endpoint.address)"
        var text = "GET \(request.path) HTTP/\(version == .http11 ? "1.1" : "1.0")\r\nUser-Agent: KeepAliveClient\r\n"
        if version != .http10 { text += "Connection: close\r\n" }
        text += "Host: \(request.host ?? "\(address):\(endpoint.port)")\r\n\r\n"
        return Array(text.utf8)
    }

    /// Bytes of the body that it has gathered.
    package var bodyBytes: Int { body.count + (raw?.count ?? 0) }

    private var wantsBody: Bool { request.digest != nil || request.pattern != nil }

    package mutating func handle(_ input: MachineInput) -> MachineStep {
        if let verdict = CheckMachine.verdict(on: input) { return .finish(verdict) }
        switch input {
        case .connected:
            guard case .connecting = phase else { return .wait }
            phase = .statusLine
            return .send(Self.text(of: request, version, endpoint))
        case .received(let bytes): return take(bytes)
        case .ended: return ended()
        case .examined(let finding):
            guard case .examining = phase else { return .wait }
            return .finish(verdict(on: finding))
        case .failed, .timedOut, .overdue: return .wait
        }
    }

    private func verdict(on finding: BodyFinding) -> CheckVerdict {
        switch finding {
        case .fits: .passed(detail: Int32(head.status))
        case .wrongDigest: .failed(.digest)
        case .wrongPattern: .failed(.pattern)
        case .tooExpensive: .failed(.patternLimit)
        }
    }

    // MARK: Header

    private mutating func take(_ bytes: UnsafeRawBufferPointer) -> MachineStep {
        var place = 0
        while place < bytes.count {
            switch phase {
            case .connecting, .examining: return .wait
            case .statusLine, .fields:
                if let step = takeHeader(bytes, &place) { return step }
            case .counted, .untilEnd, .chunked:
                return takeBody(UnsafeRawBufferPointer(rebasing: bytes[place...]))
            }
        }
        return .wait
    }

    /// Takes bytes up to the end of a line. Returns nil to go on.
    private mutating func takeHeader(_ bytes: UnsafeRawBufferPointer, _ place: inout Int) -> MachineStep? {
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            headerBytes += 1
            guard headerBytes <= Self.headerBytesMax else { return .finish(.failed(.headerTooLong)) }
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                continue
            }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            defer { line.removeAll(keepingCapacity: true) }
            return takeLine()
        }
        return nil
    }

    private mutating func takeLine() -> MachineStep? {
        guard case .fields = phase else {
            guard let status = ReplyHead.status(in: line) else { return .finish(.failed(.malformedStatusLine)) }
            head = ReplyHead()
            head.status = status
            phase = .fields
            return nil
        }
        if line.isEmpty { return headerEnded() }
        head.take(field: line)
        return nil
    }

    private mutating func headerEnded() -> MachineStep? {
        if (100..<200).contains(head.status), head.status != 101 {
            phase = .statusLine
            return nil
        }
        guard request.statusCodes.contains(where: { $0.contains(head.status) }) else {
            return .finish(.failed(.statusCode, detail: Int32(head.status)))
        }
        guard wantsBody else { return .finish(.passed(detail: Int32(head.status))) }
        // Replies that have no body, whatever their fields say (RFC 9112 section 6.3).
        if head.status == 204 || head.status == 304 { return examine() }
        if head.isChunked {
            if request.digest != nil { raw = [] }
            phase = .chunked
            return nil
        }
        guard !head.hasContradiction else { return .finish(.failed(.contradictingLengths)) }
        guard let length = head.length else {
            phase = .untilEnd
            return nil
        }
        guard length <= Self.bodyBytesMax else { return .finish(.failed(.bodyTooLong)) }
        phase = .counted(length)
        return length == 0 ? examine() : nil
    }

    // MARK: Body

    private mutating func takeBody(_ bytes: UnsafeRawBufferPointer) -> MachineStep {
        switch phase {
        case .counted(let left):
            body.append(contentsOf: bytes.prefix(left))
            phase = .counted(left - min(left, bytes.count))
            return bytes.count >= left ? examine() : .wait
        case .untilEnd:
            guard body.count + bytes.count <= Self.bodyBytesMax else { return .finish(.failed(.bodyTooLong)) }
            body.append(contentsOf: bytes)
            return .wait
        case .chunked:
            let (progress, used) = chunks.take(bytes, into: &body)
            raw?.append(contentsOf: bytes.prefix(used))
            switch progress {
            case .more: return chunks.total <= Self.bodyBytesMax ? .wait : .finish(.failed(.bodyTooLong))
            case .complete: return examine()
            case .malformed: return .finish(.failed(.malformedChunk))
            }
        default: return .wait
        }
    }

    private mutating func examine() -> MachineStep {
        phase = .examining
        defer {
            body = []
            raw = nil
        }
        return .examine(BodyExamination(body: body, raw: raw, digest: request.digest, pattern: request.pattern))
    }

    private mutating func ended() -> MachineStep {
        switch phase {
        case .connecting: return .finish(.failed(.closedEarly))
        case .statusLine, .fields: return .finish(.failed(headerBytes == 0 ? .noReply : .closedEarly))
        // A body that is shorter than Content-Length passes in keepalived, too (behaviours_lvs2, B16).
        case .counted, .untilEnd: return examine()
        case .chunked: return .finish(.failed(.bodyCutOff))
        case .examining: return .wait
        }
    }
}

/// The fields of a reply's header that decide.
struct ReplyHead: Sendable {
    var status: UInt16 = 0
    /// Content-Length.
    private(set) var length: Int?
    /// Two lengths that differ, or one that isn't a number.
    private(set) var hasContradiction = false
    private(set) var isChunked = false

    /// The status code of `HTTP/d.d ddd`, with or without a reason after a blank.
    static func status(in line: [UInt8]) -> UInt16? {
        let head = Array("HTTP/".utf8)
        func isDigit(_ place: Int) -> Bool { (48...57).contains(line[place]) }
        guard line.count >= 12, line.starts(with: head), isDigit(5), line[6] == UInt8(ascii: "."), isDigit(7),
            line[8] == UInt8(ascii: " "), (9...11).allSatisfy(isDigit),
            line.count == 12 || line[12] == UInt8(ascii: " ")
        else { return nil }
        return line[9...11].reduce(0) { $0 * 10 + UInt16($1 - 48) }
    }

    /// Takes a field's line. One that continues the line before, or isn't `name: value`, is passed over.
    mutating func take(field line: [UInt8]) {
        if line[0] == UInt8(ascii: " ") || line[0] == UInt8(ascii: "\t") { return }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return }
        let name = line[..<colon].map(Self.lowercase)
        if name == Array("content-length".utf8) {
            // Equal ones in a list are one (RFC 9110 section 8.6).
            let lengths = line[(colon + 1)...].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            for length in lengths { take(length: Self.trimmed(length)) }
        } else if name == Array("transfer-encoding".utf8) {
            // The last coding is the one that ends the body.
            let value = Self.trimmed(line[(colon + 1)...]).map(Self.lowercase)
            let last = value.split(separator: UInt8(ascii: ",")).last.map { Array(Self.trimmed($0)) } ?? []
            isChunked = last == Array("chunked".utf8)
        }
    }

    private mutating func take(length text: ArraySlice<UInt8>) {
        var value = 0
        for digit in text {
            guard (48...57).contains(digit), value < Int(Int32.max) else { return hasContradiction = true }
            value = value * 10 + Int(digit - 48)
        }
        guard !text.isEmpty, length ?? value == value else { return hasContradiction = true }
        length = value
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var rest = bytes.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }
}
