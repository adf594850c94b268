import Base
import Glibc
import Logging
import Reactor
import Sandbox
import Supervision

/// The requests of a FIFO to the owner of all of them.
protocol NotificationFIFOOwner: AnyObject {
    /// Something has changed that the next hasupd is to know.
    func changed(_ fifo: NotificationFIFO)
    /// A reader is about to come: `hold` is to be called when the states of all are known, and `release` with them.
    func prepare(_ fifo: NotificationFIFO)
    /// It has no reader any more, and gets none.
    func finished(_ fifo: NotificationFIFO)
}

/// A FIFO of global_defs and the script that reads it. `FIFORole` opens it; `ReaderLife` says when the script runs.
final class NotificationFIFO {
    /// Time that its opening may take.
    private static let openTimeout = Interval.seconds(5)
    /// Lines that are held at most.
    private static let heldMax = 1 << 12
    /// Time between two looks at whether all was read.
    private static let period = Interval.milliseconds(20)

    private(set) var plan: FIFOPlan
    private(set) var pipe: FIFOPipe?
    private let loop: EventLoop
    private let log: Logger
    private let limits: ScriptLimits
    private unowned let owner: any NotificationFIFOOwner
    /// True if its first reader needs no states: all of them are still to be told.
    private var isFresh: Bool
    private var opening: FIFOOpening?
    /// Lines that leave later: when it is open, or behind the states of all.
    private var held: [String] = []
    private var isHolding = true
    private var life = ReaderLife()
    private var reader: ScriptProcess?
    private(set) var readerProcess: KeptScripts.Process?
    private var timer: Timer?
    private var drainTimer: Timer?
    /// Why it isn't open, or not as it should be; a sentence without its end.
    private var failure: String?
    /// The end of the last reader, a clause.
    private var lastEnd: String?
    /// The one that hasup has made, and is to remove.
    private(set) var made: FIFOIdentity?
    private(set) var isRetired = false

    init(
        _ plan: FIFOPlan, isFresh: Bool, on loop: EventLoop, log: Logger, limits: ScriptLimits,
        owner: any NotificationFIFOOwner
    ) {
        self.plan = plan
        self.isFresh = isFresh
        self.loop = loop
        self.log = log
        self.limits = limits
        self.owner = owner
        timer = loop.makeTimer { [weak self] in self?.handle(.timeout) }
        drainTimer = loop.makeTimer { [weak self] in self?.closeWhenRead() }
    }

    deinit { for timer in [timer, drainTimer].compactMap({ $0 }) { loop.remove(timer) } }

    /// True if no reader is there or is about to come.
    var isFinished: Bool { !life.isWanted }

    /// Sentences on what is wrong.
    var problems: [String] {
        var sentences: [String] = []
        if let failure { sentences.append("\(plan.kind.keyword): \(failure).") }
        if let problem = pipe?.problem { sentences.append(problem) }
        if life.state == .waiting, life.ends > 2, let lastEnd {
            sentences.append(
                "The script that reads the FIFO \(plan.path) keeps ending: it \(lastEnd). It is started again after a wait."
            )
        }
        return sentences
    }

    /// The note for the next hasupd; nil while it isn't open.
    var entry: FIFORecord.Entry? {
        pipe.map {
            FIFORecord.Entry(
                kind: plan.kind, path: plan.path, identity: $0.file.identity, isMade: made == $0.file.identity,
                reader: readerProcess, fingerprint: fingerprint)
        }
    }

    /// Stands for the reader's command.
    private var fingerprint: UInt64 {
        var hash = FNV1a()
        for word in plan.reader?.words ?? [] {
            hash.add(word.utf8)
            hash.add(0)
        }
        return hash.value
    }

    // MARK: The FIFO

    /// Makes it, if need be, and opens it.
    ///
    /// - Parameter replaced: one of ours that is to be removed before.
    func open(replacing replaced: FIFOIdentity? = nil) {
        guard opening == nil else { return }
        if let unknown = plan.unknownOwner {
            return fail("there was no user or group '\(unknown)' for \(plan.path) when the configuration was read")
        }
        do throws(SystemError) {
            opening = try FIFOOpening.start(
                .open(path: plan.path, mode: plan.mode, owner: plan.owner, replacing: replaced),
                within: Self.openTimeout, on: loop
            ) { [weak self] in self?.opened($0) }
        } catch {
            fail(error.description)
        }
    }

    private func opened(_ answer: FIFOOpening.OpeningAnswer) {
        opening = nil
        switch answer {
        case .opened(let number, let isMade):
            let descriptor = Descriptor(owning: number)
            guard !isRetired else { return }
            guard let file = FIFOFile(descriptor) else { return fail("\(plan.path) is no FIFO") }
            failure = nil
            // After a reload it is the one that is open already, as a rule.
            guard pipe?.file.identity != file.identity else { return }
            if isMade { made = file.identity }
            take(file)
        case .failed(let reason): fail(reason)
        }
    }

    /// Goes on with an open one.
    private func take(_ file: FIFOFile) {
        pipe = FIFOPipe(file, path: plan.path, on: loop, log: log)
        owner.changed(self)
        // A reader of the one before reads nothing any more.
        handle(.end(after: .zero))
        if plan.reader != nil { handle(.start) } else { release(with: []) }
    }

