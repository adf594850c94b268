import Base
import ConfigurationModel

/// Rows that one kind of block, or several, have in common. Each list is made when it is looked at first.
final class KeywordList: Sendable {
    let rows: [KeywordRow]
    /// Places of the rows by the hashes of their names.
    private let places: [UInt64: Int]

    init(_ write: (inout KeywordRows) -> Void) {
        var written = KeywordRows()
        write(&written)
        let rows = written.rows
        self.rows = rows
        places = Dictionary(
            rows.enumerated().map { (Self.hash(Array($1.name.utf8)[...]), $0) }, uniquingKeysWith: { first, _ in first }
        )
    }

    /// Entries without keywords of their own.
    static let empty = KeywordList { _ in }

    subscript(name: String) -> KeywordRow? { row(Array(name.utf8)[...]) }

    /// The row of a keyword.
    func row(_ name: ArraySlice<UInt8>) -> KeywordRow? {
        guard let place = places[Self.hash(name)], rows[place].name.utf8.elementsEqual(name) else { return nil }
        return rows[place]
    }

    /// The row of an option: `(entry)` and the like are no words.
    func option(_ name: ArraySlice<UInt8>) -> KeywordRow? { name.first == UInt8(ascii: "(") ? nil : row(name) }

    /// Names that stand for themselves.
    var names: [String] { rows.map(\.name).filter { $0.utf8.first != UInt8(ascii: "(") } }

    /// The keywords whose blocks know this one.
    func blocks(with name: ArraySlice<UInt8>) -> [String] {
        rows.filter { $0.value.inside?().row(name) != nil }.map(\.name)
    }

    /// The keyword that is most like a misspelled one, or the only one that begins like it.
    func nearest(to name: String) -> String? {
        let names = names
        if let near = nearestWord(to: name, among: names) { return near }
        let longer = names.filter { name.utf8.count >= 3 && $0.hasPrefix(name) }
        return longer.count == 1 ? longer[0] : nil
    }

    /// FNV-1a.
    private static func hash(_ name: ArraySlice<UInt8>) -> UInt64 {
        var hash = FNV1a()
        hash.add(name)
        return hash.value
    }
}

/// One keyword in one kind of block.
@dynamicMemberLookup
package struct Keyword: Sendable {
    /// The block that it may stand in: `(root)`, `vrrp_instance`, `vrrp_instance/authentication` and so on.
    /// Contexts that end in ` (entry)` hold the words of an entry in a list block.
    package let context: String
    let row: KeywordRow

    package subscript<Value>(dynamicMember path: KeyPath<KeywordRow, Value>) -> Value { row[keyPath: path] }

    /// The version of keepalived that brought it, `after 2.2.7` when it is only known that 2.2.7 lacks it, `hasup` when no
    /// keepalived knows it; nil when nobody wrote it down.
    package var since: String? {
        row.isOwn ? Preprocessor.ownName : KeywordTable.version(of: row.name, in: context)
    }
}

