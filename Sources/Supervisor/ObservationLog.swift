import Base
import Configuration
import Logging
import Reactor
import VRRP

/// Observations as lines of the log: one for each transition, at most one a minute for a packet error that repeats,
/// with its count (pain point O3).
struct ObservationLog {
    private let log: Logger
    private let lines: RepeatLog

    init(log: Logger, on loop: EventLoop) {
        self.log = log
        lines = RepeatLog(log, on: loop)
    }

    /// - Parameter settings: the instance's; nil for what isn't about one.
    func add(_ observation: Observation, _ settings: InstanceSettings?) {
        let line = observation.line(settings)
        let instance = settings?.name ?? ""
        switch observation {
        case .transition(let transition):
            if transition.to == .fault {
                log.warning("\(line)")
            } else {
                log.notice("\(line)")
            }
        case .stalled: log.warning("\(line)")
        case .addressRemoved(_, let address):
            lines.tell(.warning, "", line, kind: "\(instance) \(address) removed")
        case .addressWaits, .kernelFailure: lines.tell(.warning, "", line)
        // The numbers in a packet may differ each time; what is wrong, and who sends it, is what matters.
        case .discarded(_, let reason, let source, _):
            lines.tell(.warning, "", line, kind: "\(instance) \(reason.name) \(source)")
        case .accepted(_, let remark, let source):
            lines.tell(.warning, "", line, kind: "\(instance) \(remark.name) \(source)")
        }
    }
}
