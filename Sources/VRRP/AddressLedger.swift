import Base
import ConfigurationModel

/// The virtual addresses that hasup has added (docs/decisions, D14): an entry is made before the kernel is asked for
/// an address, and ends when the kernel has confirmed that it is gone, or with its interface. What appears afterwards
/// is another program's.
struct AddressLedger {
    enum Phase: Hashable {
        /// The kernel is to add it. New: it wasn't in the ledger before.
        case requested(isNew: Bool)
        case present
        /// Another program has removed it.
        case missing
        /// The kernel is to remove it.
        case withdrawing
    }

    struct Entry {
        /// Nil when the instance is gone.
        var owner: InstanceID?
        var fingerprint: UInt64
        /// The options that it was added with, as `VirtualAddress.form`; 0 when that isn't known.
        var form: UInt64
        /// The options that it is to be added with: the kernel may have the other form until it says that it has done
        /// it.
        var requestedForm: UInt64
        var phase: Phase
        /// The last request about it: an answer to an older one changes nothing.
        var ticket: UInt64 = 0
        /// True until a worker has heard that the kernel has added it: it hasn't been announced.
        var isUnconfirmed: Bool
        /// True if it went, or may have gone, before the answer came: before the kernel did what was requested, or
        /// after it.
        var mayBeGone = false
        fileprivate var slot: Int32

        /// True if the kernel should have it, or is to have it.
        var isWanted: Bool {
            switch phase {
            case .present, .requested: true
            case .missing, .withdrawing: false
            }
        }

        /// True if the kernel has it, or will have it, in another form than this.
        func hasOtherForm(than address: VirtualAddress) -> Bool {
            switch phase {
            case .present: form != 0 && form != address.form
            case .requested: requestedForm != 0 && requestedForm != address.form
            case .missing, .withdrawing: false
            }
        }
    }

    private(set) var entries: [AddressKey: Entry] = [:]
    private var counts: [InstanceID: Int] = [:]
    private var interfaceCounts: [Int32: Int] = [:]
    /// The number of entries that belong to no instance any more.
    private(set) var orphanCount = 0
    private var freeSlots: [Int32] = []
    private var slotsUsed: Int32 = 0
    /// Slots that differ from what was saved.
    private var changes: [(slot: Int32, record: AddressRecord?)] = []

    static let slotsMax: Int32 = 262_144

    subscript(key: AddressKey) -> Entry? { entries[key] }

    func count(of owner: InstanceID) -> Int { counts[owner] ?? 0 }

    /// All addresses of an instance. Looks through the whole ledger.
    func keys(of owner: InstanceID?) -> [AddressKey] {
        entries.compactMap { $0.value.owner == owner ? $0.key : nil }
            .sorted { ($0.interfaceIndex, $0.address, $0.length) < ($1.interfaceIndex, $1.address, $1.length) }
    }

    /// Makes an entry, or takes one over. - Returns: false when there is no room.
    mutating func request(
        _ key: AddressKey, owner: InstanceID, fingerprint: UInt64, form: UInt64, ticket: UInt64
    ) -> Bool {
        if var entry = entries[key] {
            count(entry.owner, -1)
            entry.owner = owner
            entry.requestedForm = form
            if case .requested = entry.phase {} else { entry.phase = .requested(isNew: false) }
            entry.ticket = ticket
            entry.mayBeGone = false
            let isSame = entry.fingerprint == fingerprint && entry.isUnconfirmed
            entry.isUnconfirmed = true
            entry.fingerprint = fingerprint
            entries[key] = entry
            if !isSame { save(key, entry) }
        } else {
            guard let slot = takeSlot() else { return false }
            let entry = Entry(
                owner: owner, fingerprint: fingerprint, form: form, requestedForm: form, phase: .requested(isNew: true),
                ticket: ticket, isUnconfirmed: true, slot: slot)
            entries[key] = entry
            interfaceCounts[key.interfaceIndex, default: 0] += 1
            save(key, entry)
        }
        count(owner, 1)
        return true
    }

