import Base
import Testing
import Wire

@Suite struct IPHeaderTests {
    static let source = address("10.0.0.1")
    static let group = address("224.0.0.18")

    static func packet(payload: [UInt8] = [1, 2, 3, 4]) -> [UInt8] {
        encodeIPv4Header(
            source: source, destination: group, payloadLength: payload.count, protocolNumber: 112, timeToLive: 255,
            identification: 7) + payload
    }

    /// RFC 791 §3.1: what the encoder writes is read again.
    @Test func readsWhatIsEncoded() throws {
        try Self.packet().withUnsafeBytes { bytes in
            let header = try #require(IPHeaderView(bytes))
            #expect(header.source == Self.source && header.destination == Self.group)
            #expect(header.timeToLive == 255 && header.payloadLength == 4)
            #expect(Array(header.payload) == [1, 2, 3, 4])
        }
    }

    /// The payload begins behind the options.
    @Test func options() throws {
        var packet = Self.packet()
        packet[0] = 0x46
        packet.insert(contentsOf: [1, 1, 1, 0], at: 20)
        packet[3] = UInt8(packet.count)
        try packet.withUnsafeBytes { bytes in
            let header = try #require(IPHeaderView(bytes))
            #expect(header.payloadLength == 4 && Array(header.payload) == [1, 2, 3, 4])
        }
    }

    /// Padding of the link, a packet cut short, and a length that doesn't cover the header: the length is the field's.
    @Test func lengths() throws {
        for (total, behind, expected) in [(24, 26, 4), (60, 4, 40), (19, 4, -1)] {
            var packet = Self.packet(payload: [UInt8](repeating: 9, count: behind))
            packet[2] = 0
            packet[3] = UInt8(total)
            try packet.withUnsafeBytes { bytes in
                let header = try #require(IPHeaderView(bytes))
                #expect(header.payloadLength == expected && header.payload.count == behind)
            }
        }
    }

    @Test func refusesWhatIsNoHeader() {
        let whole = Self.packet(payload: [])
        func isHeader(_ packet: [UInt8]) -> Bool { packet.withUnsafeBytes { IPHeaderView($0) != nil } }
        #expect(isHeader(whole))
        #expect(!isHeader(Array(whole.dropLast())), "truncated")
        for first: UInt8 in [0x44, 0x46, 0x65, 0] {
            #expect(
                !isHeader([first] + whole.dropFirst()),
                "a header of less than 20 bytes, or more than there are; not IPv4")
        }
    }

    /// Only the field changes.
    @Test func identification() {
        var packet = Self.packet()
        let before = packet
        packet.withUnsafeMutableBytes { bytes in
            if let start = bytes.baseAddress { IPHeaderView.setIdentification(0xabcd, of: start) }
        }
        #expect(packet == before[..<4] + [0xab, 0xcd] + before[6...])
    }
}
