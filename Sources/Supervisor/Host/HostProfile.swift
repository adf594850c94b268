import CLinux
import Configuration
import ConfigurationModel
import Control
import Glibc
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// The host's users, capabilities and filters for hasupd and its workers, found out once at the start.
final class HostProfile {
    /// The workers' user; nil when they keep hasupd's.
    let identity: Identity?
    /// System call filters, compiled once.
    let workerFilter: Descriptor
    let checkerFilter: Descriptor
    let parserFilter: Descriptor
    let dumpFilter: Descriptor
    let mailFilter: Descriptor
    let withdrawFilter: Descriptor
    let trackFilter: Descriptor
    private let supervisorFilter: Descriptor
    /// Restrictions that this host imposes, a sentence each.
    private(set) var limitations: [String]
    /// Privileges that hasupd itself couldn't give up or get, a sentence each.
    var shortfalls: [String] { sandboxReport.shortfalls + (ambientFailure.map { [$0] } ?? []) }
    /// Folders besides its own in which hasupd or its children write, by its first configuration.
    private var writableFolders: [String] = []
    /// Those of them in which hasup-track makes files.
    private var trackingFolders: [String] = []
    /// Serial lines of the first configuration.
    private var serialDevices: [String] = []
    /// net_namespace_ipvs of its first configuration.
    private var tableNamespace: String?
    /// The reason that hasupd's children don't inherit its capabilities.
    private var ambientFailure: String?
    /// The report on hasupd's own sandbox.
    private(set) var sandboxReport = SandboxReport()
    /// The sandbox arguments of every child; the VRRP worker's have a priority, too.
    let sandboxArguments: SandboxArguments
    /// Those of hasup-mail, which has a user of its own.
    let mailArguments: SandboxArguments
    private let hasMailUser: Bool
    /// The user of hasup-mail, and its only group.
    private static let mailUserName = "hasup-mail"
    /// The group whose members are operators (docs/decisions, D3).
    static let operatorGroupName = "hasup"
    /// The group's number; nil when it doesn't exist.
    let operatorGroup: UInt32?
    /// Names of the processes' users, looked up once.
    let users: [UInt32: String]
    private let options: DaemonOptions
    private let paths: Paths
    private let isSuccessor: Bool
    /// True after hasupd has given up what scripts would need.
    private(set) var isFullySandboxed = false
    /// Nil when /proc can't be read.
    private let privileges: Privileges?
    private let hasWorkerUser: Bool

    /// - Parameter isSuccessor: true if this process has become this program by `hasup upgrade`.
    init(_ options: DaemonOptions, _ paths: Paths, _ privileges: Privileges?, isSuccessor: Bool) throws(SystemError) {
        self.options = options
        self.paths = paths
        self.privileges = privileges
        self.isSuccessor = isSuccessor
        let violation = options.violation
        workerFilter = try SeccompProgram.compile(.vrrp, onViolation: violation)
        checkerFilter = try SeccompProgram.compile(.checker, onViolation: violation)
        parserFilter = try SeccompProgram.compile(.config, onViolation: violation)
        dumpFilter = try SeccompProgram.compile(.dump, onViolation: violation)
        mailFilter = try SeccompProgram.compile(.mail, onViolation: violation)
        withdrawFilter = try SeccompProgram.compile(.withdraw, onViolation: violation)
        trackFilter = try SeccompProgram.compile(.track, onViolation: violation)
        supervisorFilter = try SeccompProgram.compile(.supervisor, onViolation: violation)
        var limitations: [String] = []
        var found: Identity?
        if getuid() != 0 {
            limitations.append("hasupd runs as uid \(getuid()): the workers keep that user")
        } else {
            do throws(SystemError) {
                let wanted = try Identity.lookup()
                if Self.isMapped(wanted) {
                    found = wanted
                } else {
                    limitations.append(
                        "user hasup (uid \(wanted.uid)) doesn't exist in this user namespace: the workers keep uid 0")
                }
            } catch {
                limitations.append("\(error): the workers stay root. `make install` or the package creates the user")
            }
        }
        hasWorkerUser = found != nil
        if privileges?.mayChangeUsers == false { found = nil }
        identity = found
        sandboxArguments = SandboxArguments(
            identity: found, keepsCore: options.keepsCore, logsRefusals: violation == .log,
            requiresFilter: Self.requiresFilters(options))
        let mailUser = try? Identity.lookup(user: Self.mailUserName, group: Self.mailUserName)
        hasMailUser = mailUser.map(Self.isMapped) == true
        var mailArguments = sandboxArguments
        if found != nil, hasMailUser { mailArguments.identity = mailUser }
        self.mailArguments = mailArguments
        operatorGroup = try? Identity.groupNumber(Self.operatorGroupName)
        var users: [UInt32: String] = [0: "root"]
        if let found { users[found.uid] = "hasup" }
        if let mailUser { users[mailUser.uid] = Self.mailUserName }
        self.users = users
        self.limitations = limitations
    }

