import Base
import Configuration
import ConfigurationModel
import Glibc
import Reactor

/// Reasons not to run a program: it isn't executable, or isn't safe to run as root.
package enum ProgramInspection {
    /// Looks at a program, given by its path or by a name that is looked for in PATH.
    package static func inspect(_ program: String) -> ProgramFinding {
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
        return ProgramFinding(obstacle: interpreterObstacle(followed.resolved), weaknesses: followed.weaknesses)
    }

    /// Returns the reason the kernel can't run a script by the interpreter that its first line names: it says
    /// `No such file or directory` of a script that is there. nil for any other program, or one that may not be read.
    private static func interpreterObstacle(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // As much of the first line as the kernel looks at (BINPRM_BUF_SIZE).
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 2, bytes.starts(with: "#!".utf8) else { return nil }
        let line = bytes[2..<count].prefix { $0 != UInt8(ascii: "\n") }
        let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard let first = words.first else { return "its first line names no interpreter behind `#!`" }
        let interpreter = String(decoding: first.filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
        if line.last == UInt8(ascii: "\r") {
            return
                "its lines end with CR and LF, so that nothing is called like its interpreter \(interpreter) with CR; "
                + "dos2unix takes the CR away"
        }
        guard access(interpreter, F_OK) == 0 else { return "its interpreter \(interpreter) doesn't exist" }
        return access(interpreter, X_OK) == 0 ? nil : "its interpreter \(interpreter) isn't executable"
    }

    /// The folders of programs without a path, now and when they run.
    package static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The path of a program; nil when there is none.
    package static func locate(_ program: String) -> String? {
        if program.contains("/") { return access(program, F_OK) == 0 ? program : nil }
        for folder in searchPath.split(separator: ":") where access("\(folder)/\(program)", X_OK) == 0 {
            return "\(folder)/\(program)"
        }
        return nil
    }
}
