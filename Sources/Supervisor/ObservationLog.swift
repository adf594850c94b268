import Base
import Logging
import Reactor
import Telemetry
import VRRP

/// Observations as lines of the log: one for each transition, at most one a minute for a packet error that repeats,
/// with its count (pain point O3).
struct ObservationLog {
    private struct Key: Hashable {
        var instance: String
        var what: String
        var source: IPAddress?
    }

    private final class State {
        var limiter = RepeatLimiter<Key>()
        var timer: Timer?
    }

    private let log: Logger
    private let state = State()

    init(log: Logger) { self.log = log }

    func start(on loop: EventLoop) {
        let state = state
        let log = log
        state.timer = loop.makeTimer {
            for (key, count) in state.limiter.due(at: loop.now) {
                let name = key.instance.isEmpty ? "" : "\(key.instance): "
                let source = key.source.map { " from \($0)" } ?? ""
                log.warning("\(name)\(count) more within a minute\(source): \(key.what)")
            }
            if let timer = state.timer { loop.set(timer, to: state.limiter.deadline) }
        }
    }

    func add(_ observation: Observation, instance: String) {
        let line = observation.line(instance: instance)
        switch observation {
        case .transition(let transition):
            if transition.to == .fault {
                log.warning("\(line)")
            } else {
                log.notice("\(line)")
            }
        case .stalled: log.warning("\(line)")
        case .addressRemoved(_, let address):
            tell(Key(instance: instance, what: "address \(address) was removed by somebody else", source: nil), line)
        case .addressWaits(_, let prefix, let interface):
            tell(Key(instance: instance, what: "\(prefix) dev \(interface): no such interface", source: nil), line)
        case .kernelFailure(_, let sentence):
            tell(Key(instance: instance, what: sentence, source: nil), line)
        case .discarded(_, let reason, let source, _):
            tell(Key(instance: instance, what: reason.name, source: source), line)
        case .accepted(_, let remark, let source):
            tell(Key(instance: instance, what: remark.name, source: source), line)
        }
    }

    private func tell(_ key: Key, _ line: String) {
        if state.limiter.admits(key, at: Clock.now) { log.warning("\(line)") }
    }
}
