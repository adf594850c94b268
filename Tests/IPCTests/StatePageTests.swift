import Base
import CLinux
import Glibc
import Reactor
import Testing

@testable import WorkerProtocol

@Suite("A page that another hasupd has left (D10)")
struct StatePageTests {
    private static let sealShrink: Int32 = 2
    private static let sealGrow: Int32 = 4
    private static let addSeals: Int32 = 1033
    private let size = off_t(StatePage.size)

    private func copy(of page: StatePage) throws -> Descriptor {
        try owned(fcntl(page.number, F_DUPFD_CLOEXEC, 3), "copy")
    }

    private func memory(size: off_t, seals: Int32, words: [Int64] = []) throws -> Descriptor {
        let file = try owned(hasup_memfd_create("test"), "create")
        try checked(ftruncate(file.number, size), "size")
        if !words.isEmpty { #expect(pwrite(file.number, words, words.count * 8, 0) == words.count * 8) }
        if seals != 0 { try checked(fcntl(file.number, Self.addSeals, seals), "seal") }
        return file
    }

    @Test("what was in it is there, and both sides see what is written")
    func isShared() throws {
        let page = try StatePage.create()
        page.generation = 7
        page.lastNotification = 41
        let heir = try StatePage.inherited(try copy(of: page))
        #expect(heir.generation == 7)
        #expect(heir.lastNotification == 41)
        heir.lastNotification = 42
        #expect(page.lastNotification == 42)
        // A worker maps all of it, and what hasupd has noted stays.
        let whole = try StatePage(mapping: try copy(of: heir))
        var writer = SnapshotWriter(whole)
        for number in 0..<100 { writer.write(number, [UInt8](repeating: 1, count: 200)) }
        whole.stamp = Instant(nanoseconds: 5)
        #expect(heir.lastNotification == 42)
        #expect(heir.stamp == Instant(nanoseconds: 5))
        #expect(whole.records.count == 100)
    }

    @Test("a mark belongs to the record that was written last, and is gone with it")
    func marks() throws {
        let page = try StatePage(mapping: try copy(of: try StatePage.create()))
        var writer = SnapshotWriter(page)
        let (first, second) = (Instant(nanoseconds: 5), Instant(nanoseconds: 6))
        writer.mark(1, first)
        writer.write(1, [1])
        #expect(page.records.map(\.mark) == [nil], "there was no record to mark")
        writer.mark(1, first)
        writer.mark(1, second)
        #expect(page.records.map(\.mark) == [second])
        writer.write(1, [2])
        #expect(page.records.map(\.mark) == [second, nil], "the older record keeps its own, the new one has none")
        writer.write(1, [3])
        writer.mark(1, first)
        #expect(page.records.map(\.bytes) == [[2], [3]])
        #expect(page.records.map(\.mark) == [nil, first])
        let heir = SnapshotWriter(page)
        heir.mark(1, second)
        #expect(page.records.map(\.mark) == [second], "an heir goes on where the last writer was")
    }

    @Test("a last notification behind which nothing could be counted isn't believed")
    func lastNotification() throws {
        let page = try StatePage.create()
        for number: UInt64 in [StatePage.notificationsBelieved, 1 << 61, 1 << 62, .max] {
            page.lastNotification = number
            #expect(page.lastNotification == 0)
        }
        page.lastNotification = StatePage.notificationsBelieved - 1
        #expect(page.lastNotification == StatePage.notificationsBelieved - 1)
    }

    @Test("what could fault, or isn't a page, is refused")
    func refusals() throws {
        let seals = Self.sealShrink | Self.sealGrow
        let page = try StatePage.create()
        var format: Int64 = 0
        #expect(pread(page.number, &format, 8, 0) == 8)
        _ = try StatePage.inherited(try memory(size: size, seals: seals, words: [format]))
        #expect(throws: SystemError.self) {
            _ = try StatePage.inherited(try memory(size: size, seals: 0, words: [format]))
        }
        #expect(throws: SystemError.self) {
            _ = try StatePage.inherited(try memory(size: size, seals: Self.sealGrow, words: [format]))
        }
        #expect(throws: SystemError.self) {
            _ = try StatePage.inherited(try memory(size: size - 1, seals: seals, words: [format]))
        }
        #expect(throws: SystemError.self) { _ = try StatePage.inherited(try memory(size: size, seals: seals)) }
        #expect(throws: SystemError.self) {
            _ = try StatePage.inherited(try memory(size: size, seals: seals, words: [format, .max]))
        }
        #expect(throws: SystemError.self) {
            _ = try StatePage.inherited(try memory(size: size, seals: seals, words: [format, -1]))
        }
        #expect(throws: SystemError.self) {
            _ = try StatePage.inherited(try owned(open("/dev/null", O_RDWR | O_CLOEXEC), "open"))
        }
    }

    @Test(
        "a record that would be the newest for ever isn't read, and leaves with the next writer",
        arguments: [Int64.max, Int64.max / 2, Int64(-1)])
    func poison(sequence: Int64) throws {
        let page = try StatePage.create()
        let whole = try StatePage(mapping: try copy(of: page))
        var first = SnapshotWriter(whole)
        for number in 0..<3 { first.write(number, [1]) }
        let memory = mmap(nil, Int(size), PROT_READ | PROT_WRITE, MAP_SHARED, page.number, 0)
        let bytes = try #require(memory != MAP_FAILED ? memory : nil)
        defer { munmap(bytes, Int(size)) }
        let slot = { (index: Int) in
            (bytes + StatePage.headSize + index * Int(HASUP_SLOT_SIZE)).assumingMemoryBound(to: Int64.self)
        }
        hasup_slot_write(slot(0), sequence, 1, [9], 1)
        // Number that nobody has, and an older one of number 2.
        hasup_slot_write(slot(3), 7, UInt32(StatePage.slotsMax), [9], 1)
        hasup_slot_write(slot(4), 0, 2, [9], 1)
        bytes.storeBytes(of: 5, toByteOffset: 24, as: Int64.self)
        #expect(!whole.records.contains { $0.number == 1 && $0.bytes == [9] })
        var heir = SnapshotWriter(whole)
        heir.write(1, [2])
        // The one before is a spare slot now, and the older of the two.
        #expect(whole.records.last { $0.number == 1 }?.bytes == [2])
        #expect(whole.records.filter { $0.number == 2 }.map(\.bytes) == [[1]])
        #expect(!whole.records.contains { $0.bytes == [9] })
        #expect(heir.refused == 0)
    }

    @Test(
        "a number of notifications that nobody could have reached is none",
        arguments: [Int64.max, Int64(1) << 61, Int64(-1), Int64.min])
    func hostileCount(value: Int64) throws {
        let page = try StatePage.create()
        var word = value
        #expect(pwrite(page.number, &word, 8, 32) == 8)
        #expect(page.lastNotification == 0)
    }
}
