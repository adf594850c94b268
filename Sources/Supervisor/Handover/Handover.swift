import Base
import CLinux
import Glibc
import Reactor

/// The value that a hasupd passes to the program that it becomes by `hasup upgrade`: its open files, which stay open at
/// their numbers, and what that program can neither take back nor ask the kernel for.
///
///     hasupd ── bytes ──► memory file ── execve ──► the next hasupd
///                         HASUP_HANDOVER=number     reads it, and takes the open files
///
/// A hasupd that systemd starts has no handover: it finds its files by sd_listen_fds(3) (`ListenDescriptors`).
struct Handover: Equatable {
    /// True if it has given up all that scripts would inherit: that stays so whatever becomes of this process.
    var isSealed: Bool
    /// The limits that hasupd was started with.
    var limits: ScriptLimits
    /// The open files of `DescriptorStore`.
    var stored: [StoredDescriptor] = []
    /// The open file of `VirtualRouterLocks`. The process keeps its locks as long as it closes no descriptor of that file.
    var locks: Int32?

    /// The form of `bytes`.
    static let formatVersion = 1
    /// Forms that are read: its own, and that of the minor version before, when there is one.
    static let readableFormats = [1]
    private static let variable = "HASUP_HANDOVER"
    private static let storedMax = 16

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt8(Self.formatVersion))
        writer.write(isSealed)
        writer.write(limits.word)
        writer.write(UInt8(clamping: stored.count))
        for descriptor in stored {
            writer.write(descriptor.name)
            writer.write(UInt32(bitPattern: descriptor.number))
        }
        writer.write(UInt32(bitPattern: locks ?? -1))
        return writer.bytes
    }

    private var openFiles: [Int32] { stored.map(\.number) + (locks.map { [$0] } ?? []) }

    // MARK: From one program to the next

    /// Makes this process the program at the path, with the same arguments. Returns -errno if that fails; otherwise it
    /// doesn't return.
    func exec(_ path: String) -> Int32 {
        do throws(SystemError) {
            let memory = try MappedMemory.sealed(bytes, name: "hasup-handover")
            setenv(Self.variable, "\(memory.number)", 1)
            defer { unsetenv(Self.variable) }
            let passed = openFiles + [memory.number]
            let result = hasup_exec_passing(path, CommandLine.unsafeArgv, environ, passed, Int32(passed.count))
            // It is open until here.
            _ = consume memory
            return result
        } catch {
            return -error.code
        }
    }

    /// Takes the handover of the program that this process was before; nil if there is none. Its files are closed on exec
    /// from now on, and no child sees the variable. - Throws: `MalformedHandover`.
    static func take() throws(MalformedHandover) -> Handover? {
        guard let text = getenv(variable).map({ String(cString: $0) }) else { return nil }
        unsetenv(variable)
        guard let number = Int32(text), number > 2, fcntl(number, F_SETFD, FD_CLOEXEC) == 0 else {
            throw MalformedHandover("\(variable)='\(Printable.text(text))' isn't the number of an open file")
        }
        let handover: Handover
        do {
            let memory = try MappedMemory(sealed: Descriptor(owning: number))
            handover = try withExtendedLifetime(memory) { try Handover(memory.bytes) }
        } catch let error as SystemError {
            throw MalformedHandover(error.description)
        } catch {
            throw MalformedHandover("it isn't of a form that hasupd \(hasupVersion) reads")
        }
        let missing = handover.openFiles.filter { fcntl($0, F_SETFD, FD_CLOEXEC) < 0 }
        if let file = missing.first {
            // No owner takes the others: among them is the file of the locks.
            for other in handover.openFiles where !missing.contains(other) { close(other) }
            throw MalformedHandover("it names file \(file), which isn't open")
        }
        return handover
    }
}

/// A handover that can't be used.
struct MalformedHandover: Error, CustomStringConvertible {
    /// A sentence.
    let description: String

    fileprivate init(_ reason: String) {
        description =
            "The handover of the hasupd before can't be used: \(reason). This hasupd starts without a predecessor."
    }
}

extension Handover {
    /// Reads `bytes`. - Throws: `ByteError` for anything else.
    init(_ bytes: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(bytes)
        guard Self.readableFormats.contains(Int(try reader.readUInt8())) else { throw .invalid }
        isSealed = try reader.readBool()
        guard let limits = ScriptLimits(word: try reader.readString()) else { throw .invalid }
        self.limits = limits
        let count = try reader.readUInt8()
        guard count <= Self.storedMax else { throw .invalid }
        for _ in 0..<count {
            stored.append(
                StoredDescriptor(
                    name: try reader.readString(), number: Int32(bitPattern: try reader.readUInt32())))
        }
        let locks = Int32(bitPattern: try reader.readUInt32())
        self.locks = locks < 0 ? nil : locks
        try reader.finish()
        guard Set(openFiles).count == openFiles.count, openFiles.allSatisfy({ $0 > 2 }) else { throw .invalid }
    }
}
