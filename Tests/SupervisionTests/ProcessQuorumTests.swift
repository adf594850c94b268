import Base
import ConfigurationModel
import Testing

@testable import Supervision

@Suite("Quorums of tracked processes (keepalived.conf(5), vrrp_track_process)")
struct ProcessQuorumTests {
    private func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: 1_000_000_000) + .milliseconds(milliseconds)
    }

    private func process(
        quorum: Int = 1, maximum: Int? = nil, fork: Int64 = 0, terminate: Int64 = 0
    ) -> TrackProcess {
        var process = TrackProcess(name: "p", process: "p")
        process.quorum = quorum
        process.quorumMaximum = maximum
        process.forkDelay = .milliseconds(fork)
        process.terminateDelay = .milliseconds(terminate)
        return process
    }

    @Test("in quorum is at least quorum, at most quorum_max (behaviours §8)")
    func bounds() {
        var quorum = ProcessQuorum(process(quorum: 2, maximum: 3))
        #expect(quorum.counted(1, at: at(0)) == .down)
        #expect(quorum.counted(2, at: at(1)) == .up)
        #expect(quorum.counted(3, at: at(2)) == nil)
        #expect(quorum.counted(4, at: at(3)) == .down)
        #expect(quorum.detail == "4 processes, at most 3 wanted")
        #expect(quorum.counted(3, at: at(4)) == .up)
        #expect(quorum.counted(0, at: at(5)) == .down)
        #expect(quorum.detail == "0 processes, at least 2 wanted")
    }

    @Test("quorum_max 0: it must not run at all")
    func none() {
        var quorum = ProcessQuorum(process(quorum: 0, maximum: 0))
        #expect(quorum.counted(0, at: at(0)) == .up)
        #expect(quorum.counted(1, at: at(1)) == .down)
        #expect(quorum.detail == "1 process, at most 0 wanted")
    }

    @Test("the first count decides at once, whatever the delays are", arguments: [(0, TrackerResult.down), (1, .up)])
    func first(_ count: Int, _ wanted: TrackerResult) {
        var quorum = ProcessQuorum(process(fork: 1_000, terminate: 1_000))
        #expect(quorum.counted(count, at: at(0)) == wanted)
        #expect(quorum.deadline == .never)
    }

    @Test("terminate_delay: a restart that is quicker changes nothing")
    func restart() {
        var quorum = ProcessQuorum(process(terminate: 500))
        #expect(quorum.counted(1, at: at(0)) == .up)
        #expect(quorum.counted(0, at: at(100)) == nil)
        #expect(quorum.deadline == at(600))
        #expect(quorum.due(at: at(599)) == nil)
        #expect(quorum.counted(1, at: at(599)) == nil)
        #expect(quorum.deadline == .never)
        #expect(quorum.due(at: at(600)) == nil)

        #expect(quorum.counted(0, at: at(1_000)) == nil)
        // Counts that change nothing don't prolong it.
        #expect(quorum.counted(0, at: at(1_400)) == nil)
        #expect(quorum.due(at: at(1_500)) == .down)
        #expect(quorum.counted(1, at: at(1_600)) == .up)
    }

    @Test("fork_delay: what ends again soon doesn't count")
    func fork() {
        var quorum = ProcessQuorum(process(quorum: 2, fork: 500))
        #expect(quorum.counted(0, at: at(0)) == .down)
        #expect(quorum.counted(2, at: at(100)) == nil)
        #expect(quorum.counted(1, at: at(200)) == nil)
        #expect(quorum.deadline == .never)
        #expect(quorum.counted(2, at: at(300)) == nil)
        #expect(quorum.counted(3, at: at(400)) == nil)
        #expect(quorum.deadline == at(800))
        #expect(quorum.due(at: at(800)) == .up)
        #expect(quorum.counted(1, at: at(900)) == .down)
    }

    @Test("too many: after fork_delay, because processes have begun; few enough again: after terminate_delay")
    func tooMany() {
        var quorum = ProcessQuorum(process(maximum: 1, fork: 100, terminate: 300))
        #expect(quorum.counted(1, at: at(0)) == .up)
        #expect(quorum.counted(2, at: at(0)) == nil)
        #expect(quorum.due(at: at(100)) == .down)
        #expect(quorum.counted(1, at: at(200)) == nil)
        #expect(quorum.due(at: at(499)) == nil)
        #expect(quorum.due(at: at(500)) == .up)
    }

    @Test("a successor goes on with what is known (D45): the same is no change, and a change has to last")
    func successor() {
        var same = ProcessQuorum(process(terminate: 100), .up)
        #expect(same.counted(1, at: at(0)) == nil)
        var other = ProcessQuorum(process(terminate: 100), .up)
        #expect(other.counted(0, at: at(0)) == nil)
        #expect(other.due(at: at(100)) == .down)
        var uncounted = ProcessQuorum(process(), .up)
        #expect(uncounted.due(at: at(1)) == nil)
        #expect(uncounted.detail == "")
    }
}
