import Base
import Testing
import Wire

@Suite struct AnnouncementTests {
    let hardware = MACAddress(bits: 0x0200_0000_0001)

    @Test func gratuitousARPAsRecorded() {
        let expected =
            "ffffffffffff 020000000001 0806 0001080006040001 020000000001 0a000401 ffffffffffff 0a000401"
        #expect(encodeGratuitousARP(for: address("10.0.4.1"), from: hardware) == hex(expected))
        #expect(encodeGratuitousARP(for: address("fe80::1"), from: hardware) == nil)
    }

    @Test func neighborAdvertisementAsRecorded() {
        let headers =
            "333300000001 020000000001 86dd 6c000000 0020 3a ff"
            + "fe800000000000000000000000000025 ff020000000000000000000000000001"
        let message = "8800 5753 20000000 fe800000000000000000000000000025 0201 020000000001"
        let frame = encodeNeighborAdvertisement(for: address("fe80::25"), from: hardware, isRouter: false)
        #expect(frame == hex(headers) + hex(message))
        #expect(encodeNeighborAdvertisement(for: address("10.0.4.1"), from: hardware, isRouter: false) == nil)
    }

    /// RFC 4861 §4.4: the Router flag is the first bit, and the checksum covers it.
    @Test func neighborAdvertisementOfARouter() throws {
        let frame = try #require(
            encodeNeighborAdvertisement(for: address("2001:db8::25"), from: hardware, isRouter: true))
        #expect(frame[58] == 0xa0)
        let message = Array(frame[54...])
        let sum = message.withUnsafeBytes { bytes in
            var sum = InternetChecksum()
            sum.addPseudoHeader(
                source: address("2001:db8::25"), destination: address("ff02::1"), length: bytes.count, next: 58)
            sum.add(bytes)
            return sum.value
        }
        #expect(sum == 0)
    }
}
