import ArgumentParser
import Base
import Control
import Varlink

/// hasup services
struct ServicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "services", abstract: "Shows each virtual server, its real servers, and what IPVS has of them.",
        discussion:
            "Exit status 1 when a virtual server has no quorum or can't be set up, when a check that the configuration asks for can't be set up, and when IPVS can't be written."
    )

    @OptionGroup var options: ControlOptions
    @Flag(help: "Print the daemon's answer as JSON.") var json = false
    @Flag(help: "Show the services of others in IPVS's table instead. They are left alone.") var foreign = false

    func run() throws {
        let (parameters, reply) = try options.ask(.services, ServicesReply.self)
        if json {
            Terminal.write(parameters.bytes + [0x0a])
        } else if foreign {
            if let trouble = reply.table.trouble {
                Terminal.write(
                    Layout.wrap(Printable.text(trouble), width: Terminal.width, indent: 0).joined(separator: "\n")
                        + "\n")
                throw ExitCode(1)
            }
            Terminal.write(reply.table.foreign.map { Printable.text($0) + "\n" }.joined())
        } else {
            Terminal.write(ServiceTable(width: Terminal.width, style: Terminal.style).render(reply))
        }
        if !foreign, !reply.isWell { throw ExitCode(1) }
    }
}

/// `hasup services`: a row for each virtual server, and beneath it one for each real server.
struct ServiceTable {
    var width: Int
    var style: Style

    func render(_ reply: ServicesReply) -> String {
        var lines: [String] = []
        if let file = reply.table.recordFile {
            lines += Layout.wrap(
                "IPVS isn't written: its changes go into \(Printable.text(file)).", width: width, indent: 0)
        }
        if let trouble = reply.table.trouble {
            lines += Layout.wrap(Printable.text(trouble), width: width, indent: 0)
        }
        if reply.services.isEmpty {
            lines.append("No virtual server is configured.")
        } else {
            let column = nameColumn(reply.services)
            lines.append(
                style.paint(
                    row(["SERVICE", "STATE", "KIND", "WEIGHT"], column, state: Layout.cell("STATE", Self.stateWidth)),
                    .bold))
            for service in reply.services { lines += rows(service, column) }
        }
        for sentence in reply.unmadeChecks {
            lines += Layout.wrap("a check isn't set up: \(Printable.text(sentence))", width: width, indent: 0)
        }
        if reply.lateChecks > 0 {
            let what = reply.lateChecks == 1 ? "1 check" : "\(reply.lateChecks) checks"
            lines += Layout.wrap(
                "\(what) late: no descriptor was left, or too many MISC_CHECKs ran", width: width, indent: 0)
        }
        if !reply.table.foreign.isEmpty {
            let count = counted(reply.table.foreign.count, "service")
            lines += Layout.wrap(
                "\(count) of others in IPVS's table: `hasup services --foreign`", width: width, indent: 0)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let stateWidth = 9

    private func nameColumn(_ services: [ServiceReport]) -> Int {
        let names = services.flatMap { service in
            [Printable.text(service.title)] + service.servers.map { "  " + Self.place($0.address, $0.port) }
                + (service.sorryServer.map { [Self.title($0)] } ?? [])
        }
        return min(max(20, width - 24 - Self.stateWidth), names.reduce(20) { max($0, Printable.width($1)) })
    }

    private func rows(_ service: ServiceReport, _ column: Int) -> [String] {
        var lines = [
            row(
                [
                    Printable.text(service.title), service.state, service.scheduler,
                    "\(service.weight) of quorum \(service.quorum)",
                ],
                column, state: painted(service.state))
        ]
        lines += service.faults.flatMap { Layout.wrap(Printable.text($0), width: width, indent: 2) }
        for server in service.servers {
            let weight =
                server.weight == server.configuredWeight
                ? "\(server.weight)" : "\(server.weight), configured \(server.configuredWeight)"
            lines.append(
                row(
                    ["  " + Self.place(server.address, server.port), server.state, server.forwarding, weight], column,
                    state: painted(server.state)))
            if let line = Self.checks(of: server) { lines += Layout.wrap(line, width: width, indent: 4) }
        }
        if let sorry = service.sorryServer {
            let use = sorry.isUsed ? "in use" : "not used"
            lines.append(
                row([Self.title(sorry), "", sorry.forwarding, use], column, state: Layout.cell("", Self.stateWidth)))
        }
        if service.mended > 0 {
            lines += Layout.wrap(
                "\(counted(Int(clamping: service.mended), "change")) by others mended", width: width, indent: 2)
        }
        if !service.surplus.isEmpty {
            let places = service.surplus.map { Printable.text($0) }.joined(separator: ", ")
            lines += Layout.wrap(
                "put there by others, removed by `hasup reload` or a restart: \(places)", width: width, indent: 2)
        }
        return lines
    }

    /// The results of its checks: why it is down and since when, or that nobody has looked.
    private static func checks(of server: ServerReport) -> String? {
        var parts: [String] = []
        if let note = server.note { parts.append(Printable.text(note)) }
        if let reason = server.reason {
            let check = server.troubledCheck.map { Printable.text("\($0.kind) \($0.target): ") } ?? ""
            let failing = server.checks.count { $0.state == "DOWN" }
            let more =
                failing > 1 ? " (and \(counted(failing - 1, "more check"))\(failing == 2 ? " fails" : " fail"))" : ""
            parts.append(check + Printable.text(reason) + more)
        }
        guard server.state != "UP" || !parts.isEmpty else { return nil }
        if server.state != "UP", let seconds = server.stateSeconds { parts.append("since \(Layout.age(seconds))") }
        if let age = server.verdictAgeSeconds { parts.append("last checked \(Layout.age(age)) ago") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    private func painted(_ state: String) -> String {
        let cell = Layout.cell(Printable.text(state), Self.stateWidth)
        return state == "UP" ? cell : style.paint(cell, state == "UNCHECKED" ? .yellow : .red)
    }

    private static func place(_ address: String, _ port: Int) -> String {
        IPAddress(address).map { $0.withPort(UInt16(clamping: port)) } ?? Printable.text(address)
    }

    private static func title(_ sorry: SorryServerReport) -> String {
        "  sorry server \(place(sorry.address, sorry.port))"
    }

    private func row(_ cells: [String], _ column: Int, state: String) -> String {
        let parts = [Layout.cell(cells[0], column), state, Layout.cell(Printable.text(cells[2]), 5), cells[3]]
        return parts.joined(separator: "  ")
    }
}
