import Base
import Glibc
import Reactor

/// The result of adding or removing an address. No text in it, so that it crosses from one thread to the other without
/// an allocation.
package enum AddressOutcome: Hashable, Sendable {
    /// It wasn't there; now it is, with our mark where the kernel keeps marks.
    case added
    /// It was there already: it is left as it is.
    case existed
    /// It is there without a lifetime: others would go with it.
    case endless
    /// It was there and is gone.
    case removed
    /// It wasn't there.
    case absent
    /// The kernel refused, with this error number.
    case failed(errno: Int32)
    /// Not done.
    case pending

    /// Interprets an answer to RTM_NEWADDR.
    init(addition code: Int32) {
        self =
            switch code {
            case 0: .added
            case EEXIST: .existed
            default: .failed(errno: code)
            }
    }

    /// Interprets an answer to RTM_DELADDR.
    init(deletion code: Int32) {
        self =
            switch code {
            case 0: .removed
            // Gone in between, or gone with its interface.
            case EADDRNOTAVAIL, ENOENT, ENODEV: .absent
            default: .failed(errno: code)
            }
    }

    package var isWithdrawn: Bool { self == .removed || self == .absent }
}

/// Adding and removing addresses. This room doesn't know the owner of an address: the caller has looked into the
/// ledger (docs/decisions, D14).
extension RouteConnection {
    /// Puts addresses on their interfaces, 32 requests to a system call. `outcomes` has one element for each address
    /// and is written in place.
    package func install(_ addresses: [InterfaceAddress], into outcomes: inout [AddressOutcome]) {
        perform(Array(addresses.indices), into: &outcomes) { (index, number, acknowledge, bytes) throws(SystemError) in
            try RouteRequest.appendNew(addresses[index], sequence: number, acknowledge: acknowledge, to: &bytes)
        } outcome: {
            AddressOutcome(addition: $0)
        }
    }

    /// Gives addresses their lifetimes anew. Guarded are interfaces on which others would go with them: if the kernel
    /// doesn't promote secondary addresses there, they get none. `outcomes` as for `install`.
    package func renew(
        _ addresses: [InterfaceAddress], guarded: Set<Int32>, into outcomes: inout [AddressOutcome]
    ) {
        let endless = guarded.filter { (try? promotesSecondaries(on: $0)) != true }
        perform(Array(addresses.indices), into: &outcomes) { (index, number, acknowledge, bytes) throws(SystemError) in
            var address = addresses[index]
            if endless.contains(address.interfaceIndex), address.address.family == .ipv4 { address.lease = nil }
            try RouteRequest.appendRenewal(address, sequence: number, acknowledge: acknowledge, to: &bytes)
        } outcome: {
            AddressOutcome(addition: $0)
        }
        for (index, address) in addresses.enumerated()
        where address.lease != nil && address.address.family == .ipv4 && endless.contains(address.interfaceIndex) {
            if outcomes[index] == .added { outcomes[index] = .endless }
        }
    }

    /// Takes addresses away, and no others with them. `outcomes` as for `install`.
    ///
    /// - Parameters:
    ///   - guarded: interfaces on which others would go with them unless secondary addresses are promoted.
    ///   - isWanted: asked before each batch; what it says no to stays `.pending`.
    package func withdraw(
        _ addresses: [InterfaceAddress], guarded: Set<Int32>, into outcomes: inout [AddressOutcome],
        while isWanted: () -> Bool = { true }
    ) {
        perform(
            addresses.indices.filter { !guarded.contains(addresses[$0].interfaceIndex) }, into: &outcomes,
            while: isWanted
        ) { (index, number, acknowledge, bytes) throws(SystemError) in
            try RouteRequest.appendDelete(addresses[index], sequence: number, acknowledge: acknowledge, to: &bytes)
        } outcome: {
            AddressOutcome(deletion: $0)
        }
        for interface in guarded.sorted() where isWanted() {
            let there = addresses.indices.filter { addresses[$0].interfaceIndex == interface }
            delete(addresses, at: there, on: interface, &outcomes)
        }
    }

    /// Does the same without knowing the guards: looks which other addresses there are. - Throws: `SystemError`.
    package func withdraw(
        _ addresses: [InterfaceAddress], into outcomes: inout [AddressOutcome], while isWanted: () -> Bool = { true }
    ) throws(SystemError) {
        var census = PrefixOwners()
        try forEachAddress(on: 0) {
            census.count($0)
        } restart: {
            census = PrefixOwners()
        }
        withdraw(
            addresses, guarded: census.interfacesToGuard(whileRemoving: addresses), into: &outcomes, while: isWanted)
    }

    /// Sends the requests for these indices in batches and writes what the answers mean.
    private func perform(
        _ indices: [Int], into outcomes: inout [AddressOutcome], while isWanted: () -> Bool = { true },
        request: (Int, UInt32, Bool, inout [UInt8]) throws(SystemError) -> Void,
        outcome: (Int32) -> AddressOutcome
    ) {
        var codes: [Int32] = []
        codes.reserveCapacity(min(indices.count, Self.batchMaximum))
        var start = 0
        while start < indices.count, isWanted() {
            let batch = indices[start..<min(start + Self.batchMaximum, indices.count)]
            do {
                try perform(batch.count, into: &codes) { (place, number, acknowledge, bytes) throws(SystemError) in
                    try request(batch[batch.startIndex + place], number, acknowledge, &bytes)
                }
                for (place, index) in batch.enumerated() { outcomes[index] = outcome(codes[place]) }
            } catch {
                for index in batch { outcomes[index] = .failed(errno: error.code) }
            }
            start += Self.batchMaximum
        }
    }
}

extension InterfaceAddress {
    /// `can't add 10.0.0.1/24 to eth0: …`.
    package func error(adding code: Int32) -> SystemError {
        let cause = Self.refusal(code, of: address, on: interfaceName).map { ", because \($0)" } ?? ""
        return SystemError(code, "add \(self) to \(interfaceName)\(cause)")
    }

    /// `can't renew the lease of 10.0.0.1/24 on eth0: …`.
    package func error(renewing code: Int32) -> SystemError {
        SystemError(code, "renew the lease of \(self) on \(interfaceName)")
    }

    /// A clause: why the kernel refuses to add an address, where its error says less than it means; else nil.
    package static func refusal(_ code: Int32, of address: IPAddress, on interface: String) -> String? {
        guard code == EACCES, address.family == .ipv6 else { return nil }
        // sysctl(8) writes a dot of a name as a slash.
        return "IPv6 is off on \(interface) (net.ipv6.conf.\(interface.replacing(".", with: "/")).disable_ipv6)"
    }

    /// `can't remove 10.0.0.1/24 from eth0: …`.
    package func error(removing code: Int32) -> SystemError {
        SystemError(code, "remove \(self) from \(interfaceName)")
    }
}
