import Base
import ConfigurationModel

/// The end: our services leave the table.
extension Director {
    mutating func stop(keepsServices: Bool) {
        guard stage == .running else { return }
        stage = .stopping(isFlushed: false)
        if case .missing = condition { noted = [] }
        if keepsServices { noted = [] }
        guard !keepsServices, flushAtStop == .everything, condition == .available else { return }
        stage = .stopping(isFlushed: true)
    }

    mutating func stepOfStop(_ actions: inout [DirectorAction]) -> Bool {
        guard case .stopping(let isFlushed) = stage else { return false }
        if isFlushed {
            stage = .stopping(isFlushed: false)
            begin(.write([.flush]), .end(noted.sorted()), &actions)
            return true
        }
        let keys = Array(noted.sorted().prefix(Self.batch))
        guard !keys.isEmpty else {
            stage = .stopped
            actions.append(.stopped)
            return false
        }
        begin(.write(keys.map { .removeService($0) }), .end(keys), &actions)
        return true
    }

    mutating func takeAtStop(_ result: TableResult, _ call: OutstandingCall, _ actions: inout [DirectorAction]) {
        guard case .end(let keys) = call.purpose else {
            // A call of before: only a failure as a whole matters.
            if case .failed = result { noted = [] }
            return
        }
        switch result {
        case .written(let errors) where errors.count == keys.count || errors.count == 1: finish(keys, errors, &actions)
        case .failed(ErrorNumber.noEntry): forget(Array(noted), &actions)
        case .failed(let error): leave(Array(noted), error, &actions)
        default: leave(Array(noted), ErrorNumber.io, &actions)
        }
    }

    /// A flush has one error number for all keys.
    private mutating func finish(_ keys: [ServiceKey], _ errors: [Int32], _ actions: inout [DirectorAction]) {
        var removed: [ServiceKey] = []
        var left: [Int32: [ServiceKey]] = [:]
        for (index, key) in keys.enumerated() {
            let error = errors.count == keys.count ? errors[index] : errors[0]
            switch error {
            case 0, ErrorNumber.noService, ErrorNumber.noEntry:
                removed.append(key)
                counters.written += error == 0 ? 1 : 0
            default: left[error, default: []].append(key)
            }
        }
        forget(removed, &actions)
        for (error, keys) in left { leave(keys, error, &actions) }
    }

    /// They stay noted on disk for the next start.
    private mutating func leave(_ keys: [ServiceKey], _ error: Int32, _ actions: inout [DirectorAction]) {
        noted.subtract(keys)
        if !keys.isEmpty { actions.append(.observe(.leftBehind(keys, error))) }
    }
}
