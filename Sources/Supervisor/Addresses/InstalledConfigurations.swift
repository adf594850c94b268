import Base
import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Kernel
import Reactor
import VRRP
import VRRPWorker
import WorkerProtocol

/// The configurations of which something may be in the kernel: copies of those that hasupd has given to its workers, in the
/// run directory, good for this boot (docs/decisions, D14).
///
/// When everything dies at once, addresses stay, and the next hasupd's file may not name them any more. An address goes only
/// when a configuration noted here names it, and the page of addresses, or without one the kernel's mark, says that it is
/// ours.
final class InstalledConfigurations {
    private static let sizeMax = 256 << 20

    private let directory: String
    /// The beginning of the names of this boot's copies. A number follows: the higher, the newer.
    private let prefix: String
    private var lastNumber: UInt64 = 0
    /// The copy of each generation of this hasupd.
    private var copies: [(generation: UInt64, number: UInt64)] = []
    /// The number of copies, those of an earlier hasupd counted: with one, nothing is left of a previous configuration.
    private(set) var copiesThere = 0

    /// True if a removal has failed: what is noted is still needed, whatever a worker says.
    private var owesRemoval = false
    /// The reason why the newest configuration isn't noted, a sentence; nil when it is.
    private(set) var failure: String?

    /// The copies in this folder. Those of earlier boots are removed.
    init(directory: String) {
        self.directory = directory
        prefix = "ledger-\(FileReader.bootID)"
        for name in names(beginningWith: "ledger-") where !name.hasPrefix(prefix) { unlink("\(directory)/\(name)") }
        let numbers = names(beginningWith: prefix).map(number(of:))
        lastNumber = numbers.max() ?? 0
        copiesThere = numbers.count
    }

    /// Notes a configuration before a worker is given it. Those before it stay noted: their addresses may still be there.
    /// `failure` says what can't be done.
    func record(_ image: ConfigurationImage, as generation: UInt64) {
        guard copies.last?.generation != generation else { return }
        do throws(SystemError) {
            try write(image, as: generation)
            failure = nil
        } catch {
            failure = "\(error): after a crash, addresses that left the configuration would stay."
        }
    }

    /// Notes again what may be in the kernel if its copies were removed, the oldest first.
    func restore(_ generations: [Generation]) {
        let there = Set(names(beginningWith: prefix).map(number(of:)))
        guard !copies.allSatisfy({ there.contains($0.number) }) else { return }
        copies = []
        copiesThere = there.count
        for generation in generations { record(generation.image, as: generation.number) }
    }

    private func write(_ image: ConfigurationImage, as generation: UInt64) throws(SystemError) {
        let path = "\(directory)/\(prefix).\(lastNumber + 1)"
        let fresh = path + ".new"
        let file = Descriptor(
            owning: try checked(
                errnoOf(open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)), "write \(fresh)"))
        var rest = image.model
        while rest.count > 0 {
            let count = try checked(
                errnoOf(Int32(clamping: Glibc.write(file.number, rest.baseAddress, rest.count))), "write \(fresh)")
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(count)...])
        }
        try checked(errnoOf(rename(fresh, path)), "write \(path)")
        lastNumber += 1
        copies.append((generation, lastNumber))
        copiesThere += 1
    }

    /// Removes the copies of earlier generations: nothing that only they name is in the kernel. If this one has no copy, they
    /// stay.
    func forget(before generation: UInt64) {
        guard !owesRemoval, let kept = copies.first(where: { $0.generation >= generation }) else { return }
        copies.removeAll { $0.number < kept.number }
        for name in names(beginningWith: prefix) where number(of: name) < kept.number { unlink("\(directory)/\(name)") }
        copiesThere = copies.count
    }

    private func names(beginningWith start: String) -> [String] {
        guard let folder = opendir(directory) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(start) { names.append(name) }
        }
        return names
    }

    /// The copy's number; 0 for one that was never finished.
    private func number(of name: String) -> UInt64 { UInt64(name.dropFirst(prefix.count + 1)) ?? 0 }

    /// Removes the addresses of the noted configurations that are ours and still there, except those of this model. Only to
    /// be called while no worker lives.
    ///
    /// - Parameter page: the entries of what workers have put where; without it everything has died, and the kernel's mark
    ///   says what is ours.
    /// - Returns: the addresses that were removed. - Throws: `SystemError`.
    func removeStaleAddresses(except kept: EncodedModel? = nil, by page: AddressPage?) throws(SystemError)
        -> [InterfaceAddress]
    {
        let model = kept.flatMap { try? $0.decode() } ?? ConfigurationModel()
        let noted = notedModels()
        owesRemoval = true
        let connection = try RouteConnection(try owned(hasup_route_socket(0), "open an rtnetlink socket"))
        let removal = try StaleAddressRemoval(
            model, previous: noted,
            StaleAddresses.Evidence(records: page?.records, claimed: Set(model.instances.indices)),
            connection.snapshot(), through: connection)
        try removal.requireSuccess()
        owesRemoval = false
        return removal.removed
    }

    /// Forgets everything: nothing of ours is in the kernel.
    func clear() {
        for name in names(beginningWith: prefix) { unlink("\(directory)/\(name)") }
        copies = []
        copiesThere = 0
    }

    /// True if the kernel keeps the mark (IFA_PROTO, since Linux 5.18). Without it no stale address is recognized.
    static var isKernelMarking: Bool {
        let numbers = FileReader.text(of: "/proc/sys/kernel/osrelease").split { !$0.isNumber }.prefix(2).compactMap {
            Int($0)
        }
        guard numbers.count == 2 else { return true }
        return (numbers[0], numbers[1]) >= (5, 18)
    }

    /// The models of all copies that can be read: another version may have written one.
    private func notedModels() -> [ConfigurationModel] {
        names(beginningWith: prefix).filter { !$0.hasSuffix(".new") }.compactMap { name in
            let model = FileReader.bytes(of: "\(directory)/\(name)", max: Self.sizeMax).withUnsafeBytes { bytes in
                Result { () throws(ByteError) in try EncodedModel(bytes).decode() }
            }
            return try? model.get()
        }
    }
}

/// A result of -1 as -errno.
private func errnoOf(_ result: Int32) -> Int32 { result < 0 ? -errno : result }
