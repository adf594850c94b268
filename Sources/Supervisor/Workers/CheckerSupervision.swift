import Base
import CLinux
import ConfigurationModel
import Control
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
    /// News for the director, by the numbers of the newest generation.
    func checkerTold(_ changes: [StateChange])
    /// A virtual or real server is up or down, and somebody is to be notified.
    func checkerNotifies(_ notification: PendingNotification)
    /// A check has turned and the server is as before: a mail is sent, whatever was mailed last.
    func checkerMails(_ notification: PendingNotification)
    /// Results of what is tracked.
    var trackerTable: TrackerTable { get }
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
        let arguments: CheckerArguments
        /// Addresses that services wait for (ha_suspend).
        let awaited: Set<IPAddress>
        /// Tracked files that FILE_CHECKs look at.
        let files: [TrackedObject]
        let sockets: CheckSockets
        let pings: Bool
        let checkCount: Int
        /// The time at which the checker was told to work by it.
        var sent = Instant.never

        init(_ generation: Generation, after former: StandingTable = StandingTable()) {
            self.generation = generation
            let services = generation.services
            table = StandingTable(services, after: former)
            awaited = Set(services.compactMap(\.awaitedAddress))
            let names = Set(
                services.flatMap(\.realServers).flatMap(\.checks).compactMap { check in
                    if case .file(let file) = check.kind { file.tracker } else { nil }
                })
            files =
                names.isEmpty ? [] : generation.trackedObjects.filter { $0.kind == .file && names.contains($0.name) }
            let checks = services.lazy.flatMap(\.realServers).flatMap(\.checks)
            var arguments = CheckerArguments()
            arguments.usesTLS = checks.contains(where: \.isEncrypted)
            arguments.usesPatterns = checks.contains(where: \.hasPattern)
            arguments.process = generation.global.balancer.process
            // Deadlines of VRRP come first.
            if let priority = arguments.process.realtimePriority {
                arguments.process.realtimePriority = max(1, min(priority, Int(generation.supervisorPriority) - 1))
            }
            self.arguments = arguments
            checkCount = checks.count
            sockets = CheckSockets(services)
            pings = CheckSockets.pings(services)
        }
    }

    private let context: DaemonContext
    unowned let delegate: any CheckerSupervisionDelegate
    let lines: RepeatLog
    private let image: Descriptor
    private let memory: CheckerMemory
    var page: CheckPage { memory.page }
    /// The newest one last, and those before it of which something may still be told.
    private var given: [Given]
    var generation: Generation { given[given.count - 1].generation }
    /// Checks that the checker may have now.
    var checkCount: Int { given.reduce(0) { $0 + $1.checkCount } }
    /// True after the process that runs has been configured.
    private var isConfigured = false
    /// The generation of which all was told.
    private var runningNumber: UInt64?
    /// Those that the process that runs was started with.
    private var arguments = CheckerArguments()
    private(set) var worker: WorkerProcess?
    /// The last worker's report on its sandbox.
    private(set) var sandboxReport = SandboxReport()
    /// Checks that began late, of this checker and of those before it.
    private var lateCount: UInt64 = 0
    private var formerLateCount: UInt64 = 0
    /// Checks that began late, programs included.
    var lateChecks: UInt64 { formerLateCount &+ lateCount &+ scripts.lateCount }
    /// The most checks that a checker had to keep at one time.
    private(set) var checkCountMax = 0
    private var trialTimer: Timer?
    /// Set while the checker hasn't said that it works by a configuration.
    private var configureTimer: Timer?
    private var beginTimer: Timer?
    private var presence: AddressPresence?
    private let scripts: CheckScripts
    private let pingGroups: PingGroups
    /// Numbers of checks whose programs were asked for.
    private var asked: [CheckFingerprint: UInt32] = [:]
    private var isWaiting = false

    /// - Throws: `SystemError` when the program isn't where it is installed.
    init(
        _ context: DaemonContext, _ generation: Generation, _ memory: CheckerMemory, _ limits: ScriptLimits,
        _ pingGroups: PingGroups, delegate: any CheckerSupervisionDelegate
    ) throws(SystemError) {
        self.pingGroups = pingGroups
        self.memory = memory
        self.context = context
        self.delegate = delegate
        lines = RepeatLog(context.log, on: context.loop)
        scripts = CheckScripts(on: context.loop, lines: lines, limits)
        scripts.follow(generation)
        var first = Given(generation)
        first.table.restore(memory.kept)
        given = [first]
        image = try Self.openImage()
        trialTimer = context.loop.makeTimer { [unowned self] in self.worker?.handle(.worked) }
        configureTimer = context.loop.makeTimer { [unowned self] in
            self.worker?.handle(
                .channelEnded("it hasn't taken over a configuration within \(Self.configureLimit)"))
        }
        scripts.onEnd = { [unowned self] in self.scriptEnded($0, $1) }
        beginTimer = context.loop.makeTimer { [unowned self] in self.begin([]) }
        admitPings(first)
        let worker = WorkerProcess("hasup-checker", on: context.loop, lines: lines, owner: self)
        worker.watch(smallestAdvertInterval: CheckerWatch.interval, instanceCount: nil)
        self.worker = worker
    }

    /// Time that a start waits for what stands in the kernel's table.
    private static let standingTimeout = Interval.seconds(1)

    /// - Parameter waits: true if `begin` follows: nobody has left what is known, but the kernel may have a table.
    func start(waits: Bool) {
        guard waits, !memory.hasLeft, let beginTimer else {
            worker?.handle(.start)
            return
        }
        isWaiting = true
        context.loop.set(beginTimer, to: Clock.now + Self.standingTimeout)
    }

    /// Begins with what stands in the kernel's table.
    func begin(_ found: [StandingService]) {
        guard isWaiting else { return }
        isWaiting = false
        if let beginTimer { context.loop.set(beginTimer, to: .never) }
        given[given.count - 1].table.restore(found)
        worker?.handle(.start)
    }

    /// The states of the newest configuration's services.
    var standings: StandingTable { given[given.count - 1].table }

    /// Those of the awaited addresses (ha_suspend) that are on this machine; nil when nobody knows, so that all is checked.
    var presentAddresses: Set<IPAddress>? { presence.map { Set($0.present) } }

    /// The path of MISC_CHECK's program.
    func program(of check: CheckFingerprint) -> String { scripts.program(of: check) ?? "" }

    /// Gives it a new generation.
    func apply(_ generation: Generation) {
        let next = Given(generation, after: standings)
        tellRemoved(by: next.table)
        given.append(next)
        scripts.follow(generation)
        admitPings(next)
        if !arguments.suffices(for: next.arguments) {
            // Nobody notices that another one goes on (docs/decisions, D74).
            worker?.handle(
                .channelEnded("the new configuration wants what it can only do at its start: a library, its scheduling")
            )
        } else if let channel = worker?.channel {
            sendAddresses(on: channel)
            for file in next.files { send(file, on: channel) }
            configure(on: channel)
        }
    }

    /// The group that the checker runs as.
    private var group: UInt32 { context.host.identity?.gid ?? getegid() }

    private func admitPings(_ given: Given) {
        if given.pings { pingGroups.admit(group) } else { pingGroups.putBack() }
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

    // MARK: Configurations

    /// Time in which a checker says that it works by a configuration: hasupd keeps it until then.
    private static let configureLimit = Interval.seconds(10)

    /// Tells the checker to work by the newest configuration.
    private func configure(on channel: Channel) {
        SupervisorToChecker.configure(generation: generation.number)
            .send(on: channel, descriptors: [generation.servicesPartNumber])
        given[given.count - 1].sent = Clock.now
        checkCountMax = max(checkCountMax, checkCount)
        watchConfigurations()
    }

    private func watchConfigurations() {
        let due = given.dropFirst(isConfigured ? 1 : 0).first { $0.sent != .never }
        if let configureTimer {
            context.loop.set(configureTimer, to: due.map { $0.sent + Self.configureLimit } ?? .never)
        }
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
        arguments = given[given.count - 1].arguments
        var started = arguments
        started.process.realtimePriority = arguments.process.realtimePriority.flatMap {
            context.host.permittedPriority(Int32($0)).map { Int($0) }
        }
        // Descriptor 5 of the child is the image.
        let child = try ChildProcess.spawn(
            path: "/proc/self/fd/5", arguments: ["hasup-checker"] + context.host.sandboxArguments.words + started.words,
            descriptors: [theirs.number, context.host.checkerFilter.number, image.number], on: context.loop
        ) { [weak worker] pid, exit in worker?.exited(pid, exit) }
        return WorkerProcess.Started(child: child, socket: ours)
    }

    func greet(on channel: Channel, _ worker: WorkerProcess) {
        given = given.suffix(1)
        formerLateCount &+= lateCount
        lateCount = 0
        asked = [:]
        SupervisorToChecker.hello(version: workerProtocolVersion, lastNotification: standings.lastNotification)
            .send(on: channel, descriptors: [page.number])
        let reports = standings.reports
        for start in stride(from: 0, to: reports.count, by: SupervisorToChecker.standingsMax) {
            var writer = ByteWriter()
            for report in reports[start...].prefix(SupervisorToChecker.standingsMax) { report.encode(into: &writer) }
            SupervisorToChecker.standings(writer.bytes).send(on: channel)
        }
        sendAddresses(on: channel)
        for file in given[given.count - 1].files { send(file, on: channel) }
        configure(on: channel)
    }

    /// The result of a tracked object has changed.
    func trackerChanged(_ object: TrackedObject) {
        guard let channel = worker?.channel, given.contains(where: { $0.files.contains(object) }) else { return }
        send(object, on: channel)
    }

    private func send(_ file: TrackedObject, on channel: Channel) {
        guard case .number(let value) = delegate.trackerTable.verdict(on: file).result else { return }
        SupervisorToChecker.file(name: file.name, value: value).send(on: channel)
    }

    /// Sends which of the awaited addresses are here, before a configuration that waits for them.
    private func sendAddresses(on channel: Channel) {
        let awaited = given[given.count - 1].awaited
        presence = nil
        guard !awaited.isEmpty else { return }
        do throws(SystemError) {
            let presence = try AddressPresence(
                of: awaited, buffer: generation.global.buffers.balancerMonitor, on: context.loop)
            presence.onChange = { [unowned self] addresses, arePresent in
                if let channel = self.worker?.channel { Self.send(addresses, arePresent: arePresent, on: channel) }
            }
            Self.send(presence.present, arePresent: true, on: channel)
            Self.send(Array(awaited.subtracting(presence.present)), arePresent: false, on: channel)
            self.presence = presence
        } catch {
            lines.write(.error, "", "ha_suspend: the addresses of this host aren't known, so all is checked: \(error)")
            Self.send(Array(awaited), arePresent: true, on: channel)
        }
    }

    private static func send(_ addresses: [IPAddress], arePresent: Bool, on channel: Channel) {
        for start in stride(from: 0, to: addresses.count, by: SupervisorToChecker.addressesMax) {
            let some = Array(addresses[start...].prefix(SupervisorToChecker.addressesMax))
            SupervisorToChecker.addresses(some, arePresent: arePresent).send(on: channel)
        }
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
        case .reports(let number, let bytes): try take(reports: bytes, of: number, worker)
        case .observations(let number, let bytes): try take(observations: bytes, of: number)
        case .runScript(let check, let fingerprint): run(CheckFingerprint(value: fingerprint), check)
        case .openSocket(let check, let fingerprint): openSocket(CheckFingerprint(value: fingerprint), check)
        case .late(let count): lateCount = count
        case .log(let level, let text): lines.write(level.loggerLevel, "hasup-checker", text)
        case .stopped: break
        }
    }

    private func run(_ fingerprint: CheckFingerprint, _ check: UInt32) {
        asked[fingerprint] = check
        if !scripts.run(fingerprint) {
            refuse("the configuration has no such check", kind: "script")
            scriptEnded(fingerprint, .notRun)
        }
    }

    private func openSocket(_ fingerprint: CheckFingerprint, _ check: UInt32) {
        guard let channel = worker?.channel else { return }
        do throws(SystemError) {
            for known in given.reversed() {
                guard let socket = try known.sockets.open(fingerprint, group: group) else { continue }
                return SupervisorToChecker.socket(check: check, fingerprint: fingerprint.value)
                    .send(on: channel, descriptors: [socket.number])
            }
            refuse("the configuration has no check that needs this socket", kind: "socket")
            SupervisorToChecker.socketRefused(check: check, fingerprint: fingerprint.value, error: EPERM)
                .send(on: channel)
        } catch {
            SupervisorToChecker.socketRefused(check: check, fingerprint: fingerprint.value, error: error.code)
                .send(on: channel)
        }
    }

    private func scriptEnded(_ fingerprint: CheckFingerprint, _ end: ProgramEnd) {
        guard let check = asked.removeValue(forKey: fingerprint), let channel = worker?.channel else { return }
        var writer = ByteWriter()
        end.encode(into: &writer)
        SupervisorToChecker.scriptEnded(check: check, fingerprint: fingerprint.value, writer.bytes).send(on: channel)
    }

    private func configured(_ number: UInt64, _ worker: WorkerProcess) throws(FrameError) {
        guard let place = given.firstIndex(where: { $0.generation.number == number }) else {
            throw .unexpected("a generation that doesn't exist")
        }
        given.removeFirst(place)
        if number == generation.number {
            runningNumber = number
            memory.keep(standings)
            delegate.checkerTold(wholeStates)
        }
        defer { watchConfigurations() }
        guard !isConfigured else { return }
        isConfigured = true
        worker.ready()
        if let trialTimer { context.loop.set(trialTimer, to: Clock.now + Self.trialTime) }
        delegate.checkerReady()
    }

    private func decode<Value: ByteCoded>(_: Value.Type, _ bytes: [UInt8]) throws(FrameError) -> [Value] {
        guard let values = Value.all(in: bytes, max: CheckerToSupervisor.entriesMax) else {
            throw .unexpected("reports that can't be read")
        }
        return values
    }

    private func take(reports bytes: [UInt8], of number: UInt64, _ worker: WorkerProcess) throws(FrameError) {
        let reports = try decode(CheckerReport.self, bytes)
        guard let place = given.firstIndex(where: { $0.generation.number == number }) else {
            return refuse("generation \(number) isn't one that it runs", kind: "generation")
        }
        var news: [CheckerReport] = []
        var notified: [CheckerReport] = []
        for report in reports {
            do throws(StandingTable.StandingRefusal) {
                if try given[place].table.take(report, at: context.loop.now) { news.append(report) }
                guard report.notification != 0, isStill(report, since: place) else { continue }
                notified.append(report)
                log(report, of: given[place].table, isStopping: worker.life.state == .stopping)
            } catch {
                refuse("\(error)", kind: error.kind)
            }
        }
        for report in notified { notify(report, given[place].table, given[place].generation) }
        // At the end servers go down for those only who are to be told (omega).
        if worker.life.state == .stopping { return }
        if place < given.count - 1 {
            passOn(news, from: place)
        } else if number == runningNumber, !news.isEmpty || !notified.isEmpty {
            delegate.checkerTold(news.compactMap(standings.change))
            // Behind the record of the scripts: rather once too often than never.
            memory.keep(standings, news + notified)
        }
    }

    /// The states of all services of which all is known.
    private var wholeStates: [StateChange] {
        let table = standings
        return table.services.indices.compactMap { place in
            table.state(ofService: place).map { .whole(service: place, $0) }
        }
    }

    /// False for a report of a former configuration about what a later one has removed: `tellRemoved` was the last word.
    private func isStill(_ report: CheckerReport, since place: Int) -> Bool {
        given[(place + 1)...].allSatisfy { given[place].table.renumbered(report, for: $0.table) != nil }
    }

    /// Passes on news of a former configuration to the newest: a checker that follows begins with it.
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
        guard let place = given.firstIndex(where: { $0.generation.number == number }) else { return }
        // One that came up with the same verdicts is up already: the check's turn is no news any more.
        for observation in observations where given[place].table.admits(observation, at: context.loop.now) {
            log(observation, of: given[place].table)
            mail(observation, given[place].table, given[place].generation)
        }
    }

    func refuse(_ sentence: String, kind: String) {
        lines.write(.warning, "hasup-checker", "refused a report: \(sentence)", kind: "refused: \(kind)")
    }

    func requestStop(on channel: Channel) { SupervisorToChecker.stop.send(on: channel) }

    func stamp(of worker: WorkerProcess) -> Instant? { page.stamp }

    func report(_ text: String) { delegate.report(text) }

    func ended(_ worker: WorkerProcess) {
        for timer in [trialTimer, configureTimer] { if let timer { context.loop.set(timer, to: .never) } }
    }

    func finished(_ worker: WorkerProcess) {
        scripts.endAll()
        delegate.checkerFinished()
    }
}
