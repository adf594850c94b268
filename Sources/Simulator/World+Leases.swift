import Base
import ConfigurationModel
import VRRP

/// Address leases of some seeds, random by numbers of their own.
struct LeasePlan {
    private var random: SeededRandom
    private let isOn: Bool

    init(seed: UInt64, isPlain: Bool) {
        random = SeededRandom(seed: seed &* 0x9e37_79b9_7f4a_7c15 &+ 16)
        let choice = random.next()
        isOn = !isPlain && choice % 3 == 0
    }

    /// Gives an instance a lease, mostly.
    mutating func addLease(to settings: inout InstanceSettings) {
        guard isOn, random.next() % 4 > 0 else { return }
        var extra = settings.extra?.value ?? ExtraSettings()
        extra.addressLease = Int.random(in: 3...6, using: &random)
        settings.extra = OutOfLine(extra)
    }
}

/// Lifetimes of addresses in the kernels (docs/decisions, D16).
extension World {
    /// The kernel counts in seconds, and looks once a second at most.
    private static let granularity: Int64 = 1_000_000_000

    /// The end of an address's lifetime by the machine's clock.
    func end(of placed: PlacedAddress, on machine: Int) -> Instant? {
        guard let seconds = placed.lease, injection != .forgetsLeases else { return nil }
        return machines[machine].clock.reading(at: now) + .seconds(Int64(seconds))
    }

    /// Sees to it that the kernel looks when a lifetime is over.
    mutating func scheduleEnd(of key: AddressKey, on machine: Int) {
        guard let end = machines[machine].kernel.held(key)?.endsAt else { return }
        let left = machines[machine].clock.worldTime(of: end) - now
        let late = Int64.random(in: 0...Self.granularity / 2, using: &random)
        schedule(.leaseEnd(machine: machine, key), after: max(left, 0) + late)
    }

    /// A renewal. Linux adds an address that isn't there.
    mutating func renew(_ placed: PlacedAddress, isGuarded: Bool, on machine: Int) -> AddressResult {
        if isDisturbed, happens(oneIn: 50) {
            machines[machine].leasesMayEndSince = now
            return .refused(105)
        }
        if injection == .neverRenews { return .done }
        let key = placed.key
        let isEndless = isGuarded && !machines[machine].kernel.promotes && key.address.family == .ipv4
        let end = isEndless ? nil : end(of: placed, on: machine)
        if let held = machines[machine].kernel.held(key) {
            // Another one of its own is in the way; this one has gone.
            guard held.key == key else { return .refused(17) }
            machines[machine].kernel.renew(key, until: end, isEndless: isEndless)
        } else {
            guard
                machines[machine].kernel.add(
                    placed.address, on: placed.interfaceIndex, by: .ours, mark: AddressProtocol.ours, until: end,
                    at: now) == 0
            else { return .refused(19) }
            trace.note(now, machine, "adds \(key.address) again by a renewal")
            machines[machine].kernel.change(key) { $0.isRenewed = true }
        }
        scheduleEnd(of: key, on: machine)
        return isEndless && placed.lease != nil ? .endless : .done
    }

    /// The kernel removes an address by itself if its lifetime is over: never that of a MASTER that lives.
    mutating func endLease(_ machine: Int, _ key: AddressKey) {
        guard let held = machines[machine].kernel.held(key), held.key == key, let end = held.endsAt else { return }
        let reading = machines[machine].clock.reading(at: now)
        // It was renewed, or the machine's clock has stood still.
        guard reading >= end else {
            if machines[machine].isPaused { schedule(.leaseEnd(machine: machine, key), after: Self.granularity / 10) }
            return
        }
        let lease = machines[machine].actingModel.instances.first { settings in
            settings.allAddresses.contains { $0.prefix.address == key.address }
                && machines[machine].states[Machine.router(of: settings)] == .master
        }?.addressLease
        if let lease, held.owner == .ours, machines[machine].node != nil, !machines[machine].isPaused,
            now - machines[machine].leasesMayEndSince > (Int64(lease) + 1) * Self.granularity
        {
            invariants.fail(now, "machine \(machine) is MASTER and lets the lease of \(key.address) end")
        }
        trace.note(now, machine, "the lease of \(key.address) ends")
        _ = machines[machine].kernel.remove(key, by: .kernel)
        sendNotifications(machine)
    }

    /// All processes of a machine have died: in time its addresses are gone.
    mutating func expectEndOfLeases(_ machine: Int) {
        let longest = machines[machine].actingModel.instances.compactMap(\.addressLease).max()
        guard let longest else { return }
        // A clock is up to one percent slow.
        schedule(
            .leasesOver(machine: machine, life: machines[machine].life),
            after: (Int64(longest) + 1) * Self.granularity * 101 / 100)
    }

    mutating func checkLeasesOver(_ machine: Int) {
        guard machines[machine].node == nil else { return }
        for settings in machines[machine].actingModel.instances where settings.addressLease != nil {
            for address in settings.allAddresses {
                guard let key = machines[machine].kernel.key(of: address, settings),
                    let held = machines[machine].kernel.held(key), held.key == key, held.owner == .ours,
                    !held.isEndless
                else { continue }
                invariants.fail(now, "machine \(machine) is dead and has \(key.address) after its lease")
            }
        }
    }
}
