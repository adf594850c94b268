import CLinux
import Configuration
import ConfigurationModel
import Files
import Glibc
import Reactor
import Sandbox
import Supervision

/// The role `hasup-exec`: becomes a script's user and then the script. A process of its own, because looking at a file
/// on a dead server may take for ever, and hasupd must not (docs/decisions, D6). It starts as hasupd's user with all
/// that hasupd was started with, so it can look at a path that only the script's user may see.
///
/// Arguments: the words of `ScriptLimits`, then those of `ScriptCommand`. Descriptor 3 takes a sentence about a script
/// that isn't run; it ends with it. What the script finds: `PATH` and no other variable, standard input and output on
/// /dev/null, hasupd's standard error, no other descriptor, the folder `/`, umask 022, the ordinary scheduling class,
/// and a process group of its own.
enum ExecRole {
    /// The exit status of a script that was refused before it ran, and of one that couldn't be executed (sh(1)).
    static let refused: Int32 = 77
    static let notExecutable: Int32 = 126

    private static let complaints: Int32 = 3

    static func arguments(for script: ScriptCommand, _ limits: ScriptLimits) -> [String] {
        ["hasup-exec", limits.word] + script.words
    }

    static func arguments(forHook script: ScriptCommand, _ limits: ScriptLimits) -> [String] {
        [hookRole, limits.word] + script.words
    }

    /// argv[0] of a process that becomes a hook: what that writes goes to descriptor 4 instead of /dev/null and hasupd's
    /// standard error.
    static let hookRole = "hasup-hook"
    private static let hookOutput: Int32 = 4

    /// All of a script's environment.
    static let environment = ["PATH=\(ProgramInspection.searchPath)"]

    static func run(arguments: [String], isHook: Bool = false) -> Int32 {
        guard let word = arguments.first, let limits = ScriptLimits(word: word),
            let command = ScriptCommand(words: Array(arguments.dropFirst())), let name = command.arguments.first
        else { return 64 }
        _ = fcntl(complaints, F_SETFD, FD_CLOEXEC)
        // As an ordinary user hasupd passes its capabilities on to what it starts.
        do throws(SystemError) { try AmbientCapabilities.clear() } catch {
            return complain(Failure(text: "refused: \(error)", status: refused))
        }
        enterSurroundings(output: isHook ? hookOutput : nil)
        _ = hasup_close_from(complaints + 1)
        return complain(become(Program(command, name), limits))
    }

    private static func complain(_ failure: Failure) -> Int32 {
        let text = failure.text
        _ = write(complaints, text, text.utf8.count)
        return failure.status
    }

    /// The reason that this process hasn't become a script: a predicate, and the exit status that stands for it.
    struct Failure: Error {
        let text: String
        let status: Int32
    }

    /// A script in the form in which it is executed.
    final class Program {
        fileprivate let name: String
        fileprivate let user: ScriptCommand.User
        fileprivate let isSecurityEnabled: Bool
        fileprivate let keepsSymbolicLinks: Bool
        fileprivate let arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
        private let count: Int

        /// - Parameter name: its first word.
        init(_ command: ScriptCommand, _ name: String) {
            self.name = name
            user = command.user
            isSecurityEnabled = command.isSecurityEnabled
            keepsSymbolicLinks = command.keepsSymbolicLinks
            count = command.arguments.count
            arguments = .allocate(capacity: count + 1)
            for (place, argument) in command.arguments.enumerated() { arguments[place] = strdup(argument) }
            arguments[count] = nil
        }

        deinit {
            for place in 0..<count { free(arguments[place]) }
            arguments.deallocate()
        }
    }

    /// Does once for all scripts what each of them needs, so that a copy of this process finds it done (docs/decisions,
    /// D43): the surroundings, and what `become` does, as far as it changes nothing.
    static func prepare() {
        enterSurroundings()
        _ = hasup_close_on_exec_from(complaints)
        _ = try? path(of: "/dev/null", runBy: 0, true, keepsLinks: false)
        _ = ScriptLimits.isHardToKill
    }

