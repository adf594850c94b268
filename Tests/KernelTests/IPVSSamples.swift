import Base
import ConfigurationModel
import LoadBalancing

/// One service and one destination of each kind, with ipvsadm's words for it.
enum IPVSSamples {
    struct Service: CustomStringConvertible {
        let words: String
        let key: ServiceKey
        let service: KernelService
        var description: String { words }
    }

    struct Destination: CustomStringConvertible {
        let words: String
        let key: DestinationKey
        let destination: KernelDestination
        var description: String { words }
    }

    private static func service(
        _ words: String, _ target: ServiceKey.Target, _ scheduler: String = "rr",
        _ change: (inout KernelService) -> Void = { _ in }
    ) -> Service {
        let key = ServiceKey(target)
        var service = KernelService(scheduler: scheduler, family: key.family)
        change(&service)
        return Service(words: words, key: key, service: service)
    }

    private static func v4(_ last: UInt32, _ port: UInt16 = 80, _ transport: ServiceTransport = .tcp)
        -> ServiceKey.Target
    {
        .address(IPAddress(v4: 0x0a63_0000 + last), port: port, transport)
    }

    /// As `ipvsadm -Sn` shows them.
    static let services: [Service] = [
        service("-t 10.99.0.1:80 -s rr", v4(1)),
        service("-t 10.99.0.2:0 -s wlc -p 360", v4(2, 0), "wlc") { $0.persistence = 360 },
        service("-t 10.99.0.3:80 -s rr -p 600 -M 255.255.255.0", v4(3)) {
            $0.persistence = 600
            $0.netmask = 0xffff_ff00
        },
        service("-t 10.99.0.4:80 -s sh -b sh-fallback,sh-port", v4(4), "sh") { $0.schedulerFlags = [.first, .second] },
        service("-u 10.99.0.5:53 -s rr -o", v4(5, 53, .udp)) { $0.schedulesSinglePackets = true },
        service("-u 10.99.0.6:5060 -s rr -p 60 --pe sip", v4(6, 5060, .udp)) {
            $0.persistence = 60
            $0.persistenceEngine = "sip"
        },
        service("--sctp-service 10.99.0.7:2905 -s wrr", v4(7, 2905, .sctp), "wrr"),
        service("-t 10.99.0.8:80 -s rr -b flag-1,flag-3", v4(8)) { $0.schedulerFlags = [.first, .third] },
        service("-t [fd00::1]:80 -s rr -p 50 -M 64", .address(IPAddress(v6High: 0xfd00 << 48, low: 1), port: 80, .tcp))
        {
            $0.persistence = 50
            $0.netmask = 64
        },
        service("-f 7 -s lc", .firewallMark(7, .ipv4), "lc"),
        service("-f 8 -6 -s nq", .firewallMark(8, .ipv6), "nq"),
        service("-t 10.99.0.9:80 -s mh -b mh-fallback", v4(9), "mh") { $0.schedulerFlags = [.first] },
    ]

    private static func destination(
        _ words: String, _ last: UInt32, _ forwarding: Forwarding, weight: UInt32 = 1, port: UInt16 = 80,
        _ change: (inout KernelDestination) -> Void = { _ in }
    ) -> Destination {
        var destination = KernelDestination(forwarding: forwarding, weight: weight)
        change(&destination)
        return Destination(
            words: words, key: DestinationKey(IPAddress(v4: 0x0a09_0000 + last), port: port), destination: destination)
    }

    /// Of a service 10.99.0.1:80.
    static let destinations: [Destination] = [
        destination("-r 10.9.0.1:8080 -m -w 1", 1, .masquerading, port: 8080),
        destination("-r 10.9.0.2:80 -g -w 0", 2, .directRouting, weight: 0),
        destination("-r 10.9.0.3:80 -i -w 65536 --tun-type ipip", 3, .tunnel(.ipip), weight: 65536),
        destination(
            "-r 10.9.0.4:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum", 4, .tunnel(.gue(port: 6080, .none))),
        destination(
            "-r 10.9.0.5:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum", 5, .tunnel(.gue(port: 6080, .full))),
        destination(
            "-r 10.9.0.6:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum", 6,
            .tunnel(.gue(port: 6080, .remoteOffload))),
        destination("-r 10.9.0.7:80 -i -w 1 --tun-type gre --tun-nocsum", 7, .tunnel(.gre(.none))),
        destination("-r 10.9.0.8:80 -i -w 1 --tun-type gre --tun-csum", 8, .tunnel(.gre(.full))),
        destination("-r 10.9.0.9:80 -m -w 2147483647", 9, .masquerading, weight: 2_147_483_647) {
            $0.upperThreshold = 100
            $0.lowerThreshold = 10
        },
    ]
}
