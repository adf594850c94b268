import CLinux
import Configuration
import ConfigurationModel
import Control
import Glibc
import Reactor
import Sandbox
import WorkerProtocol

/// What the machine lets this hasupd do, found out once at start: who the workers become, and their filters.
final class HostProfile {
    /// Who the workers become; nil when they must stay who hasupd is.
    let identity: Identity?
    /// Filters, compiled once.
    let workerFilter: Descriptor
    let checkerFilter: Descriptor
    let parserFilter: Descriptor
    let withdrawFilter: Descriptor
    private let supervisorFilter: Descriptor
    /// What isn't as it should be, a sentence each.
    private(set) var limitations: [String]
    /// What the supervisor itself couldn't give up or get.
    var shortfalls: [String] { sealed.shortfalls + (ambientFailure.map { [$0] } ?? []) }
    /// Where it writes besides its own folders, as its first configuration says.
    private var writableFolders: [String] = []
    /// Why its programs don't have what it has.
    private var ambientFailure: String?
    /// What it has given up.
    private(set) var sealed = SandboxReport()
    /// What every child is told of its seal; the VRRP worker also a priority.
    let sealArguments: SandboxArguments
    /// The group whose members are operators (docs/decisions.md, D3).
    static let operatorGroupName = "hasup"
    /// Its number; nil when there is none.
    let operatorGroup: UInt32?
    /// Names of the users that processes may have, looked up once.
    let users: [UInt32: String]
    private let options: DaemonOptions
    private let paths: Paths
    private let isSuccessor: Bool
    /// Whether it has given up what scripts would inherit.
    private(set) var isFullySealed = false
    /// What hasupd may do; nil when that can't be found out.
    private let privileges: Privileges?
    private let hasWorkerUser: Bool

    /// - Parameter isSuccessor: whether this process was a hasupd already before it became this one.
    init(_ options: DaemonOptions, _ paths: Paths, _ privileges: Privileges?, isSuccessor: Bool) throws(SystemError) {
        self.options = options
        self.paths = paths
        self.privileges = privileges
        self.isSuccessor = isSuccessor
        let violation = options.violation
        workerFilter = try SeccompProgram.compile(.vrrp, onViolation: violation)
        checkerFilter = try SeccompProgram.compile(.checker, onViolation: violation)
        parserFilter = try SeccompProgram.compile(.config, onViolation: violation)
        withdrawFilter = try SeccompProgram.compile(.withdraw, onViolation: violation)
        supervisorFilter = try SeccompProgram.compile(.supervisor, onViolation: violation)
        var limitations: [String] = []
        var found: Identity?
        if getuid() != 0 {
            limitations.append("hasupd runs as uid \(getuid()): its workers keep that user")
        } else {
            do throws(SystemError) {
                let wanted = try Identity.lookup()
                if Self.isMapped(wanted) {
                    found = wanted
                } else {
                    limitations.append(
                        "user hasup (uid \(wanted.uid)) doesn't exist in this user namespace: workers stay uid 0 of it")
                }
            } catch {
                limitations.append("\(error): workers stay root; `make install` or the package creates the user")
            }
        }
        hasWorkerUser = found != nil
        if privileges?.mayChangeUsers == false { found = nil }
        identity = found
        sealArguments = SandboxArguments(
            identity: found, keepsCore: options.keepsCore, logsRefusals: violation == .log,
            requiresFilter: Self.requiresFilters(options))
        operatorGroup = try? Identity.groupNumber(Self.operatorGroupName)
        var users: [UInt32: String] = [0: "root"]
        if let found { users[found.uid] = "hasup" }
        self.users = users
        self.limitations = limitations
    }

    /// Whether hasupd and its children rather end than work without their filters: as the machine's root, unless the
    /// operator says otherwise. In a user namespace, or as an ordinary user, less is at stake, and it is told.
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

    /// Whether both numbers exist in this user namespace (user_namespaces(7)).
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

    /// Notes what is lost by capabilities that are missing, now that it is known what they are needed for.
    func checkPrivileges(for model: EncodedModel, workerPriority: Int32, controlSocket: String) {
        guard let privileges else { return }
        limitations += privileges.losses(
            for: Privileges.Needs(
                hasWorkerUser: hasWorkerUser, hasScripts: model.hasScripts, realtimePriority: workerPriority,
                needsChown: operatorGroup.map { !Self.admits($0, to: controlSocket) } ?? false))
    }

