import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct KeywordTests {
    private let table = KeywordTable.shared

    @Test func allRowsAreFoundByName() {
        for keyword in table.keywords {
            #expect(
                table.keyword(keyword.name, in: keyword.context)?.meaning == keyword.meaning,
                "\(keyword.context) \(keyword.name)")
            #expect(!keyword.meaning.isEmpty && !keyword.arguments.isEmpty)
        }
    }

    /// A block's row leads to the rows of the context that is named after it.
    @Test func blocksLeadToTheirContexts() {
        var reached: Set<String> = []
        for keyword in table.keywords where keyword.row.isBlock {
            let path = keyword.context == "(root)" ? keyword.name : "\(keyword.context)/\(keyword.name)"
            let context = [path, "\(path) (entry)"].first { table.contexts.contains($0) }
            reached.insert(context ?? "")
            let rows = keyword.row.value.inside?()
            #expect(rows === context.flatMap { table.rows(of: $0) } ?? .empty, "\(path)")
        }
        for context in table.contexts where !context.hasPrefix("(") {
            #expect(reached.contains(context) || context.hasSuffix(" (option)"), "\(context)")
        }
    }

    /// A number of seconds or of parts of one says so.
    @Test func timesHaveUnits() {
        for keyword in table.keywords {
            let isTime = ["DEC", "TIMER", "SECS", "[SECS]", "[all] SECS", "SECS|forever"].contains(keyword.arguments)
            #expect(!isTime || keyword.unit != nil, "\(keyword.context) \(keyword.name)")
        }
    }

    @Test(arguments: [
        (
            "vrrp_instance", "advert_int", KeywordUnit.seconds,
            "0.01..255; version 2: whole seconds, 1..255; version 3: steps of 0.01, up to 40.95"
        ),
        ("vrrp_script", "interval", .seconds, "0..4294967; ms resolution; 0 -> 1"),
        ("bfd_instance", "idle_tx", .milliseconds, "1000..4294967.295"),
        ("global_defs", "vrrp_rlimit_rttime", .microseconds, "2..2^31-1"),
        ("global_defs", "nftables_priority", nil, "-2147483648..2147483647"),
        ("vrrp_instance", "kernel_rx_buf_size", .bytes, "1..2^31-1"), ("vrrp_instance", "priority", nil, "1..255"),
        ("vrrp_instance", "notify_stop", nil, "5 s time allowance, or child_wait_time"),
    ])
    func units(_ context: String, _ name: String, _ unit: KeywordUnit?, _ range: String) throws {
        let keyword = try #require(table.keyword(name, in: context))
        #expect(keyword.unit == unit && keyword.range == range)
    }

    @Test(arguments: [
        ("vrrp_instance", "down_timer_adverts", "2.2.3"), ("vrrp_instance", "priority", nil),
        ("(lexical)", "~SEQ(var,[start,[step,]]end)", "2.0.9"), ("(lexical)", "${_RANDOM [MIN [MAX]]}", "2.0.15"),
        ("virtual_server/real_server/SSL_GET", "enable_sni", "1.4.3"), ("bfd_instance", "multihop", "after 2.2.7"),
        ("static_routes (entry)", "no_track", "2.0.3"), ("vrrp_instance/virtual_routes (entry)", "no_track", nil),
    ])
    func since(_ context: String, _ name: String, _ version: String?) throws {
        #expect(try #require(table.keyword(name, in: context)).since == version)
    }

    /// Each line about a version names keywords that are in the table, and nothing is said of one twice.
    @Test func versionsAreOfKeywords() {
        let versions = KeywordTable.versions(KeywordTable.sinceRows)
        for (place, version) in versions {
            let parts = place.split(separator: "\t", maxSplits: 1).map(String.init)
            let rows = table.keywords.filter { $0.name == parts[1] && (parts[0] == "*" || $0.context == parts[0]) }
            #expect(!rows.isEmpty && rows.allSatisfy { $0.since == version }, "\(place)")
            #expect(version.replacing("after ", with: "").split(separator: ".").compactMap { Int($0) }.count == 3)
        }
        let names = KeywordTable.sinceRows.description.split(separator: "\n").filter { $0.contains("\t") }
        #expect(names.flatMap { KeywordTable.names(of: $0.split(separator: "\t")[1]) }.count == versions.count)
    }

    @Test(arguments: [
        ("prority", "priority"), ("virtual_routerid", "virtual_router_id"), ("intreface", "interface"),
        ("advertint", "advert_int"), ("xyzxyzxyz", nil),
    ])
    func nearest(_ word: String, _ expected: String?) { #expect(KeywordList.instance.nearest(to: word) == expected) }
}
