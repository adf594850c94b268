import CLinux
import Files
import Glibc
import Reactor

/// The role `hasup-exec`: becomes a script's user and then the script. A process of its own, because looking up a user
/// or executing a file on a dead server may take for ever, and hasupd must not (docs/decisions.md, D6).
///
/// Arguments: `USER GROUP SUPPLEMENTARY SECURITY PROGRAM ARGUMENT...`; a dash for a user or group that isn't given.
enum ExecRole {
    /// The exit status of a script that was refused before it ran, and of one that couldn't be executed (sh(1)).
    static let refused: Int32 = 77
    static let notExecutable: Int32 = 126

    static func arguments(for script: ScriptCommand) -> [String] {
        [
            "hasup-exec", script.user ?? "-", script.group ?? "-", script.supplementaryGroups ? "1" : "0",
            script.isSecurityEnabled ? "1" : "0",
        ] + script.arguments
    }

    static func run(arguments: [String]) -> Int32 {
        guard arguments.count >= 5 else { return 64 }
        let program = arguments[4]
        do throws(ExecRefusal) {
            let identity = try Identity(user: arguments[0], group: arguments[1])
            if arguments[3] == "1" {
                if let reason = insecurity(of: program, runningAs: identity.uid) { throw ExecRefusal(reason) }
            }
            try become(identity, supplementaryGroups: arguments[2] == "1")
        } catch {
            say("refused to run \(program): \(error.reason)")
            return refused
        }
        quieten()
        var vector: [UnsafeMutablePointer<CChar>?] = arguments[4...].map { strdup($0) }
        vector.append(nil)
        execvp(program, vector)
        say("can't run \(program): \(SystemError.text(of: errno))")
        return notExecutable
    }

    private struct ExecRefusal: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private struct Identity {
        var uid: uid_t
        var gid: gid_t
        var name: String?

        /// Who the script runs as: the configured user, else `keepalived_script` when it exists, else hasupd's own
        /// (behaviours §5).
        init(user: String, group: String) throws(ExecRefusal) {
            uid = getuid()
            gid = getgid()
            if user == "-" {
                if let entry = getpwnam("keepalived_script") {
                    uid = entry.pointee.pw_uid
                    gid = entry.pointee.pw_gid
                    name = "keepalived_script"
                }
            } else if let entry = getpwnam(user) {
                uid = entry.pointee.pw_uid
                gid = entry.pointee.pw_gid
                name = user
            } else if let number = uid_t(user) {
                uid = number
            } else {
                throw ExecRefusal("there is no user '\(user)'")
            }
            guard group != "-" else { return }
            if let entry = getgrnam(group) {
                gid = entry.pointee.gr_gid
            } else if let number = gid_t(group) {
                gid = number
            } else {
                throw ExecRefusal("there is no group '\(group)'")
            }
        }
    }

    private static func become(_ identity: Identity, supplementaryGroups: Bool) throws(ExecRefusal) {
        guard identity.uid != getuid() || identity.gid != getgid() else { return }
        let groups = supplementaryGroups ? identity.name.map { initgroups($0, identity.gid) } ?? 0 : setgroups(0, nil)
        guard groups == 0, hasup_set_group(identity.gid) == 0, hasup_set_user(identity.uid) == 0 else {
            throw ExecRefusal("can't become uid \(identity.uid), gid \(identity.gid): \(SystemError.text(of: errno))")
        }
    }

    /// Why a script must not run as root: somebody who isn't root could have written it. Names the part of the path,
    /// its owner and its mode (pain point S5); nil when it is safe or doesn't run as root.
    private static func insecurity(of program: String, runningAs uid: uid_t) -> String? {
        guard uid == 0 else { return nil }
        guard program.hasPrefix("/") else { return "its path isn't absolute" }
        guard let resolved = realpath(program, nil) else { return SystemError.text(of: errno) }
        defer { free(resolved) }
        return ProgramInspection.weakness(ofResolved: String(cString: resolved)).map {
            "it would run as root, and \($0)"
        }
    }

    /// Input and output go nowhere; complaints go where hasupd's go.
    private static func quieten() {
        let null = open("/dev/null", O_RDWR)
        guard null >= 0 else { return }
        dup2(null, 0)
        dup2(null, 1)
        _ = hasup_close_from(3)
    }

    private static func say(_ text: String) {
        let line = text + "\n"
        _ = write(2, line, line.utf8.count)
    }
}
