import Base
import ConfigurationModel
import VRRP

/// A change of a machine's addresses by another program.
enum ForeignChange {
    /// Removes some addresses of a virtual router.
    case remove(router: Int, count: Int)
    /// Writes over one, by which its mark is lost.
    case replace(router: Int)
    /// Removes one and adds it again at once, or a little later.
    case removeAndAdd(router: Int, pause: Int64)
    /// Adds one, with another length perhaps.
    case add(router: Int, isLonger: Bool, mark: UInt8, place: Int)
    /// Removes all IPv4 addresses of a link.
    case flush(place: Int)

    static func random(_ scenario: Scenario, _ random: inout SeededRandom) -> ForeignChange {
        let router = Int.random(in: 0..<scenario.routers.count, using: &random)
        switch Int.random(in: 0..<9, using: &random) {
        case 0, 1, 2: return .remove(router: router, count: Int.random(in: 1...6, using: &random))
        case 3: return .replace(router: router)
        case 4, 5:
            let isQuick = Bool.random(using: &random)
            return .removeAndAdd(
                router: router, pause: isQuick ? 0 : Int64.random(in: 1_000...2_000_000, using: &random))
        case 6, 7:
            return .add(
                router: router, isLonger: Int.random(in: 0..<3, using: &random) == 0,
                mark: [0, 0, 4, AddressProtocol.keepalived].randomElement(using: &random) ?? 0,
                place: Int.random(in: 0..<4, using: &random) == 0 ? 1 : 0)
        default: return .flush(place: 0)
        }
    }
}

extension World {
    mutating func perform(_ change: ForeignChange, on machine: Int) {
        switch change {
        case .remove(let router, let count):
            for _ in 0..<count {
                guard let held = found(machine, router) else { return }
                _ = machines[machine].kernel.remove(held.key, by: .otherProgram)
                sendNotifications(machine)
            }
        case .replace(let router):
            guard let held = found(machine, router) else { return }
            machines[machine].kernel.change(held.key) { $0.address.addedBy = 0 }
            machines[machine].kernel.renew(held.key, until: nil, isEndless: true)
        case .removeAndAdd(let router, let pause):
            guard let held = found(machine, router),
                let prefix = Prefix(address: held.key.address, length: Int(held.key.length))
            else { return }
            _ = machines[machine].kernel.remove(held.key, by: .otherProgram)
            if pause > 0 {
                sendNotifications(machine)
                run(until: now + pause)
            }
            add(prefix, on: held.key.interfaceIndex, machine, mark: 0)
        case .add(let router, let isLonger, let mark, let place):
            let address = machines[machine].settings(of: router)?.allAddresses.randomElement(using: &random)
            guard let address else { return }
            let length = isLonger ? address.prefix.length / 2 : address.prefix.length
            guard let prefix = Prefix(address: address.prefix.address, length: length) else { return }
            add(prefix, on: machines[machine].kernel.links[place].state.index, machine, mark: mark)
        case .flush(let place):
            for held in machines[machine].kernel.links[place].addresses where held.key.address.family == .ipv4 {
                _ = machines[machine].kernel.remove(held.key, by: .otherProgram)
            }
        }
        sendNotifications(machine)
    }

    /// An address of a virtual router that is on the machine, whoever has added it.
    private mutating func found(_ machine: Int, _ router: Int) -> HeldAddress? {
        let wanted = Set(machines[machine].settings(of: router)?.allAddresses.map(\.prefix.address) ?? [])
        return machines[machine].kernel.all.filter { wanted.contains($0.key.address) }.randomElement(using: &random)
    }

    private mutating func add(_ prefix: Prefix, on index: Int32, _ machine: Int, mark: UInt8) {
        let key = AddressKey(interfaceIndex: index, address: prefix.address, length: UInt8(prefix.length))
        let isKnown = machines[machine].ledgerKeys.values.contains(key)
        var address = VirtualAddress(prefix: prefix)
        address.scope = Scenario.foreignScope
        _ = machines[machine].kernel.add(
            address, on: index, by: isKnown ? .disputed : .otherProgram, mark: mark, at: now)
    }
}
