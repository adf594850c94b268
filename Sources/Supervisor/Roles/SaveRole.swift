import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Reactor
import Sandbox
import WorkerProtocol

/// The role `hasup-save`: writes what operators want to have on files around a reload, and ends. A process of its own
/// because a folder may lie on a server that doesn't answer (docs/decisions, D6). It opens and thins out what is to be
/// written as hasupd's user, and looks at the configurations' images only when it is sealed.
///
/// Arguments: those of `SaveOrder`, or of `DumpOrder` for a dump, which `DumpRole` writes. Descriptor 3 takes a sentence for each thing that goes wrong, 4 is the compiled
/// system call filter, and from 5 on lie the images.
enum SaveRole {
    /// Copies that a folder keeps.
    static let copiesMax = 40
    static let complaints: Int32 = 3
    private static let firstImage: Int32 = 5

    static func run(arguments: [String]) -> Int32 {
        if arguments.first == DumpOrder.verb { return DumpRole.run(arguments: arguments) }
        guard let order = SaveOrder(words: arguments) else { return 64 }
        var failures = 0
        func attempt(_ body: () throws(SystemError) -> Void) {
            do throws(SystemError) {
                try body()
            } catch {
                failures += 1
                let text = error.description
                _ = Glibc.write(complaints, text, text.utf8.count)
            }
        }
        attempt { () throws(SystemError) in if let mark = order.mark { try ReloadMark.remove(mark) } }
        var copies: [Copy] = []
        var log: Int32?
        attempt { () throws(SystemError) in if let folder = order.folder { copies = try open(order.copies, in: folder) }
        }
        attempt { () throws(SystemError) in if let path = order.log { log = try openLog(path) } }

        let report = seal(as: SandboxPlan(order.seal, filter: 4, landlock: .nothing))
        if let refusal = report.refusal(for: order.seal) {
            let text = "hasup-save: \(refusal)"
            _ = Glibc.write(complaints, text, text.utf8.count)
            return 77
        }
        var images = Images()
        for copy in copies { attempt { () throws(SystemError) in try write(copy, of: &images) } }
        if let log { attempt { () throws(SystemError) in try write(order, to: log, of: &images) } }
        return failures == 0 ? 0 : 74
    }

    private struct Copy {
        var name: String
        var file: Int32
        var image: Int
    }

    // MARK: As hasupd's user

    /// Makes the files that aren't there yet, and removes the oldest ones of ours. - Throws: `SystemError`.
    private static func open(_ names: [String], in path: String) throws(SystemError) -> [Copy] {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw SystemError(errno, "make config_save_dir \(path)") }
        let number = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { throw SystemError(errno, "open config_save_dir \(path)") }
        let folder = Descriptor(owning: number)
        var copies: [Copy] = []
        for (index, name) in names.enumerated() where !name.isEmpty {
            let file = openat(number, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            if file >= 0 {
                copies.append(Copy(name: "\(path)/\(name)", file: file, image: index))
            } else if errno != EEXIST {
                throw SystemError(errno, "write \(path)/\(name)")
            }
        }
        thinOut(folder)
        return copies
    }

    private static func thinOut(_ folder: borrowing Descriptor) {
        guard let listing = fdopendir(dup(folder.number)) else { return }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if SaveOrder.isName(name) { names.append(name) }
        }
        // The names begin with the time.
        for name in names.sorted().dropLast(copiesMax) { unlinkat(folder.number, name, 0) }
    }

    private static func openLog(_ path: String) throws(SystemError) -> Int32 {
        let number = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard number >= 0 else { throw SystemError(errno, "write the file of reload_check_config, \(path)") }
        let file = Descriptor(owning: number)
        try OwnFile.require(file, path)
        return file.release()
    }

    // MARK: Sealed

    /// The images, each opened once: it owns its descriptor.
    private struct Images {
        private var opened: [Int: ConfigurationImage] = [:]

        /// - Throws: `SystemError` for bytes that aren't an image.
        mutating func take(_ index: Int) throws(SystemError) -> ConfigurationImage {
            if let known = opened[index] { return known }
            do throws(ImageError) {
                let image = try ConfigurationImage(Descriptor(owning: firstImage + Int32(index)))
                opened[index] = image
                return image
            } catch {
                guard case .system(let error) = error else {
                    throw SystemError(EBADMSG, "read a configuration's image")
                }
                throw error
            }
        }
    }

    private static func write(_ copy: Copy, of images: inout Images) throws(SystemError) {
        do throws(SystemError) {
            try write(images.take(copy.image).text, to: copy.file, copy.name)
        } catch {
            // Half a configuration would be taken for one.
            _ = ftruncate(copy.file, 0)
            throw error
        }
    }

    private static func write(_ order: SaveOrder, to log: Int32, of images: inout Images) throws(SystemError) {
        var text = order.verdict + "\n"
        if order.hasFindings, let findings = try? [Diagnostic](decoding: images.take(1).diagnostics) {
            for finding in findings { text += finding.rendered(inColour: false, width: 120) + "\n" }
        }
        _ = ftruncate(log, 0)
        let bytes = Array(text.utf8)
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(SystemError) in try write(bytes, to: log, order.log ?? "") }
        }
        try result.get()
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, _ name: String) throws(SystemError) {
        var rest = bytes
        while rest.count > 0 {
            let count = Glibc.write(file, rest.baseAddress, rest.count)
            guard count > 0 else { throw SystemError(count < 0 ? errno : ENOSPC, "write \(name)") }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
