import ConfigurationModel

/// Numbers of the names in iproute2's tables (/etc/iproute2/rt_*).
package struct RoutingNames: Hashable, Sendable {
    /// rt_tables.
    package var tables: [String: UInt32] = ["default": 253, "main": 254, "local": 255]
    /// rt_protos.
    package var protocols: [String: UInt32] = [
        "unspec": 0, "redirect": 1, "kernel": 2, "boot": 3, "static": 4, "ra": 9, "dhcp": 16, "keepalived": 18,
    ]
    /// rt_scopes.
    package var scopes: [String: UInt32] = ["global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255]
    /// rt_realms.
    package var realms: [String: UInt32] = ["cosmos": 0]
    /// rt_dsfield.
    package var fields: [String: UInt32] = ["default": 0]
    /// group: names of interface groups.
    package var groups: [String: UInt32] = ["default": 0]
    /// The names that every machine knows.
    package init() {}

    /// Adds lines of such a file: a number, blanks, a name; `#` begins a comment.
    package static func add(_ file: [UInt8], to names: inout [String: UInt32]) {
        for line in file.split(separator: Byte.newline) {
            let words = line.prefix { $0 != Byte.hash }.split(whereSeparator: Byte.isBlank)
            guard words.count >= 2 else { continue }
            let text = String(decoding: words[0], as: UTF8.self)
            guard let number = anyBaseNumber(text), let value = UInt32(exactly: number) else { continue }
            names[String(decoding: words[1], as: UTF8.self)] = value
        }
    }
}
