import ArgumentParser
import Base
import Configuration
import ConfigurationModel
import Control
import Files
import Glibc
import Varlink

/// hasup check
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks configurations and prints all findings.",
        discussion: "Needs no daemon. Several files are checked as the nodes of one cluster, too, for what would split "
            + "it. Exit status 1 when a reload would refuse one of them, or the nodes don't fit together.")

    @Flag(help: "Skip checks against this machine (interfaces, programs): the files are for another host.")
    var anyInterface = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The name that @NAME lines are compared with (default: the node's name). Give it once for each file, or "
                + "several times with one file that all nodes of a cluster share.", valueName: "name"))
    var configId: [String] = []

    @Option(
        name: .customLong("guard"),
        help: ArgumentHelp(
            "Read the cluster blocks of the split-brain guard from this file (default: guard.conf beside the main file, "
                + "if there is one). Give it once for all files, or once for each of them.", valueName: "file"),
        completion: .file(extensions: ["conf"]))
    var guardFiles: [String] = []

    @Flag(help: "Print the effective text: includes, conditions, definitions and sequences are applied.")
    var effective = false

    @Flag(help: "Print the findings as one line of JSON, shaped as in the Language Server Protocol.")
    var json = false

    @Argument(help: "The main files; - is standard input.", completion: .file(extensions: ["conf"])) var files: [String]

    func validate() throws {
        if configId.count > 1, files.count > 1, configId.count != files.count {
            throw ValidationError("--config-id is given once for all files, or once for each of them.")
        }
        if guardFiles.count > 1, guardFiles.count != files.count {
            throw ValidationError("--guard is given once for all files, or once for each of them.")
        }
        if effective, configId.count > 1 { throw ValidationError("--effective takes one --config-id.") }
        if effective, json || files.count != 1 {
            throw ValidationError("--effective takes one file, and no --json.")
        }
        if files.count(where: { $0 == InputFiles.name }) > 1 {
            throw ValidationError("Standard input can be read once only.")
        }
    }

    func run() throws {
        // At most one of several nodes is this machine.
        let nodeCount = max(files.count, configId.count)
        let isThisMachine = !anyInterface && nodeCount == 1
        var environment = SystemEnvironment.current(checksInterfaces: isThisMachine)
        if let first = configId.first { environment.configID = first }
        if environment.mayHoldVirtualAddresses { environment.leaveOut(Self.virtualAddresses()) }
        environment.guardFile = Self.guardPlace(guardFiles.first, besideOf: files.first)
        if effective { return try printEffective(environment) }
        let machine = InputFiles(
            SystemFiles(inspectsPrograms: isThisMachine), readsInput: files.contains(InputFiles.name))
        let nodes = (0..<nodeCount).map { number in
            if configId.count > 1 { environment.configID = configId[number] }
            if files.count > 1 {
                let named = guardFiles.count > 1 ? guardFiles[number] : guardFiles.first
                environment.guardFile = Self.guardPlace(named, besideOf: files[number])
            }
            environment.randomSeed = .random(in: .min ... .max)
            return ClusterNode(
                path: files.count > 1 ? files[number] : files[0], files: machine, environment: environment)
        }
        // The instances of a file that can't be read are unknown.
        let isComparable = nodes.count > 1 && nodes.allSatisfy(\.loaded.isReadable)
        let cluster = isComparable ? checkCluster(nodes) : []
        if json {
            Terminal.write(FindingJSON.render(nodes, cluster: cluster) + [0x0a])
        } else {
            show(nodes, cluster, isOfThisMachine: isThisMachine)
        }
        let isRefused = nodes.contains { $0.loaded.hasErrors || !$0.loaded.canStart }
        if isRefused || cluster.contains(where: { $0.severity == .error }) { throw ExitCode(1) }
    }

    private func show(_ nodes: [ClusterNode], _ cluster: [Diagnostic], isOfThisMachine: Bool) {
        let text = FindingText(style: Terminal.style)
        for node in nodes {
            Terminal.write(node.loaded.findingsOfCheck.map { text.render($0) }.joined())
            Terminal.write(
                FindingText.verdict(on: node.path, node.loaded, isOfThisMachine: isOfThisMachine))
        }
        if isOfThisMachine, let remark = NamespaceCheck.remark() {
            Terminal.write(Layout.wrap(remark, width: Terminal.width, indent: 0).joined(separator: "\n") + "\n")
        }
        guard nodes.count > 1 else { return }
        let unread = nodes.filter { !$0.loaded.isReadable }.map { node in
            node.loaded.diagnostics.first?.message ?? "can't read \(node.path)"
        }
        guard unread.isEmpty else { return Terminal.write(FindingText.incomparable(nodes.count, unread)) }
        Terminal.write(cluster.map { text.render($0) }.joined())
        Terminal.write(
            FindingText.verdict(onClusterOf: nodes.count, cluster, areWhole: nodes.allSatisfy(\.loaded.isWhole)))
    }

    /// The place of guard.conf: nothing is beside standard input.
    private static func guardPlace(_ named: String?, besideOf file: String?) -> GuardFilePlace {
        named.map { .named($0) } ?? (file == InputFiles.name ? .none : .beside)
    }

    private func printEffective(_ environment: Environment) throws {
        guard let file = files.first else { return }
        let machine = InputFiles(
            SystemFiles(inspectsPrograms: !anyInterface), readsInput: file == InputFiles.name)
        let loaded = loadConfiguration(path: file, files: machine, environment: environment)
        Terminal.write(effectiveConfiguration(path: file, files: machine, environment: environment))
        guard loaded.hasErrors || !loaded.canStart else { return }
        let text = FindingText(style: .plain)
        Terminal.writeError(Self.errors(of: loaded.orderedDiagnostics).map { text.render($0) }.joined())
        throw ExitCode(1)
    }
}

