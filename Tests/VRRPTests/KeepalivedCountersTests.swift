import Base
import ConfigurationModel
import Testing
import VRRP
import Varlink

/// Counters by keepalived's names and meaning (behaviours of 2.2.7, measured packet by packet; where HEAD differs, its).
@Suite struct KeepalivedCountersTests {
    private static func counters(
        _ counters: Counters, _ change: (inout InstanceSettings) -> Void = { _ in }
    ) -> [String: Int] {
        var writer = JSONWriter()
        KeepalivedCounters(counters, Bench.settings(change)).write(into: &writer)
        guard case .object(let members) = try? JSON(parsing: writer.bytes) else { return [:] }
        let pairs = members.compactMap { member -> (String, Int)? in
            guard case .int(let value) = member.value, value != 0 else { return nil }
            return (member.name, Int(value))
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// What keepalived counts of a packet that is discarded here; behind a comma what it counts in unicast or version 3.
    @Test(
        arguments: [
            (.length, ["packet_len_err"]), (.type, ["invalid_type_rcvd"]), (.version, []), (.checksum, []),
            (.checksumOtherForm, []), (.unknownAuthenticationType, ["invalid_authtype"]),
            (.authenticationType, ["authtype_mismatch"]), (.authenticationFailure, ["auth_failure"]),
            (.interval, ["advert_interval_err"]), (.hopLimit, ["ip_ttl_err"]), (.destination, ["addr_list_err"]),
            (.noAddress, ["addr_list_err"]), (.own, ["advert_rcvd"]), (.badSource, ["advert_rcvd"]),
            (.source, ["advert_rcvd"]), (.carp, ["packet_len_err"]), (.authenticationTrailer, ["packet_len_err"]),
            (.notRunning, []), (.otherVRID, []), (.unknownVRID, []),
        ] as [(DiscardReason, [String])])
    func discarded(reason: DiscardReason, names: [String]) {
        var counters = Counters()
        counters.discarded[reason.rawValue] = 3
        let expected = Dictionary(uniqueKeysWithValues: names.map { ($0, 3) })
        #expect(Self.counters(counters) == expected)
    }

    @Test func whatDependsOnTheInstance() {
        var counters = Counters()
        counters.discarded[DiscardReason.hopLimit.rawValue] = 3
        #expect(
            Self.counters(counters) { $0.unicastPeers = [UnicastPeer(address: Bench.lower)] }
                == ["ip_ttl_err": 3, "advert_rcvd": 3])
        counters = Counters()
        counters.discarded[DiscardReason.interval.rawValue] = 2
        #expect(Self.counters(counters) { $0.version = .v3 } == ["advert_rcvd": 2])
    }

    @Test func everyReasonIsInTheTable() {
        var counters = Counters()
        for reason in DiscardReason.allCases { counters.discarded[reason.rawValue] = 1 }
        counters.advertsReceived = 10
        counters.remarks[Anomaly.addressListMismatch.rawValue] = 4
        counters.releasesReceived = 5
        (counters.advertsSent, counters.becameMaster, counters.leftMaster, counters.releasesSent) = (6, 7, 8, 9)
        #expect(
            Self.counters(counters) == [
                "advert_rcvd": 13, "advert_sent": 6, "become_master": 7, "release_master": 8, "packet_len_err": 3,
                "ip_ttl_err": 1, "invalid_type_rcvd": 1, "advert_interval_err": 1, "addr_list_err": 6,
                "invalid_authtype": 1, "authtype_mismatch": 1, "auth_failure": 1, "pri_zero_rcvd": 5,
                "pri_zero_sent": 9,
            ])
    }

    @Test func text() {
        var counters = Counters()
        counters.advertsSent = 3
        #expect(
            KeepalivedCounters(counters, Bench.settings()).text(of: "VI_1") == """
                VRRP Instance: VI_1
                  Advertisements:
                    Received: 0
                    Sent: 3
                  Became master: 0
                  Released master: 0
                  Packet Errors:
                    Length: 0
                    TTL: 0
                    Invalid Type: 0
                    Advertisement Interval: 0
                    Address List: 0
                  Authentication Errors:
                    Invalid Type: 0
                    Type Mismatch: 0
                    Failure: 0
                  Priority Zero:
                    Received: 0
                    Sent: 0

                """)
    }

    /// A reset is of counters alone, of one instance or of all; a successor goes on from there (Twin has it as a step).
    @Test func reset() {
        var bench = Bench.master()
        bench.receive(50)
        let before = bench.status()
        #expect(before.counters.advertsReceived == 1 && before.counters.becameMaster == 1)
        bench.handle(.resetCounters(7))
        #expect(bench.status() == before)
        for id in [0, nil] {
            bench.receive(50)
            bench.handle(.resetCounters(id))
            var after = bench.status()
            #expect(after.counters == Counters())
            after.counters = before.counters
            #expect(after.state == before.state && after.since == before.since)
        }
    }
}
