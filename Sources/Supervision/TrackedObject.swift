import Base
import ConfigurationModel

/// An object that hasup-track watches, as hasupd knows it.
package struct TrackedObject: Hashable, Sendable {
    package var kind: TrackerKind
    package var name: String
    /// The same as long as its kind, its name, its command or path and its user are: then its state goes on (docs/decisions,
    /// D45).
    package var fingerprint: UInt64
    /// init_fail: it counts as failed until its first success.
    package var startsFailed = false

    package init(_ script: TrackScript, global: GlobalSettings) {
        let command = ScriptCommand(script, global: global)
        let isOpened: Bool
        if case .open = script.command { isOpened = true } else { isOpened = false }
        self.init(.script, script.name, [isOpened ? "<" : ""] + command.words)
        startsFailed = script.startsFailed
    }

    package init(_ file: TrackFile) { self.init(.file, file.name, [file.path]) }

    package init(_ process: TrackProcess) {
        self.init(
            .process, process.name,
            [
                process.match.map { "\($0.rawValue)" } ?? "-", process.usesFullCommand ? "1" : "0", process.process,
            ] + process.parameters)
    }

    private init(_ kind: TrackerKind, _ name: String, _ words: [String]) {
        self.kind = kind
        self.name = name
        var hash = FNV1a(salt: UInt64(kind.rawValue))
        for word in [name] + words {
            hash.add(word.utf8)
            // No word has one.
            hash.add(0)
        }
        fingerprint = hash.value
    }

    /// The objects of a tracking part, by number.
    package static func all(of part: ConfigurationModel) -> [TrackedObject] {
        part.shared.trackScripts.map { TrackedObject($0, global: part.global) }
            + part.shared.trackFiles.map { TrackedObject($0) } + part.shared.trackProcesses.map { TrackedObject($0) }
    }
}
