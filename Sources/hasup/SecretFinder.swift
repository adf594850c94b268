/// Finds many secrets in one pass over a text: a configuration with thousands of scripts has thousands of them.
///
/// Each byte of a secret goes, also where two of them overlap: neither's beginning or end is left.
struct SecretFinder {
    /// A shorter secret may be a word of many things: it goes only where it is quoted.
    private static let lengthMin = 4

    /// In the order of their bytes, so that the longest one that a text begins with is found by halving.
    private let secrets: [[UInt8]]
    /// The longest other secret that this one begins with, or -1.
    private let prefixes: [Int]
    /// The first secret with these first two bytes, or greater ones.
    private let starts: [Int]
    private let quoted: Set<[UInt8]>

    init(_ words: Set<String>) {
        let all = Set(words.map { Array($0.utf8) })
        quoted = all.filter { $0.count < Self.lengthMin }
        let secrets = all.filter { $0.count >= Self.lengthMin }.sorted { $0.lexicographicallyPrecedes($1) }
        var prefixes: [Int] = []
        var starts: [Int] = []
        for (place, secret) in secrets.enumerated() {
            var prefix = place - 1
            while prefix >= 0, !secret.starts(with: secrets[prefix]) { prefix = prefixes[prefix] }
            prefixes.append(prefix)
            let group = Self.group(secret[0], secret[1])
            while starts.count <= group { starts.append(place) }
        }
        while starts.count <= 1 << 16 { starts.append(secrets.count) }
        self.secrets = secrets
        self.prefixes = prefixes
        self.starts = starts
    }

    /// The text with `<redacted>` in the place of each secret.
    func redacted(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        // Where the last secret ends, and all that overlap it.
        var end = 0
        for place in bytes.indices {
            let length = max(longest(in: bytes, at: place), longestQuoted(in: bytes, at: place))
            if length > 0 {
                if place >= end { result += "<redacted>".utf8 }
                end = max(end, place + length)
            }
            if place >= end { result.append(bytes[place]) }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func group(_ first: UInt8, _ second: UInt8) -> Int { Int(first) << 8 | Int(second) }

    /// The length of the longest secret that begins here; 0 for none.
    private func longest(in bytes: [UInt8], at place: Int) -> Int {
        guard bytes.count - place >= Self.lengthMin else { return 0 }
        let group = Self.group(bytes[place], bytes[place + 1])
        // The last secret that isn't behind the text in order is the longest, or begins like it.
        var low = starts[group]
        var high = starts[group + 1]
        guard low < high else { return 0 }
        var candidate = -1
        var common = 0
        while low < high {
            let middle = low + (high - low) / 2
            let (length, isBehind) = Self.compare(secrets[middle], bytes, place)
            if isBehind {
                high = middle
            } else {
                candidate = middle
                common = length
                low = middle + 1
            }
        }
        while candidate >= 0, secrets[candidate].count > common { candidate = prefixes[candidate] }
        return candidate < 0 ? 0 : secrets[candidate].count
    }

    /// The number of bytes that the two have in common, and the order: true if the secret comes behind the text.
    private static func compare(_ secret: [UInt8], _ bytes: [UInt8], _ place: Int) -> (common: Int, isBehind: Bool) {
        let length = min(secret.count, bytes.count - place)
        var common = 0
        while common < length, secret[common] == bytes[place + common] { common += 1 }
        if common == secret.count { return (common, false) }
        return (common, common == length || secret[common] > bytes[place + common])
    }

    /// The length of the short secret between two quotation marks at this place; 0 for none.
    private func longestQuoted(in bytes: [UInt8], at place: Int) -> Int {
        guard place > 0, !quoted.isEmpty else { return 0 }
        let quote = bytes[place - 1]
        guard quote == UInt8(ascii: "`") || quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return 0 }
        // An empty one would be found between any two of them.
        for length in stride(from: Self.lengthMin - 1, to: 0, by: -1) where place + length < bytes.count {
            if bytes[place + length] == quote, quoted.contains(Array(bytes[place..<place + length])) { return length }
        }
        return 0
    }
}
