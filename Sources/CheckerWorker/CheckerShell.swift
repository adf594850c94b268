import Base
import CLinux
import ConfigurationModel
import Glibc
import LoadBalancing
import Reactor
import WorkerProtocol

/// The shell around the core `Checker`: what the loop brings becomes an event, what the core wants becomes a connection,
/// a record of the page, or a message. It decides nothing.
///
///     connections ──► ended ──────┐                       ┌──► start, abandon ──► CheckConnections
///     hasupd ───────► configure ──┼──► Checker.handle ────┼──► keep, forget ────► CheckPage
///     timer ────────► timeout ────┘                       └──► tell, observe ───► hasupd
final class CheckerShell {
    /// Checks in a second from which on arrivals wait for the grid, too (docs/decisions, D76).
    private static let moderatedRate = 100.0
    /// Time between two stamps: hung is who has none for 2 s.
    private static let stampPeriod = Interval.milliseconds(500)
    /// Checks that no record is kept of: more than there is room for.
    private var unkept = 0

    private let loop: EventLoop
    private let channel: Channel
    private let page: CheckPage
    private var connections: CheckConnections?
    private var checker = Checker()
    private var actions: [CheckerAction] = []
    private var known = KnownStandings()
    private let lastNotification: UInt64
    /// Addresses of this host that the configuration waits for (ha_suspend).
    private var addresses: Set<IPAddress> = []
    private var generation: UInt64 = 0
    private var reports: [CheckerReport] = []
    private var observations: [CheckObservation] = []
    private var toldLate: UInt64 = 0
    private var lateReports = RateLimit(period: .seconds(1))
    private var timer: Timer?
    /// Lets go of what only a configuration needs (docs/decisions, D30).
    private var codeReleaseTimer: Timer?
    private static let codeReleaseDelay = Interval.seconds(2)
    private var isStopping = false
    /// Checks that wait for a socket of hasupd's, with the number of the url block.
    private var awaiting: [Int: Int] = [:]
    /// Sockets that are asked for at one time: more than hasupd may have waiting for us would end the channel.
    private static let awaitedMax = 64

    init(
        on loop: EventLoop, channel: Channel, page: CheckPage, lastNotification: UInt64, connectionsMax: Int
    ) {
        self.loop = loop
        self.channel = channel
        self.page = page
        self.lastNotification = lastNotification
        connections = CheckConnections(on: loop, openMax: connectionsMax) { [unowned self] check, verdict, duration in
            self.handle(.ended(check: check, verdict, duration: duration))
        }
        timer = loop.makeTimer { [unowned self] in self.fire() }
        codeReleaseTimer = loop.makeTimer { hasup_release_code() }
        loop.atEndOfTurn { [unowned self] in self.endTurn() }
    }

    // MARK: hasupd

    func add(standings bytes: [UInt8]) throws(FrameError) {
        guard let reports = CheckerReport.all(in: bytes, max: SupervisorToChecker.standingsMax) else {
            throw .unexpected("standings that can't be read")
        }
        for report in reports {
            switch report {
            case .server(let standing): known.servers.append(standing)
            case .service(let standing): known.services.append(standing)
            }
        }
    }

    func take(_ addresses: [IPAddress], arePresent: Bool) {
        if arePresent { self.addresses.formUnion(addresses) } else { self.addresses.subtract(addresses) }
        handle(.addresses(self.addresses))
    }

    func take(endOf check: Int, _ fingerprint: CheckFingerprint, _ bytes: [UInt8]) throws(FrameError) {
        guard let end = ProgramEnd.all(in: bytes, max: 1)?.first else { throw .unexpected("an end that can't be read") }
        guard let record = checker.record(of: check), record.fingerprint == fingerprint,
            case .script(let script) = checker.settings(of: check)?.kind
        else { return }
        let duration = record.lastStart.map { loop.now - $0 } ?? .zero
        handle(.ended(check: check, end.verdict(setsWeight: script.setsWeight), duration: duration))
    }

    /// Takes the socket that a check has waited for.
    func take(_ socket: consuming Descriptor, of check: Int, _ fingerprint: CheckFingerprint) {
        guard let request = awaited(check, fingerprint), let connections else { return }
        connections.take(socket, of: check)
        start(check, request: request)
    }

    /// There is no socket for a check, by an error number.
    func take(socketRefusal error: Int32, of check: Int, _ fingerprint: CheckFingerprint) {
        guard awaited(check, fingerprint) != nil, let kind = checker.settings(of: check)?.kind else { return }
        handle(.ended(check: check, CheckConnections.untried(error, kind), duration: .zero))
    }

    private func awaited(_ check: Int, _ fingerprint: CheckFingerprint) -> Int? {
        guard checker.record(of: check)?.fingerprint == fingerprint else { return nil }
        return awaiting.removeValue(forKey: check)
    }

    func take(file name: String, _ value: Int32) { handle(.file(name: name, value: Int64(value))) }

