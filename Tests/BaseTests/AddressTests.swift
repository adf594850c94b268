import Base
import Testing

@Suite struct AddressTests {
    /// RFC 5952 §4 and RFC 4291 §2.2: text, and its canonical form.
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("10.0.0.1", "10.0.0.1"), ("::", "::"),
        ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("fe80:0:0:0:0:0:0:25", "fe80::25"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("0:0:1:0:0:0:0:0", "0:0:1::"),
    ])
    func reads(_ text: String, _ canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(address.description) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.", ".1.2.3", "1.2.3.4 ", "a.b.c.d",
        "+1.2.3.4",
        ":", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::",
        "::1.2.3", "1.2.3.4::", "fe80::1%eth0", "::+1", "::-1", "1:", ":1", "10.0.0.1/24", "１.2.3.4",
    ])
    func refuses(_ text: String) { #expect(IPAddress(text) == nil) }

    /// Ordered best to worst for the election: all pairs both ways.
    @Test(arguments: [
        ["10.0.0.1", "10.0.0.2", "10.0.1.0", "127.0.0.1", "128.0.0.0", "255.255.255.255"],
        ["::", "::1", "::ffff:0:1", "1::", "7fff::", "8000::", "fe80::1", "ffff::"],
    ])
    func order(_ texts: [String]) {
        let addresses = texts.compactMap { IPAddress($0) }
        #expect(addresses.count == texts.count)
        for (i, left) in addresses.enumerated() {
            for (j, right) in addresses.enumerated() {
                #expect((left < right) == (i < j))
                #expect((left == right) == (i == j))
            }
        }
    }

    @Test func kinds() throws {
        #expect(try #require(IPAddress("224.0.0.18")).isMulticast)
        #expect(try #require(IPAddress("239.255.255.255")).isMulticast)
        #expect(!(try #require(IPAddress("240.0.0.0")).isMulticast))
        #expect(!(try #require(IPAddress("223.255.255.255")).isMulticast))
        #expect(try #require(IPAddress("ff02::12")).isMulticast)
        #expect(try #require(IPAddress("fe80::1")).isLinkLocal)
        #expect(try #require(IPAddress("febf::1")).isLinkLocal)
        #expect(!(try #require(IPAddress("fec0::1")).isLinkLocal))
        #expect(!(try #require(IPAddress("10.0.0.1")).isLinkLocal))
        #expect(try #require(IPAddress("::")).isUnspecified)
    }

    @Test func prefixes() throws {
        let prefix = try #require(Prefix("10.0.0.77/24"))
        #expect(prefix.description == "10.0.0.77/24")
        #expect(prefix.contains(try #require(IPAddress("10.0.0.1"))))
        #expect(!prefix.contains(try #require(IPAddress("10.0.1.1"))))
        #expect(!prefix.contains(try #require(IPAddress("::10.0.0.1"))))
        #expect(try #require(Prefix("2001:db8::/33")).contains(try #require(IPAddress("2001:db8:7fff::1"))))
        #expect(!(try #require(Prefix("2001:db8::/33")).contains(try #require(IPAddress("2001:db8:8000::1")))))
        #expect(try #require(Prefix("::/0")).contains(try #require(IPAddress("ffff::"))))
        #expect(try #require(Prefix("0.0.0.0/0")).contains(try #require(IPAddress("255.0.0.1"))))
        #expect(Prefix("10.0.0.1")?.length == 32)
        #expect(Prefix("fe80::1")?.length == 128)
        for bad in ["10.0.0.1/33", "::/129", "10.0.0.1/", "10.0.0.1/-1", "10.0.0.1/1/2", "/24", "10.0.0.1/0024"] {
            #expect(Prefix(bad) == nil, "\(bad)")
        }
    }

    @Test func masks() throws {
        let v4 = try #require(IPAddress("255.255.255.255"))
        for length in 0...32 {
            let ones = v4.masked(to: length).bytes.reduce(0) { $0 + $1.nonzeroBitCount }
            #expect(ones == length)
        }
        let v6 = try #require(IPAddress("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
        for length in 0...128 {
            let ones = v6.masked(to: length).bytes.reduce(0) { $0 + $1.nonzeroBitCount }
            #expect(ones == length)
        }
    }

    /// RFC 1112 §6.4, RFC 2464 §7.
    @Test func hardwareAddresses() throws {
        #expect(MACAddress.multicast(IPAddress(v4: 0xe000_0012)).description == "01:00:5e:00:00:12")
        #expect(MACAddress.multicast(try #require(IPAddress("239.129.1.2"))).description == "01:00:5e:01:01:02")
        #expect(MACAddress.multicast(try #require(IPAddress("ff02::12"))).description == "33:33:00:00:00:12")
        #expect(MACAddress(bytes: [1, 2, 3, 4, 5]) == nil)
        #expect(MACAddress(bytes: [0, 0, 0x5e, 0, 1, 0x14])?.description == "00:00:5e:00:01:14")
        #expect(VRID(rawValue: 0) == nil)
    }
}
