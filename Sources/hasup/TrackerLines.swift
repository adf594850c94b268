import Base
import Control

/// The tracked objects in `hasup status`: a row each, with who uses it, and beneath it what is wrong.
struct TrackerLines {
    var width: Int
    var style: Style

    /// Rows of objects that are well.
    private static let wellMax = 10
    /// Instances that a row names.
    private static let usersMax = 8

    func render(_ status: StatusReply) -> [String] {
        let trackers = status.daemon.trackers
        guard !trackers.isEmpty else { return [] }
        var users: [String: [String]] = [:]
        for instance in status.instances {
            for use in instance.trackers {
                users["\(use.kind) \(use.name)", default: []].append("\(Printable.text(instance.name)) (\(use.effect))")
            }
        }
        let names = trackers.map { Printable.text($0.title) }
        let column = min(30, names.reduce(7) { max($0, Printable.width($1)) })
        var lines = [style.paint(row("TRACKED", "RESULT", "SINCE", ["USED BY"], column).joined(), .bold)]
        var well = 0
        for tracker in trackers {
            if tracker.isWell {
                well += 1
                if well > Self.wellMax { continue }
            }
            let checks = tracker.fileChecks > 0 ? [counted(tracker.fileChecks, "FILE_CHECK")] : []
            let known = checks + (users[tracker.title] ?? [])
            let more = known.count > Self.usersMax ? ["and \(known.count - Self.usersMax) more"] : []
            let since = tracker.inStateSeconds.map(Layout.age) ?? "-"
            lines += row(
                Printable.text(tracker.title), tracker.result, since, known.prefix(Self.usersMax) + more, column)
            if let detail = tracker.detail { lines += Layout.wrap(Printable.text(detail), width: width) }
        }
        if well > Self.wellMax { lines.append("and \(well - Self.wellMax) more that are UP") }
        return lines
    }

    private func row(_ name: String, _ result: String, _ since: String, _ users: [String], _ column: Int) -> [String] {
        let head = [Layout.cell(name, column), Layout.cell(result, 6), Layout.cell(since, 7)].joined(separator: "  ")
        return Layout.wrap(parts: ["\(head)  \(users.first ?? "-")"] + users.dropFirst(), width: width)
    }
}

extension TrackerReport {
    fileprivate var title: String { "\(kind) \(name)" }
    fileprivate var isWell: Bool { state == "UP" && streak == 0 }
    fileprivate var result: String { value.map { "\($0)" } ?? (state == "NONE" ? "-" : state) }

    /// A clause on what was seen last; nil where that says nothing new.
    fileprivate var detail: String? {
        if state == "NONE" { return "no result yet" }
        guard !lastResult.isEmpty else { return nil }
        let runs = state == "UP" ? streak : count
        return runs > 1 ? "failed \(runs) times in a row: \(lastResult)" : lastResult
    }
}

extension TrackerUseReport {
    fileprivate var effect: String {
        let sign = reverse ? " reverse" : ""
        if kind == "file" { return weight == 0 ? "FAULT unless 0\(sign)" : "times \(weight)\(sign)" }
        return weight == 0 ? "FAULT \(reverse ? "while UP" : "while DOWN")" : "weight \(weight)\(sign)"
    }
}
