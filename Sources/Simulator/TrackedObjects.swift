import Base
import ConfigurationModel
import VRRP

/// Objects that the machines track, and what their daemons know of them. Random by numbers of their own, so that a seed
/// without them plays as it did before they were in the world.
struct TrackedObjects {
    /// True if instances of this seed track scripts, processes and files.
    let isOn: Bool
    var random: SeededRandom

    init(seed: UInt64, isPlain: Bool) {
        random = SeededRandom(seed: seed &* 0x9e37_79b9_7f4a_7c15 &+ 43)
        let choice = random.next()
        isOn = !isPlain && choice % 2 == 0
    }

    /// Gives an instance trackers.
    mutating func addTrackers(to settings: inout InstanceSettings) {
        settings.trackers = trackers(settings.location.line)
    }

    /// Gives a group a script of its own.
    mutating func addTrackers(to group: inout SyncGroup) {
        guard isOn, random.next() % 2 == 0 else { return }
        group.trackers = [
            Tracker(kind: .script, name: group.name, weight: [-40, 0, 25].randomElement(using: &random) ?? 0)
        ]
    }

    private mutating func trackers(_ number: Int) -> [Tracker] {
        guard isOn else { return [] }
        var trackers: [Tracker] = []
        for kind in [TrackerKind.script, .process, .file] where random.next() % 2 == 0 {
            let name = random.next() % 4 == 0 ? "common" : "\(kind)\(number)"
            // Of a file, a few times this is a fault.
            let weights = kind == .file ? [-60, -2, 0, 3] : [-90, -20, 0, 0, 15, 120]
            let weight = weights.randomElement(using: &random) ?? 0
            // Two that want the contrary of one object would never both take part.
            let reverse = random.next() % 4 == 0 && !(name == "common" && weight == 0)
            trackers.append(Tracker(kind: kind, name: name, weight: weight, reverse: reverse))
        }
        return trackers
    }

    /// Some result that an object may have.
    mutating func result(_ kind: TrackerKind) -> TrackerResult {
        kind == .file
            ? .number(Int32.random(in: 0...6, using: &random)) : Bool.random(using: &random) ? .up : .down
    }
}

extension Machine {
    /// All objects that its file names, always in the same order.
    var trackedKeys: [TrackerKey] {
        Set(trackers.map { TrackerKey($0.kind, $0.name) }).sorted(by: TrackerKey.precedes)
    }

    /// Entries of instances and of groups.
    fileprivate var trackers: [Tracker] {
        model.instances.flatMap(\.trackers) + model.shared.syncGroups.flatMap(\.trackers)
    }
}

extension TrackerKey {
    fileprivate static func precedes(_ one: TrackerKey, _ other: TrackerKey) -> Bool {
        (one.kind.rawValue, one.name) < (other.kind.rawValue, other.name)
    }
}

extension Tracker {
    /// A result with which nothing is in FAULT.
    var goodResult: TrackerResult {
        let isUp = weight != 0 || !reverse
        return kind == .file ? .number(isUp ? 0 : 1) : isUp ? .up : .down
    }
}

extension World {
    /// The longest time until a daemon knows of all objects that it tracks.
    static let firstResultsMax: Int64 = 2_000_000_000

    /// An object is looked at: the daemon, if it lives, hears of it.
    mutating func track(_ machine: Int, _ key: TrackerKey, _ result: TrackerResult) {
        trace.note(now, machine, "\(key.kind) \(key.name): \(result)")
        machines[machine].objects[key] = result
        guard machines[machine].hasResults else { return }
        machines[machine].results[key] = result
        deliver(.results([TrackerState(key, result)]), to: machine)
    }

    /// All objects are well on this machine.
    mutating func restoreTracked(_ machine: Int) {
        for tracker in machines[machine].trackers {
            track(machine, TrackerKey(tracker.kind, tracker.name), tracker.goodResult)
        }
    }

    /// A daemon starts: it knows nothing yet, or what the one before has left.
    mutating func startTracking(_ machine: Int) {
        guard tracked.isOn else { return }
        for key in machines[machine].trackedKeys where machines[machine].objects[key] == nil {
            machines[machine].objects[key] = tracked.result(key.kind)
        }
        // In peace a weight that isn't known yet would make a machine the best one for a moment.
        let isKnown = tracked.random.next() % 2 == 0 || !isDisturbed
        machines[machine].hasResults = isKnown
        machines[machine].results = isKnown ? machines[machine].objects : [:]
        let first = Int64.random(in: 0...Self.firstResultsMax, using: &tracked.random)
        if !isKnown { schedule(.firstResults(machine: machine, start: machines[machine].starts), after: first) }
    }

    mutating func giveFirstResults(_ machine: Int) {
        machines[machine].hasResults = true
        let objects = machines[machine].objects
        for key in objects.keys.sorted(by: TrackerKey.precedes) { track(machine, key, objects[key] ?? .none) }
    }

