import Base
import ConfigurationModel

// The kernel's table as values (linux/ip_vs.h). Sources/Kernel/IPVS reads and writes it.

/// The key of a service in the kernel's table.
package struct ServiceKey: Hashable, Sendable {
    package enum Target: Hashable, Sendable {
        /// Packets to this address and port; port 0 stands for all ports.
        case address(IPAddress, port: UInt16, ServiceTransport)
        /// Packets with this firewall mark, of this family.
        case firewallMark(UInt32, AddressFamily)
    }
    package var target: Target

    package init(_ target: Target) { self.target = target }

    package var family: AddressFamily {
        switch target {
        case .address(let address, _, _): address.family
        case .firewallMark(_, let family): family
        }
    }
}

extension ServiceKey: Comparable {
    /// Addresses before marks.
    package static func < (left: ServiceKey, right: ServiceKey) -> Bool {
        switch (left.target, right.target) {
        case (
            .address(let left, let leftPort, let leftTransport), .address(let right, let rightPort, let rightTransport)
        ):
            (left, leftPort, leftTransport.rawValue) < (right, rightPort, rightTransport.rawValue)
        case (.firewallMark(let left, let leftFamily), .firewallMark(let right, let rightFamily)):
            (left, leftFamily.rawValue) < (right, rightFamily.rawValue)
        case (.address, .firewallMark): true
        case (.firewallMark, .address): false
        }
    }
}

/// The settings of a service in the kernel's table.
package struct KernelService: Hashable, Sendable {
    /// The kernel's name of the scheduler. A foreign service may have one that hasup doesn't know.
    package var scheduler: String
    /// IP_VS_SVC_F_SCHED1 to 3.
    package var schedulerFlags: SchedulerFlags = []
    /// IP_VS_SVC_F_ONEPACKET.
    package var schedulesSinglePackets = false
    /// Seconds of persistence; nil without it (IP_VS_SVC_F_PERSISTENT).
    package var persistence: UInt32?
    /// IPv4: a netmask in host order; IPv6: a prefix length. The kernel has it without persistence, too.
    package var netmask: UInt32
    package var persistenceEngine: String?

    package init(scheduler: String, family: AddressFamily) {
        self.scheduler = scheduler
        netmask = family == .ipv4 ? .max : 128
    }
}

/// The key of a destination within its service.
package struct DestinationKey: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16

    package init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// The settings of a destination in the kernel's table.
package struct KernelDestination: Hashable, Sendable {
    package var forwarding: Forwarding
    /// 0: no new connections.
    package var weight: UInt32
    package var upperThreshold: UInt32 = 0
    package var lowerThreshold: UInt32 = 0

    package init(forwarding: Forwarding, weight: UInt32) {
        self.forwarding = forwarding
        self.weight = weight
    }
}

/// One request to the kernel.
package enum TableRequest: Hashable, Sendable {
    case addService(ServiceKey, KernelService)
    case editService(ServiceKey, KernelService)
    case removeService(ServiceKey)
    case addDestination(ServiceKey, DestinationKey, KernelDestination)
    case editDestination(ServiceKey, DestinationKey, KernelDestination)
    case removeDestination(ServiceKey, DestinationKey)
    /// All services, whoever made them (lvs_flush).
    case flush
    /// lvs_timeouts, whole seconds; 0 leaves one as it is.
    case setTimeouts(tcp: UInt32, tcpFin: UInt32, udp: UInt32)

    /// The service that it is about; nil for all.
    package var service: ServiceKey? {
        switch self {
        case .addService(let key, _), .editService(let key, _), .removeService(let key),
            .addDestination(let key, _, _), .editDestination(let key, _, _), .removeDestination(let key, _):
            key
        case .flush, .setTimeouts: nil
        }
    }
}

/// A call of the thread that talks to IPVS (docs/decisions, D65).
package enum TableCall: Sendable {
    /// Requests in this order. One that fails doesn't keep the next one.
    case write([TableRequest])
    /// All services with their settings, compared with those of the configuration.
    case survey(SurveyBasis)
    /// The destinations of these services.
    case readDestinations([ServiceKey])
}

/// The answer to a call.
package enum TableResult: Sendable {
    /// Error number of each request, 0 for none.
    case written([Int32])
    case survey(ServiceSurvey)
    /// A service that isn't there has no entry.
    case destinations([ServiceKey: [DestinationKey: KernelDestination]])
    /// The call as a whole failed: an error number. ENOENT: the kernel has no IPVS; EPERM: it isn't ours to write.
    case failed(Int32)
}
