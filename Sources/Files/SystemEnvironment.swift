import Base
import Configuration
import Glibc

/// What this machine answers when a configuration asks about its surroundings.
public enum SystemEnvironment {
    /// The environment of this process and machine; interfaces are left unknown when they aren't to be checked. Each has
    /// a random seed of its own, so that nodes differ, and reading and parsing with one environment don't.
    public static func current(
        checksInterfaces: Bool, randomSeed: UInt64 = .random(in: .min ... .max)
    ) -> Environment {
        var environment = Environment(
            interfaces: checksInterfaces ? interfaceNames() : nil, configID: nodeName(), variables: variables(),
            randomSeed: randomSeed)
        if checksInterfaces {
            environment.prefixes = prefixes()
            environment.links = links()
        }
        environment.routingNames = routingNames()
        if case .known(let account) = AccountLookup.find(user: "keepalived_script", group: nil) {
            environment.defaultScriptAccount = account
        }
        return environment
    }

    /// Addresses of each interface with the length of their network; nil when the kernel doesn't tell.
    public static func prefixes() -> [String: [Prefix]]? {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        var prefixes: [String: [Prefix]] = [:]
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let name = entry.ifa_name, let address = bytes(entry.ifa_addr),
                let mask = bytes(entry.ifa_netmask), let own = IPAddress(bytes: address)
            else { continue }
            let length = mask.reduce(0) { $0 + $1.nonzeroBitCount }
            if let prefix = Prefix(address: own, length: length) {
                prefixes[String(cString: name), default: []].append(prefix)
            }
        }
        return prefixes
    }

    /// What kind of interface each is; nil when the kernel doesn't tell.
    public static func links() -> [String: LinkFacts]? {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        let control = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { if control >= 0 { close(control) } }
        var links: [String: LinkFacts] = [:]
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let name = entry.ifa_name.map({ String(cString: $0) }), links[name] == nil else { continue }
            links[name] = LinkFacts(
                isLoopback: entry.ifa_flags & UInt32(IFF_LOOPBACK) != 0,
                hasMulticast: entry.ifa_flags & UInt32(IFF_MULTICAST) != 0, mtu: mtu(of: name, control))
        }
        return links
    }

    /// Bytes of the largest packet of an interface; nil when the kernel doesn't tell. Files in /sys may be those of
    /// another network namespace.
    private static func mtu(of name: String, _ control: Int32) -> Int? {
        var request = ifreq()
        let isWhole = withUnsafeMutableBytes(of: &request.ifr_ifrn) { buffer in
            // The last byte stays 0.
            guard name.utf8.count < buffer.count else { return false }
            buffer.copyBytes(from: name.utf8)
            return true
        }
        guard isWhole, ioctl(control, UInt(SIOCGIFMTU), &request) == 0 else { return nil }
        return Int(request.ifr_ifru.ifru_mtu)
    }

    /// The address in a socket address of IPv4 or IPv6.
    private static func bytes(_ address: UnsafeMutablePointer<sockaddr>?) -> [UInt8]? {
        guard let address else { return nil }
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            return withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in.self).sin_addr) { Array($0) }
        case AF_INET6:
            return withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr) { Array($0) }
        default: return nil
        }
    }

    /// Names from iproute2's files: the distribution's, then the administrator's.
    public static func routingNames() -> RoutingNames {
        var names = RoutingNames()
        let files = SystemFiles(inspectsPrograms: false)
        for folder in ["/usr/share/iproute2", "/usr/lib/iproute2", "/etc/iproute2"] {
            func read(_ file: String, _ path: WritableKeyPath<RoutingNames, [String: UInt32]>) {
                let more = (try? files.glob(pattern: "\(folder)/\(file).d/*.conf").get()) ?? []
                for path2 in ["\(folder)/\(file)"] + more {
                    guard case .success(let content) = files.read(path: path2) else { continue }
                    RoutingNames.add(content, to: &names[keyPath: path])
                }
            }
            read("rt_tables", \.tables)
            read("rt_protos", \.protocols)
            read("rt_scopes", \.scopes)
            read("rt_realms", \.realms)
            read("rt_dsfield", \.fields)
            read("group", \.groups)
        }
        return names
    }

    /// Names of the network interfaces; nil when the kernel doesn't tell.
    public static func interfaceNames() -> Set<String>? {
        guard let list = if_nameindex() else { return nil }
        defer { if_freenameindex(list) }
        var names: Set<String> = []
        var entry = list
        while entry.pointee.if_index != 0, let name = entry.pointee.if_name {
            names.insert(String(cString: name))
            entry += 1
        }
        return names
    }

    /// The node's name up to its first dot.
    public static func nodeName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(name.prefix { $0 != "." })
    }

    private static func variables() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let line = String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                variables[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
            entry += 1
        }
        return variables
    }
}
