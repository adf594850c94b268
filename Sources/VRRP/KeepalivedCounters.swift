import Base
import ConfigurationModel
import Varlink

/// The counters of one instance by keepalived's names and meaning: those of its .stats and .json.
package struct KeepalivedCounters: JSONRecord, Hashable {
    package static let summary = "An instance's counters by keepalived's names and meaning"

    /// Right version, authentication, interval, type, length and checksum, whoever has sent them.
    package private(set) var advertsReceived: UInt64 = 0
    package private(set) var advertsSent: UInt64 = 0
    package private(set) var becameMaster: UInt64 = 0
    package private(set) var releasedMaster: UInt64 = 0
    private var lengthErrors: UInt64 = 0
    private var ttlErrors: UInt64 = 0
    private var typeErrors: UInt64 = 0
    private var intervalErrors: UInt64 = 0
    private var addressListErrors: UInt64 = 0
    private var unknownAuthenticationTypes: UInt64 = 0
    private var otherAuthenticationTypes: UInt64 = 0
    private var authenticationFailures: UInt64 = 0
    private var releasesReceived: UInt64 = 0
    private var releasesSent: UInt64 = 0

    private typealias Counter = any WritableKeyPath<KeepalivedCounters, UInt64> & Sendable

    /// A counter's names in both files.
    private struct NamedCounter: Sendable {
        /// In JSON.
        let name: StaticString
        /// In .stats; without a section it stands by itself.
        let section: String?
        let label: String
        let counter: Counter

        init(_ name: StaticString, _ section: String?, _ label: String, _ counter: Counter) {
            self.name = name
            self.section = section
            self.label = label
            self.counter = counter
        }
    }

    private static let rows = [
        NamedCounter("advert_rcvd", "Advertisements", "Received", \.advertsReceived),
        NamedCounter("advert_sent", "Advertisements", "Sent", \.advertsSent),
        NamedCounter("become_master", nil, "Became master", \.becameMaster),
        NamedCounter("release_master", nil, "Released master", \.releasedMaster),
        NamedCounter("packet_len_err", "Packet Errors", "Length", \.lengthErrors),
        NamedCounter("ip_ttl_err", "Packet Errors", "TTL", \.ttlErrors),
        NamedCounter("invalid_type_rcvd", "Packet Errors", "Invalid Type", \.typeErrors),
        NamedCounter("advert_interval_err", "Packet Errors", "Advertisement Interval", \.intervalErrors),
        NamedCounter("addr_list_err", "Packet Errors", "Address List", \.addressListErrors),
        NamedCounter("invalid_authtype", "Authentication Errors", "Invalid Type", \.unknownAuthenticationTypes),
        NamedCounter("authtype_mismatch", "Authentication Errors", "Type Mismatch", \.otherAuthenticationTypes),
        NamedCounter("auth_failure", "Authentication Errors", "Failure", \.authenticationFailures),
        NamedCounter("pri_zero_rcvd", "Priority Zero", "Received", \.releasesReceived),
        NamedCounter("pri_zero_sent", "Priority Zero", "Sent", \.releasesSent),
    ]

    /// The counters that a packet raises there which is discarded here. keepalived has none for a wrong version or
    /// checksum, and takes packets as received before it looks at who has sent them.
    private static func counters(
        raisedBy reason: DiscardReason, _ version: VRRPVersion, isUnicast: Bool
    ) -> [Counter] {
        switch reason {
        case .length, .carp, .authenticationTrailer: [\.lengthErrors]
        case .hopLimit: isUnicast ? [\.ttlErrors, \.advertsReceived] : [\.ttlErrors]
        case .type: [\.typeErrors]
        case .unknownAuthenticationType: [\.unknownAuthenticationTypes]
        case .authenticationType: [\.otherAuthenticationTypes]
        case .authenticationFailure: [\.authenticationFailures]
        case .interval: version == .v2 ? [\.intervalErrors] : [\.advertsReceived]
        case .destination, .noAddress: [\.addressListErrors]
        case .source, .badSource, .own: [\.advertsReceived]
        case .version, .checksum, .checksumOtherForm, .unknownVRID, .otherVRID, .notRunning: []
        }
    }

    package init() {}

    /// The counters of an instance with these settings.
    package init(_ counters: Counters, _ settings: InstanceSettings) {
        advertsReceived = counters.advertsReceived
        advertsSent = counters.advertsSent
        becameMaster = counters.becameMaster
        releasedMaster = counters.leftMaster
        releasesReceived = counters.releasesReceived
        releasesSent = counters.releasesSent
        // These were accepted, and counted for themselves, too.
        addressListErrors = counters.remarks[Anomaly.addressListMismatch.rawValue]
        for number in counters.discarded.numbers {
            guard let reason = DiscardReason(rawValue: number) else { continue }
            for counter in Self.counters(raisedBy: reason, settings.version, isUnicast: settings.isUnicast) {
                self[keyPath: counter] &+= counters.discarded[number]
            }
        }
    }

    package mutating func visit(_ members: inout some Members) {
        for row in Self.rows { members.member(row.name, &self[keyPath: row.counter]) }
    }

    /// The instance's part of .stats.
    package func text(of name: String) -> String {
        var text = "VRRP Instance: \(name)\n"
        var section: String?
        for row in Self.rows {
            if let title = row.section, title != section { text += "  \(title):\n" }
            section = row.section
            text += "\(section == nil ? "  " : "    ")\(row.label): \(self[keyPath: row.counter])\n"
        }
        return text
    }
}
