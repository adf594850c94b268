import Base
import ConfigurationModel
import Testing

@testable import VRRP

private let web = TrackerKey(.script, "web")
private let db = TrackerKey(.process, "db")
private let load = TrackerKey(.file, "load")

/// Tracked objects: weights, faults, and the wait for first results (behaviours_vrrp2 §1 to §3, D44, D45, D52).
@Suite struct TrackerTests {
    /// A sum of weights, or FAULT.
    enum Outcome: Equatable {
        case priority(UInt8)
        case fault
    }

    /// behaviours_vrrp2 §1: `reverse` is the sign of what is added; priority 150.
    static let table: [(weight: Int, reverse: Bool, up: Outcome, down: Outcome)] = [
        (10, false, .priority(160), .priority(150)), (-10, false, .priority(150), .priority(140)),
        (10, true, .priority(140), .priority(150)), (-10, true, .priority(150), .priority(160)),
        (0, false, .priority(150), .fault), (0, true, .fault, .priority(150)),
        // Within 1...254, which the sum itself isn't.
        (253, false, .priority(254), .priority(150)), (-253, false, .priority(150), .priority(1)),
    ]

    private static func outcome(_ bench: Bench) -> Outcome {
        bench.state == .fault ? .fault : .priority(bench.status().priority.rawValue)
    }

    private static func bench(_ trackers: [Tracker], _ table: TrackerState..., priority: UInt8 = 150) -> Bench {
        Bench(table: table) {
            $0.priority = Priority(rawValue: priority)
            $0.trackers = trackers
        }
    }

