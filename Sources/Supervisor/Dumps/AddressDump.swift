import Base
import ConfigurationModel
import VRRP

extension VirtualAddress {
    /// As keepalived writes it into both of its files.
    ///
    /// - Parameters:
    ///   - interface: the instance's.
    ///   - isSet: true if the kernel has it.
    func dumpText(on interface: String, isSet: Bool) -> String {
        let family = prefix.address.family
        let isHost = prefix.length == (family == .ipv4 ? 32 : 128)
        var words = [isHost ? prefix.address.description : prefix.description]
        if let broadcast { words.append("brd \(broadcast)") }
        words.append("dev \(self.interface ?? interface) scope \(Self.scopeName(scope))")
        if let label { words.append("label \(label)") }
        if flags.contains(.home) { words.append("home") }
        if duplicateAddressDetection { words.append("-nodad") }
        if flags.contains(.managesTemporary) { words.append("mngtmpaddr") }
        if noPrefixRoute { words.append("noprefixroute") }
        if flags.contains(.joinsGroup) { words.append("autojoin") }
        if isUntracked { words.append("no_track") }
        if family == .ipv6 {
            switch preferredLifetime ?? (isHost ? 0 : .max) {
            case 0: words.append("deprecated")
            case .max: words.append("preferred_lft forever")
            case let seconds: words.append("preferred_lft \(seconds)")
            }
        }
        if isSet { words.append("set") }
        return words.joined(separator: " ")
    }

    /// The kernel's names (ip-address(8)).
    private static func scopeName(_ scope: UInt8) -> String {
        switch scope {
        case 0: "global"
        case 200: "site"
        case 253: "link"
        case 254: "host"
        case 255: "nowhere"
        default: "\(scope)"
        }
    }
}

extension InstanceSettings {
    /// Virtual addresses as keepalived writes them, with what the kernel has.
    func dumpTexts(of addresses: [VirtualAddress], _ status: InstanceStatus) -> [String] {
        addresses.map { address in
            let plain = address.prefix.address
            let isSet = status.installedAddresses.contains(plain) || status.foreignAddresses.contains(plain)
            return address.dumpText(on: interface, isSet: isSet)
        }
    }
}
