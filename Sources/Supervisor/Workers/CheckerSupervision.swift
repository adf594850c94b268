import Base
import CLinux
import ConfigurationModel
import Glibc
import LoadBalancing
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// Effects of the checker that concern the rest of hasupd.
protocol CheckerSupervisionDelegate: AnyObject {
    /// The checker has told something that this generation allows, and that is news to hasupd or is to be notified.
    func checkerTold(_ reports: [CheckerReport], of generation: Generation)
    /// Something happened to the checker, for the history.
    func report(_ text: String)
    /// A checker has begun to work.
    func checkerReady()
    /// The checker is gone for good.
    func checkerFinished()
}

/// hasupd's side of the checker: starts it, gives it configurations, and keeps what it tells. Its image is opened at the start,
/// so that a package upgrade under a running daemon never mixes versions (docs/decisions, D7).
final class CheckerSupervision: WorkerProcessOwner {
    /// Time after which one that was configured has worked: deaths from then on aren't early ones (docs/decisions, D11).
    private static let trialTime = Interval.seconds(1)

    /// A configuration that the checker was given, and what it tells of it.
    private struct Given {
        let generation: Generation
        var table: StandingTable
    }

    private let context: DaemonContext
    private unowned let delegate: any CheckerSupervisionDelegate
    let lines: RepeatLog
    private let image: Descriptor
    private let page: CheckPage
    /// The newest one last, and those before it of which something may still be told.
    private var given: [Given]
    private var generation: Generation { given[given.count - 1].generation }
    /// True after the process that runs has been configured.
    private var isConfigured = false
    private(set) var worker: WorkerProcess?
    /// The last worker's report on its sandbox.
    private(set) var sandboxReport = SandboxReport()
    /// Checks of this checker that began late.
    private(set) var lateCount: UInt64 = 0
    private var trialTimer: Timer?

    /// - Throws: `SystemError` when the program isn't where it is installed.
    init(
        _ context: DaemonContext, _ generation: Generation, delegate: any CheckerSupervisionDelegate
    ) throws(SystemError) {
        self.context = context
        self.delegate = delegate
        lines = RepeatLog(context.log, on: context.loop)
        given = [Given(generation: generation, table: StandingTable(generation.services))]
        image = try Self.openImage()
        page = try CheckPage.create()
        trialTimer = context.loop.makeTimer { [unowned self] in self.worker?.handle(.worked) }
        let worker = WorkerProcess("hasup-checker", on: context.loop, lines: lines, owner: self)
        worker.watch(smallestAdvertInterval: CheckerWatch.interval, instanceCount: nil)
        self.worker = worker
    }

    func start() { worker?.handle(.start) }

    /// What is known of the services of the newest configuration.
    var standings: StandingTable { given[given.count - 1].table }

    /// The record of a check; nil when there is none.
    func record(of fingerprint: CheckFingerprint) -> CheckRecord? {
        (0..<page.placeCount).lazy.compactMap { self.page.usedPlace($0).flatMap(CheckRecord.init(from:)) }
            .first { $0.fingerprint == fingerprint }
    }

    /// Gives it a new generation.
    func apply(_ generation: Generation) {
        given.append(Given(generation: generation, table: StandingTable(generation.services, after: standings)))
        if let channel = worker?.channel {
            SupervisorToChecker.configure(generation: generation.number)
                .send(on: channel, descriptors: [generation.servicesPartNumber])
        }
    }

