import Base
import ConfigurationModel
import LoadBalancing
import Varlink

/// The services of IPVS's table that are ours in this boot, whether the configuration still has them or not
/// (docs/decisions, D68). They are noted before the kernel is given the first request about them.
final class NotedServices {
    /// As the run directory keeps it. Every version of hasupd reads this form: what isn't noted would be left for ever.
    struct Kept: JSONRecord {
        static let name = "services"
        static let formatVersion = 1
        static let typeName = "NotedServices"
        static let summary = "The services that hasupd has made, as `tcp 10.0.0.1 80` or `fwmark 7 ipv4`"
        var keys: [String] = []

        mutating func visit(_ members: inout some Members) { members.member("keys", &keys) }
    }

    private let file: BootFile<Kept>
    private(set) var keys: Set<ServiceKey> = []

    init(directory: String) {
        file = BootFile(Kept.name, in: directory, form: Kept.formatVersion)
    }

    /// Reads what an earlier hasupd of this boot has noted. - Throws: `BootFile.UnreadableFile`, and then nothing is noted.
    func begin() throws(BootFile<Kept>.UnreadableFile) {
        guard let content = try file.read() else { return }
        keys = Set(content.keys.compactMap(ServiceKey.init(noted:)))
    }

    func note(_ more: [ServiceKey]) {
        let count = keys.count
        keys.formUnion(more)
        if keys.count != count { save() }
    }

    func forget(_ some: [ServiceKey]) {
        let count = keys.count
        keys.subtract(some)
        if keys.count != count { save() }
    }

    /// Writes the file again if it was removed.
    func restore() { file.restore() }

    /// The reason that services would be left in the table after a crash, a sentence; nil when they wouldn't.
    var problem: String? {
        file.failure.map { "Virtual servers that leave the configuration while hasupd is down stay in IPVS: \($0)." }
    }

    private func save() {
        var content = Kept()
        content.keys = keys.map(\.noted).sorted()
        file.write(content)
    }
}

extension ServiceKey {
    /// `tcp 10.0.0.1 80` or `fwmark 7 ipv4`.
    var noted: String {
        switch target {
        case .address(let address, let port, let transport): "\(transport) \(address) \(port)"
        case .firewallMark(let mark, let family): "fwmark \(mark) \(family)"
        }
    }

    init?(noted text: String) {
        let words = text.split(separator: " ")
        guard words.count == 3 else { return nil }
        switch words[0] {
        case "fwmark":
            guard let mark = UInt32(words[1]),
                let family = [AddressFamily.ipv4, .ipv6].first(where: { "\($0)" == words[2] })
            else { return nil }
            self.init(.firewallMark(mark, family))
        default:
            guard let transport = [ServiceTransport.tcp, .udp, .sctp].first(where: { "\($0)" == words[0] }),
                let address = IPAddress(String(words[1])), let port = UInt16(words[2])
            else { return nil }
            self.init(.address(address, port: port, transport))
        }
    }
}
