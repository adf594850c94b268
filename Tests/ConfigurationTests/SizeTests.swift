import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct SizeTests {
    /// Thousands of instances are held by each worker: what few of them say lives in a box.
    @Test func sizeOfAnInstance() {
        #expect(MemoryLayout<InstanceSettings>.stride <= 320)
        #expect(MemoryLayout<VirtualAddress>.stride <= 144)
        #expect(MemoryLayout<OutOfLine<ExtraSettings>?>.size == 8)
    }

    /// 4,000 instances of 50 lines. The time is printed; it depends on the machine and the build, so only the release
    /// build is held to the promise of less than a second.
    @Test func manyInstances() {
        var text = "global_defs {\nvrrp_version 3\n}\n"
        for number in 0..<4_000 {
            text += """
                vrrp_instance I\(number) {
                    state BACKUP
                    interface eth\(number / 200)
                    virtual_router_id \(number % 200 + 1)
                    priority 100
                    advert_int 0.5
                    garp_master_delay 3 # seconds
                    virtual_ipaddress {

                """
            for address in 0..<39 { text += "        10.\(number / 250).\(number % 250).\(address + 1)/24 dev eth0\n" }
            text += "    }\n}\n\n"
        }
        let clock = ContinuousClock()
        var loaded = load("")
        let parsing = clock.measure { loaded = load(text) }
        #expect(loaded.findings == [])
        #expect(loaded.model.instances.count == 4_000)
        var size = 0
        let encoding = clock.measure { size = loaded.model.encode().count }
        print("\(text.utf8.count { $0 == 10 }) lines: parsed in \(parsing), encoded to \(size) bytes in \(encoding)")
    }

    /// What isn't common lies behind a reference, so that a server with a check takes a few hundred bytes.
    @Test func serversAreSmall() {
        print("real server \(MemoryLayout<RealServerSettings>.stride), check \(MemoryLayout<CheckSettings>.stride)")
        #expect(MemoryLayout<RealServerSettings>.stride <= 88)
        #expect(MemoryLayout<CheckSettings>.stride <= 144)
        #expect(MemoryLayout<CheckKind>.size <= 8)
    }

    /// 10,000 real servers in 200,000 lines. The encoded model, which every worker maps, stays small.
    @Test func manyRealServers() throws {
        var text = ""
        for service in 0..<500 {
            text += """
                virtual_server 10.\(service / 250).\(service % 250).1 80 {
                    protocol TCP
                    lb_algo wlc
                    lb_kind NAT
                    delay_loop 6
                    quorum 10

                """
            for server in 0..<20 {
                text += """
                        # server \(server)
                        real_server 192.168.\(service % 250).\(server + 1) 8080 {
                            weight 10
                            inhibit_on_failure
                            uthreshold 5000
                            HTTP_GET {
                                url {
                                    path /health?server=\(server)
                                    status_code 200
                                }
                                url {
                                    path /
                                    digest 9b3a0c85a887a256d6939da88aabd8cd
                                }
                                connect_timeout 3
                                retry 3
                                delay_before_retry 2
                            }
                            notify_down "/usr/local/bin/down \(server)"
                        }

                    """
            }
            text += "}\n"
        }
        let clock = ContinuousClock()
        var loaded = load("")
        let parsing = clock.measure { loaded = load(text) }
        #expect(loaded.errorCount == 0)
        #expect(loaded.model.virtualServers.reduce(0) { $0 + $1.realServers.count } == 10_000)
        var bytes: [UInt8] = []
        let encoding = clock.measure { bytes = loaded.model.encode() }
        #expect(bytes.count < 4_000_000)
        var decoded = ConfigurationModel()
        let decoding = try clock.measure {
            decoded = try bytes.withUnsafeBytes { try EncodedModel($0).decode() }
        }
        #expect(decoded == loaded.model)
        print(
            "\(text.utf8.count { $0 == 10 }) lines: parsed in \(parsing), encoded to \(bytes.count) bytes in "
                + "\(encoding), decoded in \(decoding)")
    }
}
