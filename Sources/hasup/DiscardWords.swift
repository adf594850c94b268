import Base

/// Why advertisements were thrown away, in words: the control socket has names for programs.
enum DiscardWords {
    private static let words = [
        "ttl": "wrong TTL", "length": "wrong length", "version": "wrong version", "type": "wrong type",
        "checksum": "wrong checksum", "checksumOtherForm": "checksum in the other form",
        "authenticationType": "wrong authentication type", "authenticationFailure": "wrong password",
        "interval": "other advert_int", "unknownVRID": "unknown VRID", "destination": "wrong destination",
        "source": "no configured peer", "badSource": "impossible source", "own": "from our own address",
        "notRunning": "while it wasn't running", "noAddress": "without an address",
        "otherVRID": "with our address under another VRID", "carp": "CARP, another protocol",
        "authenticationTrailer": "signed (auth_hmac)",
    ]

    /// What a name means; of a name that a newer daemon may have, its own words.
    static func of(_ name: String) -> String {
        if let known = words[name] { return known }
        let parts = name.flatMap { $0.isUppercase ? " " + $0.lowercased() : $0 == "_" ? " " : String($0) }
        return Printable.text(String(parts))
    }
}
