import Base
import CLinux
import Glibc
import Reactor
import Varlink

/// A small file of the run directory that the next hasupd reads. It is replaced as a whole, and a reboot ends it.
final class BootFile<Content: JSONRecord> {
    /// A longer one isn't hasupd's.
    private static var lengthMax: Int { 8 << 20 }

    private let path: String
    private let form: Int
    private let boot = FileReader.bootID
    /// The file's content, to write it again if it was removed.
    private var content: [UInt8] = []
    /// The reason that the file isn't as it should be, a clause; nil when it is.
    private(set) var failure: String?

    /// - Parameters:
    ///   - name: its name in the run directory.
    ///   - form: the number of the content's form.
    init(_ name: String, in directory: String, form: Int) {
        path = "\(directory)/\(name)"
        self.form = form
    }

    /// The content that a hasupd of this boot has left; nil without one.
    ///
    /// - Throws: `UnreadableFile` for anything else than such a file.
    func read() throws(UnreadableFile) -> Content? {
        let bytes = FileReader.bytes(of: path, max: Self.lengthMax)
        guard !bytes.isEmpty else { return nil }
        do throws(JSONError) {
            let envelope = try Envelope(parsing: bytes)
            guard envelope.boot == boot else { return nil }
            guard envelope.form == form else { throw JSONError("it is of form \(envelope.form), not \(form)") }
            content = bytes
            return envelope.content
        } catch {
            throw UnreadableFile(description: "\(path) can't be read: \(error.reason)")
        }
    }

    func write(_ new: Content) {
        var envelope = Envelope()
        (envelope.form, envelope.boot, envelope.content) = (form, boot, new)
        var writer = JSONWriter()
        envelope.write(into: &writer)
        content = writer.bytes + [0x0a]
        save()
    }

    /// Writes the file again if it was removed.
    func restore() {
        if !content.isEmpty, access(path, F_OK) != 0 { save() }
    }

    private func save() {
        let fresh = path + ".new"
        let number = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { return failure = SystemError(errno, "write \(path)").description }
        let file = Descriptor(owning: number)
        let written = content.withUnsafeBytes { Glibc.write(file.number, $0.baseAddress, $0.count) }
        guard written == content.count, rename(fresh, path) == 0 else {
            return failure = SystemError(written < 0 ? errno : ENOSPC, "write \(path)").description
        }
        failure = nil
    }

    struct UnreadableFile: Error, CustomStringConvertible {
        /// A sentence without its end.
        let description: String
    }

    private struct Envelope: JSONRecord {
        static var summary: String { "A file of hasupd's, by form and boot" }
        static var typeName: String { "BootFile" }
        var form = 0
        var boot = ""
        var content = Content()

        mutating func visit(_ members: inout some Members) throws(ByteError) {
            members.member("form", &form)
            members.member("boot", &boot)
            members.member("content", &content)
        }
    }
}
