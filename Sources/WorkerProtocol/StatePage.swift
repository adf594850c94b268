import Base
import CLinux
import Glibc
import Reactor

/// One record of the page as the last worker left it.
package struct PageRecord: Sendable {
    /// 0 for the node, one more than the number of the instance.
    package var number: UInt32
    /// Counts writes: of two records for one thing, the higher is the newer.
    package var sequence: Int64
    package var bytes: [UInt8]
    /// The point in time that was added to it last, if one was (`SnapshotWriter.mark`).
    package var mark: Instant?
}

/// The memory that hasupd and one worker share: a sealed memfd whose size nobody can change, so that a hostile worker
/// can't make hasupd's mapping fault (docs/decisions, D9, D13, D36).
///
///     page 0   words of 8 bytes: format, generation of the worker that owns it, time of its last loop turn, slots used,
///              last notification that hasupd has taken on
///     then     slots: sequence, checksum, record number and length, payload
///     then     a mark of 8 bytes for each slot
///
/// What a worker must leave to its successor is kept in the slots, see `SnapshotWriter`. Room is reserved for more
/// instances than anybody has: only pages that were written take memory.
package final class StatePage {
    /// Bytes of the part that hasupd looks at.
    package static let headSize = 4_096
    /// Slots that there is room for.
    package static let slotsMax = 65_536
    /// The beginning of the marks. They lie side by side, so that those of many instances share a line of the cache.
    package static let marksOffset = headSize + slotsMax * Int(HASUP_SLOT_SIZE)
    /// Bytes of all of it.
    package static let size = marksOffset + slotsMax * 8
    /// The form of the page: to be counted up with every change of its layout, which a test notices.
    package static let formatVersion = 3
    /// Forms that are read: its own, and that of the minor version before, when there is one. An inherited page keeps
    /// its form, so whoever counts it up also has to bring an inherited one to the new form: `hasup upgrade` asks the
    /// program after that for the form that is written (`Formats`).
    package static let readableFormats = [3]
    private static let magic: Int64 = 0x6861_7375_7000_0000
    private static let format = magic + Int64(formatVersion)
    private let words: UnsafeMutablePointer<Int64>
    private let mappedSize: Int
    private let descriptor: Descriptor

    /// A page of our own making. - Throws: `SystemError`.
    ///
    /// - Parameters:
    ///   - name: what the kernel calls it.
    ///   - mapsAll: whether its records are ours to read and write, too; otherwise only the head is mapped.
    package static func create(named name: String = "hasup-state", mapsAll: Bool = false) throws(SystemError)
        -> StatePage
    {
        let descriptor = try owned(hasup_memfd_create(name), "create shared memory")
        try checked(ftruncate(descriptor.number, off_t(size)) < 0 ? -errno : 0, "set the size of shared memory")
        try checked(hasup_memfd_seal_size(descriptor.number), "seal shared memory")
        let page = try StatePage(descriptor, size: mapsAll ? size : headSize)
        hasup_atomic_store(page.words, format)
        return page
    }

    /// A page that was handed over, all of it. - Throws: `SystemError` when it can't be mapped or isn't one.
    package convenience init(mapping descriptor: consuming Descriptor) throws(SystemError) {
        var status = stat()
        try checked(fstat(descriptor.number, &status) < 0 ? -errno : 0, "read the size of shared memory")
        guard status.st_size == Self.size else { throw SystemError(EINVAL, "use shared memory of another size") }
        try self.init(descriptor, size: Self.size)
        // hasupd hands an inherited one to its workers as it is.
        guard isReadable else { throw SystemError(EINVAL, "use shared memory of another format version") }
    }

    /// A page that another hasupd has left, of which only the head is mapped, or all of it: untrusted bytes.
    /// - Throws: `SystemError` when it isn't one, or could be made to fault.
    package static func inherited(
        _ descriptor: consuming Descriptor, mapsAll: Bool = false
    ) throws(SystemError) -> StatePage {
        let isSealed = try checked(hasup_memfd_is_size_sealed(descriptor.number), "read the seals of shared memory")
        guard isSealed == 1 else { throw SystemError(EPERM, "use shared memory whose size isn't sealed") }
        var status = stat()
        try checked(fstat(descriptor.number, &status) < 0 ? -errno : 0, "read the size of shared memory")
        guard status.st_size == size else { throw SystemError(EINVAL, "use shared memory of another size") }
        let page = try StatePage(descriptor, size: mapsAll ? size : headSize)
        guard page.isReadable, (0..<Int64.max / 2).contains(page.generation) else {
            throw SystemError(EINVAL, "use shared memory of another format version")
        }
        return page
    }

    private init(_ descriptor: consuming Descriptor, size: Int) throws(SystemError) {
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0)
        guard let memory, memory != MAP_FAILED else { throw SystemError(errno, "map shared memory") }
        words = memory.bindMemory(to: Int64.self, capacity: size / 8)
        mappedSize = size
        self.descriptor = descriptor
    }

    deinit { munmap(words, mappedSize) }

    private var isReadable: Bool {
        Self.readableFormats.contains(Int(truncatingIfNeeded: hasup_atomic_load(words) &- Self.magic))
    }

    /// The memfd's number, to hand it over.
    package var number: Int32 { descriptor.number }

    /// The worker that owns the page: a higher number than one's own means to end silently (D9).
    package var generation: Int64 {
        get { hasup_atomic_load(words + 1) }
        set { hasup_atomic_store(words + 1, newValue) }
    }

    /// The last turn of the owner's loop.
    package var stamp: Instant {
        get { Instant(nanoseconds: hasup_atomic_load(words + 2)) }
        set { hasup_atomic_store(words + 2, newValue.nanoseconds) }
    }

    /// The end of what is believed of `lastNotification`. Counting goes on behind it for longer than anybody lives, so
    /// a hostile worker can't make the next hasupd refuse all notifications by writing the last number that there is.
    package static let notificationsBelieved: UInt64 = 1 << 60

    /// The last notification that hasupd has taken on, which it keeps here for its own successor and reads never again.
    /// A hostile worker can write it, too: what no count reaches is 0, and anything else makes the next hasupd's worker
    /// repeat its instances' last notifications, or leave them out, and no more.
    package var lastNotification: UInt64 {
        get {
            let noted = hasup_atomic_load(words + 4)
            return noted >= 0 && noted < Self.notificationsBelieved ? UInt64(noted) : 0
        }
        set { hasup_atomic_store(words + 4, Int64(clamping: newValue)) }
    }

    /// Slots that were ever used.
    fileprivate(set) var slotCount: Int {
        get { Int(min(max(hasup_atomic_load(words + 3), 0), Int64(min(Self.slotsMax, slotRoom)))) }
        set { hasup_atomic_store(words + 3, Int64(newValue)) }
    }

    private var slotRoom: Int { mappedSize == Self.size ? Self.slotsMax : 0 }

    fileprivate func slot(_ index: Int) -> UnsafeMutablePointer<Int64> {
        words + (Self.headSize + index * Int(HASUP_SLOT_SIZE)) / 8
    }

    fileprivate func mark(_ index: Int) -> UnsafeMutablePointer<Int64> { words + Self.marksOffset / 8 + index }

    fileprivate func read(_ index: Int) -> PageRecord? {
        var record = PageRecord(number: 0, sequence: 0, bytes: [UInt8](repeating: 0, count: Int(HASUP_SLOT_PAYLOAD)))
        let length = hasup_slot_read(slot(index), &record.sequence, &record.number, &record.bytes)
        guard length >= 0 else { return nil }
        record.bytes.removeLast(record.bytes.count - Int(length))
        // Beyond these no honest writer comes, and nothing that follows would ever be newer.
        guard (0..<Int64.max / 2).contains(record.sequence), record.number < Self.slotsMax else { return nil }
        let mark = hasup_atomic_load(mark(index))
        record.mark = mark == 0 ? nil : Instant(nanoseconds: mark)
        return record
    }

    /// Everything that is whole, oldest first: untrusted bytes.
    package var records: [PageRecord] {
        (0..<slotCount).compactMap(read).sorted { $0.sequence < $1.sequence }
    }
}

