import Base
import Testing
import Wire

@Suite struct HeartbeatTests {
    static let beat = Heartbeat(
        keyNumber: 5, cluster: 0xa1b2_c3d4, sender: 1, path: 2, nonce: 0x0102_0304_0506_0708, sequence: 9,
        stayBound: .milliseconds(900), settings: 0x1122_3344, references: .answered(age: .milliseconds(130)),
        echoes: [
            HeartbeatEcho(
                node: 0, hearsAdverts: true, isGoodbye: false, held: .microseconds(1_500),
                nonce: 0x1112_1314_1516_1718, sequence: 7)
        ],
        standings: [
            GroupStanding(
                group: 0, state: 2, flags: [.ready, .isProved, .addressIsThere], priority: 150, assentsTo: nil,
                epoch: 3, claim: 4)
        ])

    /// D103, field by field; with the signature these are 104 bytes.
    static let golden = hex(
        "4855 01 15 a1b2c3d4 01 02 01 01 0102030405060708 0000000000000009 00000384 11223344 00000082"
            + "00 01 0000 000005dc 1112131415161718 0000000000000007"
            + "0000 02 29 96 ff 0000 0000000000000003 0000000000000004")

    private func encoded(_ beat: Heartbeat) -> [UInt8] {
        var writer = ByteWriter()
        beat.encode(into: &writer)
        return writer.bytes
    }

    private func decoded(_ bytes: [UInt8]) throws(HeartbeatError) -> Heartbeat {
        // A closure's typed error is lost in withUnsafeBytes.
        try bytes.withUnsafeBytes { buffer in Result { () throws(HeartbeatError) in try Heartbeat(buffer) } }.get()
    }

    private func error(of bytes: [UInt8]) -> HeartbeatError? {
        do throws(HeartbeatError) {
            _ = try decoded(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test func bytesAsDecided() throws {
        #expect(encoded(Self.beat) == Self.golden)
        #expect(Self.golden.count + Heartbeat.signatureLength == 104)
        #expect(try decoded(Self.golden) == Self.beat)
    }

    @Test func theLargestFrameIsRead() throws {
        var beat = Self.beat
        beat.echoes = (UInt8(0)..<9).map { node in
            var echo = Self.beat.echoes[0]
            echo.node = node
            return echo
        }
        beat.standings = (UInt8(0)..<49).map { group in
            var standing = Self.beat.standings[0]
            standing.group = group
            standing.assentsTo = group % 8
            return standing
        }
        let bytes = encoded(beat)
        #expect(bytes.count + Heartbeat.signatureLength == Heartbeat.bytesMax)
        beat.echoes.removeLast()
        beat.standings.removeLast()
        #expect(try decoded(bytes) == beat)
    }

    @Test func eachTruncationIsRefused() {
        for count in 0..<Self.golden.count { #expect(error(of: Array(Self.golden.prefix(count))) == .length) }
        #expect(error(of: Self.golden + [0]) == .length)
    }

    /// Values at their places: offset, byte, error.
    @Test(arguments: [
        (0, 0x49, HeartbeatError.magic), (1, 0, .magic), (2, 2, .version), (2, 0, .version), (3, 0x05, .kind),
        (3, 0x25, .kind), (3, 0xf5, .kind), (8, 8, .value), (10, 9, .counts), (11, 49, .counts), (10, 2, .length),
        (10, 0, .length), (11, 0, .length), (40, 8, .value), (64, 1, .value), (65, 48, .value), (66, 4, .value),
        (69, 8, .value), (69, 0xfe, .value),
    ])
    func eachWrongValueIsRefused(offset: Int, byte: Int, expected: HeartbeatError) {
        var bytes = Self.golden
        bytes[offset] = UInt8(byte)
        #expect(error(of: bytes) == expected)
    }

    @Test func aNodeOrGroupThatIsThereTwiceIsRefused() {
        var echoes = Self.beat
        echoes.echoes.append(echoes.echoes[0])
        #expect(error(of: encoded(echoes)) == .value)
        var standings = Self.beat
        standings.standings.append(standings.standings[0])
        #expect(error(of: encoded(standings)) == .value)
    }

    /// Bits that a later version may use are no reason to fall silent.
    @Test func reservedBitsAreIgnored() throws {
        var bytes = Self.golden
        for (offset, bits) in [(41, 0xfc), (42, 0xff), (43, 0xff), (67, 0xc0), (70, 0xff), (71, 0xff)] {
            bytes[offset] |= UInt8(bits)
        }
        #expect(try decoded(bytes) == Self.beat)
    }

    @Test func timesAreRoundedToTheSafeSideAndBounded() throws {
        func seen(_ change: (inout Heartbeat) -> Void) throws -> Heartbeat {
            var beat = Self.beat
            change(&beat)
            return try decoded(encoded(beat))
        }
        let bound = Interval(nanoseconds: 900_000_001)
        #expect(try seen { $0.stayBound = bound }.stayBound == .milliseconds(901))
        #expect(try seen { $0.stayBound = .seconds(1 << 32) }.stayBound == .milliseconds(Int64(UInt32.max)))
        #expect(try seen { $0.stayBound = .seconds(-1) }.stayBound == .zero)
        let held = Interval(nanoseconds: 1_999)
        #expect(try seen { $0.echoes[0].held = held }.echoes[0].held == .microseconds(1))
        #expect(try seen { $0.references = .lost }.references == .lost)
        #expect(try seen { $0.references = .notConfigured }.references == .notConfigured)
        #expect(
            try seen { $0.references = .answered(age: .seconds(1 << 32)) }.references
                == .answered(age: .milliseconds(Int64(UInt32.max) - 2)))
    }
}
