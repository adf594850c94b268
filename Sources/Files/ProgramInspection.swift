import Base
import Configuration
import Glibc

/// What is to be said against running a program: that it can't be, or that root had better not.
public enum ProgramInspection {
    /// Looks at a program, given by its path or by a name that is looked for in PATH.
    public static func inspect(_ program: String) -> ProgramFinding {
        guard let path = locate(program) else {
            return ProgramFinding(obstacle: program.contains("/") ? "no such file" : "it isn't in PATH")
        }
        guard let resolved = realpath(path, nil) else {
            return ProgramFinding(obstacle: String(cString: strerror(errno)))
        }
        defer { free(resolved) }
        var status = stat()
        guard stat(resolved, &status) == 0 else { return ProgramFinding(obstacle: String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { return ProgramFinding(obstacle: "it isn't a regular file") }
        let mode = status.st_mode & 0o7777
        guard mode & 0o111 != 0 else {
            return ProgramFinding(
                obstacle: "it isn't executable (owner \(status.st_uid), mode \(String(mode, radix: 8)))")
        }
        return ProgramFinding(weaknesses: weaknesses(ofResolved: String(cString: resolved)))
    }

    /// The parts of a path without symbolic links that somebody else than root may change, with owner and mode (pain
    /// point S5). In a folder with the sticky bit nobody can replace what isn't his own.
    public static func weaknesses(ofResolved path: String) -> [PathWeakness] {
        var weaknesses: [PathWeakness] = []
        var partial = ""
        for part in path.split(separator: "/") {
            partial += "/" + part
            var status = stat()
            guard stat(partial, &status) == 0 else {
                return weaknesses + [PathWeakness("\(partial): \(String(cString: strerror(errno)))")]
            }
            let mode = status.st_mode & 0o7777
            let isSticky = status.st_mode & S_IFMT == S_IFDIR && mode & 0o1000 != 0
            let isWritable = mode & 0o002 != 0 || mode & 0o020 != 0 && status.st_gid != 0
            if status.st_uid != 0 || isWritable && !isSticky {
                let isOpen = isWritable && !isSticky
                weaknesses.append(
                    PathWeakness(
                        "\(partial) (owner \(status.st_uid), mode \(String(mode, radix: 8))) can be changed by "
                            + "somebody else", owner: isOpen ? nil : status.st_uid))
            }
        }
        return weaknesses
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
