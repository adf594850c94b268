import Testing

@testable import Configuration

@Suite struct SizeTests {
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
}
