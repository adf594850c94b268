import Base
import ConfigurationModel
import LoadBalancing

@testable import Simulator

/// Samples: service 10.0.0.1:80 and what stands behind it.
enum Sample {
    static func address(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(v4: 0) }

    static func service(
        _ address: ServiceAddress = .address(address("10.0.0.1"), port: 80), _ weights: [Int] = [1],
        forwarding: Forwarding = .masquerading, port: UInt16 = 8080, hasChecks: Bool = false
    ) -> VirtualServerSettings {
        var service = VirtualServerSettings(address: address, location: SourceLocation())
        service.transport = .tcp
        service.forwarding = forwarding
        for (number, weight) in weights.enumerated() {
            var server = RealServerSettings(address: IPAddress(v4: 0x0a00_0100 + UInt32(number)), port: port)
            server.weight = weight
            server.forwarding = forwarding
            if hasChecks {
                server.checks = [
                    CheckSettings(
                        kind: .tcp,
                        endpoint: CheckEndpoint(address: server.address, port: server.port, timeout: .seconds(1)),
                        schedule: CheckSchedule(
                            interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .zero))
                ]
            }
            service.realServers.append(server)
        }
        return service
    }

    static func model(_ services: VirtualServerSettings..., groups: [VirtualServerGroup] = []) -> ConfigurationModel {
        var model = ConfigurationModel()
        model.virtualServers = services
        model.virtualServerGroups = groups
        return model
    }

    static func group(_ entries: ServiceGroupEntry...) -> VirtualServerGroup {
        var group = VirtualServerGroup(name: "G", location: SourceLocation())
        group.entries = entries
        return group
    }

    static func key(_ text: String, _ port: UInt16, _ transport: ServiceTransport = .tcp) -> ServiceKey {
        ServiceKey(.address(address(text), port: port, transport))
    }
    static let key = key("10.0.0.1", 80)

    static func place(_ number: UInt32, _ port: UInt16 = 8080) -> DestinationKey {
        DestinationKey(IPAddress(v4: 0x0a00_0100 + number), port: port)
    }

    /// A destination as the samples' servers are.
    static func destination(_ weight: UInt32) -> KernelDestination {
        KernelDestination(forwarding: .masquerading, weight: weight)
    }
}

extension DirectedTable {
    /// A director that has just started with this configuration, and a table that is what it should be.
    init(_ model: ConfigurationModel, hasChecker: Bool = false) {
        self.init()
        play(.configure(DirectorConfiguration(model, occasion: .start(noted: []), hasChecker: hasChecker)))
    }

    mutating func reload(_ model: ConfigurationModel, hasChecker: Bool = false) {
        play(.configure(DirectorConfiguration(model, occasion: .reload, hasChecker: hasChecker)))
    }

    mutating func restart(_ model: ConfigurationModel, hasChecker: Bool = false) {
        kill()
        play(.configure(DirectorConfiguration(model, occasion: .start(noted: Array(file)), hasChecker: hasChecker)))
    }

    /// The requests that the kernel has taken meanwhile.
    mutating func writes(_ body: (inout DirectedTable) -> Void) -> [TableRequest] {
        let count = table.taken.count
        body(&self)
        return Array(table.taken[count...])
    }
}
