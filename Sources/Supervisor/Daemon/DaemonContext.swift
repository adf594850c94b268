import CLinux
import Control
import Glibc
import Logging
import Reactor
import Sandbox

/// The host and the options as the start found them, for as long as hasupd runs.
struct DaemonContext {
    let options: DaemonOptions
    let log: Logger
    let loop: EventLoop
    let paths: Paths
    let directory: RunDirectory
    let host: HostProfile
    let budget: DescriptorBudget
    /// True if this process was another program before (`hasup upgrade`).
    let isSuccessor: Bool
    /// Files that the program before has passed on, each by its name: whoever takes one owns it.
    let passed: [StoredDescriptor]
    /// True if no keepalived was seen in this network namespace.
    let isAlone: Bool
    let startedAt = Clock.now

    /// Checks the host, takes the run directory's lock, and makes that the working directory.
    ///
    /// - Parameters:
    ///   - predecessor: the hasupd that this process was before.
    ///   - hasSnapshot: true if a VRRP worker's state is gone on with.
    init(
        _ options: DaemonOptions, _ log: Logger, predecessor: Handover?, hasSnapshot: Bool
    ) throws(StartError) {
        self.options = options
        self.log = log
        isSuccessor = predecessor != nil
        passed = predecessor?.stored ?? []
        budget = try DescriptorBudget.take(
            clients: ControlLimits().clientsMax, scripts: ScriptRunner.runningMax, hooks: HookRunner.runningMax)
        let privileges = try Self.requirePrivileges()
        try Self.requireFilters(options)
        paths = try Paths(options)
        // A sealed one can't look at other processes' namespaces; what it was allowed before goes on.
        isAlone = try predecessor?.isSealed == true ? false : Self.checkKeepalived(log, hasSnapshot: hasSnapshot)
        directory = try RunDirectory(
            paths.runDirectory, operatorGroup: try? Identity.groupNumber(HostProfile.operatorGroupName))
        paths.enterRunDirectory()
        do throws(SystemError) {
            loop = try EventLoop()
            host = try HostProfile(options, paths, privileges, isSuccessor: predecessor?.isSealed ?? false)
        } catch {
            throw StartError(.unavailable, error.description)
        }
        loop.deferred = { Realtime.leaving(for: $0) }
        host.setAmbientCapabilities()
    }

    /// Requires the capabilities that everything needs. Losses by others are logged when the configuration is known.
    private static func requirePrivileges() throws(StartError) -> Privileges? {
        let privileges = Privileges.current
        if let refusal = privileges?.refusal { throw StartError(.permission, refusal) }
        // A capability counts only in the user namespace that it belongs to.
        if hasup_probe_raw() == -EPERM {
            throw StartError(
                .permission,
                "the capability net_raw has no effect in this network namespace, which belongs to another user namespace: "
                    + "hasupd can't send VRRP packets. Start it as root there, or in a network namespace of its own.")
        }
        return privileges
    }

    /// Requires system call filters for a hasupd that runs as the machine's root.
    private static func requireFilters(_ options: DaemonOptions) throws(StartError) {
        guard HostProfile.requiresFilters(options) else { return }
        do throws(SystemError) {
            try SeccompProgram.requireKernel()
        } catch {
            throw StartError(
                .unavailable,
                "\(error), and hasupd's processes don't run as root without that. Use a kernel with "
                    + "CONFIG_SECCOMP_FILTER, or start hasupd with --seccomp optional.")
        }
    }

    /// Refuses to start beside a keepalived, unless a worker's state is gone on with: then its addresses would be left to
    /// chance. Returns true if none was seen.
    private static func checkKeepalived(_ log: Logger, hasSnapshot: Bool) throws(StartError) -> Bool {
        guard let conflict = KeepalivedDetection.conflict else { return true }
        guard hasSnapshot else { throw StartError(.temporary, conflict) }
        log.error("\(conflict)")
        return false
    }
}
