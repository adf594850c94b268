import Varlink

// Names of enumerations in status, statistics and `--json`.

extension RouterState: NamedCase {
    package var name: String { description }
}

extension Anomaly: NamedCase {
    package var name: String {
        switch self {
        case .addressListMismatch: "addressListMismatch"
        case .intervalAdopted: "intervalAdopted"
        case .equalPriority: "equalPriority"
        }
    }
    /// For people, behind a number.
    package var words: String {
        switch self {
        case .addressListMismatch: "other addresses"
        case .intervalAdopted: "another interval"
        case .equalPriority: "our priority"
        }
    }
}

extension DiscardReason: NamedCase {
    package var name: String { names.name }
    /// For people, behind a number.
    package var words: String { names.words }

    private var names: (name: String, words: String) {
        switch self {
        case .length: ("length", "wrong length")
        case .hopLimit: ("ttl", "wrong TTL")
        case .version: ("version", "wrong version")
        case .type: ("type", "wrong type")
        case .checksum: ("checksum", "wrong checksum")
        case .checksumOtherForm: ("checksumOtherForm", "checksum in the other form")
        case .authenticationType: ("authenticationType", "wrong authentication type")
        case .authenticationFailure: ("authenticationFailure", "wrong password")
        case .interval: ("interval", "other advert_int")
        case .unknownVRID: ("unknownVRID", "unknown VRID")
        case .destination: ("destination", "wrong destination")
        case .source: ("source", "no configured peer")
        case .badSource: ("badSource", "impossible source")
        case .own: ("own", "from our own address")
        case .notRunning: ("notRunning", "while it wasn't running")
        case .noAddress: ("noAddress", "without an address")
        case .otherVRID: ("otherVRID", "with our address under another VRID")
        case .carp: ("carp", "CARP, another protocol")
        case .authenticationTrailer: ("authenticationTrailer", "signed (auth_hmac)")
        case .unknownAuthenticationType: ("unknownAuthenticationType", "unknown authentication type")
        }
    }
}
