import Base
import CLinux
import ConfigurationModel
import Glibc
import LoadBalancing
import Reactor
import Testing

@testable import Kernel

/// The kernel's IPVS. Tests/LabIPVS runs these tests inside user-mode Linux, where every kernel has it.
private enum KernelIPVS {
    static func connect() throws -> IPVSConnection {
        try IPVSConnection(try owned(hasup_generic_socket(), "open a generic netlink socket"))
    }

    /// The error number of the first question.
    static let error: Int32? = {
        guard let connection = try? connect() else { return nil }
        if case .failed(let code) = connection.perform(.survey(SurveyBasis())) { return code }
        return 0
    }()

    /// True in a machine that was made for it: elsewhere the table is somebody's.
    static let isOurs = error == 0 && getenv("HASUP_OWN_IPVS") != nil

    /// What ipvsadm shows: `-A` and `-a` lines.
    static func saved() throws -> [String] {
        guard let pipe = popen("ipvsadm -Sn", "r") else { throw SystemError(errno, "run ipvsadm") }
        defer { pclose(pipe) }
        var lines: [String] = []
        var buffer = [CChar](repeating: 0, count: 4096)
        while fgets(&buffer, Int32(buffer.count), pipe) != nil {
            let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            lines.append(text.split(separator: "\n").joined())
        }
        return lines
    }
}

@Suite(.enabled(if: KernelIPVS.error == ENOENT, "needs a kernel without IPVS"))
struct MissingIPVSTests {
    @Test func tellsThatThereIsNone() throws {
        let connection = try KernelIPVS.connect()
        for call in [
            TableCall.survey(SurveyBasis()), .write([.flush]), .readDestinations([ServiceKey(.firewallMark(1, .ipv4))]),
        ] {
            guard case .failed(ENOENT) = connection.perform(call) else {
                Issue.record("\(call) should have failed with ENOENT")
                continue
            }
        }
    }

    @Test func tellsItFromTheThread() throws {
        let thread = try IPVSThread(try KernelIPVS.connect())
        thread.submit(.survey(SurveyBasis()), ticket: 4)
        thread.submit(.write([]), ticket: 5)
        thread.stop()
        let completions = thread.drain()
        #expect(completions.map(\.ticket) == [4, 5])
        #expect(thread.inFlight == 0)
    }
}

@Suite(.serialized, .enabled(if: KernelIPVS.isOurs, "needs an IPVS of its own"))
struct IPVSKernelTests {
    private let connection: IPVSConnection

    init() throws {
        connection = try KernelIPVS.connect()
        #expect(try codes([.flush]) == [0])
    }

    private func codes(_ requests: [TableRequest]) throws -> [Int32] {
        guard case .written(let codes) = connection.perform(.write(requests)) else {
            throw SystemError(EIO, "write the table")
        }
        return codes
    }

    private func services() throws -> [ServiceKey: KernelService] {
        guard case .survey(let survey) = connection.perform(.survey(SurveyBasis())) else {
            throw SystemError(EIO, "read the services")
        }
        return survey.found
    }

    private func destinations(_ keys: [ServiceKey]) throws -> [ServiceKey: [DestinationKey: KernelDestination]] {
        guard case .destinations(let destinations) = connection.perform(.readDestinations(keys)) else {
            throw SystemError(EIO, "read the destinations")
        }
        return destinations
    }

    private static let web = IPVSSamples.services[0].key

    @Test func writesEveryKindOfService() throws {
        let samples = IPVSSamples.services
        #expect(try codes(samples.map { .addService($0.key, $0.service) }).allSatisfy { $0 == 0 })
        #expect(Set(try KernelIPVS.saved()) == Set(samples.map { "-A \($0.words)" }))
        #expect(try services() == Dictionary(uniqueKeysWithValues: samples.map { ($0.key, $0.service) }))
    }

