import ConfigurationModel

/// Result of a search for a keyword.
package enum KeywordSearch: Sendable {
    /// The rows that it may mean: those of vrrp_instance first, as most who ask mean it, and then in the order of the table.
    case found([Keyword])
    /// Nothing; the nearest names, best first.
    case unknown(suggestions: [String])
}

extension KeywordTable {
    /// Looks a keyword up by its name in all contexts, or in one: `advert_int`, `vrrp_instance/advert_int`,
    /// `url/path`. Forms like `~SEQ(...)` and `$NAME=` are found by what stands before their variable part.
    package func search(_ query: String) -> KeywordSearch {
        let byName = keywords.filter { Self.isName(query, of: $0) }
        if !byName.isEmpty {
            let isFirst = { (row: Keyword) in row.context == "vrrp_instance" }
            return .found(byName.filter(isFirst) + byName.filter { !isFirst($0) })
        }
        let parts = query.split(separator: "/", omittingEmptySubsequences: true)
        if parts.count > 1, let name = parts.last {
            let place = parts.dropLast()
            let rows = keywords.filter { Self.isName(String(name), of: $0) && Self.isContext(place, of: $0) }
            if !rows.isEmpty { return .found(rows) }
            if let context = contexts.first(where: { Self.path(of: $0).elementsEqual(place) }),
                let nearest = nearestWord(to: String(name), among: keywords(in: context).map(\.name))
            {
                return .unknown(suggestions: [parts.dropLast().joined(separator: "/") + "/" + nearest])
            }
        }
        return .unknown(suggestions: nearestWords(to: String(parts.last ?? ""), among: names))
    }

    /// Names that stand for themselves, each once, sorted.
    package var names: [String] {
        Set(keywords.map(\.name)).filter { name in
            name.utf8.allSatisfy { Byte.isName($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        }.sorted()
    }

    private static func isName(_ query: String, of keyword: Keyword) -> Bool {
        if keyword.name == query { return true }
        // `~SEQ(var,...)`, `$NAME=`, `${_ENV VAR}`, `${NAME} / $NAME`, `${_HASH} / ${_BANG}`
        guard let first = keyword.name.utf8.first, !Byte.isName(first), query.utf8.count > 1 else { return false }
        return keyword.name.split(whereSeparator: { " (=/}".contains($0) }).contains {
            $0 == query || $0 == "${\(query)" || $0 + "}" == query
        }
    }

    private static func path(of context: String) -> [Substring] {
        context.split(separator: " ").first?.split(separator: "/") ?? []
    }

    /// True if a context ends with these blocks.
    private static func isContext(_ blocks: ArraySlice<Substring>, of keyword: Keyword) -> Bool {
        path(of: keyword.context).suffix(blocks.count).elementsEqual(blocks)
    }
}
