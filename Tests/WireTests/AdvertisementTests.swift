import Base
import Testing
import Wire

/// A recorded advertisement and what it says.
struct Recorded: Sendable, CustomStringConvertible {
    var name: String
    var advertisement: Advertisement
    var source = "10.0.0.1"
    var destination = "224.0.0.18"
    var identification: UInt16 = 1
    var header: String
    var pdu: String
    var description: String { name }
}

/// Captured from a running peer.
let recorded: [Recorded] = [
    Recorded(
        name: "v2, two addresses",
        advertisement: Advertisement(
            version: .v2, virtualRouterID: vrid(20), priority: Priority(rawValue: 150), interval: .seconds(1),
            addresses: [address("10.0.4.1"), address("10.0.4.2")]),
        header: "45c0002c00010000ff70d08d0a000001e0000012",
        pdu: "2114960200012ce50a0004010a0004020000000000000000"),
    Recorded(
        name: "v2, stop",
        advertisement: Advertisement(
            version: .v2, virtualRouterID: vrid(20), priority: .release, interval: .seconds(1),
            addresses: [address("10.0.4.1"), address("10.0.4.2")]),
        identification: 3, header: "45c0002c00030000ff70d08b0a000001e0000012",
        pdu: "211400020001c2e50a0004010a0004020000000000000000"),
    Recorded(
        name: "v2, password",
        advertisement: Advertisement(
            version: .v2, virtualRouterID: vrid(21), priority: .standard, interval: .seconds(1),
            addresses: [address("10.0.4.21")], password: Array("secret".utf8) + [0, 0]),
        header: "45c0002800010000ff70d0910a000001e0000012", pdu: "2115640101012f870a0004157365637265740000"),
    Recorded(
        name: "v3, half a second",
        advertisement: Advertisement(
            version: .v3, virtualRouterID: vrid(23), priority: .standard, interval: .centiseconds(50),
            addresses: [address("10.0.4.23")]),
        header: "45c0002000010000ff70d0990a000001e0000012", pdu: "311764010032720e0a000417"),
    Recorded(
        name: "v3, checksum without pseudo-header",
        advertisement: Advertisement(
            version: .v3, virtualRouterID: vrid(24), priority: .standard, interval: .seconds(1),
            addresses: [address("10.0.4.24")], checksumWithoutPseudoHeader: true),
        header: "45c0002000010000ff70d0990a000001e0000012", pdu: "3118640100645c6a0a000418"),
    Recorded(
        name: "v3, unicast",
        advertisement: Advertisement(
            version: .v3, virtualRouterID: vrid(26), priority: .standard, interval: .seconds(1),
            addresses: [address("10.0.4.26")]),
        destination: "10.0.0.2", header: "45c0002000010000ff70a6aa0a0000010a000002", pdu: "311a6401006447e70a00041a"),
    Recorded(
        name: "v3, IPv6",
        advertisement: Advertisement(
            version: .v3, virtualRouterID: vrid(25), priority: .standard, interval: .seconds(1),
            addresses: [address("fe80::25"), address("2001:db8::25")]),
        source: "fe80::1", destination: "ff02::12",
        header: "6c000000002870ff fe800000000000000000000000000001 ff020000000000000000000000000012",
        pdu: "3119640200643fcd fe800000000000000000000000000025 20010db8000000000000000000000025"),
    Recorded(
        name: "v2, IPv6, as keepalived sends it",
        advertisement: Advertisement(
            version: .v2, virtualRouterID: vrid(51), priority: Priority(rawValue: 150), interval: .seconds(1),
            addresses: [address("fe80::100"), address("fd00::100")]),
        source: "fe80::f8e9:d3ff:fe06:7abf", destination: "ff02::12", header: "",
        pdu: "2133960200010769 fe800000000000000000000000000100 fd000000000000000000000000000100"),
]

@Suite struct AdvertisementTests {
    @Test(arguments: recorded)
    func encodesAsRecorded(_ sample: Recorded) {
        let source = address(sample.source)
        let destination = address(sample.destination)
        #expect(sample.advertisement.encode(source: source, destination: destination) == hex(sample.pdu))
        guard !sample.header.isEmpty else { return }
        let packet = encodeAdvertisementPacket(
            sample.advertisement, source: source, destination: destination, identification: sample.identification)
        #expect(packet == hex(sample.header) + hex(sample.pdu))
    }

    @Test(arguments: recorded)
    func decodesAsRecorded(_ sample: Recorded) throws {
        let source = address(sample.source)
        let destination = address(sample.destination)
        try hex(sample.pdu).withUnsafeBytes { bytes in
            let view = try AdvertisementView(bytes, family: source.family)
            let said = sample.advertisement
            #expect(view.version == said.version)
            #expect(view.isAdvertisement)
            #expect(view.rawVirtualRouterID == said.virtualRouterID.rawValue)
            #expect(view.priority == said.priority)
            #expect(view.interval == said.interval)
            #expect(view.addresses == said.addresses)
            #expect(view.hasAddressList(said.addresses.flatMap(\.bytes)))
            #expect(!view.hasAddressList([]))
            let verdict: ChecksumResult = said.checksumWithoutPseudoHeader ? .rightWithoutPseudoHeader : .right
            #expect(view.checkChecksum(source: source, destination: destination) == verdict)
            if said.version == .v2, source.family == .ipv4 {
                #expect(view.authenticationType == (said.password == nil ? 0 : 1))
                #expect(view.hasPassword(said.password ?? []))
                #expect(!view.hasPassword(Array("wrong".utf8)))
            }
        }
    }

