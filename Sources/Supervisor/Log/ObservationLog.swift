import Base
import Configuration
import ConfigurationModel
import Logging
import Reactor
import VRRP

/// Observations as lines of the log: one for each transition, at most one a minute for a packet error that repeats,
/// with its count (pain point O3).
struct ObservationLog {
    /// Transitions that are written in a minute, of all and of one instance: each is worth its line, unless the worker
    /// has gone mad.
    private static let transitionsMax = 10_000
    private static let transitionsOfOneMax = 600

    private var minute = (transitions: 0, of: [String: Int](), end: Instant(nanoseconds: 0))
    private let log: Logger
    private let lines: RepeatLog

    init(log: Logger, on loop: EventLoop) {
        self.log = log
        lines = RepeatLog(log, on: loop)
    }

    /// Whether it is one that others are to be told of, too.
    ///
    /// - Parameters:
    ///   - settings: the instance's; nil for what isn't about one.
    ///   - background: what was observed before and makes it clearer.
    mutating func add(
        _ observation: Observation, _ settings: InstanceSettings?, _ background: TransitionContext = TransitionContext()
    ) -> Bool {
        guard observation.instance == nil || settings != nil else {
            lines.tell(.warning, "hasup-vrrp", "it speaks of an instance that there isn't")
            return false
        }
        // Made when it is known that it is written.
        var line: String { observation.line(settings, background) }
        let instance = settings?.name ?? ""
        switch observation {
        case .transition(let transition), .earlier(let transition, _):
            guard hasRoom(instance) else {
                lines.tell(.warning, "", "more transitions than can be told one by one", kind: "transitions")
                return false
            }
            if transition.to == .fault {
                log.warning("\(line)")
            } else {
                log.notice("\(line)")
            }
        case .stalled: log.warning("\(line)")
        case .addressRemoved(_, let address, _):
            lines.tell(.warning, "", line, kind: "\(instance) \(address) removed")
        case .strangerFound(_, let stranger): lines.tell(stranger.isSilent ? .notice : .warning, "", line)
        case .strangerGone, .addressesUnadvertised(_, 0): lines.tell(.notice, "", line)
        case .addressWaits, .kernelFailure, .addressesStay, .staleAddressesRemoved, .addressesUnadvertised:
            lines.tell(.warning, "", line)
        // What is in a packet, the address of its sender too, is the sender's to choose.
        case .discarded(_, let reason, _, _):
            lines.tell(
                .warning, "", line, kind: "\(instance) \(reason.name)", folded: observation.lineForAll(settings))
        case .accepted(_, let remark, _):
            lines.tell(
                .warning, "", line, kind: "\(instance) \(remark.name)", folded: observation.lineForAll(settings))
        case .rivalMaster(_, let source, let sign):
            lines.tell(.warning, "", line, kind: "\(instance) rival \(sign.code) \(source)")
        }
        return true
    }

    /// So many came while more waited than is kept.
    func leftOut(_ count: UInt64) {
        lines.tell(
            .warning, "hasup-vrrp", "\(counted(Int(clamping: count), "event")) left out: more came than could be told",
            kind: "left out")
    }

    /// Tells what was left out: before the end.
    func flushRest() { lines.flushRest() }

    private mutating func hasRoom(_ instance: String) -> Bool {
        let now = Clock.now
        if now >= minute.end { minute = (0, [:], now + .seconds(60)) }
        minute.transitions += 1
        minute.of[instance, default: 0] += 1
        return minute.transitions <= Self.transitionsMax && minute.of[instance, default: 0] <= Self.transitionsOfOneMax
    }
}
