import Base
import Wire

/// Frames and ICMP messages of anybody on the link, read as answers to the guard's questions. Byte 0: bit 0 an ICMP message,
/// bit 1 ICMPv6.
enum AnswerFuzz: FuzzTarget {
    private static func echo(_ mode: UInt8) -> ReferenceEcho {
        ReferenceEcho(family: mode & 2 != 0 ? .ipv6 : .ipv4, identifier: 1, nonce: 2)
    }

    static func seeds() -> [[UInt8]] {
        let hardware = MACAddress(bits: 0x0200_0000_0001)
        let addresses = [IPAddress(v4: 0x0a00_0401), IPAddress(v6High: 0xfe80 << 48, low: 9)]
        var seeds = addresses.map { [0] + encodeAddressQuestion(for: $0, from: hardware) }
        // A reply is the request with another operation, and an address of the sender.
        var reply = seeds[0]
        reply[22] = 2
        reply.replaceSubrange(29..<33, with: [10, 0, 4, 1])
        seeds.append(reply)
        if let claim = encodeNeighborAdvertisement(for: addresses[1], from: hardware, isRouter: true) {
            seeds.append([0] + claim)
        }
        for mode: UInt8 in [1, 3] {
            var echo = echo(mode)
            seeds.append([mode, mode == 1 ? 0 : 129] + echo.request(7)[1...])
        }
        return seeds
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let mode = input.first else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: input[1...])
        guard mode & 1 != 0 else {
            guard let claim = AddressClaim(frame: bytes) else { return }
            precondition(claim.machine.bits != 0 && !claim.address.isUnspecified, "a claim of nobody, or of nothing")
            return
        }
        var echo = echo(mode)
        _ = echo.request(7)
        guard let number = try? echo.number(answeredBy: bytes) else { return }
        precondition(number == 7, "a request that wasn't sent was answered")
        precondition((try? echo.number(answeredBy: bytes)) == nil, "a request was answered twice")
    }
}
