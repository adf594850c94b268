import Base
import Configuration
import ConfigurationModel
import Control
import Glibc
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

extension Daemon {
    /// Runs hasupd from its command line to its exit status.
    static func run(arguments: [String]) -> Int32 {
        let options: DaemonOptions
        do throws(DaemonOptions.UsageError) {
            switch try DaemonOptions.parse(arguments) {
            case .run(let parsed): options = parsed
            case .help:
                print(DaemonOptions.help, terminator: "")
                return 0
            case .version:
                for line in versionLines(calledAs: CommandLine.arguments.first ?? "") { StandardError.writeLine(line) }
                return 0
            case .signal(let number):
                print(number)
                return 0
            case .formats:
                print(Formats.text(version: hasupVersion), terminator: "")
                return 0
            case .check(let parsed): return CandidateCheck.run(parsed)
            }
        } catch {
            printError("\(error.message)\(error.message.hasSuffix("?") ? "" : ".") Try hasupd --help.")
            return StartError.Status.usage.rawValue
        }
        do throws(StartError) {
            return try start(options)
        } catch {
            printError(error.message)
            return error.status.rawValue
        }
    }

    /// The version, where and as keepalived shows it. Exporters of keepalived's state call `keepalived`, which may be a link to
    /// hasupd, and choose what they ask for by its version.
    static func versionLines(calledAs program: String) -> [String] {
        let isStandIn = program.split(separator: "/").last == "keepalived"
        let first = isStandIn ? "keepalived v\(compatibleVersion) (hasupd v\(hasupVersion))" : "hasupd v\(hasupVersion)"
        return [first, "Signals and files for monitoring are those of keepalived \(compatibleVersion)."]
    }

    /// The keepalived whose signals and files for monitoring these are.
    private static let compatibleVersion = "2.2.7"

    private static func printError(_ text: String) {
        StandardError.writeLine("hasupd: \(Printable.text(text))")
    }

    /// The steps from the start to the end. What can fail for the operator's reasons comes before anything changes.
    private static func start(_ options: DaemonOptions) throws(StartError) -> Int32 {
        let systemd = SystemdNotify()
        let handover = Result { () throws(MalformedHandover) in try Handover.take() }
        let predecessor = (try? handover.get()) ?? nil
        let passed = predecessor?.stored ?? []
        let store = DescriptorStore(
            systemd,
            ListenDescriptors.take()
                + passed.filter { ![TableSocket.storedName, PingGroups.storedName].contains($0.name) })
        // Those that it was started with: it raises its own.
        let limits = predecessor?.limits ?? ScriptLimits()
        let sink = LogSink.suitable(
            foreground: options.foreground, identity: options.instance.map { "hasupd_\($0)" } ?? "hasupd")
        let log = Logger(label: "hasupd") { _ in SinkHandler(sink, level: options.logLevel) }
        if case .failure(let error) = handover { log.error("\(error)") }
        store.report(to: log)
        OperatorSignals.ignoreWhatEndsNothing()
        OperatorSignals.letFuseBlow()
        // Its files are its own.
        umask(0o077)

        let context = try DaemonContext(options, log, predecessor: predecessor, hasSnapshot: store.page != nil)
        let first = try FirstConfiguration(context, stored: store.configuration)
        let recorder = try recorder(options)
        let locks = try lock(first.generation, passed: predecessor?.locks)

        let elsewhere = first.generation.tableNamespace.map {
            TableSocket(
                $0, passed: passed.first { $0.name == TableSocket.storedName }?.number,
                isSuccessor: predecessor != nil)
        }
        let events = EventRecorder(context, sink)
        let daemon = Daemon(
            context, first.generation, events, store, systemd, limits, recorder, elsewhere)
        daemon.scripts.adoptScripts()
        daemon.hooks.adopt()
        let children = ChildProcess.inherited(
            except: daemon.scripts.processes.union(daemon.hooks.processes), on: context.loop)
        let record = WorkerRecord(directory: context.paths.runDirectory)
        let deathsWithSnapshot = try daemon.endFormerWorker(record)
        // With its page, a worker decides what of the new configuration stays; what isn't in that goes at once.
        daemon.removeStaleAddresses(of: "an earlier hasupd", except: store.page == nil ? nil : first.generation)
        do throws(SystemError) {
            try daemon.begin(first, locks, record, deathsWithSnapshot: deathsWithSnapshot)
            try context.loop.run()
        } catch {
            throw StartError(.unavailable, error.description)
        }
        return withExtendedLifetime(children) { daemon.end(record) }
    }

    /// The file of `--ipvs-record`; nil without that.
    private static func recorder(_ options: DaemonOptions) throws(StartError) -> TableRecorder? {
        guard let path = options.recordFile else { return nil }
        do throws(SystemError) {
            return try TableRecorder(path)
        } catch {
            throw StartError(.unavailable, "\(error). Name another file with --ipvs-record.")
        }
    }

    /// Takes the locks of the virtual routers that are about to run, and of IPVS's table.
    private static func lock(
        _ generation: Generation, passed: Int32?
    ) throws(StartError) -> VirtualRouterLocks? {
        let locks = VirtualRouterLocks(passed: passed)
        do throws(VirtualRouterLocks.Conflict) {
            try locks?.take(generation)
            locks?.commit()
        } catch {
            throw StartError(.temporary, "\(error). Stop it, or give this one another configuration.")
        }
        return locks
    }

    /// Ends the VRRP worker of a hasupd that is gone. Returns how often hasupd died with its snapshot.
    private func endFormerWorker(_ record: WorkerRecord) throws(StartError) -> Int {
        guard let former = try record.endWorker(handsOver: store.page == nil) else { return 0 }
        if former.wasEnded { log.notice("\(former.endSentence)") }
        if let text = former.sentence(isPassedOn: store.page != nil) { report(text) }
        return former.deathsWithSnapshot
    }

    /// Tidies up after the loop has ended. Returns the exit status.
    private func end(_ record: WorkerRecord) -> Int32 {
        // No worker waits for hasupd any more, and the rest may take longer than the fuse of the realtime class allows.
        Realtime.end()
        scripts.endTerminated()
        hooks.endTerminated()
        mails.finish()
        workers.tracker?.endAtOnce()
        loop.flushDeferredWork()
        control?.remove()
        workers.removePidFiles()
        if shutdown.phase == .parked {
            flushRest()
            return 0
        }
        workers.pingGroups.putBack()
        scripts.reportUnsent()
        fifos.removeFiles()
        store.clear()
        record.clear()
        let left = removeStaleAddresses(of: "the VRRP worker")
        flushRest()
        return left > 0 ? StartError.Status.software.rawValue : 0
    }
}
