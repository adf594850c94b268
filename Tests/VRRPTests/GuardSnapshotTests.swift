import Base
import ConfigurationModel
import Testing
import Wire

@testable import VRRP

/// What a guard leaves to its successor (docs/decisions, D103 to D112).
@Suite struct GuardSnapshotTests {
    @Test func aMasterGoesOnWithItsNonceItsNumbersAndItsEpoch() throws {
        var guarded = GuardBench.master()
        let last = try #require(guarded.frames.last)
        guarded.die()
        guarded.advance(.milliseconds(100))
        let next = try #require(guarded.frames.last)
        #expect(guarded.state == .master && guarded.actions.adverts.last != 0)
        #expect(next.nonce == last.nonce && next.sequence >= last.sequence + ClusterGuard.sequencesKept)
        #expect(next.standings.first?.epoch == 1 && next.standings.first?.flags == last.standings.first?.flags)
    }

    /// Nobody is replaced for what a successor has missed.
    @Test func whoWasHeardCountsAsHeard() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(4), .master)
        guarded.die()
        guarded.advance(.milliseconds(900))
        #expect(guarded.state == .backup)
        // A frame counts when it echoes one of the successor's; the timer runs its whole time again.
        guarded.hear(.master, echoes: false)
        guarded.advance(.seconds(4))
        #expect(guarded.state == .master)
        var other = GuardBench()
        other.hear(for: .seconds(4), .master)
        other.die()
        other.hear(for: .seconds(20), .master)
        #expect(other.state == .backup)
    }

    /// A record has room for 232 bytes: whatever the clusters are, numbers go on.
    @Test func manyGroupsFindRoomOrAreLeftOut() throws {
        let now = Instant(nanoseconds: 5_000_000_000)
        let clusters = (0..<4).map { number in
            var settings = ClusterSettings(name: "cluster \(number)", location: SourceLocation())
            settings.nodes = (0..<8).map { ClusterMember(name: "a node with a long name \($0)") }
            settings.guarded = (0..<48).map { "an instance with a long name \($0)" }
            var groups = settings.guarded.map { GuardedGroup(name: $0, members: []) }
            for place in groups.indices { groups[place].epoch = UInt64(place * 100) }
            return ClusterGuard(settings, own: 0, nonce: 9, groups: groups, after: UInt64(number) << 40, at: now)
        }
        var writer = ByteWriter()
        writer.write([UInt8](repeating: 0, count: 60))
        KeptGuards(clusters)?.encode(into: &writer, limit: VirtualRouter.recordMax)
        #expect(writer.bytes.count <= VirtualRouter.recordMax)
        let kept = try Array(writer.bytes.dropFirst(60)).withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return try KeptGuards(from: &reader)
        }
        #expect(kept.nonce == 9 && kept.sequence == 3 << 40 && kept.clusters.count == 1)
        let resumed = clusters[0].resumed(from: kept, at: now)
        #expect(resumed.groups[47].epoch == 4_700 && resumed.sent.last == kept.sequence + 1_000)
        // One that found no room begins behind the same numbers.
        #expect(clusters[3].resumed(from: kept, at: now).sent.last == kept.sequence + 1_000)
    }
}