/// Every keyword of keepalived.conf. A setting that isn't here is an unknown keyword.
package struct KeywordTable: Sendable {
    /// All kinds of blocks with their rows, in the order of the manual.
    private let lists: [(context: String, rows: KeywordList)]

    package static let shared = KeywordTable()

    private init() {
        lists = [
            ("(lexical)", .lexical),
            ("(root)", .root),
            ("global_defs", .global),
            ("global_defs/lvs_sync_daemon (option)", .syncDaemon),
            ("track_file", .trackFile),
            ("vrrp_track_file", .trackFile),
            ("track_group", .trackGroup),
            ("garp_group", .announcementGroup),
            ("linkbeat_interfaces", .polledInterface),
            ("interface_up_down_delays", .interfaceDelay),
            ("vrrp_sync_group", .syncGroup),
            ("vrrp_sync_group/track_interface (entry)", .groupInterface),
            ("vrrp_script", .trackScript),
            ("vrrp_track_process", .trackProcess),
            ("bfd_instance", .bfdInstance),
            ("vrrp_instance", .instance),
            ("vrrp_instance/authentication", .authentication),
            ("vrrp_instance/auth_hmac", .hmac),
            ("vrrp_instance/unicast_peer (entry)", .unicastPeer),
            ("vrrp_instance/track_interface (entry)", .trackedInterface),
            ("vrrp_instance/track_script (entry)", .trackedScript),
            ("vrrp_sync_group/track_script (entry)", .trackedScript),
            ("vrrp_instance/track_file (entry)", .trackedFile),
            ("vrrp_sync_group/track_file (entry)", .trackedFile),
            ("vrrp_instance/track_process (entry)", .trackedProcess),
            ("vrrp_sync_group/track_process (entry)", .trackedProcess),
            ("vrrp_instance/track_bfd (entry)", .trackedSession),
            ("vrrp_sync_group/track_bfd (entry)", .trackedSession),
            ("vrrp_instance/virtual_ipaddress (entry)", .virtualAddress),
            ("vrrp_instance/virtual_ipaddress_excluded (entry)", .virtualAddress),
            ("static_ipaddress (entry)", .staticAddress),
            ("vrrp_instance/virtual_routes (entry)", .route),
            ("static_routes (entry)", .route),
            ("vrrp_instance/virtual_rules (entry)", .rule),
            ("static_rules (entry)", .rule),
            ("SSL", .tlsClient),
            ("virtual_server_group (entry)", .serverGroup),
            ("virtual_server", .virtualServer),
            ("virtual_server/real_server", .realServer),
            ("virtual_server/real_server/HTTP_GET", .httpCheck),
            ("virtual_server/real_server/SSL_GET", .httpCheck),
            ("virtual_server/real_server/HTTP_GET/url", .url),
            ("virtual_server/real_server/SSL_GET/url", .url),
            ("virtual_server/real_server/TCP_CHECK", .connectionCheck),
            ("virtual_server/real_server/SMTP_CHECK/host", .networkCheck),
            ("virtual_server/real_server/PING_CHECK", .networkCheck),
            ("virtual_server/real_server/SMTP_CHECK", .smtpCheck),
            ("virtual_server/real_server/DNS_CHECK", .dnsCheck),
            ("virtual_server/real_server/MISC_CHECK", .scriptCheck),
            ("virtual_server/real_server/UDP_CHECK", .udpCheck),
            ("virtual_server/real_server/BFD_CHECK", .sessionCheck),
            ("virtual_server/real_server/FILE_CHECK", .fileCheck),
            ("cluster", .cluster),
            ("cluster/node", .clusterNode),
            ("cluster/references", .references),
            ("cluster/release", .release),
            ("cluster/lock", .lock),
        ]
    }

    /// Names of keywords whose value is a command.
    static let scriptKeywords = Set(shared.keywords.filter { $0.shape == .script }.map(\.name))

    /// All rows.
    package var keywords: [Keyword] { lists.flatMap { keywords(in: $0.context) } }

    package var contexts: [String] { lists.map(\.context) }

    /// Rows of a context.
    func rows(of context: String) -> KeywordList? { lists.first { $0.context == context }?.rows }

    /// Looks a keyword up, as `hasup explain` does.
    package func keyword(_ name: String, in context: String) -> Keyword? {
        rows(of: context)?[name].map { Keyword(context: context, row: $0) }
    }

    /// The keyword that opens a block, whose context is named like `vrrp_instance/authentication`.
    package func row(ofBlock context: String) -> Keyword? {
        guard let slash = context.lastIndex(of: "/") else { return keyword(context, in: "(root)") }
        return keyword(String(context[context.index(after: slash)...]), in: String(context[..<slash]))
    }

    package func keywords(in context: String) -> [Keyword] {
        rows(of: context)?.rows.map { Keyword(context: context, row: $0) } ?? []
    }

    /// Contexts in which a keyword may stand.
    func contexts(of name: ArraySlice<UInt8>) -> [String] {
        lists.dropFirst().filter { $0.rows.row(name) != nil }.map(\.context)
    }
}
