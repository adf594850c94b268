import ArgumentParser
import Base
import Configuration
import ConfigurationModel
import Files

/// hasup fmt
struct FormatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fmt", abstract: "Prints configurations in the canonical layout.",
        discussion: "Comments stay; includes, conditions, definitions and sequences are left as they are. Included "
            + "files aren't followed. A file with broken lines or braces isn't changed; exit status 1.")

    @Flag(name: [.customShort("w"), .customLong("write")], help: "Write the result into the file.") var write = false
    @Flag(help: "Print only the names of files that would change; exit status 1 when there are any.") var check = false

    @Argument(help: "Files; - is standard input.", completion: .file(extensions: ["conf"])) var files: [String]

    func validate() throws {
        if write, check { throw ValidationError("--write and --check exclude each other.") }
        if write, files.contains("-") { throw ValidationError("Standard input can't be written to.") }
    }

    func run() throws {
        var isRefused = false
        for file in files {
            switch read(file) {
            case .failure(let error):
                Terminal.complain("\(Printable.text(file)): \(error.explanation)")
                isRefused = true
            case .success(let bytes):
                do throws(FormatFailure) {
                    let result = try formatConfiguration(bytes, path: file)
                    if !finish(file, bytes, result) { isRefused = true }
                } catch {
                    let text = FindingText(style: .plain)
                    Terminal.writeError(error.diagnostics.map { text.render($0) }.joined())
                    isRefused = true
                }
            }
        }
        if isRefused { throw ExitCode(1) }
    }

    private func read(_ file: String) -> Result<[UInt8], FileError> {
        file == "-" ? Terminal.readInput(limit: SystemFiles.sizeMax) : SystemFiles().read(path: file)
    }

    /// - Returns: false if the exit status is to be 1.
    private func finish(_ file: String, _ old: [UInt8], _ new: [UInt8]) -> Bool {
        if check {
            if old != new { Terminal.write("\(Printable.text(file))\n") }
            return old == new
        }
        guard write else {
            Terminal.write(new)
            return true
        }
        guard old != new else { return true }
        if let failure = SystemFiles.replace(path: file, with: new) {
            Terminal.complain("\(Printable.text(file)) stays as it is: \(failure.explanation)")
            return false
        }
        return true
    }
}
