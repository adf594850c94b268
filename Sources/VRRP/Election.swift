import Base
import ConfigurationModel

/// Times of the state machine (RFC 9568 §6.1, RFC 3768 §6.1).
enum ElectionTimes {
    /// Skew_Time: version 2 in parts of a second, version 3 in parts of the master's interval. A higher priority
    /// waits less, so that the best BACKUP claims first.
    static func skew(_ version: VRRPVersion, _ priority: Priority, masterInterval: Interval) -> Interval {
        let parts = Int64(256 - Int(priority.rawValue))
        switch version {
        case .v2: return Interval.seconds(1) * parts / 256
        case .v3: return masterInterval * parts / 256
        }
    }

    /// Master_Down_Interval (Active_Down_Interval): this many intervals of the master's, and the skew.
    static func masterDown(
        _ version: VRRPVersion, _ priority: Priority, masterInterval: Interval, adverts: Int
    ) -> Interval {
        masterInterval * Int64(max(1, adverts)) + skew(version, priority, masterInterval: masterInterval)
    }
}

extension InstanceStatus {
    /// The time without an advertisement after which the instance, as a BACKUP, claims mastership.
    package func masterDownInterval(_ settings: InstanceSettings) -> Interval {
        ElectionTimes.masterDown(
            settings.version, priority, masterInterval: advertInterval, adverts: settings.downTimerAdverts)
    }
}
