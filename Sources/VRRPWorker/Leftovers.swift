import Base
import ConfigurationModel
import Kernel
import Reactor
import VRRP
import WorkerProtocol

/// The ledger of addresses in its memory file (docs/decisions.md, D14).
extension AddressPage {
    /// What was written, as far as it can be read.
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

/// Virtual addresses that a dead worker, or a keepalived, has left on interfaces.
enum Leftovers {
    /// Removes them. - Returns: what the kernel hasn't let go. - Throws: `SystemError`.
    static func remove(
        _ leaving: [AddressRecord], links: [Link], through connection: RouteConnection
    ) throws(SystemError) -> [AddressRecord] {
        guard !leaving.isEmpty else { return [] }
        let names = Dictionary(links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
        let addresses = leaving.map {
            InterfaceAddress($0.key, named: names[$0.key.interfaceIndex] ?? "interface \($0.key.interfaceIndex)")
        }
        var outcomes: [AddressOutcome] = addresses.map { _ in .pending }
        try connection.withdraw(addresses, into: &outcomes)
        return zip(leaving, outcomes).filter { !$1.isWithdrawn }.map(\.0)
    }
}
