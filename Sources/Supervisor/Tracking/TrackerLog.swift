import Base
import ConfigurationModel
import LogOutput
import Logging
import Reactor
import Supervision

/// Lines on tracked objects: one for each change of a result (pain point S4).
final class TrackerLog {
    /// Changes in a minute that are written one by one, of one object and of all.
    private static let changesOfOneMax = 60
    private static let changesMax = 10_000

    private let lines: RepeatLog

    init(_ log: Logger, on loop: EventLoop) {
        lines = RepeatLog(log, on: loop, kindsMax: .max, linesMax: Self.changesMax)
    }

    func write(_ object: TrackedObject, _ verdict: TrackerVerdict, before: TrackerResult) {
        let subject = "\(object.kind.title) \(object.name)"
        lines.write(
            verdict.result == .down ? .warning : .notice, "", verdict.line(on: object, before: before), kind: subject,
            folded: "\(subject): too many changes: further ones aren't logged one by one", burst: Self.changesOfOneMax)
    }

    func flushRest() { lines.flushRest() }
}

extension TrackerKind {
    /// The word for one in texts.
    var title: String {
        switch self {
        case .script: "script"
        case .file: "file"
        case .process: "process"
        case .bfd: "BFD session"
        }
    }
}

extension TrackerVerdict {
    /// The line of the log: `script web failed 3 times in a row: exit status 1: DOWN`.
    func line(on object: TrackedObject, before: TrackerResult) -> String {
        let subject = "\(object.kind.title) \(Printable.text(object.name))"
        let why = detail.isEmpty ? "" : ": \(Printable.text(detail))"
        switch (object.kind, result) {
        case (.script, .up), (.script, .down):
            let verb = result == .up ? "succeeded" : "failed"
            let times = count > 1 ? " \(count) times in a row" : ""
            return "\(subject) \(verb)\(times)\(why): \(result.word)"
        case (_, .number(let number)):
            if case .number(let old) = before { return "\(subject)\(why): \(number), it was \(old)" }
            return "\(subject)\(why): \(number)"
        default: return "\(subject)\(why): \(result.word)"
        }
    }
}

extension TrackerResult {
    /// The word for it in texts.
    var word: String {
        switch self {
        case .none: "no result yet"
        case .up: "UP"
        case .down: "DOWN"
        case .number(let number): "\(number)"
        }
    }
}
