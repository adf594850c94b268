import Base
import ConfigurationModel
import VRRP

extension DataDump {
    /// The sections of scripts, files and processes. Only those that are tracked are written, as by keepalived.
    mutating func writeTrackers(_ contents: DumpContents) {
        let shared = contents.model.shared
        write("VRRP Scripts", shared.trackScripts, .script, \.name, contents) { $0.write($1, $2) }
        write("VRRP Track files", shared.trackFiles, .file, \.name, contents) { $0.write($1, $2) }
        write("VRRP Track processes", shared.trackProcesses, .process, \.name, contents) { $0.write($1, $2) }
    }

    private mutating func write<Object>(
        _ title: String, _ objects: [Object], _ kind: TrackerKind, _ name: (Object) -> String, _ contents: DumpContents,
        _ body: (inout DataDump, Object, TrackerVerdict) -> Void
    ) {
        let tracked = objects.compactMap { object -> (Object, TrackerVerdict)? in
            contents.verdicts[TrackerKey(kind, name(object))].map { (object, $0) }
        }
        guard !tracked.isEmpty else { return }
        text.section(title)
        for (object, verdict) in tracked {
            body(&self, object, verdict)
            text.list("Tracking instances :", Self.users(of: kind, name(object), in: contents.model))
        }
    }

    /// hasupd is given a script's results, not its runs: it is taken to be idle.
    private mutating func write(_ script: TrackScript, _ verdict: TrackerVerdict) {
        text.pair(1, "VRRP Script", script.name)
        switch script.command {
        case .run(let words): text.pair("Command", DumpText.command(words))
        case .open(let path): text.pair("Command", "</\(path)")
        }
        text.pair("Interval", "\(Int(script.interval.seconds)) sec")
        text.pair("Timeout", "\(Int(script.timeout.seconds)) sec")
        text.pair("Weight", script.weight)
        text.pair("Rise", script.rise)
        text.pair("Fall", script.fall)
        let streak = Int(verdict.streak)
        text.pair("Result", verdict.result == .up ? script.rise + script.fall - 1 - streak : streak)
        text.pair("Status", Self.status(of: verdict))
        text.pair("State", "idle")
    }

    private static func status(of verdict: TrackerVerdict) -> String {
        switch verdict.result {
        case .none: "INIT"
        case .up: "GOOD"
        case .down, .number: "BAD"
        }
    }

    private mutating func write(_ file: TrackFile, _ verdict: TrackerVerdict) {
        text.pair(1, "Track file", file.name)
        text.pair("File", file.path)
        if case .number(let value) = verdict.result { text.pair("Status", Int(value)) }
        text.pair("Weight", file.weight)
    }

    private mutating func write(_ process: TrackProcess, _ verdict: TrackerVerdict) {
        text.pair(1, "Track process", process.name)
        text.pair("Process", ([process.process] + process.parameters).joined(separator: " "))
        text.pair("Min processes", process.quorum)
        text.pair("Have quorum", "\(verdict.result == .up)")
        text.pair("Weight", process.weight)
        text.pair("Full command", "\(process.usesFullCommand)")
    }

    /// The instances and groups that track an object, with their weights.
    private static func users(of kind: TrackerKind, _ name: String, in model: ConfigurationModel) -> [String] {
        func weights(_ trackers: [Tracker]) -> [Int] {
            trackers.filter { $0.kind == kind && $0.name == name }.map(\.weight)
        }
        let instances = model.instances.flatMap { settings in
            weights(settings.trackers).map { "\(settings.name), weight \($0)" }
        }
        let groups = model.shared.syncGroups.flatMap { group in
            weights(group.trackers).map { "\(group.name), weight \($0)" }
        }
        return instances + groups
    }
}
