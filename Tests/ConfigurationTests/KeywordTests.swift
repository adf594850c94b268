import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct KeywordTests {
    private let table = KeywordTable.shared

    @Test(arguments: [
        ("(lexical)", 22), ("(root)", 25), ("SSL", 4), ("bfd_instance", 15), ("garp_group", 4), ("global_defs", 141),
        ("global_defs/lvs_sync_daemon (option)", 6), ("static_ipaddress (entry)", 15), ("static_routes (entry)", 50),
        ("static_rules (entry)", 37), ("track_file", 3), ("virtual_server", 39), ("virtual_server/real_server", 26),
        ("virtual_server/real_server/HTTP_GET", 21), ("virtual_server/real_server/HTTP_GET/url", 11),
        ("virtual_server/real_server/UDP_CHECK", 17), ("virtual_server_group (entry)", 4), ("vrrp_instance", 70),
        ("vrrp_instance/virtual_ipaddress (entry)", 15), ("vrrp_instance/virtual_ipaddress_excluded (entry)", 15),
        ("vrrp_instance/virtual_routes (entry)", 50), ("vrrp_instance/auth_hmac", 5), ("vrrp_script", 8),
        ("vrrp_sync_group", 15), ("vrrp_track_process", 9),
    ])
    func rows(_ context: String, _ count: Int) { #expect(table.keywords(in: context).count == count) }

    @Test func allRowsAreFoundByName() {
        #expect(table.keywords.count == 830)
        for keyword in table.keywords {
            #expect(
                table.keyword(keyword.name, in: keyword.context)?.meaning == keyword.meaning,
                "\(keyword.context) \(keyword.name)")
            #expect(!keyword.meaning.isEmpty && !keyword.arguments.isEmpty)
        }
    }

    @Test func blocksLeadToTheirContexts() {
        func child(_ name: String, _ context: String) -> String? {
            table.keyword(name, in: context).flatMap { $0.child < 0 ? nil : table.contexts[$0.child] }
        }
        #expect(child("vrrp_instance", "(root)") == "vrrp_instance")
        #expect(child("virtual_ipaddress", "vrrp_instance") == "vrrp_instance/virtual_ipaddress (entry)")
        #expect(child("url", "virtual_server/real_server/SSL_GET") == "virtual_server/real_server/SSL_GET/url")
        for keyword in table.keywords where keyword.shape == .block { #expect(keyword.child >= 0, "\(keyword.name)") }
        let reached = Set(table.keywords.map(\.child))
        for (place, context) in table.contexts.enumerated() where !context.hasPrefix("(") {
            #expect(reached.contains(place) || context.hasSuffix(" (option)"), "\(context)")
        }
    }

    /// A number of seconds or of parts of one says so.
    @Test func timesHaveUnits() {
        for keyword in table.keywords {
            let isTime = ["DEC", "TIMER", "SECS", "[SECS]", "[all] SECS", "SECS|forever"].contains(keyword.arguments)
            #expect(!isTime || keyword.unit != nil, "\(keyword.context) \(keyword.name)")
            // The unit is taken out of the range.
            let limits = keyword.range.prefix { $0 != ";" }
            let end = limits.split(separator: " ").last.map(String.init)
            #expect(end.flatMap(KeywordUnit.init(rawValue:)) == nil, "\(keyword.context) \(keyword.name)")
        }
    }

    @Test(arguments: [
        (
            "vrrp_instance", "advert_int", KeywordUnit.seconds,
            "0.01..255; version 2: whole seconds, 1..255; version 3: steps of 0.01, up to 40.95"
        ),
        ("vrrp_script", "interval", .seconds, "ms resolution; 0 -> 1"),
        ("bfd_instance", "idle_tx", .milliseconds, ">=1000"),
        ("global_defs", "vrrp_rlimit_rttime", .microseconds, ">=2"),
        ("global_defs", "bfd_rlimit_rttime", .microseconds, "-"),
        ("vrrp_instance", "kernel_rx_buf_size", .bytes, "-"), ("vrrp_instance", "priority", nil, "1..255"),
        ("vrrp_instance", "notify_stop", nil, "1 s time allowance"),
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
            if version == "hasup" { continue }
            #expect(version.replacing("after ", with: "").split(separator: ".").compactMap { Int($0) }.count == 3)
        }
        let names = KeywordTable.sinceRows.description.split(separator: "\n").filter { $0.contains("\t") }
        #expect(names.flatMap { KeywordTable.names(of: $0.split(separator: "\t")[1]) }.count == versions.count)
    }

    /// Limits begin as their text does, and a text that begins with a range has limits.
    @Test func everyRangeIsRead() {
        for keyword in table.keywords {
            let words = keyword.range.prefix { $0 != ";" && $0 != " " && $0 != "," }
            guard let dots = words.firstRange(of: ".."), let low = Int(words[..<dots.lowerBound]) else {
                #expect(keyword.limits == nil, "\(keyword.name): \(keyword.range)")
                continue
            }
            #expect(keyword.limits?.lowerBound == low, "\(keyword.name): \(keyword.range)")
            let rest = String(words[dots.upperBound...])
            let power = rest.hasPrefix("2^") ? Int(rest.dropFirst(2).dropLast(2)) : nil
            // `quorum-1` is a limit for another part to know.
            let isOpen = rest.first.map { !$0.isNumber && $0 != "-" } ?? true
            let high = isOpen ? Int(UInt32.max) : power.map { (1 << $0) - 1 } ?? Int(rest)
            #expect(keyword.limits?.upperBound == high, "\(keyword.name): \(keyword.range)")
        }
        #expect(table.keyword("weight", in: "virtual_server/real_server")?.limits == 0...2_147_483_647)
    }

    @Test(arguments: [
        ("prority", "priority"), ("virtual_routerid", "virtual_router_id"), ("intreface", "interface"),
        ("advertint", "advert_int"), ("xyzxyzxyz", nil),
    ])
    func nearest(_ word: String, _ expected: String?) throws {
        let context = try #require(table.contexts.firstIndex(of: "vrrp_instance"))
        #expect(table.nearest(to: word, in: context) == expected)
    }
}
