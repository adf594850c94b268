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
        return ProgramFinding(weakness: weakness(ofResolved: String(cString: resolved)))
    }

    /// The first part of a path without symbolic links that somebody else than root may change, with its owner and
    /// mode (pain point S5).
    public static func weakness(ofResolved path: String) -> String? {
        var partial = ""
        for part in path.split(separator: "/") {
            partial += "/" + part
            var status = stat()
            guard stat(partial, &status) == 0 else { return "\(partial): \(String(cString: strerror(errno)))" }
            let mode = status.st_mode & 0o7777
            let isSticky = status.st_mode & S_IFMT == S_IFDIR && mode & 0o1000 != 0
            let isWritable = mode & 0o002 != 0 || mode & 0o020 != 0 && status.st_gid != 0
            if status.st_uid != 0 || isWritable && !isSticky {
                return "\(partial) (owner \(status.st_uid), mode \(String(mode, radix: 8))) can be changed by "
                    + "somebody else"
            }
        }
        return nil
    }

    private static func locate(_ program: String) -> String? {
        if program.contains("/") { return access(program, F_OK) == 0 ? program : nil }
        let search = getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin"
        for folder in search.split(separator: ":") where access("\(folder)/\(program)", X_OK) == 0 {
            return "\(folder)/\(program)"
        }
        return nil
    }
}
