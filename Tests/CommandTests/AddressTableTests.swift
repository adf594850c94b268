import Base
import Configuration
import ConfigurationModel
import Testing

@testable import Files

/// The kernel's list of addresses.
@Suite struct AddressTableTests {
    private func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

    private func attribute(_ kind: UInt16, _ value: [UInt8]) -> [UInt8] {
        let padding = [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
        return bytes(UInt16(value.count + 4)) + bytes(kind) + value + padding
    }

    private func message(_ kind: UInt16, _ body: [UInt8]) -> [UInt8] {
        bytes(UInt32(16 + body.count)) + bytes(kind) + [UInt8](repeating: 0, count: 10) + body
    }

    private func address(_ length: UInt8, _ index: UInt32, _ attributes: [UInt8]) -> [UInt8] {
        message(20, [2, length, 0, 0] + bytes(index) + attributes)
    }

    private func table(_ bytes: [UInt8]) -> AddressTable? {
        var table = AddressTable()
        return bytes.withUnsafeBytes { table.read($0) } ? table : nil
    }

    private let done: [UInt8] = [20, 0, 0, 0, 3, 0] + [UInt8](repeating: 0, count: 14)

    @Test func marks() throws {
        let ours = address(24, 7, attribute(1, [10, 0, 0, 9]) + attribute(2, [10, 0, 0, 1]) + attribute(11, [112]))
        let keepalived = address(24, 7, attribute(1, [10, 0, 0, 3]) + attribute(11, [18]))
        let own = address(24, 7, attribute(3, Array("eth0".utf8) + [0]) + attribute(2, [10, 0, 0, 2]))
        let found = try #require(table(ours + keepalived + own + done))
        #expect(found.isWhole && found.hasMarks)
        #expect(found.entries.map { "\($0.prefix)" } == ["10.0.0.1/24", "10.0.0.3/24", "10.0.0.2/24"])
        #expect(found.entries.map(\.isVirtual) == [true, true, false])
        #expect(found.entries.allSatisfy { $0.interfaceIndex == 7 })
        let old = try #require(table(own + done))
        #expect(!old.hasMarks && old.isWhole)
    }

    /// An error isn't an end, and what is cut is nothing.
    @Test func whatIsNotUnderstood() {
        #expect(table(message(2, [1, 0, 0, 0])) == nil)
        #expect(table([0, 0, 0, 0] + [UInt8](repeating: 0, count: 12)) == nil)
        #expect(table(Array(address(24, 7, attribute(2, [10, 0, 0, 2])).dropLast())) == nil)
        #expect(table([])?.isWhole == false)
    }

    @Test func theMachinesOwn() throws {
        let found = try #require(AddressTable.current())
        #expect(found.entries.contains { "\($0.prefix)" == "127.0.0.1/8" && !$0.isVirtual })
    }

    /// On a kernel without marks.
    @Test func whatARunningModelSets() {
        var environment = Environment(interfaces: ["eth0"])
        environment.prefixes = ["eth0": ["10.0.0.2/24", "10.0.0.1/24"].compactMap { Prefix($0) }]
        var settings = InstanceSettings(name: "A", location: SourceLocation(file: "t", line: 1))
        settings.interface = "eth0"
        settings.virtualAddresses = ["10.0.0.1/24"].compactMap { Prefix($0) }.map { VirtualAddress(prefix: $0) }
        var model = ConfigurationModel()
        model.instances = [settings]
        var without = environment
        without.leaveOut(model.virtualAddresses)
        #expect(without.prefixes?["eth0"]?.map { "\($0)" } == ["10.0.0.2/24"])
        model.instances[0].priority = .owner
        var owner = environment
        owner.leaveOut(model.virtualAddresses)
        #expect(owner == environment)
    }
}
