import Base
import Logging
import Reactor
import Supervision
import WorkerProtocol

// What the next hasupd finds, should this one die.

extension VRRPSupervision {
    /// Notes a worker, and how many deaths its snapshot has seen, should hasupd die now.
    func record(_ pid: Int32, deaths: Int) {
        do throws(SystemError) {
            try workerRecord.save(pid, deaths: deaths)
            recordedDeaths = deaths
        } catch {
            lines.tell(.warning, "", "\(error): should hasupd be killed, its successor wouldn't find this worker")
        }
    }

    /// Notes the worker that is at work, where it is noted no more or otherwise.
    ///
    /// - Parameter isParting: whether hasupd ends in order, and leaves it to a successor.
    func recordWorker(isParting: Bool = false) {
        guard let worker, let pid = worker.child?.pid else { return }
        record(pid, deaths: worker.life.deathsWithSnapshot + (isParting ? 0 : 1))
    }

    /// What the page says is read, told and resumed within milliseconds: a hasupd that lives for so long with a worker that
    /// runs its configuration has been killed by something else, if at all.
    static let survivalTime = Interval.milliseconds(500)

    func snapshotSurvived() {
        guard let worker, worker.life.state == .running else { return }
        worker.supervisorSurvived()
        recordWork(worker)
    }

    /// A worker has worked: what killed others before isn't its snapshot.
    func recordWork(_ worker: WorkerProcess) {
        if worker.life.deathsWithSnapshot + 1 != recordedDeaths { recordWorker() }
    }
}

extension Broker {
    /// Takes on what a worker wants to be told: for this hasupd's successor it is in the record of notifications first, and
    /// then in the page's last number, so that one which is killed in between has left it once (docs/decisions.md, D40).
    ///
    /// - Parameter keep: has kept it for a successor when it returns.
    /// - Throws: `Refusal`; then nothing is kept or noted.
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