    /// True if hasupd and its children must not run without their filters: as the machine's root, unless an option allows it.
    /// In a user namespace, or as an ordinary user, less is at stake, and the log says it.
    static func requiresFilters(_ options: DaemonOptions) -> Bool {
        requiresFilters(
            isOptional: options.isFilterOptional, user: getuid(), userMap: Self.text(of: "/proc/self/uid_map"))
    }

    /// - Parameter userMap: /proc/self/uid_map; the first namespace's is one line that maps all numbers to themselves.
    static func requiresFilters(isOptional: Bool, user: UInt32, userMap: String?) -> Bool {
        guard !isOptional, user == 0 else { return false }
        guard let userMap else { return true }
        return userMap.split(whereSeparator: \.isWhitespace) == ["0", "0", "4294967295"]
    }

    /// Returns true if both numbers exist in this user namespace (user_namespaces(7)).
    private static func isMapped(_ identity: Identity) -> Bool {
        maps("/proc/self/uid_map", identity.uid) && maps("/proc/self/gid_map", identity.gid)
    }

    private static func maps(_ file: String, _ number: UInt32) -> Bool {
        guard let text = Self.text(of: file) else { return true }
        return text.split(separator: "\n").contains { line in
            let words = line.split(separator: " ").compactMap { UInt64($0) }
            return words.count == 3 && (words[0]..<words[0] + words[2]).contains(UInt64(number))
        }
    }

