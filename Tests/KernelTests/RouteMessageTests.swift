import Base
import Testing

@testable import Kernel

@Suite struct RouteMessageTests {
    private func request(_ change: (inout InterfaceAddress) -> Void = { _ in }, v6: Bool = false) throws -> [UInt8] {
        let text = v6 ? "2001:db8::1" : "10.0.0.1"
        var address = InterfaceAddress(
            interfaceIndex: 3, interfaceName: "eth0", address: try #require(IPAddress(text)),
            prefixLength: v6 ? 64 : 24)
        change(&address)
        var bytes: [UInt8] = []
        try RouteRequest.appendNew(address, sequence: 7, acknowledge: true, to: &bytes)
        return bytes
    }

    @Test func encodesAnIPv4Address() throws {
        // As `ip address add 10.0.0.1/24 dev eth0 proto 112` sends it.
        #expect(
            try request()
                == [
                    52, 0, 0, 0, 20, 0, 0x05, 0x06, 7, 0, 0, 0, 0, 0, 0, 0,  // RTM_NEWADDR, REQUEST ACK EXCL CREATE
                    2, 24, 0, 0, 3, 0, 0, 0,  // AF_INET, /24, scope global, index 3
                    8, 0, 2, 0, 10, 0, 0, 1,  // IFA_LOCAL
                    8, 0, 1, 0, 10, 0, 0, 1,  // IFA_ADDRESS
                    5, 0, 11, 0, 112, 0, 0, 0,  // IFA_PROTO
                ].withLength())
    }

    @Test func encodesOptions() throws {
        let bytes = try request {
            $0.peer = IPAddress("10.9.9.9")
            $0.broadcast = IPAddress("10.0.0.255")
            $0.label = "eth0:1"
            $0.noPrefixRoute = true
            $0.preferredLifetime = 3
            $0.scope = 253
        }
        #expect(bytes.holds([8, 0, 1, 0, 10, 9, 9, 9]))
        #expect(bytes.holds([8, 0, 4, 0, 10, 0, 0, 255]))
        #expect(bytes.holds([11, 0, 3, 0] + Array("eth0:1".utf8) + [0, 0]))
        #expect(bytes.holds([8, 0, 8, 0, 0, 2, 0, 0]))
        #expect(bytes.holds([20, 0, 6, 0, 3, 0, 0, 0, 255, 255, 255, 255]))
        #expect(bytes[19] == 253)
    }

    @Test func leavesOutDuplicateDetection() throws {
        #expect(try request(v6: true).holds([8, 0, 8, 0, 2, 0, 0, 0]))
        #expect(try !request({ $0.detectsDuplicates = true }, v6: true).holds([8, 0, 8, 0]))
    }

    @Test func deprecatesIPv6HostAddresses() throws {
        #expect(
            try request({ $0.prefixLength = 128 }, v6: true).holds([20, 0, 6, 0, 0, 0, 0, 0, 255, 255, 255, 255]))
    }

    @Test func decodesWhatItEncodes() throws {
        let bytes = try request {
            $0.label = "eth0:1"
            $0.peer = IPAddress("10.9.9.9")
        }
        bytes.withUnsafeBytes {
            var reader = RouteReader($0)
            guard case .address(let address) = reader.next() else {
                Issue.record("no address")
                return
            }
            #expect(address.address.description == "10.0.0.1")
            #expect(address.peer?.description == "10.9.9.9")
            #expect(address.prefixLength == 24)
            #expect(address.label == "eth0:1")
            #expect(address.addedBy == AddressProtocol.ours)
            #expect(reader.sequence == 7)
            #expect(reader.next() == nil)
        }
    }

    @Test func ignoresABridgesDeparture() {
        // RTM_DELLINK, AF_BRIDGE, index 3, IFLA_IFNAME "a".
        let message: [UInt8] = [
            40, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            6, 0, 3, 0, 97, 0, 0, 0,
        ]
        message.withUnsafeBytes {
            var reader = RouteReader($0)
            #expect(reader.next() == .other)
        }
    }

    /// Every cut and every flipped byte of a good message is read without a trap, and the reading ends.
    @Test func survivesDamage() throws {
        let good = try request({ $0.label = "eth0:1" }) + request(v6: true)
        for length in 0...good.count { read(Array(good[0..<length])) }
        for place in good.indices {
            for value: UInt8 in [0, 1, 3, 16, 127, 255] {
                var bad = good
                bad[place] = value
                read(bad)
            }
        }
    }

    private func read(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes {
            var reader = RouteReader($0)
            var count = 0
            while reader.next() != nil { count += 1 }
            #expect(count <= bytes.count / 16)
        }
    }
}

extension [UInt8] {
    /// The same with its own length at the front.
    fileprivate func withLength() -> [UInt8] { [UInt8(count)] + dropFirst() }

    fileprivate func holds(_ part: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: part) }
    }
}