    func configure(_ number: UInt64, _ image: ConfigurationImage) throws(FrameError) {
        let model: ConfigurationModel
        var credentials = TLSCredentials()
        do throws(ByteError) {
            model = try EncodedModel(image.model).decode()
            if !image.credentials.isEmpty {
                var reader = ByteReader(image.credentials)
                credentials = try TLSCredentials(decoding: &reader)
            }
        } catch {
            throw .unexpected("a configuration that can't be read (\(error))")
        }
        connections?.follow(model.tlsClient, credentials)
        // What was decided before belongs to the generation before.
        flush()
        let isFirst = generation == 0
        let configuration = CheckerConfiguration(model)
        if isFirst {
            let left = (0..<page.placeCount).compactMap { place in
                page.usedPlace(place).flatMap(CheckRecord.init(from:)).map { LeftRecord(place: place, $0) }
            }
            handle(.addresses(addresses))
            handle(.begin(configuration, known, left, lastNotification: lastNotification))
            known = KnownStandings()
            let used = Set((0..<page.placeCount).filter { checker.record(of: $0) != nil })
            for place in 0..<page.placeCount where !used.contains(place) { page.clear(place) }
        } else {
            handle(.configure(configuration))
        }
        generation = number
        loop.moderation = checker.checksPerSecond > Self.moderatedRate ? checker.grid.step : .zero
        flush()
        CheckerToSupervisor.configured(generation: number).send(on: channel)
        if let codeReleaseTimer { loop.set(codeReleaseTimer, to: loop.now + Self.codeReleaseDelay) }
    }

    func stop() {
        isStopping = true
        handle(.stop)
        flush()
        CheckerToSupervisor.stopped.send(on: channel)
    }

    // MARK: The core

    private func handle(_ event: CheckerEvent) {
        // Verdicts that come while actions are performed begin a list of their own.
        var list: [CheckerAction] = []
        swap(&list, &actions)
        list.removeAll(keepingCapacity: true)
        checker.handle(event, at: loop.now, into: &list)
        for action in list { perform(action) }
        swap(&list, &actions)
    }

    private func perform(_ action: CheckerAction) {
        switch action {
        case .start(let check, let request): start(check, request: request)
        case .abandon(let check):
            awaiting[check] = nil
            connections?.abandon(check)
        case .keep(let check): keep(check)
        case .forget(let check):
            page.clear(check)
            connections?.forget(check)
        case .tell(let report): reports.append(report)
        case .observe(let observation): observations.append(observation)
        }
    }

    private func start(_ check: Int, request: Int) {
        guard let settings = checker.settings(of: check), let connections else { return }
        if settings.isScript {
            guard let fingerprint = checker.record(of: check)?.fingerprint else { return }
            CheckerToSupervisor.runScript(check: UInt32(check), fingerprint: fingerprint.value).send(on: channel)
            return
        }
        switch connections.start(check, settings, request: request) {
        case .begun: break
        case .full: handle(.postponed(check: check))
        case .needsSocket: askForSocket(check, request: request)
        case .verdict(let verdict): handle(.ended(check: check, verdict, duration: Clock.now - loop.now))
        }
    }

    private func askForSocket(_ check: Int, request: Int) {
        guard awaiting.count < Self.awaitedMax, let fingerprint = checker.record(of: check)?.fingerprint else {
            return handle(.postponed(check: check))
        }
        awaiting[check] = request
        CheckerToSupervisor.openSocket(check: UInt32(check), fingerprint: fingerprint.value).send(on: channel)
    }

    private func keep(_ check: Int) {
        guard let record = checker.record(of: check) else { return }
        guard let place = page.place(check) else {
            if unkept == 0 {
                CheckerToSupervisor.log(.warning, "there are more checks than the page of checks has room for")
                    .send(on: channel)
            }
            unkept += 1
            return
        }
        record.store(to: place)
    }

    // MARK: Turns

    private func fire() {
        connections?.fire(at: loop.now)
        if checker.deadline <= loop.now { handle(.timeout) }
        if generation > 0 { page.stamp = loop.now }
    }

    private func endTurn() {
        flush()
        let next = min(checker.deadline, connections?.deadline ?? .never)
        if let timer { loop.set(timer, to: min(next, loop.now + Self.stampPeriod)) }
        if isStopping, channel.isSent { exit(0) }
    }

    /// Sends what was told since the last time.
    private func flush() {
        send(&reports) { CheckerToSupervisor.reports(generation: generation, $0) }
        send(&observations) { CheckerToSupervisor.observations(generation: generation, $0) }
        if checker.lateStarts > toldLate, lateReports.admits(at: loop.now) {
            toldLate = checker.lateStarts
            CheckerToSupervisor.late(toldLate).send(on: channel)
        }
    }

    private func send<Entry: ByteCoded>(_ entries: inout [Entry], _ message: ([UInt8]) -> CheckerToSupervisor) {
        guard !entries.isEmpty else { return }
        for start in stride(from: 0, to: entries.count, by: CheckerToSupervisor.entriesMax) {
            var writer = ByteWriter()
            for entry in entries[start..<min(start + CheckerToSupervisor.entriesMax, entries.count)] {
                entry.encode(into: &writer)
            }
            message(writer.bytes).send(on: channel)
        }
        entries.removeAll(keepingCapacity: true)
    }
}