    /// Opens the program beside hasupd (in a build folder) or in libexec (installed).
    private static func openImage() throws(SystemError) -> Descriptor {
        var buffer = [CChar](repeating: 0, count: 4096)
        let size = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard size > 0 else { throw SystemError(errno, "find hasupd's program") }
        let own = String(decoding: buffer.prefix(size).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        let places = ["\(folder)/hasup-checker", "\(folder)/../libexec/hasup/hasup-checker"]
        for place in places {
            let number = open(place, O_RDONLY | O_CLOEXEC)
            if number >= 0 { return Descriptor(owning: number) }
        }
        throw SystemError(ENOENT, "find hasup-checker (looked for \(places.joined(separator: " and ")))")
    }

    // MARK: WorkerProcessOwner

    func start(_ worker: WorkerProcess, dropsSnapshot: Bool) throws(SystemError) -> WorkerProcess.Started {
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let ours = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        isConfigured = false
        page.stamp = Clock.now
        if dropsSnapshot { for place in 0..<page.placeCount { page.clear(place) } }
        // Descriptor 5 of the child is the image.
        let child = try ChildProcess.spawn(
            path: "/proc/self/fd/5", arguments: ["hasup-checker"] + context.host.sandboxArguments.words,
            descriptors: [theirs.number, context.host.checkerFilter.number, image.number], on: context.loop
        ) { [weak worker] pid, exit in worker?.exited(pid, exit) }
        return WorkerProcess.Started(child: child, socket: ours)
    }

    func greet(on channel: Channel, _ worker: WorkerProcess) {
        given = given.suffix(1)
        lateCount = 0
        SupervisorToChecker.hello(version: workerProtocolVersion, lastNotification: standings.lastNotification)
            .send(on: channel, descriptors: [page.number])
        let reports = standings.reports
        for start in stride(from: 0, to: reports.count, by: SupervisorToChecker.standingsMax) {
            var writer = ByteWriter()
            for report in reports[start...].prefix(SupervisorToChecker.standingsMax) { report.encode(into: &writer) }
            SupervisorToChecker.standings(writer.bytes).send(on: channel)
        }
        SupervisorToChecker.configure(generation: generation.number)
            .send(on: channel, descriptors: [generation.servicesPartNumber])
    }

    func receive(_ frame: Frame, _ worker: WorkerProcess) throws(FrameError) {
        let message = try CheckerToSupervisor(frame)
        if case .hello = message {} else { try worker.requireHello() }
        switch message {
        case .hello(let version, let report):
            try worker.hello(version: version)
            sandboxReport = report
            for sentence in report.shortfalls { lines.write(.notice, "hasup-checker", sentence) }
        case .configured(let number): try configured(number, worker)
        case .reports(let number, let bytes): try take(reports: bytes, of: number)
        case .observations(let number, let bytes): try take(observations: bytes, of: number)
        case .late(let count): lateCount = count
        case .log(let level, let text): lines.write(level.loggerLevel, "hasup-checker", text)
        case .stopped: break
        }
    }

    private func configured(_ number: UInt64, _ worker: WorkerProcess) throws(FrameError) {
        guard let place = given.firstIndex(where: { $0.generation.number == number }) else {
            throw .unexpected("a generation that doesn't exist")
        }
        given.removeFirst(place)
        guard !isConfigured else { return }
        isConfigured = true
        worker.ready()
        if let trialTimer { context.loop.set(trialTimer, to: Clock.now + Self.trialTime) }
        delegate.checkerReady()
    }

    private func decode<Value: ByteCoded>(_: Value.Type, _ bytes: [UInt8]) throws(FrameError) -> [Value] {
        do throws(ByteError) {
            return try bytes.withUnsafeBytes { memory throws(ByteError) in
                var reader = ByteReader(memory)
                return try reader.readAll(Value.self, max: CheckerToSupervisor.entriesMax)
            }
        } catch {
            throw .unexpected("reports that can't be read (\(error))")
        }
    }

    private func take(reports bytes: [UInt8], of number: UInt64) throws(FrameError) {
        let reports = try decode(CheckerReport.self, bytes)
        guard let place = given.firstIndex(where: { $0.generation.number == number }) else {
            return refuse("generation \(number) isn't one that it runs", kind: "generation")
        }
        var news: [CheckerReport] = []
        for report in reports {
            do throws(StandingTable.Refusal) {
                let isNew = try given[place].table.take(report, at: context.loop.now)
                if isNew || report.notification != 0 { news.append(report) }
                log(report, of: given[place].generation)
            } catch {
                refuse("\(error)", kind: "report")
            }
        }
        if place < given.count - 1 { passOn(news, from: place) }
        if !news.isEmpty { delegate.checkerTold(news, of: given[place].generation) }
    }

    /// What is told of a former configuration is known of the newest, too: a checker that follows begins with it.
    private func passOn(_ reports: [CheckerReport], from place: Int) {
        let last = given.count - 1
        given[last].table.note(notification: given[place].table.lastNotification)
        for report in reports {
            guard let renumbered = given[place].table.renumbered(report, for: given[last].table) else { continue }
            _ = try? given[last].table.take(renumbered, at: context.loop.now)
        }
    }

    private func take(observations bytes: [UInt8], of number: UInt64) throws(FrameError) {
        let observations = try decode(CheckObservation.self, bytes)
        guard let generation = given.first(where: { $0.generation.number == number })?.generation else { return }
        for observation in observations { log(observation, of: generation) }
    }

    private func refuse(_ sentence: String, kind: String) {
        lines.write(.warning, "hasup-checker", "refused a report: \(sentence)", kind: "refused: \(kind)")
    }

    func requestStop(on channel: Channel) { SupervisorToChecker.stop.send(on: channel) }

    func stamp(of worker: WorkerProcess) -> Instant? { page.stamp }

    func report(_ text: String) { delegate.report(text) }

    func ended(_ worker: WorkerProcess) {
        if let trialTimer { context.loop.set(trialTimer, to: .never) }
    }

    func finished(_ worker: WorkerProcess) { delegate.checkerFinished() }

    // MARK: Log

    private func names(_ service: UInt32, _ server: UInt32, of generation: Generation) -> String? {
        guard generation.services.indices.contains(Int(service)) else { return nil }
        let settings = generation.services[Int(service)]
        guard settings.realServers.indices.contains(Int(server)) else { return nil }
        return "\(settings.displayName(of: settings.realServers[Int(server)])) of \(settings.displayName)"
    }

    /// Logs what is notified: it has changed, or is told for the first time.
    private func log(_ report: CheckerReport, of generation: Generation) {
        guard report.notification != 0 else { return }
        switch report {
        case .server(let standing):
            guard let name = names(standing.service, standing.server, of: generation) else { return }
            let reason = standing.reason.text(detail: standing.detail)
            let state = standing.isUp ? "UP" : reason.isEmpty ? "DOWN" : "DOWN (\(reason))"
            write(standing.isUp ? .notice : .warning, "real server \(name) is \(state)", kind: "\(name) \(standing.isUp)")
        case .service(let standing):
            guard generation.services.indices.contains(Int(standing.service)) else { return }
            let name = generation.services[Int(standing.service)].displayName
            let state = standing.hasQuorum ? "UP: it has its quorum" : "DOWN: its quorum is lost"
            write(
                standing.hasQuorum ? .notice : .warning, "virtual server \(name) is \(state)",
                kind: "\(name) \(standing.hasQuorum)")
        case .removed(let service, let server, _):
            guard let name = names(service, server, of: generation) else { return }
            write(.notice, "real server \(name) is removed", kind: "\(name) removed")
        }
    }

    private func write(_ level: Logger.Level, _ text: String, kind: String) {
        lines.write(level, "", text, kind: kind)
        delegate.report(text)
    }

    private func log(_ observation: CheckObservation, of generation: Generation) {
        switch observation {
        case .failed(let service, let server, let reason, let detail, let left):
            guard let name = names(service, server, of: generation) else { return }
            let retries = left == 1 ? "1 retry" : "\(left) retries"
            lines.write(
                .notice, "", "real server \(name): a check failed (\(reason.text(detail: detail))), \(retries) left",
                kind: "\(name) failed")
        case .untried(let service, let server, let reason, let detail):
            guard let name = names(service, server, of: generation) else { return }
            lines.write(
                .warning, "",
                "real server \(name) isn't checked: \(reason.text(detail: detail)); it stays as it is",
                kind: "\(name) unchecked")
        }
    }
}
