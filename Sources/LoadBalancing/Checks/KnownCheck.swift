import Base
import ConfigurationModel

/// A check for operators: its kind and its target. There may be ten thousand of these.
package struct KnownCheck: Hashable, Sendable {
    package let fingerprint: CheckFingerprint
    private let number: UInt8
    private let isEncrypted: Bool
    /// The address and port where they aren't the server's own, or the name of a file; else empty.
    private let place: String
    /// Of the first url block.
    private let path: String
    private let morePaths: [String]

    init(_ settings: CheckSettings, of server: RealServerSettings) {
        fingerprint = CheckFingerprint(settings)
        number = settings.kind.number
        isEncrypted = settings.isEncrypted
        var (place, paths): (String, [String]) = ("", [])
        if let endpoint = settings.endpoint {
            let target = DestinationKey(endpoint.address, port: endpoint.port)
            if target != DestinationKey(server.address, port: server.port) { place = target.title }
        }
        switch settings.kind {
        case .http(let check): paths = check.requests.map(\.path)
        case .file(let check): place = check.tracker
        case .ping: place = settings.endpoint.map { "\($0.address)" } ?? ""
        case .tcp, .smtp, .dns, .udp, .script, .bfd: break
        }
        self.place = place
        path = paths.first ?? ""
        morePaths = Array(paths.dropFirst())
    }

    /// As the configuration has it.
    package var keyword: String { isEncrypted ? "SSL_GET" : CheckKind.keyword(ofNumber: number) }

    /// Of FILE_CHECK.
    package var trackedFile: String? { keyword == "FILE_CHECK" ? place : nil }

    /// True for MISC_CHECK, whose target is a program that isn't known here.
    package var isScript: Bool { keyword == "MISC_CHECK" }

    /// The target of a check of this server: an address and port, of HTTP_GET with a path, or a file's name.
    ///
    /// - Parameter request: the url block's number.
    package func target(of server: DestinationKey, request: Int) -> String {
        if isScript { return "" }
        let asked = request > 0 && request <= morePaths.count ? morePaths[request - 1] : path
        let whole = place.isEmpty ? server.title : place
        return asked.isEmpty || asked.utf8.first == UInt8(ascii: "/") ? whole + asked : "\(whole) \(asked)"
    }
}

extension CheckSettings {
    /// The session of BFD_CHECK.
    var session: String? { if case .bfd(let session) = kind { session } else { nil } }
}

extension VirtualServerSettings {
    /// ha_suspend: the address without which it isn't checked.
    package var awaitedAddress: IPAddress? {
        guard suspendsWithoutAddress, case .address(let address, _) = address else { return nil }
        return address
    }
}
