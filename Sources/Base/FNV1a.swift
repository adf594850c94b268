/// The 64-bit hash FNV-1a: the same in every process and in every version.
package struct FNV1a: Sendable {
    package var value: UInt64

    /// - Parameter salt: what keeps equal bytes of different things apart.
    @inlinable package init(salt: UInt64 = 0) { value = 0xcbf2_9ce4_8422_2325 ^ salt }

    @inlinable package mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    @inlinable package mutating func add(_ bytes: some Sequence<UInt8>) { for byte in bytes { add(byte) } }
    // For these types, too: other modules call the generic one as it is, which takes ten times as long.
    package mutating func add(_ bytes: [UInt8]) { for byte in bytes { add(byte) } }
    package mutating func add(_ text: String.UTF8View) { for byte in text { add(byte) } }
}
