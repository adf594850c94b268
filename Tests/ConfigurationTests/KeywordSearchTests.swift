import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct KeywordSearchTests {
    private func found(_ query: String) -> [String] {
        guard case .found(let rows) = KeywordTable.shared.search(query) else { return [] }
        return rows.map { "\($0.context)/\($0.name)" }
    }

    @Test func byNameAndByContext() {
        #expect(found("advert_int") == ["vrrp_instance/advert_int"])
        #expect(found("vrrp_instance/advert_int") == ["vrrp_instance/advert_int"])
        #expect(found("SSL_GET/url") == ["virtual_server/real_server/SSL_GET/url"])
        #expect(found("weight").count > 3)
        let places = found("interface")
        #expect(places.count > 1 && places.first == "vrrp_instance/interface", "\(places)")
        #expect(found("virtual_ipaddress/dev") == ["vrrp_instance/virtual_ipaddress (entry)/dev"])
        #expect(found("global_defs/advert_int").isEmpty)
    }

    @Test(arguments: ["include", "~SEQ", "$NAME", "_ENV", "_HASH", "@ID", "#"])
    func lexicalForms(_ query: String) {
        #expect(found(query).contains { $0.hasPrefix("(lexical)") }, "\(query)")
    }

    @Test func suggestions() {
        guard case .unknown(let near) = KeywordTable.shared.search("adver_int") else {
            Issue.record("found")
            return
        }
        #expect(near.first == "advert_int")
        guard case .unknown(let inside) = KeywordTable.shared.search("vrrp_instance/prority") else {
            Issue.record("found")
            return
        }
        #expect(inside == ["vrrp_instance/priority"])
        guard case .unknown(let none) = KeywordTable.shared.search("qqqqqqqqqqqq") else {
            Issue.record("found")
            return
        }
        #expect(none.isEmpty)
    }

    @Test func everyNameIsFound() {
        for name in KeywordTable.shared.names { #expect(!found(name).isEmpty, "\(name)") }
        #expect(KeywordTable.shared.names.contains("virtual_router_id"))
    }
}
