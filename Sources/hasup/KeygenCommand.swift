import ArgumentParser
import Authentication
import Base
import Glibc
import Reactor

/// hasup keygen
struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen", abstract: "Makes a key for the heartbeats of a cluster.",
        discussion: "It prints one line, or creates a file with it that only its owner can read. All nodes of a "
            + "cluster have the same file. The first line's key signs, and those of all lines are accepted. To change a "
            + "key: add a line with another number at the end of each node's file and reload, move it to the "
            + "beginning and reload, remove the old one and reload.")

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The key's number, 0 to \(KeyFile.numberMax), by which frames name it.", valueName: "number"))
    var number: UInt8 = 1
    @Argument(help: ArgumentHelp("The file, which mustn't exist.", valueName: "file"), completion: .file())
    var file: String?

    func validate() throws {
        if number > KeyFile.numberMax { throw ValidationError("--number must be from 0 to \(KeyFile.numberMax).") }
    }

    func run() throws {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<KeyFile.keyLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let line = KeyFile.line(KeyFile.Key(number: number, bytes: bytes)) + "\n"
        guard let file else { return Terminal.write(line) }
        do throws(SystemError) {
            try Self.create(file, line)
        } catch {
            let hint =
                error.code == EEXIST ? " A key is never overwritten: name another file, or add a line to it." : ""
            Terminal.complain("\(error).\(hint)")
            throw ExitCode(1)
        }
    }

    /// - Throws: `SystemError`; then there is no such file, unless there was one before.
    private static func create(_ path: String, _ line: String) throws(SystemError) {
        let operation = "create \(Printable.text(path))"
        let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw SystemError(errno, operation) }
        let descriptor = Descriptor(owning: number)
        let bytes = Array(line.utf8)
        let written = write(descriptor.number, bytes, bytes.count)
        if written != bytes.count || fsync(descriptor.number) < 0 {
            let code = written < 0 || written == bytes.count ? errno : ENOSPC
            unlink(path)
            throw SystemError(code, operation)
        }
    }
}