    @Test func writesEveryKindOfDestination() throws {
        let samples = IPVSSamples.destinations
        let service = IPVSSamples.services[0].service
        #expect(
            try codes(
                [.addService(Self.web, service)] + samples.map { .addDestination(Self.web, $0.key, $0.destination) }
            ).allSatisfy { $0 == 0 })
        let head = "-a -t 10.99.0.1:80"
        #expect(
            Set(try KernelIPVS.saved()) == Set(["-A -t 10.99.0.1:80 -s rr"] + samples.map { "\(head) \($0.words)" }))
        let wanted = Dictionary(uniqueKeysWithValues: samples.map { ($0.key, $0.destination) })
        #expect(try destinations([Self.web]) == [Self.web: wanted])
    }

    @Test func edits() throws {
        let rr = KernelService(scheduler: "rr", family: .ipv4)
        let place = IPVSSamples.destinations[0].key
        var persistent = KernelService(scheduler: "sh", family: .ipv4)
        persistent.persistence = 30
        persistent.schedulerFlags = [.second]
        persistent.persistenceEngine = "sip"
        let key = ServiceKey(.address(IPAddress(v4: 0x0a63_0001), port: 5060, .udp))
        // Each kind becomes each other one in place.
        var requests: [TableRequest] = [
            .addService(key, rr), .addDestination(key, place, IPVSSamples.destinations[0].destination),
            .editService(key, persistent),
        ]
        for sample in IPVSSamples.destinations.reversed() {
            requests.append(.editDestination(key, place, sample.destination))
            #expect(try codes(requests).allSatisfy { $0 == 0 })
            requests = []
            #expect(try destinations([key]) == [key: [place: sample.destination]])
        }
        #expect(try services() == [key: persistent])
        #expect(try codes([.editService(key, rr)]) == [0])
        #expect(try services() == [key: rr])
    }

    @Test func removes() throws {
        let samples = IPVSSamples.destinations
        let rr = KernelService(scheduler: "rr", family: .ipv4)
        _ = try codes([.addService(Self.web, rr)] + samples.map { .addDestination(Self.web, $0.key, $0.destination) })
        #expect(try codes(samples.map { .removeDestination(Self.web, $0.key) }).allSatisfy { $0 == 0 })
        #expect(try destinations([Self.web]) == [Self.web: [:]])
        #expect(try codes([.removeService(Self.web)]) == [0])
        #expect(try services().isEmpty)
        // One that isn't there has no entry.
        #expect(try destinations([Self.web]).isEmpty)
    }

    @Test func tellsEachRequestsError() throws {
        let rr = KernelService(scheduler: "rr", family: .ipv4)
        let unknown = KernelService(scheduler: "no-such", family: .ipv4)
        let place = IPVSSamples.destinations[0]
        #expect(
            try codes([
                .addService(Self.web, rr), .addService(Self.web, rr), .editService(Self.web, unknown),
                .addDestination(Self.web, place.key, place.destination),
                .addDestination(Self.web, place.key, place.destination),
                .removeDestination(Self.web, IPVSSamples.destinations[1].key),
                .removeService(ServiceKey(.firewallMark(99, .ipv4))), .editService(Self.web, rr),
            ]) == [0, EEXIST, ENOENT, 0, EEXIST, ENOENT, ESRCH, 0])
    }

    @Test func setsTimeouts() throws {
        #expect(try codes([.setTimeouts(tcp: 901, tcpFin: 121, udp: 301)]) == [0])
        guard let pipe = popen("ipvsadm -l --timeout", "r") else { throw SystemError(errno, "run ipvsadm") }
        defer { pclose(pipe) }
        var buffer = [CChar](repeating: 0, count: 4096)
        _ = fgets(&buffer, Int32(buffer.count), pipe)
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #expect(text.contains("901 121 301"))
    }

    @Test func writesThousandsInBatches() throws {
        let keys = (0..<100 as Range<UInt32>).map {
            ServiceKey(.address(IPAddress(v4: 0x0a63_0100 + $0), port: 80, .tcp))
        }
        let service = KernelService(scheduler: "wlc", family: .ipv4)
        let destination = KernelDestination(forwarding: .directRouting, weight: 1)
        var requests: [TableRequest] = []
        for key in keys {
            requests.append(.addService(key, service))
            for server in 0..<100 as Range<UInt32> {
                requests.append(
                    .addDestination(key, DestinationKey(IPAddress(v4: 0x0a09_0000 + server), port: 80), destination))
            }
        }
        let begin = Clock.now
        #expect(try codes(requests).allSatisfy { $0 == 0 })
        let written = Clock.now
        #expect(try destinations(keys).values.map(\.count).reduce(0, +) == 10_000)
        print("10,000 destinations of 100 services: written in \(written - begin), read in \(Clock.now - written)")
        #expect(try codes([.flush]) == [0])
    }

    @Test func writesHashedServicesFromTheThread() throws {
        let thread = try IPVSThread(try KernelIPVS.connect())
        let service = KernelService(scheduler: "mh", family: .ipv4)
        let destination = KernelDestination(forwarding: .masquerading, weight: 1)
        let servers = (0..<50 as Range<UInt32>).map { DestinationKey(IPAddress(v4: 0x0a09_0000 + $0), port: 80) }
        thread.submit(
            .write([.addService(Self.web, service)] + servers.map { .addDestination(Self.web, $0, destination) }),
            ticket: 1)
        thread.submit(.readDestinations([Self.web]), ticket: 2)
        thread.stop()
        let completions = thread.drain()
        #expect(completions.map(\.ticket) == [1, 2])
        guard case .written(let codes) = completions[0].result, case .destinations(let all) = completions[1].result
        else {
            Issue.record("\(completions)")
            return
        }
        #expect(codes.count == 51 && codes.allSatisfy { $0 == 0 })
        #expect(all[Self.web]?.count == 50)
    }
}
