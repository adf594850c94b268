import Base
import Configuration
import ConfigurationModel
import Glibc
import LogOutput
import Logging
import Reactor
import Supervision

/// The worker processes, and the files that name their pids.
final class Workers {
    private let context: DaemonContext
    private let pidFiles: PidFiles
    let pingGroups: PingGroups
    /// Nil until the start has come to it.
    var vrrp: VRRPSupervision?
    /// Nil without virtual servers.
    private(set) var checker: CheckerSupervision?
    /// Nil as long as nothing is tracked.
    private(set) var tracker: TrackSupervision?

    init(_ context: DaemonContext) {
        self.context = context
        pingGroups = PingGroups(
            directory: context.paths.runDirectory,
            passed: context.passed.first { $0.name == PingGroups.storedName }?.number, log: context.log)
        pidFiles = PidFiles(context.options, runDirectory: context.paths.runDirectory, log: context.log)
    }

    /// Gives the checker a configuration, and starts it for the first one with virtual servers. Returns true if it was
    /// started now.
    ///
    /// - Parameter waits: true if what stands in the kernel's table is going to be told.
    func check(
        _ generation: Generation, _ store: DescriptorStore, _ limits: ScriptLimits, waits: Bool,
        delegate: any CheckerSupervisionDelegate
    ) -> Bool {
        if let checker {
            checker.apply(generation)
            return false
        }
        guard generation.model.virtualServerCount > 0 else {
            pingGroups.putBack()
            return false
        }
        do throws(SystemError) {
            let checker = try CheckerSupervision(
                context, generation, CheckerMemory(store), limits, pingGroups, delegate: delegate)
            self.checker = checker
            checker.start(waits: waits)
            return true
        } catch {
            context.log.error("can't start the checker: \(error)")
            return false
        }
    }

    /// Gives hasup-track a configuration, and starts it when something is tracked for the first time, or when one of before
    /// may have left runs.
    func track(
        _ generation: Generation, _ record: TrackerRecord, _ limits: ScriptLimits, isStart: Bool,
        delegate: any TrackSupervisionDelegate
    ) {
        if let tracker { return tracker.apply(generation) }
        guard !generation.trackedObjects.isEmpty || !record.processes.isEmpty else { return }
        do throws(SystemError) {
            let tracker = try TrackSupervision(
                context, generation, record, limits, isStart: isStart, delegate: delegate)
            self.tracker = tracker
            tracker.start()
        } catch {
            context.log.error("can't start hasup-track: \(error)")
        }
    }

    /// Asks them to hand over and end; they are killed after this time.
    func stop(within limit: Interval) {
        vrrp?.worker?.stop(within: limit)
        checker?.worker?.stop(within: limit)
        tracker?.stop()
    }

    /// False when the VRRP worker has hung: the service manager's watchdog is to end hasupd then, too.
    func isHealthy(_ generation: Generation) -> Bool {
        guard let worker = vrrp?.worker else { return true }
        return Watchdog.isWorkerWell(
            worker.life.state, stamp: vrrp?.stamp(of: worker), now: Clock.now,
            smallestAdvertInterval: generation.model.smallestAdvertInterval)
    }

    /// Writes the lines that were only counted so far: before the end.
    func flushRest() {
        vrrp?.lines.flushRest()
        checker?.lines.flushRest()
        tracker?.flushRest()
    }

    // MARK: Pid files

    /// Writes the pid files that have changed. hasupd itself never reads them (pain point C1).
    func writePidFiles() {
        pidFiles.write(daemon: getpid(), vrrp: vrrp?.worker?.child?.pid, checker: checker?.worker?.child?.pid)
    }

    /// Writes the pid files that were removed.
    func restorePidFiles() {
        pidFiles.restore(daemon: getpid(), vrrp: vrrp?.worker?.child?.pid, checker: checker?.worker?.child?.pid)
    }

    func removePidFiles() { pidFiles.remove() }
}
