import Base
import CNettle
import Wire

/// The keys for one kind of a cluster's frames (docs/decisions, D103, D105). Each frame ends with the first 16 bytes of an
/// HMAC-SHA-256 over all before.
package struct FrameKeys {
    /// The information from which a kind's keys are derived.
    private static func purpose(of kind: HeartbeatKind) -> String {
        switch kind {
        case .beat: "hasup beat"
        case .lockRequest: "hasup lock request"
        case .lockAnswer: "hasup lock answer"
        }
    }

    /// The place of kind and key number in a frame.
    private static let numberOffset = 3

    private struct Key {
        let number: UInt8
        var context: hmac_sha256_ctx
    }

    private var keys: [Key]

    /// The keys of a file for a cluster of this name: by HKDF-SHA-256, the name as salt and the kind as information.
    package init(_ file: KeyFile, cluster: String, kind: HeartbeatKind) {
        let purpose = Array(Self.purpose(of: kind).utf8)
        keys = file.keys.map { key in
            Key(
                number: key.number,
                context: hmac_sha256_ctx(keyed: Self.derive(key.bytes, salt: Array(cluster.utf8), purpose)))
        }
    }

    /// The number of the key that signs.
    package var signingNumber: UInt8 { keys.first?.number ?? 0 }

    /// Appends the signature of all bytes. Their fourth one has to have `signingNumber`.
    package mutating func sign(_ frame: inout [UInt8]) {
        guard !keys.isEmpty else { return }
        frame += frame.withUnsafeBytes { keys[0].context.signature(of: $0) }
    }

    /// Returns what was signed of a frame; nil if its signature isn't one of these keys'. The fourth byte says which key to
    /// try; nothing else is looked at before.
    package mutating func authentic(_ frame: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let length = frame.count - Heartbeat.signatureLength
        guard length > Self.numberOffset, let start = frame.baseAddress else { return nil }
        let number = frame[Self.numberOffset] & 0xf
        guard let place = keys.firstIndex(where: { $0.number == number }) else { return nil }
        let signed = UnsafeRawBufferPointer(rebasing: frame[..<length])
        let expected = keys[place].context.signature(of: signed)
        return nettle_memeql_sec(expected, start + length, expected.count) == 1 ? signed : nil
    }

    /// HKDF (RFC 5869) with SHA-256, as long as its hash.
    static func derive(_ secret: [UInt8], salt: [UInt8], _ information: [UInt8]) -> [UInt8] {
        var extractor = hmac_sha256_ctx(keyed: salt)
        var expander = hmac_sha256_ctx(keyed: extractor.digest(of: secret))
        // Of its first block, which is all that is needed, the counter follows the information.
        return expander.digest(of: information + [1])
    }
}

/// The number that stands for a cluster in frames.
package func clusterTag(of name: String) -> UInt32 {
    var context = sha256_ctx()
    nettle_sha256_init(&context)
    let bytes = Array(name.utf8)
    nettle_sha256_update(&context, bytes.count, bytes)
    var hash = [UInt8](repeating: 0, count: 4)
    nettle_sha256_digest(&context, hash.count, &hash)
    return hash.reduce(0) { $0 << 8 | UInt32($1) }
}

extension hmac_sha256_ctx {
    fileprivate init(keyed key: [UInt8]) {
        self.init()
        nettle_hmac_sha256_set_key(&self, key.count, key)
    }

    fileprivate mutating func digest(of bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { digest(of: $0, length: Int(SHA256_DIGEST_SIZE)) }
    }

    fileprivate mutating func signature(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        digest(of: bytes, length: Heartbeat.signatureLength)
    }

    /// The context is as it was before, afterwards.
    private mutating func digest(of bytes: UnsafeRawBufferPointer, length: Int) -> [UInt8] {
        nettle_hmac_sha256_update(&self, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            nettle_hmac_sha256_digest(&self, length, buffer.baseAddress)
            count = length
        }
    }
}
