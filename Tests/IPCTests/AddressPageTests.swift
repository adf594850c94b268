import CLinux
import Glibc
import Reactor
import Testing

@testable import WorkerProtocol

@Suite("The page of the addresses that were put onto interfaces (D10, D14)")
struct AddressPageTests {
    private static let sealShrink: Int32 = 2
    private static let sealGrow: Int32 = 4
    private static let addSeals: Int32 = 1033

    private func copy(of number: Int32) throws -> Descriptor { try owned(fcntl(number, F_DUPFD_CLOEXEC, 3), "copy") }

    private func memory(size: Int, seals: Int32, word: Int64) throws -> Descriptor {
        let file = try owned(hasup_memfd_create("test"), "create")
        try checked(ftruncate(file.number, off_t(size)), "size")
        var word = word
        #expect(pwrite(file.number, &word, 8, 0) == 8)
        if seals != 0 { try checked(fcntl(file.number, Self.addSeals, seals), "seal") }
        return file
    }

    @Test("what one worker has written, the next one reads, and an empty page takes no memory")
    func isShared() throws {
        let file = try AddressFile()
        let first = try AddressPage(mapping: try copy(of: file.number))
        #expect(first.slots.count == AddressPage.slotCount * AddressPage.slotSize)
        let last = AddressPage.slotCount * AddressPage.slotSize - 1
        first.slots[0] = 1
        first.slots[last] = 2
        let heir = try AddressFile(inherited: try copy(of: file.number))
        let second = try AddressPage(mapping: try copy(of: heir.number))
        #expect(second.slots[0] == 1)
        #expect(second.slots[1] == 0)
        #expect(second.slots[last] == 2)
        var status = stat()
        try checked(fstat(file.number, &status) < 0 ? -errno : 0, "look")
        // The head, and the two pages that were written.
        #expect(status.st_blocks * 512 == 3 * 4_096)
    }

    @Test("what could fault, or isn't one, is refused by both sides")
    func refusals() throws {
        let seals = Self.sealShrink | Self.sealGrow
        let page = try AddressPage.create()
        var form: Int64 = 0
        #expect(pread(page.number, &form, 8, 0) == 8)
        let strange: [(size: Int, seals: Int32, word: Int64, isOne: Bool)] = [
            (AddressPage.size, seals, form, true), (AddressPage.size, 0, form, false),
            (AddressPage.size, Self.sealGrow, form, false), (AddressPage.size, Self.sealShrink, form, false),
            (AddressPage.size - 1, seals, form, false), (AddressPage.size + 1, seals, form, false),
            (AddressPage.size, seals, 0, false), (AddressPage.size, seals, form + 1, false),
        ]
        for (size, seals, word, isOne) in strange {
            let file = try memory(size: size, seals: seals, word: word)
            let number = file.number
            #expect(((try? AddressFile(inherited: try copy(of: number))) != nil) == isOne, "\(size) \(seals) \(word)")
            #expect(((try? AddressPage(mapping: try copy(of: number))) != nil) == isOne, "\(size) \(seals) \(word)")
        }
        #expect(throws: SystemError.self) {
            _ = try AddressFile(inherited: try owned(open("/dev/null", O_RDWR | O_CLOEXEC), "open"))
        }
    }

    @Test("hasupd sees that a worker has written over the form")
    func overwritten() throws {
        let file = try AddressFile()
        #expect(file.isReadable)
        var word: Int64 = 7
        #expect(pwrite(file.number, &word, 8, 0) == 8)
        #expect(!file.isReadable)
    }
}