    /// Whether the group comes to the socket: what was tried counts, not how it was done.
    private static func admits(_ group: UInt32, to socket: String) -> Bool {
        var status = stat()
        guard lstat(socket, &status) == 0, status.st_gid == group else { return false }
        let folder = socket.lastIndex(of: "/").map { String(socket[...$0]) } ?? "."
        return stat(folder, &status) == 0 && (status.st_gid == group || status.st_mode & S_IXOTH != 0)
    }

    /// The priority to ask for: nil when there is no right to it, which was told once.
    func realtime(_ priority: Int32) -> Int32? { privileges?.mayBeRealtime(priority) == false ? nil : priority }

    /// Whether hasupd was to have a filter and has none.
    var isUnfiltered: Bool { isFullySealed && !sealed.isFiltered }

    /// Gives up what hasupd doesn't need (docs/decisions.md, D2), and asks for realtime before that.
    ///
    /// - Parameters:
    ///   - needsReadRight: whether it reads what belongs to others.
    ///   - writing: folders besides its own in which it or its children write.
    func limitSupervisor(
        hasScripts: Bool, needsReadRight: Bool, realtimePriority: Int32, writing folders: [String]
    ) {
        writableFolders = folders
        if !needsReadRight { keptCapabilities.remove(.dacReadSearch) }
        let unscheduled = Realtime.apply(RealtimePlan(priority: realtime(realtimePriority), resetsOnFork: true))
        // What isn't there at all was told once, with what is lost by it.
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
            shortfalls.append("scripts run under what hasupd gave up before there were any: restart hasupd")
        }
        sealed = SandboxReport(
            shortfalls: shortfalls, isConfined: report.isConfined, isFiltered: report.isFiltered,
            isDumpable: report.isDumpable, workingDirectory: report.workingDirectory ?? "")
        isFullySealed = !hasScripts || isSuccessor
        setAmbientCapabilities()
    }

    /// What hasupd may do with files when it runs no scripts. Executed are its own image and the checker's, those that lie
    /// there after a package upgrade, and what loads their libraries, which may be replaced, too: folders, because rules
    /// on files would end with these files.
    private var landlock: LandlockPlan {
        var executing = ["/proc/self/exe"]
        if let own = Self.resolved("/proc/self/exe") {
            let folder = Self.folder(of: own)
            executing += [folder, "\(folder)/../libexec/hasup"]
        }
        if let loader = hasup_interpreter().flatMap({ Self.resolved(String(cString: $0)) }) {
            executing.append(Self.folder(of: loader))
        }
        let pidFiles = [options.pidFile, options.vrrpPidFile, options.checkersPidFile].compactMap { $0 }
        return .supervisor(
            writing: [paths.runDirectory, ControlPath.standardRunDirectory] + writableFolders
                + pidFiles.map(Self.folder),
            socketFolder: Self.folder(of: paths.controlSocket), executing: executing)
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

    /// An ordinary user's programs have no capability but those that are passed on: workers, and what hasupd becomes at
    /// an upgrade. Scripts give them up (`ExecRole`).
    func setAmbientCapabilities() {
        guard getuid() != 0 else { return }
        do throws(SystemError) { try AmbientCapabilities.set(keptCapabilities) } catch { ambientFailure = "\(error)" }
    }

    /// What hasupd keeps: the least with which it can open sockets, start and end workers, and let them seal themselves.
    private var keptCapabilities: CapabilitySet = [.supervisor, .sysNice, .ipcLock, .dacReadSearch]

    /// Why a new configuration can't run without a restart; nil when it can.
    func missingCapability(for model: EncodedModel) -> String? {
        guard isFullySealed else { return nil }
        if model.hasScripts {
            return "it has scripts, and hasupd has given up what running them needs when it started without any: "
                + "restart hasupd"
        }
        let folders = ReloadPaths((try? model.global()) ?? GlobalSettings()).writableFolders
        guard let folder = folders.first(where: { !writableFolders.contains($0) }) else { return nil }
        return "it has files written in \(folder), and hasupd has given up what that needs when it started: "
            + "restart hasupd"
    }
}
