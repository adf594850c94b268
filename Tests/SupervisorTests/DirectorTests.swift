import Base
import ConfigurationModel
import Control
import Glibc
import Reactor
import Testing

@testable import LoadBalancing
@testable import Supervisor

@Suite("Services that are noted for this boot (D68)") struct NotedServicesTests {
    private static let keys: [ServiceKey] = [
        ServiceKey(.address(IPAddress(v4: 0x0a63_0001), port: 80, .tcp)),
        ServiceKey(.address(IPAddress(v6High: 0xfd00 << 48, low: 1), port: 0, .udp)),
        ServiceKey(.address(IPAddress(v4: 0x0a63_0001), port: 2905, .sctp)),
        ServiceKey(.firewallMark(7, .ipv4)), ServiceKey(.firewallMark(.max, .ipv6)),
    ]

    private func folder() -> String {
        var template = Array("/tmp/hasup-noted-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return "/nowhere" }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    @Test func textsReadBack() {
        for key in Self.keys { #expect(ServiceKey(noted: key.noted) == key) }
        #expect(Self.keys.map(\.noted)[0] == "tcp 10.99.0.1 80")
        #expect(Self.keys.map(\.noted)[3] == "fwmark 7 ipv4")
        for text in [
            "", "tcp", "tcp 10.0.0.1", "tcp 10.0.0.1 99999", "icmp 10.0.0.1 80", "fwmark -1 ipv4", "fwmark 7 7",
        ] {
            #expect(ServiceKey(noted: text) == nil, "\(text)")
        }
    }

    @Test func theNextHasupdKnowsThem() throws {
        let folder = folder()
        let noted = NotedServices(directory: folder)
        try noted.begin()
        noted.note(Self.keys)
        noted.forget([Self.keys[1]])
        let next = NotedServices(directory: folder)
        try next.begin()
        #expect(next.keys == Set(Self.keys).subtracting([Self.keys[1]]))
        #expect(noted.problem == nil)
        unlink("\(folder)/services")
        noted.restore()
        let third = NotedServices(directory: folder)
        try third.begin()
        #expect(third.keys == next.keys)
        unlink("\(folder)/services")
        rmdir(folder)
        noted.note(Self.keys)
        #expect(noted.problem != nil)
    }
}

@Suite("--ipvs-record (D69)") struct TableRecorderTests {
    @Test func answersAsTheKernelDoes() throws {
        let path = "/tmp/hasup-record-\(getpid())"
        defer { unlink(path) }
        let recorder = try TableRecorder(path)
        let key = ServiceKey(.address(IPAddress(v4: 0x0a63_0001), port: 80, .tcp))
        let place = DestinationKey(IPAddress(v4: 0x0a00_000b), port: 8080)
        let service = KernelService(scheduler: "rr", family: .ipv4)
        let destination = KernelDestination(forwarding: .masquerading, weight: 5)
        let mark = ServiceKey(.firewallMark(7, .ipv6))
        guard
            case .written(let codes) = recorder.perform(
                .write([
                    .addDestination(key, place, destination), .addService(key, service), .addService(key, service),
                    .addDestination(key, place, destination), .addDestination(key, place, destination),
                    .editService(mark, service), .addService(mark, service), .removeDestination(mark, place),
                    .editDestination(key, place, KernelDestination(forwarding: .masquerading, weight: 0)),
                    .removeDestination(key, place), .removeService(mark),
                ]))
        else { throw SystemError(EINVAL, "write") }
        #expect(codes == [ESRCH, 0, EEXIST, 0, EEXIST, ESRCH, 0, ENOENT, 0, 0, 0])
        guard case .survey(let survey) = recorder.perform(.survey(SurveyBasis())),
            case .destinations(let destinations) = recorder.perform(.readDestinations([key, mark]))
        else { throw SystemError(EINVAL, "read") }
        #expect(survey.found == [key: service])
        #expect(destinations == [key: [:]])
        let text = String(decoding: FileReader.bytes(of: path, max: 4_096), as: UTF8.self)
        let lines = text.split(separator: "\n").map { $0.drop { $0 != " " }.dropFirst() }
        #expect(
            lines == [
                "addvs 10.99.0.1:80", "addrs 10.99.0.1:80 10.0.0.11:8080 5", "addvs fwmark:7",
                "setrs 10.99.0.1:80 10.0.0.11:8080 0", "delrs 10.99.0.1:80 10.0.0.11:8080 0", "delvs fwmark:7",
            ])
    }
}

@Suite("Servers in answers") struct ServerReportTests {
    /// A server that the sorry server stands for is up, and isn't in the table.
    @Test func behindTheSorryServer() {
        var settings = VirtualServerSettings(
            address: .address(IPAddress(v4: 0x0a63_0001), port: 80), location: SourceLocation())
        settings.quorum = 3
        settings.sorryServer = SorryServer(
            address: IPAddress(v4: 0x0a00_0009), port: 80, forwarding: .masquerading)
        for number in 0..<3 {
            var server = RealServerSettings(address: IPAddress(v4: 0x0a00_0001 + UInt32(number)), port: 80)
            server.isInhibitedOnFailure = number == 1
            settings.realServers.append(server)
        }
        var service = DirectedService(ServiceDefinition(settings))
        func entries() -> [String] {
            service.definition.servers.indices.map {
                let report = service.report(ofServer: $0)
                return "\(report.state) \(report.weight) \(report.note ?? "-")"
            }
        }
        #expect(entries() == ["DOWN 0 -", "DOWN 0 -", "DOWN 0 -"])
        let servers = [true, true, false].map { ServerState(isUp: $0, weight: 1) }
        service.state = ServiceState(hasQuorum: false, usesSorryServer: true, servers: servers)
        #expect(entries() == ["UP 0 not in the table", "UP 0 -", "DOWN 0 -"])
        service.state?.usesSorryServer = false
        #expect(entries() == ["UP 1 -", "UP 1 -", "DOWN 0 -"])
    }
}
