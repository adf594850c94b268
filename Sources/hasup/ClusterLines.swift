import Base
import VRRP
import Varlink

extension ClusterNodeReport {
    /// One sentence about another node of a cluster, and one for each way that isn't as it should be.
    var line: String {
        var sentences = [hearing]
        if isHeard, !hearsUs { sentences.append("it doesn't hear this node") }
        if hasOtherSettings { sentences.append("its cluster block isn't the same: compare guard.conf") }
        let standings = groups.map { group in
            let addresses = group.hasAddresses && group.state != .master ? " and still has the addresses" : ""
            return "\(group.name) \(group.state) (\(group.priority))\(addresses)"
        }
        if isHeard, !standings.isEmpty { sentences.append("there: \(standings.joined(separator: ", "))") }
        sentences += paths.compactMap(\.trouble)
        return "Cluster \(cluster): " + sentences.joined(separator: "; ") + "."
    }

    private var hearing: String {
        if isOff { return "\(node) has ended, and said so" }
        guard let lastHeard else { return "\(node) hasn't been heard since this node's start" }
        guard isHeard else { return "\(node) isn't heard for \(Layout.age(lastHeard))" }
        let ways = paths.filter(\.isHeard).map { path in
            let time = path.roundTrip.map { " (\(Double($0.nanoseconds / 10_000) / 100) ms there and back)" }
            return path.path + (time ?? "")
        }
        return "\(node) is heard by \(ways.joined(separator: ", "))"
    }
}

extension HeartbeatPathReport {
    /// A clause about what isn't as it should be; nil without trouble.
    fileprivate var trouble: String? {
        var parts: [String] = []
        if let lastHeard {
            if !isHeard { parts.append("nothing for \(Layout.age(lastHeard))") }
        } else {
            parts.append("nothing yet")
        }
        if lost > 0 {
            parts.append("\(lost) of \(lost &+ received) lost")
        }
        if let lastError { parts.append("\(errors) couldn't be sent, the last one: \(lastError)") }
        // Before the first echo each frame is unproved.
        let reasons = refused.entries.filter { $0.count > 0 && $0.name != HeartbeatRefusal.unproved.name }.map {
            "\($0.count) \($0.name)"
        }
        if !reasons.isEmpty { parts.append("refused: \(reasons.joined(separator: ", "))") }
        return parts.isEmpty ? nil : "by \(path) \(parts.joined(separator: ", "))"
    }
}
