import Base
import Logging
import Reactor
import Supervision
import WorkerProtocol

extension VRRPSupervision {
    /// Records a worker, and how many deaths its snapshot has seen if hasupd dies now.
    func record(_ pid: Int32, deaths: Int) {
        do throws(SystemError) {
            try workerRecord.save(pid, deaths: deaths)
            recordedDeaths = deaths
        } catch {
            lines.tell(.warning, "", "\(error): if hasupd is killed, the next one can't end this worker")
        }
    }

    /// Records the worker that runs.
    ///
    /// - Parameter isParting: true if hasupd ends in order and leaves it to a successor.
    func recordWorker(isParting: Bool = false) {
        guard let worker, let pid = worker.child?.pid else { return }
        record(pid, deaths: worker.life.deathsWithSnapshot + (isParting ? 0 : 1))
    }

    /// Time after which a snapshot counts as harmless: it is read and resumed within milliseconds, so what kills hasupd
    /// later isn't the snapshot.
    static let survivalTime = Interval.milliseconds(500)

    func snapshotSurvived() {
        guard let worker, worker.life.state == .running else { return }
        worker.supervisorSurvived()
        recordWork(worker)
    }

    /// Records a worker that has worked, so that its snapshot's deaths count from 0.
    func recordWork(_ worker: WorkerProcess) {
        if worker.life.deathsWithSnapshot + 1 != recordedDeaths { recordWorker() }
    }
}

extension Broker {
    /// Accepts a notification of a worker. It is first in the record of notifications and then in the page's last number, so
    /// that a successor finds it once wherever hasupd was killed in between (docs/decisions.md, D40).
    ///
    /// - Parameter keep: records it for a successor.
    /// - Throws: `Refusal`; then nothing is recorded.
    mutating func takeOn(
        _ request: NotifyRequest, generation: UInt64, notingIn page: StatePage, keep: (ScriptRun) -> Void
    ) throws(Refusal) {
        let run = try scripts(
            generation: generation, instance: request.instance, sequence: request.sequence, trigger: request.trigger,
            priority: request.priority)
        keep(run)
        page.lastNotification = lastNotification
    }
}