/// Keeps one record for the node and one for each instance in the page. A record is never written over: it goes into a
/// spare slot, and then the old one becomes the spare. So a worker that is killed in the middle leaves the record
/// before, and a thousand instances take a thousand and one slots. What changes all the time, one point in time, is
/// marked beside the record instead: a store of eight bytes.
package struct SnapshotWriter {
    package static let recordMax = Int(HASUP_SLOT_PAYLOAD)
    private let page: StatePage
    /// Slot by record number; -1 for none.
    private var slots: [Int32] = []
    private var spare: [Int32] = []
    private var lastSequence: Int64 = 0
    /// Records that there was no room for.
    package private(set) var refused = 0

    /// Goes on where the last writer has left the page. What isn't the newest of its number is cleared: it would be
    /// read beside what is written from now on.
    package init(_ page: StatePage) {
        self.page = page
        var newest: [UInt32: (slot: Int32, sequence: Int64)] = [:]
        for slot in 0..<page.slotCount {
            guard let record = page.read(slot) else {
                clear(Int32(slot))
                continue
            }
            lastSequence = max(lastSequence, record.sequence)
            if let other = newest[record.number] {
                clear(other.sequence > record.sequence ? Int32(slot) : other.slot)
                if other.sequence > record.sequence { continue }
            }
            newest[record.number] = (Int32(slot), record.sequence)
        }
        for (number, place) in newest { set(number, to: place.slot) }
    }

    private mutating func clear(_ slot: Int32) {
        hasup_slot_clear(page.slot(Int(slot)))
        spare.append(slot)
    }

    private mutating func set(_ number: UInt32, to slot: Int32) {
        if Int(number) >= slots.count {
            slots.append(contentsOf: repeatElement(-1, count: Int(number) + 1 - slots.count))
        }
        slots[Int(number)] = slot
    }

    /// Keeps a record; plain stores, no system call.
    package mutating func write(_ number: Int, _ bytes: [UInt8]) {
        guard bytes.count <= Self.recordMax, number < StatePage.slotsMax else { return refused += 1 }
        var free = spare.popLast()
        if free == nil, page.slotCount < StatePage.slotsMax {
            free = Int32(page.slotCount)
            page.slotCount += 1
        }
        guard let free else { return refused += 1 }
        lastSequence += 1
        // It belongs to what was in the slot.
        hasup_atomic_store(page.mark(Int(free)), 0)
        hasup_slot_write(page.slot(Int(free)), lastSequence, UInt32(number), bytes, UInt32(bytes.count))
        if number < slots.count, slots[number] >= 0 { spare.append(slots[number]) }
        set(UInt32(number), to: free)
    }

    /// Adds a point in time, after 0, to the record that was written last under this number; the next one begins
    /// without.
    package func mark(_ number: Int, _ moment: Instant) {
        guard number < slots.count, slots[number] >= 0 else { return }
        hasup_atomic_store(page.mark(Int(slots[number])), moment.nanoseconds)
    }

    /// Forgets the records of instances from this number on: they have left the configuration.
    package mutating func forget(from number: Int) {
        while slots.count > number {
            let slot = slots.removeLast()
            guard slot >= 0 else { continue }
            clear(slot)
        }
    }
}
