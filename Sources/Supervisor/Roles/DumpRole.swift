import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Sandbox
import VRRP
import WorkerProtocol

/// `hasup-save` with the order to write a dump: it makes its files beside those that they replace, seals itself, waits for
/// the contents from hasupd, writes them, and puts the files in their place. A reader sees a whole file or the one before.
///
/// It stays hasupd's user, because in /tmp a file can be replaced only by its owner, but has no capability left, and no
/// file but those in its folders. Descriptor 3 takes a sentence for each thing that goes wrong and brings the contents, 4 is
/// the compiled system call filter.
enum DumpRole {
    static func run(arguments: [String]) -> Int32 {
        guard let order = DumpOrder(words: arguments) else { return 64 }
        var failures = 0
        func attempt<Value>(_ body: () throws(SystemError) -> Value) -> Value? {
            do throws(SystemError) {
                return try body()
            } catch {
                failures += 1
                complain(error.description)
                return nil
            }
        }
        // A reader waits for 10 ms, also on a busy machine.
        hasup_set_niceness(-20)
        // Read before the seal, which allows no file to be opened.
        tzset()
        umask(0)
        var files: [DumpFile] = []
        for path in order.paths {
            let file = attempt { () throws(SystemError) in try DumpFile(path, mode: order.mode) }
            if let file { files.append(file) }
        }
        let report = seal(as: plan(order))
        if let refusal = report.refusal(for: unchanged(order.seal)) {
            for file in files { file.discard() }
            complain("hasup-save: \(refusal)")
            return 77
        }
        switch receive() {
        case .contents(let contents):
            for file in files {
                _ = attempt { () throws(SystemError) in
                    try file.replace(by: bytes(of: order.kind, contents, isParent: file.path != order.paths.first))
                }
            }
        case .nothing:
            // A reader must not take the last dump for one of now.
            for file in files { file.discard(removingTarget: true) }
        case .failed(let reason):
            for file in files { file.discard() }
            if let reason {
                failures += 1
                complain(reason)
            }
        }
        return failures == 0 ? 0 : 74
    }

    private static func complain(_ text: String) {
        _ = hasup_send_packet(SaveRole.complaints, text, text.utf8.count, nil, 0)
    }

    /// The user stays.
    private static func unchanged(_ seal: SandboxArguments) -> SandboxArguments {
        var seal = seal
        seal.identity = nil
        return seal
    }

    private static func plan(_ order: DumpOrder) -> SandboxPlan {
        let folders = order.paths.map(ReloadPaths.folder)
        let landlock = LandlockPlan(folders.map { .init($0, .replaceFile) }, forbidsTCP: true, isScoped: true)
        return SandboxPlan(unchanged(order.seal), filter: 4, landlock: landlock)
    }

    // MARK: Contents

    private enum Outcome {
        case contents(DumpContents)
        /// There is nothing to be said of this moment: no worker replies.
        case nothing
        /// hasupd is gone; or the contents can't be used, for this reason.
        case failed(String?)
    }

    /// hasupd kills who waits for too long.
    private static func receive() -> Outcome {
        var entry = pollfd(fd: SaveRole.complaints, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, -1) < 0, errno == EINTR {}
        var byte: UInt8 = 0
        var numbers = [Int32](repeating: -1, count: Int(HASUP_DESCRIPTORS_MAX))
        var count: Int32 = 0
        let size = hasup_receive_packet(SaveRole.complaints, &byte, 1, &numbers, &count)
        guard size > 0 else { return .failed(nil) }
        guard count == 2 else { return .nothing }
        do {
            let configuration = try ConfigurationImage(Descriptor(owning: numbers[0]))
            let memory = try MappedMemory(sealed: Descriptor(owning: numbers[1]))
            return .contents(try DumpHandover.contents(configuration, memory.bytes))
        } catch {
            return .failed("the contents of a dump can't be used: \(error)")
        }
    }

    private static func bytes(of kind: DumpKind, _ contents: DumpContents, isParent: Bool) -> [UInt8] {
        switch kind {
        case .data: isParent ? DataDump.parentBytes(of: contents.model.global) : DataDump.bytes(of: contents)
        case .statistics: StatisticsDump.bytes(of: contents)
        case .json: JSONDump.bytes(of: contents)
        }
    }
}

/// keepalived.stats.
enum StatisticsDump {
    static func bytes(of contents: DumpContents) -> [UInt8] {
        contents.instances.reduce(into: []) { bytes, instance in
            let counters = KeepalivedCounters(instance.status.counters, instance.settings)
            bytes += counters.text(of: instance.settings.name).utf8
        }
    }
}

/// A file that takes the place of another one at once.
final class DumpFile {
    let path: String
    private let folder: Descriptor
    private let name: String
    private let temporaryName: String
    private let file: Descriptor

    /// Makes the new file. - Throws: `SystemError`.
    init(_ path: String, mode: UInt32) throws(SystemError) {
        self.path = path
        folder = try Self.open(folder: ReloadPaths.folder(of: path), of: path)
        name = path.split(separator: "/").last.map(String.init) ?? path
        // Nobody can foresee the name, and occupy it.
        temporaryName = ".\(name).\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        let number = openat(
            folder.number, temporaryName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard number >= 0 else { throw SystemError(errno, "write \(path)") }
        file = Descriptor(owning: number)
    }

    /// A link as the folder's last part is followed only if root or this process's user has made it: any user can make one
    /// in /tmp.
    private static func open(folder: String, of path: String) throws(SystemError) -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        var number = Glibc.open(folder, flags | O_NOFOLLOW)
        if number < 0, errno == ENOTDIR || errno == ELOOP {
            var status = stat()
            guard lstat(folder, &status) == 0 else { throw SystemError(errno, "write \(path)") }
            let isTrusted = status.st_mode & S_IFMT == S_IFLNK && (status.st_uid == 0 || status.st_uid == geteuid())
            guard isTrusted else { throw SystemError(ELOOP, "write \(path), whose folder is another user's link") }
            number = Glibc.open(folder, flags)
        }
        guard number >= 0 else { throw SystemError(errno, "write \(path)") }
        return Descriptor(owning: number)
    }

    /// - Throws: `SystemError`; then the file that was there stays.
    func replace(by bytes: [UInt8]) throws(SystemError) {
        do throws(SystemError) {
            try write(bytes)
            guard renameat(folder.number, temporaryName, folder.number, name) == 0 else {
                throw SystemError(errno, "write \(path)")
            }
        } catch {
            unlinkat(folder.number, temporaryName, 0)
            throw error
        }
    }

    func discard(removingTarget: Bool = false) {
        unlinkat(folder.number, temporaryName, 0)
        if removingTarget { unlinkat(folder.number, name, 0) }
    }

    private func write(_ bytes: [UInt8]) throws(SystemError) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file.number, $0.baseAddress.map { $0 + sent }, $0.count - sent)
            }
            guard count > 0 else { throw SystemError(count < 0 ? errno : ENOSPC, "write \(path)") }
            sent += count
        }
    }
}