    /// hasupd stands where a script has no business.
    ///
    /// - Parameter output: where what a script writes goes, instead of /dev/null and this process's standard error.
    private static func enterSurroundings(output: Int32? = nil) {
        _ = chdir("/")
        umask(0o022)
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        dup2(null, 0)
        dup2(output ?? null, 1)
        if let output { dup2(output, 2) }
    }

    /// Becomes a script, in a process without ambient capabilities and in a script's surroundings. Returns only if that
    /// fails.
    static func become(_ program: Program, _ limits: ScriptLimits) -> Failure {
        let path: String
        do throws(ExecRefusal) {
            let account = try account(of: program.user)
            path = try self.path(
                of: program.name, runBy: account.uid, program.isSecurityEnabled, keepsLinks: program.keepsSymbolicLinks)
            limits.apply()
            if ScriptLimits.isHardToKill { ScriptLimits.forgetScore() }
            try become(account)
        } catch {
            return Failure(text: "refused: \(error.reason)", status: refused)
        }
        // What was looked at is what runs: the path that was found, under the name that was written.
        execv(path, program.arguments)
        return Failure(text: "can't be executed: \(SystemError.text(of: errno))", status: notExecutable)
    }

    private struct ExecRefusal: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private static func account(of user: ScriptCommand.User) throws(ExecRefusal) -> ScriptAccount {
        switch user {
        case .own: return ScriptAccount(uid: getuid(), gid: getgid())
        case .account(let account): return account
        case .unknown(let name):
            throw ExecRefusal("there was no user or group '\(name)' when the configuration was read")
        }
    }

    /// The path of the program, resolved unless symbolic links are kept. One that root runs, or any under enable_script_security, must be such that no
    /// other user could have written it (pain point S5).
    private static func path(
        of program: String, runBy uid: UInt32, _ isSecurityEnabled: Bool, keepsLinks: Bool
    ) throws(ExecRefusal) -> String {
        guard let found = ProgramInspection.locate(program) else {
            // Who isn't root may see what root can't, on a server that doesn't trust root.
            if program.hasPrefix("/"), uid != 0, !isSecurityEnabled { return program }
            throw ExecRefusal(program.contains("/") ? SystemError.text(of: errno) : "it isn't in PATH")
        }
        let followed: FollowedPath
        do throws(SystemError) {
            followed = try FollowedPath(found)
        } catch {
            throw ExecRefusal(SystemError.text(of: error.code))
        }
        guard uid == 0 || isSecurityEnabled else { return keepsLinks ? found : followed.resolved }
        let finding = ProgramFinding(weaknesses: followed.weaknesses)
        if let weakness = finding.weakness(forUser: uid) {
            throw ExecRefusal("it would run as \(uid == 0 ? "root" : "uid \(uid)"), and \(weakness)")
        }
        return keepsLinks ? found : followed.resolved
    }

    private static func become(_ account: ScriptAccount) throws(ExecRefusal) {
        let isOwn = account.uid == getuid() && account.gid == getgid()
        // A process that may not leave its groups, and stays the same user, keeps them.
        guard setgroups(account.groups.count, account.groups) == 0 || isOwn else {
            throw ExecRefusal("can't set its groups: \(reason(.setGID))")
        }
        guard hasup_set_group(account.gid) == 0 else {
            throw ExecRefusal("can't become gid \(account.gid): \(reason(.setGID))")
        }
        guard hasup_set_user(account.uid) == 0 else {
            throw ExecRefusal("can't become uid \(account.uid): \(reason(.setUID))")
        }
    }

    /// The kernel's reason, by errno.
    private static func reason(_ needed: CapabilitySet) -> String {
        let code = errno
        guard code == EPERM else { return SystemError.text(of: code) }
        return "hasupd runs as uid \(getuid()) without the capability \(needed)"
    }
}
