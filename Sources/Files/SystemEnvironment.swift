import Configuration
import Glibc

/// What this machine answers when a configuration asks about its surroundings.
public enum SystemEnvironment {
    /// The environment of this process and machine; interfaces are left unknown when they aren't to be checked.
    public static func current(checksInterfaces: Bool, randomSeed: UInt64 = 0) -> Environment {
        Environment(
            interfaces: checksInterfaces ? interfaceNames() : nil, configID: nodeName(), variables: variables(),
            randomSeed: randomSeed)
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
