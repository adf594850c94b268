import Base
import Testing

@Suite struct BytesTests {
    @Test func roundTrip() throws {
        var writer = ByteWriter()
        writer.write(UInt8(1))
        writer.write(UInt16(0x0203))
        writer.write(UInt32(0x0405_0607))
        writer.write(UInt64.max - 1)
        writer.write(Int64(-2))
        writer.write(true)
        writer.write("héllo")
        writer.write(try #require(IPAddress("10.0.0.1")))
        writer.write(try #require(IPAddress("2001:db8::1")))
        #expect(writer.bytes[..<7] == [1, 2, 3, 4, 5, 6, 7])
        try writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            #expect(try reader.readUInt8() == 1)
            #expect(try reader.readUInt16() == 0x0203)
            #expect(try reader.readUInt32() == 0x0405_0607)
            #expect(try reader.readUInt64() == .max - 1)
            #expect(try reader.readInt64() == -2)
            #expect(try reader.readBool())
            #expect(try reader.readString() == "héllo")
            #expect(try reader.readAddress(.ipv4).description == "10.0.0.1")
            #expect(try reader.readAddress(.ipv6).description == "2001:db8::1")
            try reader.finish()
        }
    }

    /// Nothing beyond the end, whatever a length says.
    @Test func refuses() {
        func refuses(_ bytes: [UInt8], _ error: ByteError, _ read: (inout ByteReader) throws -> Void) {
            bytes.withUnsafeBytes { raw in
                var reader = ByteReader(raw)
                do {
                    try read(&reader)
                    Issue.record("read beyond the end")
                } catch let found {
                    #expect(found as? ByteError == error)
                }
            }
        }
        refuses([], .truncated) { _ = try $0.readUInt8() }
        refuses([1], .truncated) { _ = try $0.readUInt16() }
        refuses([1, 2, 3], .truncated) { _ = try $0.readUInt32() }
        refuses([1, 2, 3, 4, 5, 6, 7], .truncated) { _ = try $0.readUInt64() }
        refuses([2], .invalid) { _ = try $0.readBool() }
        refuses([0xff, 0xff, 0xff, 0xff, 65], .truncated) { _ = try $0.readString() }
        refuses([0, 0, 0, 1, 0xff], .invalid) { _ = try $0.readString() }
        refuses([1, 2, 3], .truncated) { _ = try $0.readView(-1) }
        refuses([1, 2, 3], .truncated) { _ = try $0.readBytes(.max) }
        refuses([1], .trailing) { try $0.finish() }
    }

    @Test func patch() {
        var writer = ByteWriter()
        writer.write(UInt32(0))
        writer.patch(0xabcd, at: 1)
        #expect(writer.bytes == [0, 0xab, 0xcd, 0])
    }

    /// RFC 1071 §3's example, and odd lengths.
    @Test func internetChecksum() {
        func checksum(_ bytes: [UInt8]) -> UInt16 {
            bytes.withUnsafeBytes { raw in
                var sum = InternetChecksum()
                sum.add(raw)
                return sum.value
            }
        }
        #expect(checksum([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]) == ~0xddf2)
        #expect(checksum([]) == 0xffff)
        #expect(checksum([0x12]) == ~0x1200)
        #expect(checksum([UInt8](repeating: 0xff, count: 100_000)) == 0)
        var sum = InternetChecksum()
        sum.add(IPAddress(v4: 0x0a00_0001))
        #expect(sum.value == ~0x0a01)
        sum.add(IPAddress(v6High: 0xffff_ffff_ffff_ffff, low: 1))
        #expect(sum.value == ~0x0a02)
    }
}
