import Base
import ConfigurationModel

/// The reason a file couldn't be read.
package enum FileError: Error, Hashable, Sendable {
    /// No such file, or a part of its path is missing.
    case notFound
    /// It may not be read by this user.
    case permissionDenied
    /// A directory, socket, FIFO or device: never read as configuration.
    case notRegular
    /// Somebody may execute it, so it is a program.
    case executable
    /// It is larger than the provider is willing to read.
    case tooLarge
    /// Anything else, with the system's words.
    case other(String)

    /// The clause that follows the path in messages.
    package var explanation: String {
        switch self {
        case .notFound: "no such file"
        case .permissionDenied: "permission denied"
        case .notRegular: "not a regular file"
        case .executable: "it is executable, and programs aren't read as configuration (chmod a-x)"
        case .tooLarge: "too large"
        case .other(let text): text
        }
    }
}

/// The outside world as far as reading a configuration needs it. This room opens nothing by itself.
package protocol FileProvider {
    /// The content of this file. The path is absolute, or relative to the working directory.
    func read(path: String) -> Result<[UInt8], FileError>
    /// The paths that match a pattern with `*`, `?` and `[...]`, sorted, whatever they lead to, and the folders that can't
    /// be looked into. `tooLarge` when more would have to be looked at than the provider is willing to.
    func glob(pattern: String) -> Result<[String], FileError>
    /// Objections to running this program; nil when it isn't known or not to be judged.
    func inspect(program: String) -> ProgramFinding?
    /// The account of a user with this group or his own; nil when it isn't known or not to be judged.
    func account(user: String, group: String?) -> AccountFinding?
    /// The file that a path leads to; nil when there is none or it isn't known.
    func identity(of path: String) -> FileIdentity?
    /// A library, loaded at the first question; nil when what it judges isn't to be judged.
    func library(_ library: CheckLibrary) -> LibraryFinding?
}

extension FileProvider {
    package func inspect(program: String) -> ProgramFinding? { nil }
    package func account(user: String, group: String?) -> AccountFinding? { nil }
    package func identity(of path: String) -> FileIdentity? { nil }
    package func library(_ library: CheckLibrary) -> LibraryFinding? { nil }
}

/// The machine's answer about a user and a group.
package enum AccountFinding: Hashable, Sendable {
    case known(ScriptAccount)
    /// It doesn't, such as `there is no user 'x'`.
    case unknown(String)
}

/// The kernel's facts about an interface.
package struct LinkFacts: Hashable, Sendable {
    /// It leads back to this machine (IFF_LOOPBACK).
    package var isLoopback: Bool
    /// It can send to groups (IFF_MULTICAST).
    package var hasMulticast: Bool
    /// Bytes of the largest packet that it sends; nil when that isn't known.
    package var mtu: Int?

    /// An interface by its flags.
    package init(isLoopback: Bool = false, hasMulticast: Bool = true, mtu: Int? = nil) {
        self.isLoopback = isLoopback
        self.hasMulticast = hasMulticast
        self.mtu = mtu
    }
}

/// The place of guard.conf.
package enum GuardFilePlace: Hashable, Sendable {
    /// Beside the main file, where it may be missing.
    case beside
    /// At this path.
    case named(String)
    /// Nowhere: cluster blocks stand behind `@hasup` or not at all.
    case none
}

/// Facts that the meaning of a configuration depends on besides its text.
package struct Environment: Hashable, Sendable {
    /// Names of the interfaces that exist; nil when that isn't to be checked.
    package var interfaces: Set<String>?
    /// The name that `@NAME` lines are compared with: `--config-id`, else the node's name up to its first dot.
    package var configID: String
    package var guardFile = GuardFilePlace.beside
    /// Environment variables, for `${_ENV NAME}`.
    package var variables: [String: String]
    /// Seed of `${_RANDOM}`: the same seed gives the same configuration.
    package var randomSeed: UInt64
    /// Addresses of each interface with the length of their network, without those of virtual routers; nil when that isn't
    /// to be checked.
    package var prefixes: [String: [Prefix]]?
    /// True if `prefixes` may have addresses of virtual routers all the same, because the kernel doesn't tell who has
    /// added an address.
    package var mayHoldVirtualAddresses = false
    /// The kind of each interface; nil when that isn't to be checked.
    package var links: [String: LinkFacts]?
    /// Names of routing tables and their kin.
    package var routingNames = RoutingNames()

    /// An environment; by default nothing is known about interfaces.
    package init(
        interfaces: Set<String>? = nil, configID: String = "", variables: [String: String] = [:],
        randomSeed: UInt64 = 0
    ) {
        self.interfaces = interfaces
        self.configID = configID
        self.variables = variables
        self.randomSeed = randomSeed
    }

    /// Leaves out addresses that a virtual router has set.
    package mutating func leaveOut(_ addresses: some Sequence<(interface: String, address: IPAddress)>) {
        for (interface, address) in addresses { prefixes?[interface]?.removeAll { $0.address == address } }
    }
}

