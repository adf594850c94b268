import Base
import ConfigurationModel
import LoadBalancing
import Testing

@testable import Kernel

@Suite struct IPVSMessageTests {
    private static let web = ServiceKey(.address(IPAddress(v4: 0x0a09_0001), port: 80, .tcp))

    private func request(_ request: TableRequest, acknowledge: Bool = true) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try IPVSRequest(family: 33).append(request, sequence: 7, acknowledge: acknowledge, to: &bytes)
        return bytes
    }

    private func messages(_ bytes: [UInt8], family: UInt16? = 33) -> [IPVSMessage] {
        bytes.withUnsafeBytes {
            var reader = IPVSReader($0, family: family)
            var messages: [IPVSMessage] = []
            while let message = reader.next() { messages.append(message) }
            return messages
        }
    }

    /// The attributes of IPVS_CMD_ATTR_SERVICE for `web`.
    private static let webBytes: [UInt8] = [
        6, 0, 1, 0, 2, 0, 0, 0,  // IPVS_SVC_ATTR_AF: AF_INET
        6, 0, 2, 0, 6, 0, 0, 0,  // IPVS_SVC_ATTR_PROTOCOL: TCP
        20, 0, 3, 0, 10, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // IPVS_SVC_ATTR_ADDR
        6, 0, 4, 0, 0, 80, 0, 0,  // IPVS_SVC_ATTR_PORT
    ]

    @Test func encodesAService() throws {
        var service = KernelService(scheduler: "sh", family: .ipv4)
        service.schedulerFlags = [.first, .third]
        service.schedulesSinglePackets = true
        service.persistence = 600
        service.netmask = 0xffff_ff00
        service.persistenceEngine = "sip"
        let bytes = try request(.addService(Self.web, service))
        #expect(
            bytes == [
                112, 0, 0, 0, 33, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0,  // family, REQUEST ACK
                1, 1, 0, 0,  // IPVS_CMD_NEW_SERVICE, version 1
                92, 0, 1, 0x80,  // IPVS_CMD_ATTR_SERVICE, nested
            ] + Self.webBytes + [
                7, 0, 6, 0, 0x73, 0x68, 0, 0,  // IPVS_SVC_ATTR_SCHED_NAME: sh
                8, 0, 11, 0, 0x73, 0x69, 0x70, 0,  // IPVS_SVC_ATTR_PE_NAME: sip
                12, 0, 7, 0, 0x2d, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,  // PERSISTENT ONEPACKET SCHED1 SCHED3; all
                8, 0, 8, 0, 0x58, 2, 0, 0,  // IPVS_SVC_ATTR_TIMEOUT
                8, 0, 9, 0, 255, 255, 255, 0,  // IPVS_SVC_ATTR_NETMASK
            ])
    }

    @Test func encodesADestination() throws {
        var destination = KernelDestination(forwarding: .tunnel(.gue(port: 6080, .full)), weight: 2_147_483_647)
        destination.upperThreshold = 100
        destination.lowerThreshold = 10
        let server = DestinationKey(try #require(IPAddress("fd00::2")), port: 8080)
        let bytes = try request(.editDestination(Self.web, server, destination), acknowledge: false)
        #expect(Array(bytes[4..<8]) == [33, 0, 1, 0])
        #expect(
            Array(bytes[16...]) == [6, 1, 0, 0, 48, 0, 1, 0x80] + Self.webBytes + [
                96, 0, 2, 0x80,  // IPVS_CMD_ATTR_DEST
                20, 0, 1, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,  // IPVS_DEST_ATTR_ADDR
                6, 0, 2, 0, 0x1f, 0x90, 0, 0,  // IPVS_DEST_ATTR_PORT
                6, 0, 11, 0, 10, 0, 0, 0,  // IPVS_DEST_ATTR_ADDR_FAMILY: AF_INET6
                8, 0, 3, 0, 2, 0, 0, 0,  // IPVS_DEST_ATTR_FWD_METHOD: tunnel
                8, 0, 4, 0, 0xff, 0xff, 0xff, 0x7f,  // IPVS_DEST_ATTR_WEIGHT
                8, 0, 5, 0, 100, 0, 0, 0,  // IPVS_DEST_ATTR_U_THRESH
                8, 0, 6, 0, 10, 0, 0, 0,  // IPVS_DEST_ATTR_L_THRESH
                5, 0, 13, 0, 1, 0, 0, 0,  // IPVS_DEST_ATTR_TUN_TYPE: GUE
                6, 0, 14, 0, 0x17, 0xc0, 0, 0,  // IPVS_DEST_ATTR_TUN_PORT
                6, 0, 15, 0, 1, 0, 0, 0,  // IPVS_DEST_ATTR_TUN_FLAGS: CSUM
            ])
    }

    @Test func encodesKeysOnly() throws {
        let mark = ServiceKey(.firewallMark(0x1234, .ipv6))
        #expect(
            Array(try request(.removeService(mark))[16...])
                == [3, 1, 0, 0, 20, 0, 1, 0x80, 6, 0, 1, 0, 10, 0, 0, 0, 8, 0, 5, 0, 0x34, 0x12, 0, 0])
        let bytes = try request(.removeDestination(Self.web, DestinationKey(IPAddress(v4: 0x0a09_0015), port: 0)))
        #expect(bytes[16] == 7)
        #expect(bytes.count == 20 + 48 + 4 + 36)
    }

    @Test func encodesWhatIsOfNoService() throws {
        #expect(Array(try request(.flush)[16...]) == [17, 1, 0, 0])
        #expect(
            Array(try request(.setTimeouts(tcp: 900, tcpFin: 0, udp: 300))[16...])
                == [12, 1, 0, 0, 8, 0, 4, 0, 0x84, 3, 0, 0, 8, 0, 6, 0, 0x2c, 1, 0, 0])
    }

    @Test func encodesTheFamilysQuestion() throws {
        var bytes: [UInt8] = []
        try IPVSRequest.appendFamilyQuery(sequence: 1, to: &bytes)
        #expect(Array(bytes[4..<8]) == [16, 0, 5, 0])
        #expect(Array(bytes[16...]) == [3, 1, 0, 0, 9, 0, 2, 0] + Array("IPVS".utf8) + [0, 0, 0, 0])
    }

    @Test(arguments: IPVSSamples.services)
    func decodesServices(_ sample: IPVSSamples.Service) throws {
        #expect(
            messages(try request(.addService(sample.key, sample.service))) == [.service(sample.key, sample.service)])
    }

    @Test(arguments: IPVSSamples.destinations)
    func decodesDestinations(_ sample: IPVSSamples.Destination) throws {
        #expect(
            messages(try request(.addDestination(Self.web, sample.key, sample.destination)))
                == [.destination(sample.key, sample.destination)])
    }

    @Test func takesTheKernelsOwnFlagForNothing() throws {
        // IP_VS_SVC_F_HASHED is always there.
        var bytes = try request(.addService(Self.web, KernelService(scheduler: "rr", family: .ipv4)))
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: [12, 0, 7, 0]) })
        bytes[place + 4] = 2
        #expect(messages(bytes) == [.service(Self.web, KernelService(scheduler: "rr", family: .ipv4))])
    }

    @Test func takesTheServicesFamilyForADestinationWithout() {
        let bytes: [UInt8] = [
            76, 0, 0, 0, 33, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 1, 0, 0, 56, 0, 2, 0,
            20, 0, 1, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 6, 0, 2, 0, 0, 80, 0, 0,
            8, 0, 3, 0, 3, 0, 0, 0, 8, 0, 4, 0, 1, 0, 0, 0, 8, 0, 5, 0, 0, 0, 0, 0,
        ]
        bytes.withUnsafeBytes {
            var reader = IPVSReader($0, family: 33, serviceFamily: .ipv6)
            guard case .destination(let key, let destination) = reader.next() else {
                Issue.record("no destination")
                return
            }
            #expect(key.address.description == "fd00::2")
            #expect(destination == KernelDestination(forwarding: .directRouting, weight: 1))
        }
    }

    @Test func readsAnswers() {
        let error: [UInt8] = [20, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xef, 0xff, 0xff, 0xff]
        let end: [UInt8] = [20, 0, 0, 0, 3, 0, 2, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(messages(error + end) == [.answer(17), .endOfDump(0)])
    }

    @Test func survivesJunk() throws {
        var random = SeededRandom(seed: 22)
        var destination = KernelDestination(forwarding: .tunnel(.gre(.full)), weight: 3)
        destination.upperThreshold = 4
        let whole =
            try request(.addService(Self.web, KernelService(scheduler: "wlc", family: .ipv4)))
            + (try request(.addDestination(Self.web, DestinationKey(IPAddress(v4: 1), port: 1), destination)))
        for cut in 0..<whole.count { _ = messages(Array(whole[..<cut])) }
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = messages(bytes)
        }
    }

    @Test func sizesBatchesByTime() {
        var size = BatchSize()
        size.took(.microseconds(56), requests: 8)
        #expect(size.count == 64)
        size.took(.milliseconds(12), requests: 64)
        #expect(size.count == 5)
        size.took(.milliseconds(61), requests: 1)
        #expect(size.count == 1)
        size.begin(with: BatchSize.usual)
        #expect(size.count == 8)
    }
}