    /// Takes over a predecessor's entry.
    mutating func adopt(_ record: AddressRecord, owner: InstanceID?, phase: Phase) {
        guard entries[record.key] == nil else { return }
        let slot: Int32
        if let kept = record.slot, kept >= slotsUsed, kept < Self.slotsMax {
            freeSlots += slotsUsed..<kept
            slotsUsed = kept + 1
            slot = kept
        } else if let kept = record.slot, let place = freeSlots.firstIndex(of: kept) {
            freeSlots.remove(at: place)
            slot = kept
        } else {
            guard let fresh = takeSlot() else { return }
            slot = fresh
        }
        let entry = Entry(
            owner: owner, fingerprint: record.fingerprint, form: record.form, requestedForm: record.form, phase: phase,
            isUnconfirmed: record.isUnconfirmed, slot: slot)
        entries[record.key] = entry
        interfaceCounts[record.key.interfaceIndex, default: 0] += 1
        if record.slot != slot { save(record.key, entry) }
        count(owner, 1)
    }

    mutating func set(_ phase: Phase, of key: AddressKey, ticket: UInt64? = nil) {
        guard entries[key] != nil else { return }
        entries[key]?.phase = phase
        if let ticket { entries[key]?.ticket = ticket }
    }

    /// Notes that another program has removed an address, or that it went with its link.
    mutating func noteRemoval(_ key: AddressKey) {
        switch entries[key]?.phase {
        case .present: entries[key]?.phase = .missing
        case .requested: entries[key]?.mayBeGone = true
        case .missing, .withdrawing, nil: break
        }
    }

    /// Notes that the kernel has an address. - Parameter isAdded: whether on request, in the requested form.
    mutating func confirm(_ key: AddressKey, isAdded: Bool) {
        guard var entry = entries[key] else { return }
        entry.phase = .present
        if isAdded { entry.form = entry.requestedForm }
        entry.isUnconfirmed = false
        entries[key] = entry
        save(key, entry)
    }

    /// Returns the entries that the kernel should have, or soon have, and hasn't now that everything was read anew.
    func missing(from interfaces: InterfaceTable) -> [AddressKey] {
        entries.compactMap { $0.value.isWanted && interfaces.address($0.key) == nil ? $0.key : nil }
            .sorted { ($0.interfaceIndex, $0.address, $0.length) < ($1.interfaceIndex, $1.address, $1.length) }
    }

    mutating func end(_ key: AddressKey) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        let left = interfaceCounts[key.interfaceIndex, default: 1] - 1
        interfaceCounts[key.interfaceIndex] = left > 0 ? left : nil
        count(entry.owner, -1)
        freeSlots.append(entry.slot)
        changes.append((entry.slot, nil))
    }

    /// An interface is gone, and with it what was on it. - Returns: what of ours that was.
    mutating func endAll(on interfaceIndex: Int32) -> [(key: AddressKey, owner: InstanceID?)] {
        guard interfaceCounts[interfaceIndex] != nil else { return [] }
        // In the order of their places: a simulation is to be the same each time.
        let gone = entries.filter { $0.key.interfaceIndex == interfaceIndex }.sorted { $0.value.slot < $1.value.slot }
            .map { ($0.key, $0.value.owner) }
        for (key, _) in gone { end(key) }
        return gone
    }

    mutating func renumber(_ map: [InstanceID?]) {
        counts = [:]
        orphanCount = 0
        for (key, entry) in entries {
            let owner = entry.owner.flatMap { map.indices.contains($0) ? map[$0] : nil }
            entries[key]?.owner = owner
            count(owner, 1)
        }
    }

    /// Gives what has changed since the last call, in its order; nil ends a record.
    mutating func saveChanges(_ save: (Int, AddressRecord?) -> Void) {
        guard !changes.isEmpty else { return }
        for change in changes { save(Int(change.slot), change.record) }
        changes.removeAll(keepingCapacity: changes.count <= 64)
    }

    private mutating func save(_ key: AddressKey, _ entry: Entry) {
        var record = AddressRecord(key: key, fingerprint: entry.fingerprint, form: entry.form, slot: entry.slot)
        record.isUnconfirmed = entry.isUnconfirmed
        changes.append((entry.slot, record))
    }

    private mutating func count(_ owner: InstanceID?, _ difference: Int) {
        if let owner { counts[owner, default: 0] += difference } else { orphanCount += difference }
    }

    private mutating func takeSlot() -> Int32? {
        if let free = freeSlots.popLast() { return free }
        guard slotsUsed < Self.slotsMax else { return nil }
        slotsUsed += 1
        return slotsUsed - 1
    }
}

