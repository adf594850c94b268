import Base
import Configuration
import Glibc
import Reactor

/// What is to be said against running a program: that it can't be, or that root had better not.
public enum ProgramInspection {
    /// Looks at a program, given by its path or by a name that is looked for in PATH.
    public static func inspect(_ program: String) -> ProgramFinding {
        guard let path = locate(program) else {
            return ProgramFinding(obstacle: program.contains("/") ? "no such file" : "it isn't in PATH")
        }
        let followed: FollowedPath
        do throws(SystemError) {
            followed = try FollowedPath(path)
        } catch {
            return ProgramFinding(obstacle: SystemError.text(of: error.code))
        }
        var status = stat()
        guard stat(followed.resolved, &status) == 0 else {
            return ProgramFinding(obstacle: SystemError.text(of: errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return ProgramFinding(obstacle: "it isn't a regular file") }
        let mode = status.st_mode & 0o7777
        guard mode & 0o111 != 0 else {
            return ProgramFinding(
                obstacle: "it isn't executable (owner \(status.st_uid), mode \(String(mode, radix: 8)))")
        }
        return ProgramFinding(weaknesses: followed.weaknesses)
    }

    /// Where programs without a path are looked for, now and when they run.
    public static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The path of a program; nil when there is none.
    public static func locate(_ program: String) -> String? {
        if program.contains("/") { return access(program, F_OK) == 0 ? program : nil }
        for folder in searchPath.split(separator: ":") where access("\(folder)/\(program)", X_OK) == 0 {
            return "\(folder)/\(program)"
        }
        return nil
    }
}
