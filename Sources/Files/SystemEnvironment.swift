import Base
import Configuration
import ConfigurationModel
import Glibc

/// The environment of a configuration on this machine.
package enum SystemEnvironment {
    /// The environment of this process and machine; interfaces are left unknown when they aren't to be checked. Each
    /// has a random seed of its own, so that nodes differ, and reading and parsing with one environment don't.
    package static func current(
        checksInterfaces: Bool, randomSeed: UInt64 = .random(in: .min ... .max)
    ) -> Environment {
        var environment = Environment(
            interfaces: checksInterfaces ? interfaceNames() : nil, configID: nodeName(), variables: variables(),
            randomSeed: randomSeed)
        if checksInterfaces {
            readAddresses(into: &environment)
            environment.links = links()
        }
        environment.routingNames = routingNames()
        return environment
    }

    /// Addresses of each interface, without those that a virtual router has set and will take away.
    private static func readAddresses(into environment: inout Environment) {
        guard let table = AddressTable.current() else { return }
        var names: [UInt32: String] = [:]
        var prefixes: [String: [Prefix]] = [:]
        for entry in table.entries where !entry.isVirtual {
            let index = entry.interfaceIndex
            guard let name = names[index] ?? interfaceName(index) else { continue }
            names[index] = name
            prefixes[name, default: []].append(entry.prefix)
        }
        environment.prefixes = prefixes
        environment.mayHoldVirtualAddresses = !table.hasMarks
    }

    private static func interfaceName(_ index: UInt32) -> String? {
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        guard if_indextoname(index, &name) != nil else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Returns the kind of each interface; nil when the kernel doesn't say.
    package static func links() -> [String: LinkFacts]? {
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

    /// Bytes of the largest packet of an interface; nil when the kernel doesn't say. Files in /sys may be those of
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

    /// Names from iproute2's files: the distribution's, then the administrator's.
    package static func routingNames() -> RoutingNames {
        var names = RoutingNames()
        let files = SystemFiles(inspectsPrograms: false)
        func read(_ file: String, in folder: String, into names: inout [String: UInt32]) {
            let more = (try? files.glob(pattern: "\(folder)/\(file).d/*.conf").get()) ?? []
            for path in ["\(folder)/\(file)"] + more {
                guard case .success(let content) = files.read(path: path) else { continue }
                RoutingNames.add(content, to: &names)
            }
        }
        // Most systems have one or two of them.
        for folder in ["/usr/share/iproute2", "/usr/lib/iproute2", "/etc/iproute2"] where access(folder, F_OK) == 0 {
            read("rt_tables", in: folder, into: &names.tables)
            read("rt_protos", in: folder, into: &names.protocols)
            read("rt_scopes", in: folder, into: &names.scopes)
            read("rt_realms", in: folder, into: &names.realms)
            read("rt_dsfield", in: folder, into: &names.fields)
            read("group", in: folder, into: &names.groups)
        }
        return names
    }

    /// Names of the network interfaces; nil when the kernel doesn't say.
    package static func interfaceNames() -> Set<String>? {
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
    package static func nodeName() -> String {
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
