import Base
import ConfigurationModel

/// The identity of a check: what decides its verdict (docs/decisions, D72). Equal ones run once, for all their servers.
package struct CheckFingerprint: Hashable, Sendable {
    package var value: UInt64

    package init(value: UInt64) { self.value = value }

    package init(_ settings: CheckSettings) {
        var hash = FNV1a()
        hash.add(Self.identity(of: settings))
        // 0 marks an empty place of the page.
        value = max(1, hash.value)
    }

    /// All that decides the verdict, in bytes. alpha and log_all_failures are the server's.
    static func identity(of settings: CheckSettings) -> [UInt8] {
        var settings = settings
        settings.startsDown = false
        settings.logsAllFailures = false
        var writer = ByteWriter(capacity: 128)
        settings.write(to: &writer)
        return writer.bytes
    }

    /// A number between 0 and 2³² that is the same in every process of this router, and another one on the other nodes
    /// of a pair.
    func spread(router: UInt64) -> UInt64 {
        // FNV's upper bits of alike texts are alike; this is the end of MurmurHash3.
        var mixed = value ^ router
        mixed = (mixed ^ mixed >> 33) &* 0xff51_afd7_ed55_8ccd
        mixed = (mixed ^ mixed >> 33) &* 0xc4ce_b9fe_1a85_ec53
        return (mixed ^ mixed >> 33) >> 32
    }
}

extension Interval {
    /// The part of this length that a number of 2³² stands for.
    func part(_ spread: UInt64) -> Interval {
        let (high, low) = UInt64(max(0, nanoseconds)).multipliedFullWidth(by: spread & 0xffff_ffff)
        return Interval(nanoseconds: Int64(high << 32 | low >> 32))
    }
}