extension CheckCommand {
    /// The virtual addresses that the hasupd of this network namespace has set; none without its answer.
    private static func virtualAddresses() -> [(interface: String, address: IPAddress)] {
        guard let socket = NamespaceCheck.ownSocket, access(socket, R_OK | W_OK) == 0,
            let client = try? ControlClient(path: socket, timeout: .seconds(1)),
            let status = try? client.call(.status, StatusReply.self)
        else { return [] }
        return status.instances.flatMap { $0.addresses + $0.excludedAddresses }.compactMap { report in
            guard report.installed, !report.foreign, let prefix = Prefix(report.address) else { return nil }
            return (interface: report.interface, address: prefix.address)
        }
    }

    /// The errors, each with its notes: a note belongs to the finding before it.
    static func errors(of findings: [Diagnostic]) -> [Diagnostic] {
        var isOfError = false
        return findings.filter { finding in
            if finding.severity != .note { isOfError = finding.severity == .error }
            return isOfError
        }
    }
}

/// The machine's files, with standard input under the name `-`. Findings about programs and users are
/// cached: ten thousand servers may name the same script.
final class InputFiles: FileProvider {
    static let name = "-"
    private let files: SystemFiles
    private var programs: [String: ProgramFinding?] = [:]
    private var accounts: [[String?]: AccountFinding?] = [:]
    /// Read once: a configuration is looked at twice when its effective text is wanted.
    private let input: Result<[UInt8], FileError>?

    init(_ files: SystemFiles, readsInput: Bool) {
        self.files = files
        input = readsInput ? Terminal.readInput(limit: SystemFiles.sizeMax) : nil
    }

    func read(path: String) -> Result<[UInt8], FileError> {
        if path == Self.name, let input { return input }
        return files.read(path: path)
    }

    func glob(pattern: String) -> Result<[String], FileError> { files.glob(pattern: pattern) }

    func inspect(program: String) -> ProgramFinding? {
        if let known = programs[program] { return known }
        let finding = files.inspect(program: program)
        programs[program] = .some(finding)
        return finding
    }

    func account(user: String, group: String?) -> AccountFinding? {
        if let known = accounts[[user, group]] { return known }
        let finding = files.account(user: user, group: group)
        accounts[[user, group]] = .some(finding)
        return finding
    }

    func identity(of path: String) -> FileIdentity? { files.identity(of: path) }
    func library(_ library: CheckLibrary) -> LibraryFinding? { files.library(library) }
}
