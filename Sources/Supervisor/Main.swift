// Supervisor: hasupd, the privileged process: its start and end, its workers and children, reloads, control, log.
// Imports: what Package.swift lists.
// Begin with Start.swift, the steps from the start to the end, then Daemon.swift.

import CLinux
import Glibc
import Sandbox
import VRRPWorker

/// The roles of hasupd's image (docs/architecture.md §3). argv[0] names the role, before anything is read.
@main
enum Main {
    static func main() {
        hasup_open_standard_descriptors(O_RDWR)
        hasup_configure_malloc()
        let arguments = CommandLine.arguments
        let role = arguments.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? ""
        // All roles execute /proc/self/exe, so the kernel would call them "exe".
        if role.hasPrefix("hasup-") { hasup_process_name_set(role) }
        // A child inherits the realtime class, so that hasupd needn't wait for it. Only the VRRP worker keeps it.
        if role.hasPrefix("hasup-"), role != WorkerRecord.role { Realtime.end() }
        switch role {
        case "hasup-vrrp": exit(runVRRPWorker(arguments: Array(arguments.dropFirst())))
        case "hasup-config": exit(ConfigurationRole.run(arguments: Array(arguments.dropFirst())))
        case "hasup-save": exit(SaveRole.run(arguments: Array(arguments.dropFirst())))
        case "hasup-mail": exit(MailRole.run(arguments: Array(arguments.dropFirst())))
        case "hasup-withdraw": exit(WithdrawRole.run(arguments: Array(arguments.dropFirst())))
        case TrackRole.name: exit(TrackRole.run(arguments: Array(arguments.dropFirst())))
        case FIFORole.name: exit(FIFORole.run(arguments: Array(arguments.dropFirst())))
        case "hasup-exec": exit(ExecRole.run(arguments: Array(arguments.dropFirst())))
        case ExecRole.hookRole: exit(ExecRole.run(arguments: Array(arguments.dropFirst()), isHook: true))
        default: exit(Daemon.run(arguments: Array(arguments.dropFirst())))
        }
    }
}
