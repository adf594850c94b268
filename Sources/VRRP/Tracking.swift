import Base
import Configuration

/// What tracked things make of an instance, as pure functions of the configuration and the interfaces known.
enum Tracking {
    private static func isUsable(_ name: String, _ interfaces: [String: InterfaceState]) -> Bool {
        interfaces[name]?.isUsable ?? false
    }

    /// Base priority and the weights of tracked interfaces, within 1...254; an owner's 255 never changes.
    static func priority(of settings: InstanceSettings, _ interfaces: [String: InterfaceState]) -> Priority {
        if settings.priority == .owner { return .owner }
        var sum = Int(settings.priority.rawValue)
        for tracked in settings.trackedInterfaces where tracked.weight != 0 {
            let isUp = isUsable(tracked.name, interfaces) != tracked.reverse
            if isUp == (tracked.weight > 0) { sum += tracked.weight }
        }
        return Priority(rawValue: UInt8(min(max(sum, 1), 254)))
    }

    /// Everything that keeps an instance from taking part, in the order of their weight for an operator.
    static func faults(of settings: InstanceSettings, _ interfaces: [String: InterfaceState]) -> [Fault] {
        var faults: [Fault] = []
        if !settings.faults.isEmpty || settings.virtualRouterID == nil { faults.append(.configuration) }
        let name = settings.interface
        // One that names no interface is in FAULT by its configuration.
        if !name.isEmpty {
            // Without an index there's nothing to send from, dont_track_primary or not.
            if interfaces[name] == nil {
                faults.append(.interfaceMissing(name))
            } else if !isUsable(name, interfaces), !settings.ignoresPrimaryInterface {
                faults.append(.interfaceDown(name))
            }
        }
        for tracked in settings.trackedInterfaces where tracked.weight == 0 {
            if isUsable(tracked.name, interfaces) == tracked.reverse {
                faults.append(
                    tracked.reverse ? .trackedInterfaceUp(tracked.name) : .trackedInterfaceDown(tracked.name))
            }
        }
        if interfaces[name] != nil, source(of: settings, interfaces) == nil {
            faults.append(settings.sourceAddress.map(Fault.sourceAddressMissing) ?? .noSourceAddress(name))
        }
        return faults
    }

    /// The configured source address, or the interface's primary (IPv6: link-local) one (RFC 9568 §5.1.1.1, §5.1.2.1).
    /// A unicast instance's must be on this machine, on whichever interface: answers to another one wouldn't come here,
    /// and both nodes would be MASTER (behaviours §7). Multicast leaves with any, as keepalived's does.
    static func source(of settings: InstanceSettings, _ interfaces: [String: InterfaceState]) -> IPAddress? {
        if let configured = settings.sourceAddress {
            if !settings.isUnicast || interfaces[settings.interface]?.addresses.contains(configured) == true {
                return configured
            }
            return interfaces.values.contains { $0.addresses.contains(configured) } ? configured : nil
        }
        guard let interface = interfaces[settings.interface] else { return nil }
        switch settings.family {
        case .ipv4: return interface.primaryIPv4
        case .ipv6: return interface.linkLocalIPv6
        }
    }
}

extension VirtualRouter {
    /// Whether a change of this interface can concern the instance; `moved` are addresses that came to it or left it.
    func dependsOn(_ interface: String, moved: Set<IPAddress>) -> Bool {
        settings.interface == interface || settings.trackedInterfaces.contains { $0.name == interface }
            || settings.isUnicast && settings.sourceAddress.map(moved.contains) ?? false
    }
}
