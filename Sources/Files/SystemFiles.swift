import Base
import Configuration
import ConfigurationModel
import Glibc

/// The machine's own files, as a configuration's reader sees them.
package struct SystemFiles: FileProvider {
    /// The largest file that is read: a configuration of 200,000 lines has about 8 MiB.
    package static let sizeMax = 64 * 1024 * 1024

    /// True if programs are looked at; not when the files are for another machine.
    package var inspectsPrograms: Bool

    /// The files as this process may see them.
    package init(inspectsPrograms: Bool = true) { self.inspectsPrograms = inspectsPrograms }

    package func inspect(program: String) -> ProgramFinding? {
        inspectsPrograms ? ProgramInspection.inspect(program) : nil
    }

    package func library(_ library: CheckLibrary) -> LibraryFinding? {
        inspectsPrograms ? CheckLibraries.find(library) : nil
    }

    package func account(user: String, group: String?) -> AccountFinding? {
        inspectsPrograms ? AccountLookup.find(user: user, group: group) : nil
    }

    package func read(path: String) -> Result<[UInt8], FileError> {
        // Without O_NONBLOCK, opening a FIFO would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        if descriptor < 0 { return .failure(Self.error(errno)) }
        defer { close(descriptor) }
        var status = stat()
        if fstat(descriptor, &status) < 0 { return .failure(Self.error(errno)) }
        if status.st_mode & S_IFMT != S_IFREG { return .failure(.notRegular) }
        if status.st_mode & 0o111 != 0 { return .failure(.executable) }
        if status.st_size > Self.sizeMax { return .failure(.tooLarge) }
        return Self.content(of: descriptor, expected: Int(status.st_size))
    }

    /// The file that a path leads to.
    package func identity(of path: String) -> FileIdentity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    private static func content(of descriptor: Int32, expected: Int) -> Result<[UInt8], FileError> {
        var content: [UInt8] = []
        content.reserveCapacity(expected + 1)
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = Glibc.read(descriptor, chunk.baseAddress, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(error(errno))
            }
            if count == 0 { return .success(content) }
            content.append(contentsOf: chunk[0..<count])
            // It may have grown since it was looked at.
            if content.count > sizeMax { return .failure(.tooLarge) }
        }
    }

    private static func error(_ code: Int32) -> FileError {
        switch code {
        case ENOENT, ENOTDIR: .notFound
        case EACCES, EPERM: .permissionDenied
        default: .other(String(cString: strerror(code)))
        }
    }

    /// Returns what matches, sorted by the bytes of the names whatever the locale is.
    package func glob(pattern: String) -> Result<[String], FileError> {
        var walk = PatternWalk()
        return walk.paths(matching: pattern).map { $0.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
    }
}
