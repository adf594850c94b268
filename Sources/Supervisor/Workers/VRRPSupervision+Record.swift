import Base
import LogOutput
import Logging
import Reactor
import Supervision
import WorkerProtocol

// What the next hasupd finds, should this one die.

extension VRRPSupervision {
    /// Notes a worker, and how many deaths its snapshot has seen, should hasupd die now.
    func note(_ pid: Int32, deaths: Int) {
        do throws(SystemError) {
            try record.note(pid, deaths: deaths)
            notedDeaths = deaths
        } catch {
            lines.write(.warning, "", "\(error): should hasupd be killed, its successor wouldn't find this worker")
        }
    }

    /// Notes the worker that is at work, where it is noted no more or otherwise.
    ///
    /// - Parameter isParting: whether hasupd ends in order, and leaves it to a successor.
    func noteWorker(isParting: Bool = false) {
        guard let worker, let pid = worker.child?.pid else { return }
        note(pid, deaths: worker.life.deathsWithSnapshot + (isParting ? 0 : 1))
    }

    /// What the page says is read, told and resumed within milliseconds: a hasupd that lives for so long with a worker that
    /// runs its configuration has been killed by something else, if at all.
    static let trial = Interval.milliseconds(500)

    func pageHasPassed() {
        guard let worker, worker.life.state == .running else { return }
        worker.supervisorHasLived()
        noteWork(worker)
    }

    /// A worker has worked: what killed others before isn't its snapshot.
    func noteWork(_ worker: WorkerProcess) {
        if worker.life.deathsWithSnapshot + 1 != notedDeaths { noteWorker() }
    }
}