    /// Goes on with what an earlier hasupd has left: the open FIFO, and the process that reads it.
    func inherit(_ file: FIFOFile?, _ entry: FIFORecord.Entry) {
        if entry.isMade { made = entry.identity }
        inheritReader(entry)
        guard let file else {
            // Who reads nothing any more gives way to a new one.
            handle(.end(after: .zero))
            return open()
        }
        pipe = FIFOPipe(file, path: plan.path, on: loop, log: log)
        owner.changed(self)
        if reader != nil, entry.fingerprint == fingerprint {
            release(with: [])
        } else {
            handle(.end(after: .zero))
            if plan.reader != nil { handle(.start) } else { release(with: []) }
        }
        // Somebody may have put another one there.
        open()
    }

    /// Takes the process that reads for its own.
    func inheritReader(_ entry: FIFORecord.Entry) {
        guard let process = entry.reader,
            let child = try? ChildProcess.adopted(
                process.pid, startTicks: process.startTicks, on: loop,
                onExit: { [weak self] in self?.readerEnded($0, $1) })
        else { return }
        reader = ScriptProcess(adopted: child)
        readerProcess = process
        handle(.adopted)
    }

    private func fail(_ reason: String) {
        failure = reason
        // What was held is lost: a reader that comes later gets the states of all.
        isFresh = false
        held = []
        log.error("\(plan.kind.keyword): \(reason)")
    }

    /// Writes a line. One that comes before the states of all are known for a new reader is in them.
    func write(_ line: String) {
        if isHolding {
            guard pipe != nil || opening != nil else { return }
            if held.count < Self.heldMax { held.append(line) } else { isFresh = false }
        } else if life.state != .preparing {
            pipe?.write(line)
        }
    }

    /// The states of all are known: what comes from here on is newer, and leaves behind them.
    func hold() { isHolding = true }

    /// Writes the states of all, or nothing, and then what was held.
    func release(with lines: [String]) {
        isHolding = false
        let rest = held
        held = []
        guard let pipe else { return }
        if life.state == .preparing { pipe.drain() }
        pipe.write(all: lines + rest)
        handle(.prepared)
    }

    /// Another plan for the same path.
    func follow(_ new: FIFOPlan) {
        let isOtherFile = new.owner != plan.owner || new.mode != plan.mode
        let isOtherReader = new.reader != plan.reader
        plan = new
        open(replacing: isOtherFile ? made : nil)
        guard isOtherReader, pipe != nil else { return }
        handle(.end(after: .zero))
        if plan.reader != nil { handle(.start) }
    }

    /// It has left the configuration.
    func retire() {
        isRetired = true
        pipe = nil
        handle(.end(after: .zero))
    }

    // MARK: The end

    /// No line follows: its reader comes to its end when it has read all.
    func finish() {
        handle(.end(after: .seconds(3_600)))
        if isHolding { release(with: []) }
        closeWhenRead()
    }

    /// Asks its reader to end.
    func terminate() { handle(.end(after: .zero)) }

    func kill() { reader?.child.killGroup() }

    /// The end of the file is what a reader ends by.
    private func closeWhenRead() {
        guard life.isWanted, let pipe, pipe.isBusy || pipe.unread > 0 else { return self.pipe = nil }
        if let drainTimer { loop.set(drainTimer, to: Clock.now + Self.period) }
    }

    // MARK: Its reader

    private func handle(_ event: ReaderEvent) {
        for action in life.handle(event, at: Clock.now) { perform(action) }
    }

    private func perform(_ action: ReaderAction) {
        switch action {
        case .prepare:
            guard !isFresh else {
                isFresh = false
                return release(with: [])
            }
            isHolding = false
            held = []
            owner.prepare(self)
        case .spawn: spawn()
        case .terminate: if let pid = reader?.child.pid { _ = Glibc.kill(-pid, SIGTERM) }
        case .kill: kill()
        case .wake(let deadline): if let timer { loop.set(timer, to: deadline) }
        case .report(let wait):
            log.warning(
                "the script that reads the FIFO \(plan.path) \(lastEnd ?? "ended"): starting it again in \(wait)")
        case .finished: owner.finished(self)
        }
    }

    private func spawn() {
        guard let command = plan.reader else { return handle(.spawnFailed) }
        do throws(SystemError) {
            let script = try ScriptProcess.start(command, limits, on: loop) { [weak self] pid, exit in
                self?.readerEnded(pid, exit)
            }
            // Its group's number stays its own until what it has started is ended, too.
            script.child.isKept = true
            reader = script
            readerProcess = (try? ProcessInspection(pid: script.child.pid)).map {
                KeptScripts.Process(pid: script.child.pid, startTicks: $0.startTicks)
            }
            handle(.spawned)
            owner.changed(self)
            log.debug("started \(script.name) (pid \(script.child.pid)), which reads the FIFO \(plan.path)")
        } catch {
            lastEnd = "can't be started: \(error)"
            handle(.spawnFailed)
        }
    }

    private func readerEnded(_ pid: Int32, _ exit: WorkerExit) {
        guard let ended = reader, ended.child.pid == pid else { return }
        lastEnd = ended.failure(exit)?.text ?? (exit == .unknown ? "ended" : "ended with \(exit)")
        if ended.child.isKept, exit != .unknown {
            ended.child.killGroup()
            ended.child.reap()
        }
        reader = nil
        readerProcess = nil
        handle(.ended)
        owner.changed(self)
    }
}
