import Base
import LogOutput
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
            lines.write(.warning, "", "\(error): if hasupd is killed, the next one can't end this worker")
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