/// An entry of the ledger as it outlives the process that made it. Its reader doesn't trust it.
package struct AddressRecord: Hashable, Sendable {
    package var key: AddressKey
    /// The instance's, as `InstanceIdentity.fingerprint`.
    package var fingerprint: UInt64
    /// The options that it was added with; 0 when that isn't known.
    package var form: UInt64
    /// Its place in the memory file; nil for one that was never there.
    package var slot: Int32?
    /// True until a worker has heard that the kernel has added it.
    var isUnconfirmed = false

    init(key: AddressKey, fingerprint: UInt64, form: UInt64, slot: Int32?) {
        self.key = key
        self.fingerprint = fingerprint
        self.form = form
        self.slot = slot
    }

    /// Bytes of a record: a slot of the memory file.
    package static let size = 64

    /// The record's bytes: its checksum first, which is never 0, so that a half-written one isn't one.
    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.size)
        writer.write(fingerprint)
        writer.write(form)
        writer.write(UInt32(bitPattern: key.interfaceIndex))
        writer.write(key.length)
        writer.write(key.address.family.rawValue)
        writer.write(key.peer != nil)
        writer.write(isUnconfirmed)
        for address in [key.address, key.peer ?? key.address] {
            writer.write(address.high)
            writer.write(address.low)
        }
        var all = ByteWriter(capacity: Self.size)
        all.write(Self.checksum(writer.bytes))
        all.write(writer.bytes)
        return all.bytes
    }

    /// Reads a slot; nil for what isn't a record.
    package init?(_ bytes: UnsafeRawBufferPointer, slot: Int) {
        let read = Result { () throws(ByteError) in
            var reader = ByteReader(bytes)
            let sum = try reader.readUInt64()
            guard sum != 0, sum == Self.checksum(bytes[8...]) else { throw ByteError.invalid }
            let fingerprint = try reader.readUInt64()
            let form = try reader.readUInt64()
            let index = Int32(bitPattern: try reader.readUInt32())
            let length = try reader.readUInt8()
            guard let family = AddressFamily(rawValue: try reader.readUInt8()) else { throw .invalid }
            let hasPeer = try reader.readBool()
            let isUnconfirmed = try reader.readBool()
            var addresses: [IPAddress] = []
            for _ in 0..<2 {
                let (high, low) = (try reader.readUInt64(), try reader.readUInt64())
                guard family == .ipv6 || high == 0 && low <= UInt64(UInt32.max) else { throw .invalid }
                addresses.append(
                    family == .ipv4
                        ? IPAddress(v4: UInt32(truncatingIfNeeded: low)) : IPAddress(v6High: high, low: low))
            }
            try reader.finish()
            guard index > 0, Int(length) <= family.bitCount else { throw .invalid }
            var record = AddressRecord(
                key: AddressKey(
                    interfaceIndex: index, address: addresses[0], length: length, peer: hasPeer ? addresses[1] : nil),
                fingerprint: fingerprint, form: form, slot: Int32(slot))
            record.isUnconfirmed = isUnconfirmed
            return record
        }
        guard case .success(let record) = read else { return nil }
        self = record
    }

    private static func checksum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash = FNV1a()
        hash.add(bytes)
        return max(1, hash.value)
    }
}

extension VirtualAddress {
    /// A number that stands for what it is added with besides its key. 0 never occurs.
    var form: UInt64 {
        var hash = FNV1a()
        hash.add(scope)
        hash.add((duplicateAddressDetection ? 1 : 0) | (noPrefixRoute ? 2 : 0))
        hash.add(label?.utf8 ?? "".utf8)
        hash.add(0)
        hash.add(broadcast?.bytes ?? [])
        hash.add(preferredLifetime == nil ? 0 : 1)
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            hash.add(UInt8(truncatingIfNeeded: (preferredLifetime ?? 0) >> shift))
        }
        return max(1, hash.value)
    }
}