extension ConfigurationModel {
    /// The addresses that its instances set while they are MASTER. The owner of an address (priority 255) may have it
    /// anyway.
    package var virtualAddresses: [(interface: String, address: IPAddress)] {
        instances.filter { $0.priority != .owner }.flatMap { instance in
            (instance.virtualAddresses + instance.excludedAddresses).map {
                (interface: $0.interface ?? instance.interface, address: $0.prefix.address)
            }
        }
    }
}

/// Every file that a configuration consists of, read once: a snapshot that can be parsed after privileges were
/// dropped, and parsed again with the same result.
package struct SourceSet: FileProvider, Sendable {
    /// The main file's path as it was given.
    package let path: String
    private var files: [String: Result<[UInt8], FileError>] = [:]
    private var matches: [String: Result<[String], FileError>] = [:]
    private var programs: [String: ProgramFinding] = [:]
    private var accounts: [AccountName: AccountFinding] = [:]
    private var identities: [String: FileIdentity] = [:]
    private var libraries: [CheckLibrary: LibraryFinding] = [:]

    private struct AccountName: Hashable {
        var user: String
        var group: String?
    }

    init(path: String) { self.path = path }

    /// Paths of all files that were read.
    package var paths: [String] { files.keys.sorted() }
    /// Patterns for which files were looked for.
    package var patterns: [String] { matches.keys.sorted() }
    /// Bytes of all files together.
    package var byteCount: Int { files.values.reduce(0) { $0 + ((try? $1.get())?.count ?? 0) } }

    /// The bytes of this path; `notFound` for one that wasn't asked for when the set was made.
    package func read(path: String) -> Result<[UInt8], FileError> { files[path] ?? .failure(.notFound) }
    /// The matches of this pattern when the set was made.
    package func glob(pattern: String) -> Result<[String], FileError> { matches[pattern] ?? .success([]) }

    /// The finding about this program when the set was made.
    package func inspect(program: String) -> ProgramFinding? { programs[program] }

    /// The finding about this user when the set was made.
    package func account(user: String, group: String?) -> AccountFinding? {
        accounts[AccountName(user: user, group: group)]
    }

    /// The file that this path led to when the set was made.
    package func identity(of path: String) -> FileIdentity? { identities[path] }

    /// The library, if it was asked for when the set was made: behind a seal none can be loaded.
    package func library(_ library: CheckLibrary) -> LibraryFinding? { libraries[library] }

    mutating func remember(_ finding: LibraryFinding, for library: CheckLibrary) { libraries[library] = finding }
    mutating func remember(_ identity: FileIdentity, for path: String) { identities[path] = identity }
    mutating func remember(_ finding: ProgramFinding, for program: String) { programs[program] = finding }
    mutating func remember(_ finding: AccountFinding, for user: String, _ group: String?) {
        accounts[AccountName(user: user, group: group)] = finding
    }
    mutating func remember(_ result: Result<[UInt8], FileError>, for path: String) { files[path] = result }
    mutating func remember(_ paths: Result<[String], FileError>, forPattern pattern: String) {
        matches[pattern] = paths
    }
    func knows(path: String) -> Bool { files[path] != nil }
}

/// Passes questions on and keeps the answers.
final class RecordingProvider<Files: FileProvider>: FileProvider {
    private let files: Files
    private(set) var sources: SourceSet

    init(_ files: Files, mainPath: String) {
        self.files = files
        sources = SourceSet(path: mainPath)
    }

    func read(path: String) -> Result<[UInt8], FileError> {
        // A file that is included twice is read once: both places then see the same text.
        if sources.knows(path: path) { return sources.read(path: path) }
        let result = files.read(path: path)
        sources.remember(result, for: path)
        return result
    }

    func glob(pattern: String) -> Result<[String], FileError> {
        let paths = files.glob(pattern: pattern)
        sources.remember(paths, forPattern: pattern)
        return paths
    }

    func inspect(program: String) -> ProgramFinding? {
        if let known = sources.inspect(program: program) { return known }
        let finding = files.inspect(program: program)
        if let finding { sources.remember(finding, for: program) }
        return finding
    }

    func identity(of path: String) -> FileIdentity? {
        if let known = sources.identity(of: path) { return known }
        let identity = files.identity(of: path)
        if let identity { sources.remember(identity, for: path) }
        return identity
    }

    func library(_ library: CheckLibrary) -> LibraryFinding? {
        if let known = sources.library(library) { return known }
        let finding = files.library(library)
        if let finding { sources.remember(finding, for: library) }
        return finding
    }

    func account(user: String, group: String?) -> AccountFinding? {
        if let known = sources.account(user: user, group: group) { return known }
        let finding = files.account(user: user, group: group)
        if let finding { sources.remember(finding, for: user, group) }
        return finding
    }
}
