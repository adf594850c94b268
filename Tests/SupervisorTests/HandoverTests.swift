import Base
import CLinux
import Glibc
import Reactor
import Testing

@testable import Supervisor

/// The value that a hasupd passes to the program that it becomes.
@Suite(.serialized) struct HandoverTests {
    private func sample() throws -> Handover {
        let limits = try #require(ScriptLimits(word: "1:2,3:18446744073709551615,5:6,7:8"))
        return Handover(
            isSealed: true, limits: limits,
            stored: [.init(name: "hasup-state", number: 7), .init(name: "hasup-configuration-2", number: 4)], locks: 9)
    }

    private func read(_ bytes: [UInt8]) throws -> Handover { try bytes.withUnsafeBytes { try Handover($0) } }

    @Test("it arrives as it was sent")
    func roundTrip() throws {
        let handover = try sample()
        #expect(try read(handover.bytes) == handover)
        let empty = Handover(isSealed: false, limits: ScriptLimits(), stored: [], locks: nil)
        #expect(try read(empty.bytes) == empty)
    }

    /// As it was when its form got its number.
    @Test func isOfItsForm() throws {
        try Golden.compare(sample().bytes, "handover-\(Handover.formatVersion)")
    }

    @Test("each form of it that is said to be readable is", arguments: Handover.readableFormats)
    func isReadable(version: Int) throws {
        #expect(try read(Golden.bytes("handover-\(version)")) == sample())
    }

    @Test("bytes that are missing, too many, or of another form aren't one")
    func malformed() throws {
        let bytes = try sample().bytes
        for count in 0..<bytes.count { #expect(throws: ByteError.self) { try read(Array(bytes.prefix(count))) } }
        #expect(throws: ByteError.trailing) { try read(bytes + [0]) }
        #expect(throws: ByteError.invalid) { try read([99] + bytes.dropFirst()) }
    }

    @Test("a file that is named twice, and a standard one, aren't taken", arguments: [[7, 7], [2], [-5]] as [[Int32]])
    func numbers(numbers: [Int32]) throws {
        var handover = try sample()
        handover.stored = numbers.map { .init(name: "hasup-state", number: $0) }
        #expect(throws: ByteError.invalid) { try read(handover.bytes) }
    }

    /// Takes a handover that lies in this memory file.
    private func take(_ number: Int32) throws -> Handover? {
        setenv("HASUP_HANDOVER", "\(number)", 1)
        defer { #expect(getenv("HASUP_HANDOVER") == nil, "a child would see it") }
        return try Handover.take()
    }

    private func refusal(_ number: Int32) -> String {
        do {
            return "\(String(describing: try take(number)))"
        } catch {
            return "\(error)"
        }
    }

    /// A copy of a memory file whose number is the reader's.
    private func memory(_ bytes: [UInt8], isSealed: Bool = true) throws -> Int32 {
        let file = try isSealed ? MappedMemory.sealed(bytes, name: "test") : owned(hasup_memfd_create("test"), "make")
        return fcntl(file.number, F_DUPFD_CLOEXEC, 3)
    }

    @Test("it is found by the variable, once, and its files are closed on exec")
    func taken() throws {
        #expect(try Handover.take() == nil)
        let file = try owned(hasup_memfd_create("stored"), "make")
        #expect(fcntl(file.number, F_SETFD, 0) == 0)
        var handover = try sample()
        (handover.stored, handover.locks) = ([.init(name: "hasup-state", number: file.number)], nil)
        #expect(try take(memory(handover.bytes)) == handover)
        #expect(fcntl(file.number, F_GETFD) == FD_CLOEXEC)
        #expect(try Handover.take() == nil)
    }

    @Test("one that can't be used is refused with a sentence that says why, and what follows")
    func refused() throws {
        let begin = "The handover of the hasupd before can't be used: "
        let end = ". This hasupd starts without a predecessor."
        #expect(refusal(987) == begin + "HASUP_HANDOVER='987' isn't the number of an open file" + end)
        #expect(refusal(1) == begin + "HASUP_HANDOVER='1' isn't the number of an open file" + end)
        #expect(
            refusal(try memory([9, 9, 9])) == begin + "it isn't of a form that hasupd \(hasupVersion) reads" + end)
        #expect(refusal(try memory([], isSealed: false)).contains("a memory file that isn't sealed"))
        var handover = try sample()
        (handover.stored, handover.locks) = ([], 987)
        #expect(refusal(try memory(handover.bytes)) == begin + "it names file 987, which isn't open" + end)
    }
}
