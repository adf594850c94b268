import Base
import ConfigurationModel

extension Elaborator {
    /// `encap mpls L1/L2 | ip|ip6 [id N] [dst A] [src A] [tos|tc N] [ttl|hoplimit N] [flags N] | ila LOCATOR`.
    mutating func encapsulation(_ option: Statement) -> Encapsulation? {
        guard let kind = value(of: option) else { return nil }
        switch string(kind) {
        case "mpls": return encapsulationValue(kind).flatMap { labels(at: $0) }
        case "ila": return encapsulationValue(kind).flatMap { locator(at: $0) }
        case "ip": return tunnel(.ipv4)
        case "ip6": return tunnel(.ipv6)
        default:
            refuse("`encap` is mpls, ip, ip6 or ila, not `\(string(kind))`", at: kind)
            return nil
        }
    }

    private mutating func encapsulationValue(_ word: Int) -> Int? {
        if let value = words.take() { return value }
        refuse("`\(string(word))` needs a value", at: word)
        return nil
    }

    private mutating func labels(at word: Int) -> Encapsulation? {
        let parts = string(word).split(separator: "/", omittingEmptySubsequences: false)
        let labels = parts.compactMap { anyBaseNumber(String($0)) }.filter { $0 < 1 << 20 }.map { UInt32($0) }
        guard labels.count == parts.count, labels.count <= 16 else {
            refuse("MPLS labels are up to 16 numbers below 1048576 with `/` between", at: word)
            return nil
        }
        return .mpls(labels: labels)
    }

    private mutating func locator(at word: Int) -> Encapsulation? {
        let parts = string(word).split(separator: ":", omittingEmptySubsequences: false)
        let groups = parts.compactMap { (1...4).contains($0.count) ? UInt16($0, radix: 16) : nil }
        guard parts.count == 4, groups.count == 4 else {
            refuse("an ILA locator is four groups of hexadecimal digits with `:` between", at: word)
            return nil
        }
        return .ila(locator: groups.reduce(0) { $0 << 16 | UInt64($1) })
    }

    private mutating func tunnel(_ family: AddressFamily) -> Encapsulation? {
        var tunnel = Encapsulation.IPTunnel(family: family)
        while let option = words.peek {
            let name = string(option)
            guard ["id", "dst", "src", "tos", "tc", "ttl", "hoplimit", "flags"].contains(name) else { break }
            _ = words.take()
            guard let value = encapsulationValue(option) else { return nil }
            switch name {
            case "id":
                guard let id = wideNumber(at: value) else { return nil }
                tunnel.id = id
            case "dst", "src":
                guard let address = address(at: value) else { return nil }
                guard address.family == family else {
                    refuse("`\(address)` isn't of the tunnel's family", at: value)
                    return nil
                }
                if name == "dst" { tunnel.destination = address } else { tunnel.source = address }
            case "flags":
                guard let flags = unsigned(at: value, for: name, 0...65_535) else { return nil }
                tunnel.flags = UInt16(flags)
            default:
                guard let number = unsigned(at: value, for: name, 0...255) else { return nil }
                if name == "tos" || name == "tc" {
                    tunnel.trafficClass = UInt8(number)
                } else {
                    tunnel.timeToLive = UInt8(number)
                }
            }
        }
        return .ip(tunnel)
    }
}
