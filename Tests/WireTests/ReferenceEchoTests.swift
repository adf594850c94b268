import Base
import Testing
import Wire

@Suite("Echo requests of a raw socket and what answers them (RFC 792, RFC 4443 §4)")
struct ReferenceEchoTests {
    private func number(_ echo: inout ReferenceEcho, _ bytes: [UInt8]) throws(EchoRefusal) -> UInt16 {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(EchoRefusal) in try echo.number(answeredBy: bytes) }
        }
        return try result.get()
    }

    private func reply(_ request: [UInt8]) -> [UInt8] { [request[0] == 8 ? 0 : 129] + request[1...] }

    @Test func requestsAsTheyAreSent() {
        var echo = ReferenceEcho(family: .ipv4, identifier: 0x1234, nonce: 0x0102_0304_0506_0708)
        let request = echo.request(7)
        #expect(request == hex("0800 d5b0 1234 0007 0102030405060708"))
        var sum = InternetChecksum()
        request.withUnsafeBytes { sum.add($0) }
        #expect(sum.value == 0)
        // The kernel fills it in, because it knows both addresses.
        var other = ReferenceEcho(family: .ipv6, identifier: 0x1234, nonce: 0x0102_0304_0506_0708)
        #expect(other.request(7) == hex("8000 0000 1234 0007 0102030405060708"))
    }

    @Test("an answer counts once, and in any order", arguments: [AddressFamily.ipv4, .ipv6])
    func answers(family: AddressFamily) throws {
        var echo = ReferenceEcho(family: family, identifier: 1, nonce: 2)
        // Numbers begin again at 0.
        let requests = [65_534, 65_535, 0, 1].map { reply(echo.request($0)) }
        #expect(try number(&echo, requests[2]) == 0)
        #expect(try number(&echo, requests[0]) == 65_534)
        #expect(throws: EchoRefusal.number) { try number(&echo, requests[0]) }
        #expect(try number(&echo, requests[3]) == 1)
        #expect(try number(&echo, requests[1]) == 65_535)
    }

    @Test("what wasn't asked isn't answered: never, long ago, or by another socket")
    func foreign() throws {
        var echo = ReferenceEcho(family: .ipv4, identifier: 1, nonce: 2)
        let unasked = ReferenceEcho(family: .ipv4, identifier: 1, nonce: 2)
        var twin = unasked
        #expect(throws: EchoRefusal.number) { try number(&echo, reply(twin.request(0))) }
        let old = reply(echo.request(10))
        for number in UInt16(11)...74 { _ = echo.request(number) }
        #expect(throws: EchoRefusal.number) { try number(&echo, old) }
        #expect(throws: EchoRefusal.number) { try number(&echo, reply(twin.request(75))) }
        for (identifier, nonce) in [(UInt16(2), UInt64(2)), (1, 3)] {
            var other = ReferenceEcho(family: .ipv4, identifier: identifier, nonce: nonce)
            #expect(throws: EchoRefusal.foreign) { try number(&echo, reply(other.request(74))) }
        }
        #expect(try number(&echo, reply(twin.request(74))) == 74)
    }

    @Test func otherForms() {
        var echo = ReferenceEcho(family: .ipv4, identifier: 1, nonce: 2)
        let request = echo.request(3)
        for bytes in [
            [], request, reply(request).dropLast(), reply(request) + [0], [129] + request[1...],
            [0, 1] + request[2...],
        ]
            as [[UInt8]]
        {
            #expect(throws: EchoRefusal.form) { try number(&echo, bytes) }
        }
    }
}