    /// The table that a worker is given before each configuration.
    mutating func giveTable(_ machine: Int) {
        giveOrderTable(machine)
        guard tracked.isOn else { return }
        if machines[machine].hasResults {
            for key in machines[machine].trackedKeys where machines[machine].objects[key] == nil {
                machines[machine].objects[key] = tracked.result(key.kind)
                // One that is new has its first result later.
                if tracked.random.next() % 2 == 0 {
                    machines[machine].results[key] = machines[machine].objects[key]
                }
            }
        }
        let results = machines[machine].results
        machines[machine].told = results
        if injection == .losesTrackerTable, !isDisturbed { return }
        give(machine, .trackerTable(results.map { TrackerState($0.key, $0.value) }))
    }

    mutating func giveResults(_ machine: Int, _ states: [TrackerState]) {
        for state in states { machines[machine].told[state.key] = state.result }
        switch injection {
        case .losesTrackerResults where !isDisturbed: break
        case .hidesTrackerFailures:
            give(
                machine,
                .trackers(
                    states.map { TrackerState($0.key, $0.key.kind == .file || $0.result == .none ? $0.result : .up) }))
        default: give(machine, .trackers(states))
        }
    }

    // MARK: Promises

    /// The effective priority is a function of the base and of what is tracked, within 1...254, and who tracks a failure
    /// doesn't take part. Looked at when a machine knows all that there is.
    mutating func checkTracked(_ machine: Int) {
        guard machines[machine].isQuiet, !machines[machine].isStopped, let node = machines[machine].node else { return }
        let reading = machines[machine].clock.reading(at: now)
        let model = machines[machine].actingModel
        let instances = model.effectiveInstances
        let waiting = Set(instances.indices.filter { expectation(instances[$0], machine).waits })
        for (id, settings) in instances.enumerated()
        where !settings.trackers.isEmpty || !settings.trackedInterfaces.isEmpty {
            guard let status = node.status(of: id, at: reading) else { continue }
            var expected = expectation(settings, machine)
            // An order adds what it has to, within the same limits.
            let raise = status.contributions.first { $0.kind == .order }.map { Int($0.amount) } ?? 0
            let handsOver = status.state == .master && status.awaitedHook == .beforeRelease
            if raise > 0, toldOrder(of: settings, machine) == .raised || handsOver {
                expected.priority = UInt8(clamping: min(254, Int(expected.priority) + raise))
            }
            let group = model.shared.syncGroups.first { $0.members.contains(id) }?.members ?? [id]
            if status.priority.rawValue != expected.priority {
                invariants.fail(
                    now,
                    "machine \(machine) has priority \(status.priority) for \(settings.name), which should be "
                        + "\(expected.priority)")
            }
            switch status.state {
            case .backup, .master:
                if expected.fails {
                    invariants.fail(now, "machine \(machine) takes part in \(settings.name), which tracks a failure")
                }
            case .fault:
                if !expected.fails, status.faults.isEmpty {
                    invariants.fail(now, "machine \(machine) is in FAULT of \(settings.name) without a reason")
                }
            case .initialize:
                if waiting.isDisjoint(with: group) {
                    invariants.fail(now, "machine \(machine) doesn't start \(settings.name), and waits for nothing")
                }
            }
        }
    }

    /// By the letter of keepalived.conf(5), apart from the core's own way to calculate it.
    private func expectation(
        _ settings: InstanceSettings, _ machine: Int
    ) -> (priority: UInt8, fails: Bool, waits: Bool) {
        var sum = Int(settings.priority.rawValue)
        var (fails, waits) = (false, false)
        func add(_ isUp: Bool, _ weight: Int, _ reverse: Bool) {
            switch weight {
            case 0: fails = fails || (reverse ? isUp : !isUp)
            case 1...: sum += isUp ? (reverse ? -weight : weight) : 0
            default: sum += isUp ? 0 : (reverse ? -weight : weight)
            }
        }
        for tracked in settings.trackedInterfaces {
            let isUp = machines[machine].view.links.values.contains { $0.name == tracked.name && $0.isUsable }
            add(isUp, tracked.weight, tracked.reverse)
        }
        for tracker in settings.trackers {
            switch machines[machine].told[TrackerKey(tracker.kind, tracker.name)] ?? .none {
            case .none: waits = waits || tracker.weight == 0
            case .up: add(true, tracker.weight, tracker.reverse)
            case .down: add(false, tracker.weight, tracker.reverse)
            case .number(let number) where tracker.weight == 0: add(number == 0, 0, tracker.reverse)
            case .number(let number):
                let change = Int(number) * tracker.weight * (tracker.reverse ? -1 : 1)
                if change <= -254 { fails = true } else { sum += min(change, 253) }
            }
        }
        if settings.priority == .owner { return (255, fails, waits) }
        return (UInt8(min(max(sum, 1), 254)), fails, waits)
    }
}