    private static func text(of file: String) -> String? {
        guard let handle = fopen(file, "r") else { return nil }
        defer { fclose(handle) }
        var buffer = [CChar](repeating: 0, count: 4096)
        let size = fread(&buffer, 1, buffer.count, handle)
        return String(decoding: buffer.prefix(size).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Adds the losses by missing capabilities, which depend on the configuration.
    func checkPrivileges(
        for model: EncodedModel, workerPriority: Int32, controlSocket: String, givesFilesAway: Bool
    ) {
        if hasWorkerUser, !hasMailUser, (try? model.global())?.mail.relay != nil {
            limitations.append("there is no user \(Self.mailUserName): hasup-mail runs as the workers do")
        }
        guard let privileges else { return }
        limitations += privileges.losses(
            for: Privileges.Needs(
                hasWorkerUser: hasWorkerUser, hasScripts: model.hasScripts, realtimePriority: workerPriority,
                needsChown: operatorGroup.map { !Self.admits($0, to: controlSocket) } ?? false,
                givesFIFOsAway: givesFilesAway))
    }

    /// Returns true if the group can reach the socket.
    private static func admits(_ group: UInt32, to socket: String) -> Bool {
        var status = stat()
        guard lstat(socket, &status) == 0, status.st_gid == group else { return false }
        let folder = socket.lastIndex(of: "/").map { String(socket[...$0]) } ?? "."
        return stat(folder, &status) == 0 && (status.st_gid == group || status.st_mode & S_IXOTH != 0)
    }

    /// Returns the priority to ask for; nil when hasupd may not have it, which `limitations` say.
    func permittedPriority(_ priority: Int32) -> Int32? {
        privileges?.mayBeRealtime(priority) == false ? nil : priority
    }

    /// True if hasupd should have a filter and has none.
    var isUnfiltered: Bool { isFullySandboxed && !sandboxReport.isFiltered }

    /// Gives up what hasupd doesn't need with its first configuration (docs/decisions, D2), and asks for realtime before that.
    func limitSupervisor(_ generation: Generation) {
        let hasScripts = generation.model.hasScripts
        tableNamespace = generation.tableNamespace
        trackingFolders = generation.trackingFolders
        writableFolders = Self.writableFolders(generation)
        serialDevices = generation.clusters.flatMap { $0.connections(ofCluster: 0) }.compactMap {
            // By /dev/null a process finds out whether it is confined.
            if case .serial(let line) = $0.ends, Self.resolved(line.device) != "/dev/null" { line.device } else { nil }
        }
        // Tracked files are others', and so are the folders in which init_file makes them.
        if !generation.image.needsReadRight, !generation.tracksFiles { keptCapabilities.remove(.dacReadSearch) }
        if !trackingFolders.isEmpty { keptCapabilities.insert(.dacOverride) }
        if generation.givesFIFOsAway { keptCapabilities.insert(.chown) }
        if generation.bindsPrivilegedPorts { keptCapabilities.insert(.netBindService) }
        let realtime = RealtimePlan(
            priority: permittedPriority(generation.supervisorPriority), resetsOnFork: true)
        let unscheduled = Realtime.apply(realtime)
        // `limitations` name capabilities that it never had.
        let available = (try? ProcessInspection(pid: getpid()))?.permitted ?? keptCapabilities
        var plan = SupervisorPlan(capabilities: keptCapabilities.intersection(available), isFull: !hasScripts)
        plan.keepsCore = options.keepsCore
        plan.logsRefusals = options.violation == .log
        plan.isSuccessor = isSuccessor
        if !hasScripts {
            plan.filter = supervisorFilter.number
            plan.landlock = landlock
        }
        let report = Sandbox.limitSupervisor(as: plan)
        var shortfalls = unscheduled + report.shortfalls
        if isSuccessor, hasScripts {
            shortfalls.append(
                "scripts run without the privileges that hasupd gave up when it had no scripts: restart hasupd")
        }
        sandboxReport = SandboxReport(
            shortfalls: shortfalls, isConfined: report.isConfined, isFiltered: report.isFiltered,
            isDumpable: report.isDumpable, workingDirectory: report.workingDirectory ?? "")
        isFullySandboxed = !hasScripts || isSuccessor
        setAmbientCapabilities()
    }

    /// Landlock rules for a hasupd without scripts. It executes its own image and the checker's, also those of a later
    /// package, and the dynamic loader. The rules are on folders: those on files would end with the files.
    private var landlock: LandlockPlan {
        var executing = ["/proc/self/exe"]
        if let own = Self.resolved("/proc/self/exe") {
            let folder = Self.folder(of: own)
            executing += [folder, "\(folder)/../libexec/hasup"]
        }
        if let loader = hasup_interpreter().flatMap({ Self.resolved(String(cString: $0)) }) {
            executing.append(Self.folder(of: loader))
        }
        let pidFiles = [options.pidFile, options.vrrpPidFile, options.checkersPidFile, options.recordFile].compactMap {
            $0
        }
        return .supervisor(
            writing: [paths.runDirectory, ControlPath.standardRunDirectory] + writableFolders
                + pidFiles.map(Self.folder),
            socketFolder: Self.folder(of: paths.controlSocket), devices: serialDevices, executing: executing)
    }

    private static func resolved(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    private static func folder(of path: String) -> String {
        let parts = path.split(separator: "/").dropLast()
        return parts.isEmpty ? "/" : parts.reduce("") { $0 + "/" + $1 }
    }

    /// Passes an ordinary user's capabilities to its children, and to the next hasupd at an upgrade. Scripts give them up
    /// (`ExecRole`).
    func setAmbientCapabilities() {
        guard getuid() != 0 else { return }
        do throws(SystemError) { try AmbientCapabilities.set(keptCapabilities) } catch { ambientFailure = "\(error)" }
    }

    /// The least with which hasupd can open sockets, start and end workers, and let them enter their sandboxes.
    private var keptCapabilities: CapabilitySet = [.supervisor, .sysNice, .ipcLock, .dacReadSearch]

    /// Folders besides its own in which hasupd or a child makes, writes and removes files of a configuration.
    private static func writableFolders(_ generation: Generation) -> [String] {
        ReloadPaths(generation).writableFolders + DumpPaths(generation).folders + generation.trackingFolders
    }

    /// The folders in which hasup-track may write, for one that can be sealed because no scripts can come: hasupd has given up
    /// what they would need, or is about to. Otherwise nil.
    func foldersWithoutScripts(_ generation: Generation, isStart: Bool) -> [String]? {
        guard !generation.model.hasScripts, isStart || isFullySandboxed else { return nil }
        return isStart ? generation.trackingFolders : trackingFolders
    }

    /// The reason that a new configuration needs a restart; nil when it doesn't.
    func missingCapability(for generation: Generation) -> String? {
        let model = generation.model
        if generation.tableNamespace != tableNamespace {
            return
                "the new configuration has another net_namespace_ipvs, and hasupd opens its socket there when it starts. "
                + "Restart hasupd"
        }
        if !keptCapabilities.contains(.netBindService), generation.bindsPrivilegedPorts {
            return
                "the new configuration has a check with a privileged bind_port, and hasupd gave up the right to it when it "
                + "started. Restart hasupd"
        }
        guard isFullySandboxed else { return nil }
        if model.hasScripts {
            return
                "the new configuration has scripts, and hasupd gave up the privileges for them when it started without "
                + "any. Restart hasupd"
        }
        if !keptCapabilities.contains(.chown), FIFOPlan.all(of: generation.global).contains(where: \.isGivenAway) {
            return
                "the new configuration gives a FIFO to another user, and hasupd gave up the right to do so when it started. "
                + "Restart hasupd"
        }
        let folders = Self.writableFolders(generation)
        guard let folder = folders.first(where: { !writableFolders.contains($0) }) else { return nil }
        return "the new configuration writes files in \(folder), and hasupd gave up the access to it when it started. "
            + "Restart hasupd"
    }
}
