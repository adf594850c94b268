import Base
import LoadBalancing
import Testing

struct IPVSTableTests {
    @Test func familyOfAKey() {
        #expect(ServiceKey(.firewallMark(7, .ipv6)).family == .ipv6)
    }
}
