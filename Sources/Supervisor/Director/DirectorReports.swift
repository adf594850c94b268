import Base
import ConfigurationModel
import Control
import LoadBalancing
import Reactor

/// The director in answers.
extension DirectorSupervision {
    /// Services of others that an answer names.
    private static let foreignMax = 1_000

    var tableReport: TableReport {
        var report = TableReport()
        report.trouble = trouble
        report.recordFile = recorder?.path
        report.writes = director.counters.written
        report.refusedWrites = director.counters.refused
        report.mended = director.counters.mended
        report.foreign = director.foreignServices.prefix(Self.foreignMax).map(\.title)
        return report
    }

    var serviceCount: Int { director.services.count }

    /// Nil without virtual servers.
    var counts: ServiceCounts? {
        guard serviceCount > 0 else { return nil }
        var counts = ServiceCounts()
        counts.total = serviceCount
        for (number, service) in director.services.enumerated() {
            let count = service.definition.servers.count
            counts.servers += count
            counts.serversDown += count - (service.state?.servers.count(where: \.isUp) ?? 0)
            if isFaulty(service, number) {
                counts.fault += 1
            } else if service.state?.hasQuorum != true {
                counts.down += 1
            }
        }
        if !hasChecker { counts.serversUnchecked = counts.servers - counts.serversDown }
        return counts
    }

    private func isFaulty(_ service: DirectedService, _ number: Int) -> Bool {
        service.refusal != nil || service.definition.keys.isEmpty
            || faults.indices.contains(number) && !faults[number].isEmpty
    }

    /// One virtual server; nil beyond the last one.
    func report(ofService number: Int) -> ServiceReport? {
        guard director.services.indices.contains(number) else { return nil }
        let service = director.services[number]
        let definition = service.definition
        var report = ServiceReport()
        report.name = definition.address.description
        report.title = definition.address.title(definition.transport)
        report.transport = definition.transport.map { "\($0)" }
        report.scheduler = definition.settings.scheduler
        report.quorum = definition.quorumGained
        report.tableServices = definition.keys.count
        report.mended = service.mended
        report.surplus = service.foreign.values.flatMap { $0 }.sorted().map(\.title)
        if faults.indices.contains(number) { report.faults = faults[number] }
        if definition.isUsable, definition.keys.isEmpty {
            report.faults.append("another virtual server has the same address, or its group is empty.")
        }
        if let refusal = service.refusal {
            report.faults.append(
                "\(DirectorLog.title(refusal.request)): the kernel refuses it: \(SystemError.text(of: refusal.error)).")
        }
        report.weight = service.liveWeight
        report.servers = definition.servers.indices.map(service.report(ofServer:))
        if !hasChecker {
            for place in report.servers.indices where report.servers[place].state == "UP" {
                report.servers[place].state = "UNCHECKED"
            }
        }
        report.sorryServer = definition.sorryServer.map { sorry in
            var entry = SorryServerReport()
            entry.address = sorry.address.description
            entry.port = Int(sorry.port)
            entry.forwarding = sorry.forwarding.word
            entry.isUsed = trouble == nil && service.state?.usesSorryServer == true
            return entry
        }
        report.state = isFaulty(service, number) ? "FAULT" : service.state?.hasQuorum == true ? "UP" : "DOWN"
        return report
    }
}

extension DirectedService {
    /// The weight of its servers that are up, whether they or the sorry server stand in the table.
    fileprivate var liveWeight: Int {
        state?.servers.reduce(0) { $0 + ($1.isUp ? Int($1.weight) : 0) } ?? 0
    }

    /// A real server as the checker tells it, with the weight that it has in the table.
    func report(ofServer number: Int) -> ServerReport {
        let server = definition.servers[number]
        var report = ServerReport()
        report.address = server.address.description
        report.port = Int(server.port)
        report.forwarding = server.forwarding.word
        report.configuredWeight = Int(server.weight)
        let weight = weight(ofServer: number)
        report.weight = Int(weight ?? 0)
        let isUp = state.map { $0.servers.indices.contains(number) && $0.servers[number].isUp } ?? false
        report.state = isUp ? "UP" : "DOWN"
        if isUp, weight == nil { report.note = "not in the table" }
        return report
    }
}

extension Forwarding {
    /// As lb_kind has it.
    fileprivate var word: String {
        switch self {
        case .masquerading: "NAT"
        case .directRouting: "DR"
        case .tunnel: "TUN"
        }
    }
}
