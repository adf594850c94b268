import Base
import Testing
import Wire

@Suite("The question who has an address, and answers to it (RFC 5227, RFC 4861, RFC 4862; docs/decisions, D108)")
struct AddressClaimTests {
    let hardware = MACAddress(bits: 0x0200_0000_0001)
    let other = MACAddress(bits: 0x0200_0000_0002)

    private func claim(_ frame: [UInt8]) -> AddressClaim? { frame.withUnsafeBytes { AddressClaim(frame: $0) } }

    /// RFC 5227 §1.1: the sender's address is 0, so that no cache changes.
    @Test func arpProbe() {
        let expected =
            "ffffffffffff 020000000001 0806 0001080006040001 020000000001 00000000 000000000000 0a000401"
        #expect(encodeAddressQuestion(for: address("10.0.4.1"), from: hardware) == hex(expected))
    }

    /// RFC 4862 §5.4.2: from the unspecified address, and so without the option (RFC 4861 §4.3).
    @Test func neighborSolicitation() throws {
        let frame = encodeAddressQuestion(for: address("2001:db8::12:3456"), from: hardware)
        let headers =
            "3333ff123456 020000000001 86dd 6c000000 0018 3a ff 00000000000000000000000000000000"
            + "ff0200000000000000000001ff123456"
        #expect(Array(frame[..<54]) == hex(headers))
        #expect(frame[54..<56] == [135, 0] && Array(frame[58..<62]) == [0, 0, 0, 0])
        #expect(Array(frame[62...]) == hex("20010db8000000000000000000123456"))
        let sum = frame[54...].withUnsafeBytes { bytes in
            var sum = InternetChecksum()
            sum.addPseudoHeader(
                source: address("::"), destination: address("ff02::1:ff12:3456"), length: bytes.count, next: 58)
            sum.add(bytes)
            return sum.value
        }
        #expect(sum == 0)
    }

    private func arp(_ operation: String = "0002", sender: String = "0a000401", machine: String = "020000000002")
        -> [UInt8]
    {
        hex("020000000001 020000000009 0806 000108000604") + hex(operation) + hex(machine) + hex(sender)
            + hex("020000000001 00000000")
    }

    @Test func arpReplies() {
        let expected = AddressClaim(address: address("10.0.4.1"), machine: other)
        #expect(claim(arp()) == expected)
        #expect(claim(arp() + [UInt8](repeating: 0, count: 18)) == expected, "Ethernet's padding")
        #expect(claim(arp("0001")) == nil, "a request claims nothing")
        #expect(claim(arp("0008")) == nil)
        #expect(claim(arp(sender: "00000000")) == nil)
        #expect(claim(arp(machine: "000000000000")) == nil)
        for length in 0..<42 { #expect(claim(Array(arp()[..<length])) == nil) }
        for place in [15, 17, 18, 19] {
            var changed = arp()
            changed[place] ^= 4
            #expect(claim(changed) == nil, "byte \(place)")
        }
    }

    /// A neighbour advertisement, by the encoder of those that hasup sends itself.
    private func advertisement(_ change: (inout [UInt8]) -> Void = { _ in }) throws -> [UInt8] {
        var frame = try #require(
            encodeNeighborAdvertisement(for: address("2001:db8::25"), from: other, isRouter: false))
        change(&frame)
        // The checksum is right whatever was changed.
        frame.replaceSubrange(56..<58, with: [0, 0])
        let source = frame.withUnsafeBytes { bytes in
            IPAddress(
                v6High: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 22, as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 30, as: UInt64.self)))
        }
        let destination = frame.withUnsafeBytes { bytes in
            IPAddress(
                v6High: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 38, as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 46, as: UInt64.self)))
        }
        let sum = frame[54...].withUnsafeBytes { bytes in
            var sum = InternetChecksum()
            sum.addPseudoHeader(source: source, destination: destination, length: bytes.count, next: 58)
            sum.add(bytes)
            return sum.value
        }
        frame.replaceSubrange(56..<58, with: [UInt8(sum >> 8), UInt8(sum & 0xff)])
        return frame
    }

    @Test func neighborAdvertisements() throws {
        #expect(claim(try advertisement()) == AddressClaim(address: address("2001:db8::25"), machine: other))
        let withoutOption = try advertisement {
            $0.removeLast(8)
            $0[19] = 24
            $0[11] = 7
        }
        #expect(
            claim(withoutOption)
                == AddressClaim(address: address("2001:db8::25"), machine: MACAddress(bits: 0x0200_0000_0007)))
    }

    /// RFC 4861 §7.1.2.
    @Test func advertisementsThatAreNone() throws {
        var wrong = try advertisement()
        wrong[56] ^= 1
        #expect(claim(wrong) == nil, "checksum")
        let changes: [(String, (inout [UInt8]) -> Void)] = [
            ("hop limit", { $0[21] = 254 }), ("code", { $0[55] = 1 }), ("a solicitation", { $0[54] = 135 }),
            ("solicited, and to a group", { $0[58] |= 0x40 }), ("a group as its target", { $0[62] = 0xff }),
            ("an option without length", { $0[79] = 0 }), ("an option beyond the end", { $0[79] = 2 }),
            ("another next header", { $0[20] = 17 }), ("longer than the frame", { $0[19] = 40 }),
            ("shorter than one is", { $0[19] = 16 }), ("version 4", { $0[14] = 0x45 }),
        ]
        for (name, change) in changes { #expect(claim(try advertisement(change)) == nil, "\(name)") }
        let whole = try advertisement()
        for length in 0..<whole.count { #expect(claim(Array(whole[..<length])) == nil) }
    }

    @Test("our own questions claim nothing")
    func questions() {
        for target in ["10.0.4.1", "fe80::25"] {
            #expect(claim(encodeAddressQuestion(for: address(target), from: hardware)) == nil)
        }
    }
}
