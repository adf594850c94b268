import Base
import Testing
import Wire

@testable import Authentication

@Suite struct FrameKeysTests {
    /// A frame by key 5; its bytes are those of HeartbeatTests.
    static let frame: [UInt8] = {
        var writer = ByteWriter()
        Heartbeat(
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
            ]
        ).encode(into: &writer)
        return writer.bytes
    }()

    private func keys(_ text: String, cluster: String = "web", kind: HeartbeatKind = .beat) throws -> FrameKeys {
        FrameKeys(try KeyFile(Array(text.utf8)), cluster: cluster, kind: kind)
    }

    private func accepts(_ frame: [UInt8], _ keys: FrameKeys) -> Bool {
        var keys = keys
        return frame.withUnsafeBytes { keys.authentic($0)?.elementsEqual(frame.dropLast(16)) ?? false }
    }

    private func signed(_ keys: FrameKeys) -> [UInt8] {
        var keys = keys
        var frame = Self.frame
        // A signature leaves the keys as they were.
        keys.sign(&frame)
        frame = Self.frame
        keys.sign(&frame)
        return frame
    }

    /// Computed by another program.
    @Test func theSignatureIsAsDecided() throws {
        let expected: [UInt8] = [
            0x0a, 0xbd, 0x01, 0x8b, 0xf9, 0x83, 0x06, 0xb3, 0xb7, 0x86, 0xe2, 0x6d, 0x06, 0x81, 0x3e, 0x0a,
        ]
        #expect(signed(try keys(KeyFileTests.line)) == Self.frame + expected)
        #expect(clusterTag(of: "web") == 0x4b5e_57f6)
    }

    /// RFC 5869, A.1: its first 32 bytes.
    @Test func keysAreDerivedByHKDF() {
        let derived = FrameKeys.derive(
            [UInt8](repeating: 0x0b, count: 22), salt: Array(0...0x0c), Array(0xf0...0xf9))
        #expect(derived.prefix(8) == [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a])
        #expect(derived.suffix(8) == [0x5d, 0xb0, 0x2d, 0x56, 0xec, 0xc4, 0xc5, 0xbf])
    }

    @Test func eachChangedByteIsRefused() throws {
        let keys = try keys(KeyFileTests.line)
        let frame = signed(keys)
        #expect(accepts(frame, keys))
        for place in frame.indices {
            var changed = frame
            changed[place] ^= 1
            #expect(!accepts(changed, keys), "byte \(place)")
        }
        for count in 0..<frame.count { #expect(!accepts(Array(frame.prefix(count)), keys)) }
    }

    @Test func allKeysVerifyAndTheFirstSigns() throws {
        let old = try keys("\(KeyFileTests.line)")
        let next = try keys("\(KeyFileTests.other)\n\(KeyFileTests.line)")
        #expect(accepts(signed(old), next))
        #expect(next.signingNumber == 1)
        #expect(!accepts(signed(next), old))
    }

    @Test func anotherClusterOrKindHasOtherKeys() throws {
        let frame = signed(try keys(KeyFileTests.line))
        #expect(!accepts(frame, try keys(KeyFileTests.line, cluster: "mail")))
        #expect(!accepts(frame, try keys(KeyFileTests.line, kind: .lockAnswer)))
    }
}
