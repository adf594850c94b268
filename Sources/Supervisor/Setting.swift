import Configuration
import Glibc
import Reactor
import Sandbox

/// What the machine lets this hasupd do, found out once at start: who the workers become, and their filters.
final class Setting {
    /// Who the workers become; nil when they must stay who hasupd is.
    let identity: Identity?
    /// Filters, compiled once.
    let workerFilter: Descriptor
    let checkerFilter: Descriptor
    let parserFilter: Descriptor
    /// What isn't as it should be, a sentence each.
    let notes: [String]
    /// What the supervisor itself couldn't give up or get.
    private(set) var shortfalls: [String] = []
    /// The group whose members are operators (docs/decisions.md, D3).
    static let operatorGroupName = "hasup"
    /// Its number; nil when there is none.
    let operatorGroup: UInt32?
    /// Names of the users that processes may have, looked up once.
    let users: [UInt32: String]
    private var isFullySealed = false

    init(_ options: Options) throws(SystemError) {
        let violation: SeccompViolation = options.killOnForbiddenCall ? .killProcess : .refuse
        workerFilter = try SeccompProgram.compile(.vrrp, onViolation: violation)
        checkerFilter = try SeccompProgram.compile(.checker, onViolation: violation)
        parserFilter = try SeccompProgram.compile(.config, onViolation: violation)
        var notes: [String] = []
        var found: Identity?
        if getuid() != 0 {
            notes.append("hasupd runs as uid \(getuid()): its workers keep that user")
        } else {
            do throws(SystemError) {
                let wanted = try Identity.lookup()
                if Self.isMapped(wanted) {
                    found = wanted
                } else {
                    notes.append(
                        "user hasup (uid \(wanted.uid)) doesn't exist in this user namespace: workers stay uid 0 of it")
                }
            } catch {
                notes.append("\(error): workers stay root; `make install` or the package creates the user")
            }
        }
        identity = found
        operatorGroup = try? Identity.groupNumber(Self.operatorGroupName)
        var users: [UInt32: String] = [0: "root"]
        if let found { users[found.uid] = "hasup" }
        self.users = users
        self.notes = notes
    }

    /// Whether both numbers exist in this user namespace (user_namespaces(7)).
    private static func isMapped(_ identity: Identity) -> Bool {
        maps("/proc/self/uid_map", identity.uid) && maps("/proc/self/gid_map", identity.gid)
    }

    private static func maps(_ file: String, _ number: UInt32) -> Bool {
        guard let handle = fopen(file, "r") else { return true }
        defer { fclose(handle) }
        var buffer = [CChar](repeating: 0, count: 4096)
        let size = fread(&buffer, 1, buffer.count, handle)
        let text = String(decoding: buffer.prefix(size).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.split(separator: "\n").contains { line in
            let words = line.split(separator: " ").compactMap { UInt64($0) }
            return words.count == 3 && (words[0]..<words[0] + words[2]).contains(UInt64(number))
        }
    }

    /// Gives up what hasupd doesn't need (docs/decisions.md, D2), and asks for realtime before that.
    func limitSupervisor(hasScripts: Bool, realtimePriority: Int32?) {
        shortfalls = Realtime.apply(RealtimePlan(priority: realtimePriority, resetsOnFork: true))
        let report = Sandbox.limitSupervisor(keeping: Self.kept, fullSandbox: !hasScripts)
        shortfalls += report.shortfalls
        isFullySealed = !hasScripts && report.hasNoNewPrivileges
    }

    /// What hasupd keeps: the least with which it can open sockets, start and end workers, and let them seal themselves.
    private static var kept: CapabilitySet { [.supervisor, .sysNice, .ipcLock] }

    /// Why a new configuration can't run without a restart; nil when it can.
    func missingCapability(for model: EncodedModel) -> String? {
        guard isFullySealed, model.hasScripts else { return nil }
        return "it has scripts, and hasupd has given up what running them needs when it started without any: "
            + "restart hasupd"
    }
}
