import Base
import Configuration
import ConfigurationModel
import Files
import Glibc
import Reactor
import WorkerProtocol

/// `hasupd --check`: the files are read and judged as at a start, by the same role, and nothing else is done. The program
/// that is to replace a running one by `hasup upgrade` is asked this before: only it knows what it makes of them.
enum CandidateCheck {
    /// How the last line begins, by which the one who asks is told.
    enum Verdict: String {
        /// A start and a reload take all of it, as far as the files decide.
        case accepted
        /// A start would do without what is wrong; a reload would refuse it.
        case incomplete
        /// A start would end.
        case refused
    }

    /// The findings and the verdict, a line each. - Returns: the exit status that a start would have.
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
            tell(.incomplete, ReloadDecision.refusal(of: path, findings))
        } else {
            tell(.accepted, path)
        }
        return 0
    }

    private static func read(_ options: DaemonOptions, _ paths: Paths) throws(StartError) -> ReadOutcome {
        do throws(SystemError) {
            let loop = try EventLoop()
            let host = try HostProfile(options, paths, Privileges.current, isSuccessor: false)
            let reader = ConfigurationReader(
                file: paths.configuration, configID: options.configID ?? SystemEnvironment.nodeName(),
                seal: host.sandboxArguments, filter: host.parserFilter.number, hasOwnProcessGroup: false, on: loop)
            // What has ended isn't left to the machine's first process, which in a container may be hasupd.
            defer { loop.flushDeferredWork() }
            return try withExtendedLifetime(host) { () throws(SystemError) in try reader.readNow() }
        } catch {
            throw StartError(.unavailable, error.description)
        }
    }

    private static func refuse(_ error: StartError) -> Int32 {
        tell(.refused, error.message)
        return error.status.rawValue
    }

    private static func tell(_ verdict: Verdict, _ text: String) {
        print("\(verdict.rawValue): \(Printable.text(text))")
    }

    /// Why a program that has answered this doesn't take the files as they are, a clause; nil when it does.
    static func refusal(in answer: String) -> String? {
        let last = answer.split(separator: "\n").last ?? ""
        let parts = last.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let verdict = Verdict(rawValue: String(parts[0])) else {
            return "it doesn't say what it makes of the configuration, as older versions don't; a restart changes to it"
        }
        return verdict == .accepted ? nil : Printable.text(String(parts[1].drop { $0 == " " }), limit: 600)
    }
}

extension Diagnostic {
    /// For somebody who looks before a start.
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
