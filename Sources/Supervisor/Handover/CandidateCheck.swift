import Base
import Configuration
import ConfigurationModel
import Files
import Glibc
import Reactor
import WorkerProtocol

/// `hasupd --check`: reads and checks the files as a start does, by the same role, and does nothing else. `hasup upgrade`
/// runs it in the program that is to replace the running one: another version may find other errors.
enum CandidateCheck {
    /// The result, by which the last line begins.
    enum Result: String {
        /// A start and a reload take all of it, as far as the files decide.
        case accepted
        /// A start would do without what is wrong; a reload would refuse it.
        case incomplete
        /// A start would end.
        case refused
    }

    /// Prints the findings and the result, a line each. - Returns: the exit status that a start would have.
    static func run(_ options: DaemonOptions) -> Int32 {
        let outcome: ReadOutcome
        let path: String
        do throws(StartError) {
            let paths = try Paths(options)
            path = paths.configuration
            outcome = try read(options, paths)
        } catch {
            return refuse(error)
        }
        if case .judged(_, _, let findings) = outcome { for finding in findings { print(finding.line) } }
        if let error = outcome.startError(path, isDefault: options.file == DaemonOptions().file) {
            return refuse(error)
        }
        if case .judged(let image, _, let findings) = outcome, image.hasErrors {
            write(.incomplete, ReloadDecision.refusal(of: path, findings))
        } else {
            write(.accepted, path)
        }
        return 0
    }

    private static func read(_ options: DaemonOptions, _ paths: Paths) throws(StartError) -> ReadOutcome {
        do throws(SystemError) {
            let loop = try EventLoop()
            let host = try HostProfile(options, paths, Privileges.current, isSuccessor: false)
            let reader = ConfigurationReader(
                file: paths.configuration, configID: options.configID ?? SystemEnvironment.nodeName(),
                guardFile: paths.guardFile,
                seal: host.sandboxArguments, filter: host.parserFilter.number, hasOwnProcessGroup: false, on: loop)
            // What has ended isn't left to the machine's first process, which in a container may be hasupd.
            defer { loop.flushDeferredWork() }
            return try withExtendedLifetime(host) { () throws(SystemError) in try reader.readNow() }
        } catch {
            throw StartError(.unavailable, error.description)
        }
    }

    private static func refuse(_ error: StartError) -> Int32 {
        write(.refused, error.message)
        return error.status.rawValue
    }

    private static func write(_ result: Result, _ text: String) {
        print("\(result.rawValue): \(Printable.text(text))")
    }

    /// Returns the reason why a program with this answer doesn't accept the files, a clause; nil when it does.
    static func refusal(in answer: String) -> String? {
        let last = answer.split(separator: "\n").last ?? ""
        let parts = last.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let result = Result(rawValue: String(parts[0])) else {
            return "it can't check it (--check), as older versions can't. Restart hasupd to change to it"
        }
        return result == .accepted ? nil : Printable.text(String(parts[1].drop { $0 == " " }), limit: 600)
    }
}

extension Diagnostic {
    fileprivate var line: String {
        let word =
            switch severity {
            case .error: "error"
            case .warning: "warning"
            case .note: "note"
            }
        return "\(word): \(logLine(isStart: false))"
    }
}
