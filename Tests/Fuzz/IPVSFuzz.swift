import Base
import ConfigurationModel
import LoadBalancing

@testable import Kernel

/// What the kernel answers about IPVS.
enum IPVSFuzz: FuzzTarget {
    private static let family: UInt16 = 33
    private static let web = ServiceKey(.address(IPAddress(v4: 0x0a63_0001), port: 80, .tcp))

    private static func bytes(_ requests: TableRequest...) -> [UInt8] {
        var bytes: [UInt8] = []
        for request in requests {
            try? IPVSRequest(family: family).append(request, sequence: 1, acknowledge: false, to: &bytes)
        }
        return bytes
    }

    static func seeds() -> [[UInt8]] {
        var persistent = KernelService(scheduler: "sh", family: .ipv4)
        (persistent.persistence, persistent.persistenceEngine) = (60, "sip")
        let mark = ServiceKey(.firewallMark(7, .ipv6))
        let place = DestinationKey(IPAddress(v6High: 0xfd00 << 48, low: 2), port: 80)
        let tunnel = KernelDestination(forwarding: .tunnel(.gue(port: 6080, .full)), weight: 1)
        let route = KernelDestination(forwarding: .directRouting, weight: .max)
        return [
            bytes(.addService(web, persistent), .addService(mark, KernelService(scheduler: "wlc", family: .ipv6))),
            bytes(.addDestination(web, place, tunnel), .addDestination(mark, place, route)),
            [20, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xef, 0xff, 0xff, 0xff],
            [28, 0, 0, 0, 16, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 6, 0, 1, 0, 33, 0, 0, 0],
        ]
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        var reader = IPVSReader(input, family: family)
        while let message = reader.next() {
            // What was understood is understood again.
            switch message {
            case .service(let key, let service): require(message, bytes(.addService(key, service)))
            case .destination(let key, let destination):
                require(message, bytes(.addDestination(web, key, destination)))
            default: break
            }
        }
    }

    private static func require(_ message: IPVSMessage, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes {
            var reader = IPVSReader($0, family: family)
            precondition(reader.next() == message, "a message isn't what it was after encoding")
        }
    }
}
