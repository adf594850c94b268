import Base
import Testing

@testable import Configuration

@Suite struct EncodingTests {
    private static let full = load(
        """
        global_defs {
        router_id r
        script_user u g
        vrrp_garp_interval 0.1
        vrrp_rt_priority 9
        }

        """
            + InstanceTests.effects.enumerated().map { number, effect in
                instance(effect.line).replacing("vrrp_instance A", with: "vrrp_instance I\(number)")
                    .replacing("virtual_router_id 1", with: "virtual_router_id \(number + 1)")
            }.joined() + instance("", addresses: "\nfe80::1 -nodad\n2001:db8::2/64 preferred_lft 1\n")
            + "virtual_server fwmark 1 {\n}\n"
    ).model

    @Test func roundTrip() throws {
        let bytes = Self.full.encode()
        try bytes.withUnsafeBytes { buffer in
            let encoded = try EncodedModel(buffer)
            #expect(encoded.instanceCount == Self.full.instances.count)
            #expect(encoded.virtualServerCount == 1)
            #expect(encoded.hasScripts)
            #expect(encoded.smallestAdvertInterval == .milliseconds(10))
            #expect(try encoded.global() == Self.full.global)
            for index in Self.full.instances.indices {
                #expect(try encoded.instance(at: index) == Self.full.instances[index])
            }
            #expect(try encoded.decode() == Self.full)
            #expect(throws: ByteError.invalid) { _ = try encoded.instance(at: encoded.instanceCount) }
            #expect(throws: ByteError.invalid) { _ = try encoded.instance(at: -1) }
        }
    }

    @Test func nothing() throws {
        try ConfigurationModel().encode().withUnsafeBytes { buffer in
            let encoded = try EncodedModel(buffer)
            #expect(encoded.smallestAdvertInterval == nil && !encoded.hasScripts)
            #expect(try encoded.decode() == ConfigurationModel())
        }
    }

    @Test func faultsAndMissingIdentifiers() throws {
        let model = load("vrrp_instance A {\n}\n").model
        #expect(try model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == model)
    }

    @Test func truncation() {
        let bytes = Self.full.encode()
        for length in 0..<bytes.count {
            #expect(throws: ByteError.self) {
                try bytes[..<length].withUnsafeBytes { _ = try EncodedModel($0).decode() }
            }
        }
        #expect(throws: ByteError.self) { try (bytes + [0]).withUnsafeBytes { _ = try EncodedModel($0).decode() } }
    }

    @Test func mutations() {
        let bytes = Self.full.encode()
        var random = SeededRandom(seed: 11)
        for _ in 0..<1_500 {
            var hostile = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                hostile[Int.random(in: 0..<hostile.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            hostile.withUnsafeBytes { buffer in
                guard let encoded = try? EncodedModel(buffer) else { return }
                _ = try? encoded.decode()
                for index in 0..<min(encoded.instanceCount, 50) { _ = try? encoded.instance(at: index) }
            }
        }
    }
}
