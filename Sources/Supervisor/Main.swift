import CLinux
import Glibc
import Sandbox
import VRRPWorker

/// One image, six roles (docs/architecture.md §3): the role is argv[0], fixed before anything is read.
@main
enum Main {
    static func main() {
        hasup_open_standard_descriptors(O_RDWR)
        hasup_configure_malloc()
        let arguments = CommandLine.arguments
        let role = arguments.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? ""
        // The image is /proc/self/exe to all roles, so the kernel would call them "exe".
        if role.hasPrefix("hasup-") { hasup_process_name_set(role) }
        // A child is born realtime, so that hasupd needn't wait for it; only the VRRP worker stays so.
        if role.hasPrefix("hasup-"), role != WorkerRecord.role { Realtime.end() }
        switch role {
        case "hasup-vrrp": exit(runVRRPWorker(arguments: Array(arguments.dropFirst())))
        case "hasup-config": exit(ConfigurationRole.run(arguments: Array(arguments.dropFirst())))
        case "hasup-save": exit(SaveRole.run(arguments: Array(arguments.dropFirst())))
        case "hasup-withdraw": exit(WithdrawRole.run(arguments: Array(arguments.dropFirst())))
        case "hasup-exec": exit(ExecRole.run(arguments: Array(arguments.dropFirst())))
        default: exit(Daemon.run(arguments: Array(arguments.dropFirst())))
        }
    }
}
