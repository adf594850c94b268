import CLinux
import Glibc
import Reactor
import Supervision

/// The note of a hasupd in the run directory about its FIFOs, for the next one: which of them it has made, and which process
/// reads. A line for each; the path, which comes last, may have blanks.
struct FIFORecord: Equatable {
    struct Entry: Equatable {
        var kind: FIFOPlan.Kind
        var path: String
        var identity: FIFOIdentity
        var isMade: Bool
        /// The leader of the reader's process group, and when the kernel has started it.
        var reader: KeptScripts.Process?
        /// Stands for the reader's command.
        var fingerprint: UInt64 = 0
    }

    var entries: [Entry] = []
    private static let sizeMax = 16 << 10

    private static func path(in directory: String) -> String { "\(directory)/fifos" }

    /// Reads what an earlier hasupd has noted; what isn't a line of it is passed over.
    init(in directory: String) {
        let bytes = FileReader.bytes(of: Self.path(in: directory), max: Self.sizeMax)
        entries = String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { Entry(line: $0) }
    }

    init(_ entries: [Entry]) { self.entries = entries }

    /// - Throws: `SystemError`.
    func save(in directory: String) throws(SystemError) {
        let path = Self.path(in: directory)
        guard !entries.isEmpty else {
            unlink(path)
            return
        }
        let text = entries.map { $0.line + "\n" }.joined()
        let number = open("\(path).new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw SystemError(errno, "write \(path)") }
        let file = Descriptor(owning: number)
        guard write(file.number, text, text.utf8.count) == text.utf8.count, rename("\(path).new", path) == 0 else {
            throw SystemError(errno, "write \(path)")
        }
    }
}

extension FIFORecord.Entry {
    fileprivate var line: String {
        let reader = reader.map { "\($0.pid) \($0.startTicks)" } ?? "0 0"
        return
            "\(kind.rawValue) \(isMade ? 1 : 0) \(identity.device) \(identity.inode) \(reader) \(fingerprint) \(path)"
    }

    fileprivate init?(line: Substring) {
        let words = line.split(separator: " ", maxSplits: 7)
        guard words.count == 8, let kind = UInt8(words[0]).flatMap(FIFOPlan.Kind.init),
            words[1] == "0" || words[1] == "1",
            let device = UInt64(words[2]), let inode = UInt64(words[3]), let pid = Int32(words[4]), pid >= 0, pid != 1,
            let startTicks = UInt64(words[5]), let fingerprint = UInt64(words[6]), words[7].hasPrefix("/")
        else { return nil }
        self.kind = kind
        isMade = words[1] == "1"
        identity = FIFOIdentity(device: device, inode: inode)
        reader = pid == 0 ? nil : KeptScripts.Process(pid: pid, startTicks: startTicks)
        self.fingerprint = fingerprint
        path = String(words[7])
    }
}
