import Authentication
import Base
import ConfigurationModel
import Glibc
import Reactor
import WorkerProtocol

/// The keys of the clusters (docs/decisions, D105): read from their files with each configuration, and handed to VRRP workers
/// in memory of their own. They stand in no image, log or report. The next hasupd is given them, too: a file that can't be read
/// at that moment changes nothing.
final class ClusterKeys {
    /// A cluster's keys of the last configuration.
    private struct Entry {
        let name: String
        let path: String
        /// Nil if they can't be had.
        let memory: MappedMemory?
    }

    /// By the cluster's place.
    private var entries: [Int: Entry] = [:]
    /// Those that a former hasupd has read, until the first configuration.
    private var inherited: [Entry] = []
    /// The keys for the next hasupd; nil without any.
    private(set) var legacy: MappedMemory?
    /// A sentence about a file that can't be used.
    var onFailure: ((String) -> Void)?

    /// - Parameter legacy: a former hasupd's; what isn't whole is passed over.
    init(legacy: MappedMemory?) {
        guard let legacy else { return }
        self.legacy = legacy
        inherited = withExtendedLifetime(legacy) { (try? Self.entries(in: legacy.bytes)) ?? [] }
    }

    /// Reads the files of a configuration. Where one can't be used, what was read of it before stays.
    func read(for generation: Generation) {
        let former = inherited + entries.values
        inherited = []
        entries = [:]
        for (place, cluster) in generation.clusters.enumerated() where cluster.needsKeys {
            let before = former.first { $0.name == cluster.name && $0.path == cluster.secretFile }?.memory
            var memory = before
            do throws(Failure) {
                memory = try Self.read(cluster.secretFile)
            } catch {
                let effect =
                    before == nil ? "what it guards is in FAULT" : "the keys that were read before stay in force"
                onFailure?("cluster \(cluster.name): \(error.description): \(effect)")
            }
            entries[place] = Entry(name: cluster.name, path: cluster.secretFile, memory: memory)
        }
        generation.keyless = Set(entries.filter { $0.value.memory == nil }.keys)
        bequeath()
    }

    // MARK: The next hasupd

    private static let legacyForm: UInt8 = 1

    private func bequeath() {
        var writer = ByteWriter()
        let whole = entries.values.filter { $0.memory != nil }.prefix(Int(UInt8.max))
        writer.write(Self.legacyForm)
        writer.write(UInt8(whole.count))
        for entry in whole {
            guard let memory = entry.memory else { continue }
            entry.name.encode(into: &writer)
            entry.path.encode(into: &writer)
            writer.write(UInt16(memory.bytes.count))
            writer.write(Array(memory.bytes))
        }
        // Without memory for it the next one reads the files.
        legacy = whole.isEmpty ? nil : try? MappedMemory(sealed: MappedMemory.sealed(writer.bytes, name: "hasup-keys"))
    }

    private static func entries(in bytes: UnsafeRawBufferPointer) throws -> [Entry] {
        var reader = ByteReader(bytes)
        guard try reader.readUInt8() == legacyForm else { throw ByteError.invalid }
        var entries: [Entry] = []
        for _ in 0..<(try reader.readUInt8()) {
            let (name, path) = (try String(decoding: &reader), try String(decoding: &reader))
            let content = try reader.readBytes(Int(try reader.readUInt16()))
            _ = try KeyFile(content)
            let memory = try MappedMemory(sealed: MappedMemory.sealed(content, name: "hasup-keys"))
            entries.append(Entry(name: name, path: path, memory: memory))
        }
        try reader.finish()
        return entries
    }

    // MARK: The worker

    /// Hands over all keys, for the configuration that the worker is given next.
    func send(on channel: Channel) {
        for (place, entry) in entries {
            guard let memory = entry.memory else { continue }
            SupervisorToVRRP.clusterKeys(cluster: UInt8(place)).send(on: channel, descriptors: [memory.number])
        }
    }

    /// The reason a file can't be used.
    enum Failure: Error, CustomStringConvertible {
        case noFile
        case system(SystemError)
        case notRegular(String)
        case foreign(String)
        case open(String)
        case content(String, KeyFileError)

        var description: String {
            switch self {
            case .noFile: "it names no key file (secret file:PATH)"
            case .system(let error): error.description
            case .notRegular(let path): "\(Printable.text(path)) isn't a regular file"
            case .foreign(let path): "the key file \(Printable.text(path)) isn't root's: chown root it"
            case .open(let path):
                "the key file \(Printable.text(path)) can be read or changed by others: chmod 600 it, and make another key"
            case .content(let path, let error): "the key file \(Printable.text(path)) \(error.description)"
            }
        }
    }

    /// Reads and checks a file. - Throws: `Failure`.
    static func read(_ path: String) throws(Failure) -> MappedMemory {
        guard !path.isEmpty else { throw .noFile }
        let operation = "read the key file \(Printable.text(path))"
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else { throw .system(SystemError(errno, operation)) }
        let file = Descriptor(owning: number)
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw .system(SystemError(errno, operation)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular(path) }
        guard status.st_uid == 0 || status.st_uid == geteuid() else { throw .foreign(path) }
        guard status.st_mode & (S_IRWXO | S_IWGRP) == 0 else { throw .open(path) }
        var bytes = [UInt8](repeating: 0, count: KeyFile.bytesMax + 1)
        let count = pread(file.number, &bytes, bytes.count, 0)
        guard count >= 0 else { throw .system(SystemError(errno, operation)) }
        do throws(KeyFileError) {
            _ = try KeyFile(bytes.prefix(count))
        } catch {
            throw .content(path, error)
        }
        do throws(SystemError) {
            return try MappedMemory(sealed: try MappedMemory.sealed(Array(bytes.prefix(count)), name: "hasup-keys"))
        } catch {
            throw .system(error)
        }
    }
}
