import Base
import CLinux
import Glibc
import Kernel
import Reactor
import Testing

@Suite(.serialized, .enabled(if: NetworkNamespace.isPossible, "needs the right to make a network namespace"))
struct AddressInstallerTests {
    private func address(_ text: String, _ length: UInt8, on index: Int32) throws -> InterfaceAddress {
        InterfaceAddress(
            interfaceIndex: index, interfaceName: "va", address: try #require(IPAddress(text)), prefixLength: length)
    }

    @Test func addsAndRemovesBothFamilies() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let connection = try NetworkNamespace.connect()
            for (text, length) in [("10.0.0.1", 24 as UInt8), ("2001:db8::1", 64), ("2001:db8::2", 128)] {
                let address = try address(text, length, on: index)
                #expect(try connection.add(address) == .added)
                #expect(try connection.add(address) == .existed)
                let known = try #require(try connection.addresses(on: index).first { $0.address == address.address })
                // Kernels before 5.18 keep no mark.
                #expect(known.addedBy == AddressProtocol.ours || known.addedBy == nil)
                #expect(known.prefixLength == length)
                // No duplicate address detection: usable at once.
                #expect(!known.isTentative && !known.isDuplicate && !known.hasLifetime)
                #expect(try connection.remove(address))
                #expect(try !connection.remove(address))
                #expect(try !connection.addresses(on: index).contains { $0.address == address.address })
            }
        }
    }

    /// What is there stays as it is, and is told as a stranger's.
    @Test func leavesWhatIsThere() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            try NetworkNamespace.ip(
                "address", "add", "10.0.0.1/24", "dev", "va", "valid_lft", "100", "preferred_lft", "50")
            try NetworkNamespace.ip("address", "add", "2001:db8::1/64", "dev", "va", "nodad")
            let connection = try NetworkNamespace.connect()
            for (text, length) in [("10.0.0.1", 24 as UInt8), ("2001:db8::1", 64)] {
                let address = try address(text, length, on: index)
                #expect(try connection.add(address) == .existed)
                let known = try #require(try connection.addresses(on: index).first { $0.address == address.address })
                #expect(known.addedBy != AddressProtocol.ours)
                #expect(known.hasLifetime == (text == "10.0.0.1"))
            }
        }
    }

    /// With promote_secondaries=0 the kernel removes a network's other addresses with its first one: what we remove
    /// takes nothing with it, neither ours nor others', and the setting is what it was.
    @Test(arguments: [1, 40]) func removesNoSiblings(count: Int) throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let connection = try NetworkNamespace.connect()
            #expect(try NetworkNamespace.promotesSecondaries(on: "va") == false)
            let first = try (1...count).map { try address("10.0.0.\($0)", 24, on: index) }
            let other = try address("10.0.0.99", 24, on: index)
            for address in first + [other] { try connection.add(address) }
            try NetworkNamespace.ip("address", "add", "10.0.0.100/24", "dev", "va")
            let monitor = try NetworkNamespace.monitor()
            var gone: [IPAddress] = []
            try monitor.drain { _ in }
            var outcomes = Array(repeating: AddressOutcome.pending, count: count)
            try connection.withdraw(first, into: &outcomes)
            #expect(outcomes.allSatisfy { $0 == .removed })
            #expect(
                try connection.addresses(on: index).filter { $0.address.family == .ipv4 }.map(\.address.description)
                    == ["10.0.0.99", "10.0.0.100"])
            try monitor.drain { if case .addressRemoved(let address) = $0 { gone.append(address.address) } }
            #expect(!gone.contains(other.address))
            #expect(try NetworkNamespace.promotesSecondaries(on: "va") == false)
            // With nothing left that would be lost, it is a removal like any other.
            #expect(try connection.remove(other))
        }
    }

    @Test func setsOptions() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let connection = try NetworkNamespace.connect()
            var wanted = try address("10.0.0.1", 32, on: index)
            wanted.peer = IPAddress("10.0.0.9")
            wanted.label = "va:vip"
            wanted.scope = 253
            wanted.noPrefixRoute = true
            try connection.add(wanted)
            let known = try #require(try connection.addresses(on: index).first { $0.address == wanted.address })
            #expect(known.peer == wanted.peer)
            #expect(known.label == "va:vip")
            #expect(known.scope == 253)
            // IFA_F_NOPREFIXROUTE, IFA_F_PERMANENT.
            #expect(known.flags & 0x280 == 0x280)
            #expect(try connection.remove(InterfaceAddress(known, interfaceName: "va")))
        }
    }

    @Test func saysWhatFailed() throws {
        try NetworkNamespace.inside {
            let connection = try NetworkNamespace.connect()
            var sentence = ""
            do {
                try connection.add(try address("10.0.0.1", 24, on: 77))
            } catch let error as SystemError {
                sentence = "\(error)"
            }
            #expect(sentence == "can't add 10.0.0.1/24 to va: No such device")
            // Its interface is gone: nothing to remove.
            #expect(try !connection.remove(try address("10.0.0.1", 24, on: 77)))
        }
    }

    /// A worker that has begun meanwhile decides itself what stays.
    @Test func withdrawsOnlyWhileWanted() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let connection = try NetworkNamespace.connect()
            let ours = try address("10.0.0.1", 32, on: index)
            try connection.add(ours)
            var outcomes = [AddressOutcome.pending]
            try connection.withdraw([ours], into: &outcomes, while: { false })
            #expect(outcomes == [.pending])
            #expect(try connection.addresses(on: index).contains { $0.address == ours.address })
            try connection.withdraw([ours], into: &outcomes, while: { true })
            #expect(outcomes == [.removed])
            #expect(try !connection.addresses(on: index).contains { $0.address == ours.address })
        }
    }

    @Test func worksThroughAThousand() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let connection = try NetworkNamespace.connect()
            try NetworkNamespace.ip("address", "add", "10.1.0.7/32", "dev", "va")
            var addresses: [InterfaceAddress] = []
            for number in 0..<1000 as Range<UInt32> {
                addresses.append(
                    InterfaceAddress(
                        interfaceIndex: number == 500 ? 99 : index, interfaceName: "va",
                        address: IPAddress(v4: 0x0a01_0000 + number), prefixLength: 32))
            }
            var outcomes = [AddressOutcome](repeating: .pending, count: 1000)
            let begin = Clock.now
            connection.install(addresses, into: &outcomes)
            let installed = Clock.now
            #expect(outcomes[7] == .existed)
            #expect(outcomes[500] == .failed(errno: ENODEV))
            #expect(outcomes.filter { $0 == .added }.count == 998)
            #expect(try connection.addresses(on: index).filter { $0.address.family == .ipv4 }.count == 999)
            let withdrawing = Clock.now
            try connection.withdraw(addresses, into: &outcomes)
            let end = Clock.now
            // Who asks has looked whose it is.
            #expect(outcomes[7] == .removed)
            #expect(outcomes[500] == .absent)
            #expect(outcomes.filter { $0 == .removed }.count == 999)
            #expect(try connection.addresses(on: index).filter { $0.address.family == .ipv4 }.isEmpty)
            print("1,000 addresses: installed in \(installed - begin), withdrawn in \(end - withdrawing)")
        }
    }
}

extension RouteConnection {
    /// Adds one address. - Throws: what the kernel says when it refuses.
    @discardableResult func add(_ address: InterfaceAddress) throws -> AddressOutcome {
        var outcomes = [AddressOutcome.pending]
        install([address], into: &outcomes)
        if case .failed(let code) = outcomes[0] { throw address.error(adding: code) }
        return outcomes[0]
    }

    /// Removes one address. - Returns: whether it was there. - Throws: what the kernel says when it refuses.
    func remove(_ address: InterfaceAddress) throws -> Bool {
        var outcomes = [AddressOutcome.pending]
        try withdraw([address], into: &outcomes)
        if case .failed(let code) = outcomes[0] { throw address.error(removing: code) }
        return outcomes[0] == .removed
    }
}