    @Test(arguments: table) func interfaces(_ row: (weight: Int, reverse: Bool, up: Outcome, down: Outcome)) {
        for isUp in [true, false] {
            var bench = Bench {
                $0.priority = Priority(rawValue: 150)
                $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: row.weight, reverse: row.reverse)]
            }
            var eth1 = Bench.interface("eth1", 3)
            eth1.isUsable = isUp
            bench.handle(.interface(eth1))
            #expect(Self.outcome(bench) == (isUp ? row.up : row.down))
        }
    }

    @Test(arguments: table) func scriptsAndProcesses(
        _ row: (weight: Int, reverse: Bool, up: Outcome, down: Outcome)
    ) {
        for key in [web, db] {
            let tracker = Tracker(kind: key.kind, name: key.name, weight: row.weight, reverse: row.reverse)
            for (result, expected) in [(TrackerResult.up, row.up), (.down, row.down)] {
                #expect(Self.outcome(Self.bench([tracker], TrackerState(key, result))) == expected)
                var bench = Self.bench([tracker], TrackerState(key, result == .up ? .down : .up))
                bench.track(TrackerState(key, result))
                #expect(Self.outcome(bench) == expected, "\(row), \(result)")
            }
        }
    }

    /// behaviours §8: the number times the weight, 253 at most; -254 and below is a fault, with weight 0 any number is.
    @Test(
        arguments: [
            (2, true, 5, .priority(140)), (2, false, 5, .priority(160)), (-2, false, 5, .priority(140)),
            (-1, false, 253, .priority(1)), (-1, false, 254, .fault), (-127, false, 2, .fault), (1, true, 300, .fault),
            (254, false, Int32.max, .priority(254)), (-254, false, Int32.max, .fault), (254, false, Int32.min, .fault),
            (0, false, 0, .priority(150)), (0, false, -3, .fault), (0, true, 0, .fault), (0, true, 1, .priority(150)),
        ] as [(Int, Bool, Int32, Outcome)])
    func files(_ weight: Int, _ reverse: Bool, _ number: Int32, _ expected: Outcome) {
        let tracker = Tracker(kind: .file, name: "load", weight: weight, reverse: reverse)
        #expect(Self.outcome(Self.bench([tracker], TrackerState(load, .number(number)))) == expected)
    }

    /// What status says: the parts that aren't 0, in their order.
    @Test func contributions() {
        let bench = Bench(table: [TrackerState(web, .up), TrackerState(load, .number(20)), TrackerState(db, .up)]) {
            $0.priority = Priority(rawValue: 150)
            $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: 7)]
            $0.trackers = [
                Tracker(kind: .script, name: "web", weight: 30), Tracker(kind: .process, name: "db", weight: -9),
                Tracker(kind: .file, name: "load", weight: -1),
            ]
        }
        #expect(
            bench.status().contributions == [
                Contribution(.interface, "eth1", 7), Contribution(.script, "web", 30),
                Contribution(.file, "load", -20),
            ])
        #expect(bench.status().priority.rawValue == 167)
    }

    /// An owner's 255 never moves; what has weight 0 is a fault all the same.
    @Test func owners() {
        var bench = Self.bench(
            [Tracker(kind: .script, name: "web", weight: -50), Tracker(kind: .process, name: "db")],
            TrackerState(web, .down), priority: 255)
        #expect(bench.status().priority == .owner && bench.status().contributions.isEmpty)
        bench.track(TrackerState(db, .down))
        #expect(bench.state == .fault && bench.status().faults == [.trackerDown(db)])
    }

    /// A MASTER whose script fails releases, and says which; a recovery says nothing else (pain point O3).
    @Test func aMasterReleasesWhenItsScriptFails() {
        var bench = Bench(table: [TrackerState(web, .up)]) { $0.trackers = [Tracker(kind: .script, name: "web")] }
        bench.advance(.seconds(5))
        _ = bench.take()
        bench.track(TrackerState(web, .down))
        var actions = bench.take()
        #expect(actions.adverts == [0] && actions.notified == [.fault])
        #expect(actions.reasons == [.fault(.trackerDown(web))] && actions.withdrawn == [[address("10.0.4.1")]])
        bench.track(TrackerState(web, .up))
        actions = bench.take()
        #expect(actions.reasons == [.recovered] && actions.notified == [.backup])
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
    }

    /// behaviours_vrrp2 §1: the running timer moves by the difference of the down times, and no advert is sent. A change
    /// is told once, and none is told when there is none.
    @Test func aChangeMovesTheTimer() {
        var bench = Bench(table: [TrackerState(web, .up)]) {
            $0.trackers = [Tracker(kind: .script, name: "web", weight: -28)]
        }
        bench.advance(.seconds(1))
        _ = bench.take()
        bench.track(TrackerState(web, .down))
        #expect(bench.remaining == Interval(nanoseconds: 2_609_375_000 + 109_375_000))
        var actions = bench.take()
        #expect(actions.priorities == [[100, 72]] && actions.count == 1)
        bench.track(TrackerState(web, .down))
        #expect(bench.take().isEmpty)
        bench.track(TrackerState(web, .up))
        #expect(bench.remaining == Interval(nanoseconds: 2_609_375_000))
        bench.advance(.seconds(5))
        _ = bench.take()
        let due = bench.node.deadline
        bench.track(TrackerState(web, .down))
        #expect(bench.state == .master && bench.take().adverts.isEmpty && bench.node.deadline == due)
        bench.advance(.seconds(1))
        actions = bench.take()
        #expect(actions.adverts == [72])
    }

    /// Who was about to preempt, and isn't the better one any more, leaves the master alone: two masters for an interval
    /// would follow, until the next advertisement.
    @Test func preemptionEndsWithTheReasonForIt() {
        var bench = Bench(table: [TrackerState(web, .up)]) {
            $0.trackers = [Tracker(kind: .script, name: "web", weight: 60)]
        }
        for _ in 0..<3 {
            bench.receive(120)
            bench.advance(.milliseconds(1_000))
        }
        bench.receive(120)
        #expect(bench.status().waiting == .preempting)
        bench.advance(.milliseconds(300))
        bench.track(TrackerState(web, .down))
        #expect(bench.status().waiting == .higherPriority)
        bench.advance(.milliseconds(650))
        #expect(bench.state == .backup)
        bench.receive(120)
        bench.advance(.seconds(3))
        #expect(bench.state == .backup)
        bench.advance(.seconds(1))
        #expect(bench.state == .master)
    }

    /// behaviours_vrrp2 §2: INIT without a word until each script with weight 0 has ended once. Files and processes are
    /// looked at by another process, which keepalived does before it starts: they are waited for, too.
    @Test func waitsForFirstResults() {
        let ping = TrackerKey(.script, "ping")
        func waiting(_ table: [TrackerState] = []) -> Bench {
            Bench(table: table) {
                $0.trackers = [
                    Tracker(kind: .script, name: "web"), Tracker(kind: .script, name: "ping", reverse: true),
                    Tracker(kind: .script, name: "weighted", weight: 5), Tracker(kind: .process, name: "db"),
                    Tracker(kind: .file, name: "load", weight: 0),
                ]
            }
        }
        let others = [
            TrackerState(TrackerKey(.process, "db"), .up), TrackerState(TrackerKey(.file, "load"), .number(0)),
        ]
        var bench = waiting()
        #expect(bench.state == .initialize)
        #expect(bench.status().awaitedScripts == ["web", "ping"])
        bench.advance(.seconds(60))
        bench.receive(100)
        bench.track(TrackerState(web, .up))
        for state in others { bench.track(state) }
        let silence = bench.take()
        #expect(silence.notified.isEmpty && silence.transitions.isEmpty && silence.adverts.isEmpty)
        #expect(bench.status().awaitedScripts == ["ping"] && bench.status().priority == .standard)
        var other = bench
        bench.track(TrackerState(ping, .down))
        #expect(bench.state == .backup && bench.status().awaitedScripts.isEmpty)
        var actions = bench.take()
        #expect(actions.notified == [.backup] && actions.reasons == [.started])
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
        other.track(TrackerState(ping, .up))
        actions = other.take()
        #expect(other.state == .fault && actions.notified == [.fault])
        #expect(actions.reasons == [.fault(.trackerUp(ping))])
        // What hasupd knows already is waited for by nobody (D45).
        #expect(waiting(others + [TrackerState(web, .up), TrackerState(ping, .down)]).state == .backup)
    }

    /// A stop says nothing of an instance that never started, and what comes afterwards doesn't start it.
    @Test func nothingStartsAfterAStop() {
        var bench = Self.bench([Tracker(kind: .script, name: "web")])
        bench.handle(.stop)
        bench.track(TrackerState(web, .up))
        #expect(bench.state == .initialize && bench.take().isEmpty && bench.status().awaitedScripts.isEmpty)
        bench = Self.bench([Tracker(kind: .script, name: "web", weight: 9)])
        bench.handle(.stop)
        _ = bench.take()
        bench.track(TrackerState(web, .up))
        #expect(bench.take().isEmpty)
        // Nor does a reload that removes one.
        bench = Self.bench([Tracker(kind: .script, name: "web")])
        bench.reload { $0.instances = [] }
        #expect(bench.take().notified.isEmpty)
    }

    /// What can't run waits for no script.
    @Test func whatCannotRunDoesNotWait() {
        let bench = Bench {
            $0.faults = ["no addresses"]
            $0.trackers = [Tracker(kind: .script, name: "web")]
        }
        #expect(bench.state == .fault)
    }

    /// D45: at a reload the table takes effect with the configuration, not before; a script without a result counts as
    /// good for who runs, and stops nobody.
    @Test func reloads() {
        var bench = Bench(table: [TrackerState(web, .up)]) {
            $0.trackers = [Tracker(kind: .script, name: "web", weight: 20)]
        }
        bench.advance(.seconds(5))
        _ = bench.take()
        #expect(bench.status().priority.rawValue == 120)
        bench.handle(.trackerTable([TrackerState(web, .down), TrackerState(db, .down)]))
        #expect(bench.status().priority.rawValue == 120)
        // A result that comes in between counts for both.
        bench.track(TrackerState(db, .up))
        bench.reload {
            $0.instances[0].trackers += [
                Tracker(kind: .script, name: "new"), Tracker(kind: .process, name: "db"),
                Tracker(kind: .script, name: "other", weight: 50),
            ]
        }
        #expect(bench.state == .master && bench.status().priority.rawValue == 100)
        var actions = bench.take()
        #expect(actions.priorities == [[120, 100]] && actions.transitions.isEmpty && actions.notified.isEmpty)
        // The same configuration with another table: what has changed while it came.
        bench.handle(.trackerTable([TrackerState(web, .up), TrackerState(db, .up)]))
        bench.reload { _ in }
        actions = bench.take()
        #expect(actions.priorities == [[100, 120]] && bench.state == .master)
        bench.track(TrackerState(TrackerKey(.script, "new"), .down))
        #expect(bench.state == .fault)
    }

    /// A result touches who tracks it, and no other's record.
    @Test func othersArentTouched() {
        var bench = Bench.master()
        bench.reload { model in
            model.instances.append(
                Bench.settings {
                    $0.virtualRouterID = VRID(rawValue: 21)
                    $0.trackers = [Tracker(kind: .script, name: "web", weight: 4)]
                })
        }
        func saved() -> [Int] {
            var writer = ByteWriter()
            var saved: [Int] = []
            bench.node.saveChanges(with: &writer) { number, _ in
                saved.append(number)
            } mark: { _, _ in
            }
            return saved
        }
        bench.advance(.seconds(5))
        _ = saved()
        bench.track(TrackerState(db, .down))
        #expect(saved().isEmpty)
        bench.track(TrackerState(web, .up))
        #expect(saved() == [2])
    }

    /// Results that a kind of object can't have change nothing.
    @Test func resultsOfAnotherKind() {
        let bench = Self.bench(
            [Tracker(kind: .script, name: "web", weight: 9), Tracker(kind: .file, name: "load", weight: 0)],
            TrackerState(web, .number(7)), TrackerState(load, .down))
        #expect(bench.state == .backup && bench.status().priority.rawValue == 150)
    }

    /// D52: the cluster check's normal priority.
    @Test func normalPriority() {
        let settings = Bench.settings {
            $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: 10, reverse: true)]
            $0.trackers = [
                Tracker(kind: .script, name: "web", weight: -10, reverse: true),
                Tracker(kind: .process, name: "db", weight: 3), Tracker(kind: .file, name: "load", weight: 7),
            ]
        }
        #expect(settings.normalPriority.rawValue == 93)
    }
}
