import Base
import ConfigurationModel
import VRRP
import WorkerProtocol

/// The ledger of addresses in its memory file (docs/decisions, D14).
extension AddressPage {
    /// The entries that can be read.
    package var records: [AddressRecord] {
        let bytes = UnsafeRawBufferPointer(slots)
        return (0..<slotsUsed).compactMap { slot in
            let start = slot * Self.slotSize
            return AddressRecord(UnsafeRawBufferPointer(rebasing: bytes[start..<start + Self.slotSize]), slot: slot)
        }
    }

    /// Writes an entry, or ends one. Its first word, the checksum, is written last and taken away first: a process that is
    /// killed in between leaves no entry.
    package func write(_ record: AddressRecord?, at slot: Int) {
        guard (0..<Self.slotCount).contains(slot) else { return }
        let place = UnsafeMutableRawBufferPointer(
            rebasing: slots[slot * Self.slotSize..<(slot + 1) * Self.slotSize])
        place.storeBytes(of: 0, as: UInt64.self)
        guard let record else { return }
        if slot >= slotsUsed { slotsUsed = slot + 1 }
        record.bytes.withUnsafeBytes { bytes in
            for offset in 8..<Self.slotSize { place[offset] = bytes[offset] }
            place.storeBytes(of: bytes.loadUnaligned(as: UInt64.self), as: UInt64.self)
        }
    }
}