    /// Whatever is cut off, it's no advertisement, and never a trap.
    @Test(arguments: recorded)
    func refusesTruncated(_ sample: Recorded) {
        let whole = hex(sample.pdu)
        let family = address(sample.source).family
        for count in 0..<whole.count {
            whole[..<count].withUnsafeBytes { bytes in
                _ = #expect(throws: AdvertisementError.length) { try AdvertisementView(bytes, family: family) }
            }
        }
        (whole + [0]).withUnsafeBytes { bytes in
            _ = #expect(throws: AdvertisementError.length) { try AdvertisementView(bytes, family: family) }
        }
    }

    /// One flipped bit anywhere: refused, or its checksum is wrong.
    @Test(arguments: recorded)
    func refusesEachFlippedBit(_ sample: Recorded) {
        let source = address(sample.source)
        let destination = address(sample.destination)
        let whole = hex(sample.pdu)
        for bit in 0..<whole.count * 8 {
            var bent = whole
            bent[bit / 8] ^= 1 << UInt8(bit % 8)
            bent.withUnsafeBytes { bytes in
                guard let view = try? AdvertisementView(bytes, family: source.family),
                    view.rawVersion == sample.advertisement.version.rawValue
                else { return }
                let verdict = view.checkChecksum(source: source, destination: destination)
                #expect(verdict == .wrong, "bit \(bit)")
            }
        }
    }

    /// Random bytes of every length: read without a trap.
    @Test func survivesRandomBytes() {
        var random = SeededRandom(seed: 9568)
        for length in 0..<600 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            for family in [AddressFamily.ipv4, .ipv6] {
                bytes.withUnsafeBytes { raw in
                    guard let view = try? AdvertisementView(raw, family: family) else { return }
                    _ = view.addresses
                    _ = view.hasPassword(bytes)
                    _ = view.hasAddressList(bytes)
                    _ = view.checkChecksum(source: address("10.0.0.1"), destination: address("224.0.0.18"))
                }
            }
        }
    }

    /// A password has no room over IPv6: it isn't said that there is one.
    @Test func versionTwoOverIPv6HasNoPassword() throws {
        var advertisement = try #require(recorded.last?.advertisement)
        let plain = advertisement.encode(source: address("fe80::1"), destination: address("ff02::12"))
        advertisement.password = Array("secret\0\0".utf8)
        #expect(advertisement.encode(source: address("fe80::1"), destination: address("ff02::12")) == plain)
        try plain.withUnsafeBytes { bytes in
            let view = try AdvertisementView(bytes, family: .ipv6)
            #expect(!view.hasPassword([]))
        }
    }

    /// What shares VRRP's number or adds to its packets is named, and nothing else of a wrong length is.
    @Test func namesWhatIsNoPlainAdvertisement() {
        func error(_ text: String, _ family: AddressFamily = .ipv4) -> AdvertisementError? {
            hex(text).withUnsafeBytes { bytes in
                do throws(AdvertisementError) {
                    _ = try AdvertisementView(bytes, family: family)
                    return nil
                } catch {
                    return error
                }
            }
        }
        // CARP: vhid 51, advskew 0, counter and digest.
        let carp = "2133000700019a3c" + String(repeating: "5a", count: 28)
        #expect(error(carp) == .carp)
        #expect(error(carp, .ipv6) == .carp)
        #expect(error(carp + "00") == .length)
        #expect(error("2233" + carp.dropFirst(4)) == .length)
        // auth_hmac, as recorded.
        let signed = "311b6401006471d40a00041b 010100006b0482e19f9100005705edfcbe2b598824cbcf40cc408c32"
        #expect(error(signed) == .authenticationTrailer)
        #expect(error(signed.replacing("041b 01", with: "041b 02")) == .length)
        #expect(error(signed.replacing("041b 01010000", with: "041b 01010001")) == .length)
        #expect(error(signed + "00") == .length)
        #expect(error("311b6401006471d40a00041b") == nil)
    }

    @Test func carriesAtMost255AddressesOfItsFamily() throws {
        var advertisement = recorded[3].advertisement
        advertisement.addresses = (0..<300).map { IPAddress(v4: 0x0a00_0000 + $0) } + [address("fe80::1")]
        let pdu = advertisement.encode(source: address("10.0.0.1"), destination: address("224.0.0.18"))
        try pdu.withUnsafeBytes { bytes in
            let view = try AdvertisementView(bytes, family: .ipv4)
            #expect(view.addressCount == 255)
        }
    }

    /// RFC 9568 §5.2.6: four reserved bits above a 12-bit interval.
    @Test func clampsTheIntervalToItsField() throws {
        var advertisement = recorded[3].advertisement
        advertisement.interval = .seconds(100)
        let pdu = advertisement.encode(source: address("10.0.0.1"), destination: address("224.0.0.18"))
        try pdu.withUnsafeBytes { bytes in
            let view = try AdvertisementView(bytes, family: .ipv4)
            #expect(view.interval == .centiseconds(4095))
        }
        var reserved = pdu
        reserved[4] |= 0xf0
        try reserved.withUnsafeBytes { bytes in
            let view = try AdvertisementView(bytes, family: .ipv4)
            #expect(view.interval == .centiseconds(4095))
        }
    }
}
