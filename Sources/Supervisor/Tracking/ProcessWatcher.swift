import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Supervision

/// Tracked processes: it counts those that match, and tells when a quorum is reached or lost.
///
/// The end of a process that matches is told by its pidfd. Beginnings are told by the connector, and where there is none,
/// all processes are looked at again and again.
final class ProcessWatcher {
    /// The time between two looks at all processes: what begins is found within a second.
    static let period = Interval.milliseconds(800)
    /// Processes that are looked at in a turn, and events, in batches.
    private static let looksMax = 256
    private static let batchesMax = 8

    private struct WatchedProcess {
        var number: UInt32
        let process: TrackProcess
        let match: ProcessMatch
        var quorum: ProcessQuorum
        var count = 0

        init(_ tracked: Tracked<TrackProcess>) {
            number = tracked.number
            process = tracked.definition
            match = ProcessMatch(process)
            quorum = ProcessQuorum(process, tracked.verdict.result)
        }
    }

    /// A process that matches.
    private final class Found {
        /// Positions in `watched`.
        var matches: [Int] = []
        /// The look at all processes that has seen it last.
        var look: UInt64 = 0
        /// Nil if there is no descriptor left: then only the next such look sees that it is gone.
        var pidfd: Descriptor?
        var watch: Watch?
    }

    private let loop: EventLoop
    private var connector: Descriptor?
    private var connectorWatch: Watch?
    private var watched: [WatchedProcess] = []
    /// Bytes of command lines that are looked at.
    private var commandLineMax = 0
    private var found: [Int32: Found] = [:]
    private var list: ProcessList?
    private var look: UInt64 = 0
    /// True if the next look at all processes has its time.
    private var isPlanned = false
    /// True if reports were lost while all processes were looked at.
    private var isLost = false
    /// True when all processes have been looked at since the configuration came.
    private var isComplete = false
    private var listTimer: Timer?
    private var quorumTimer: Timer?
    private var toldOfLists = false
    private var toldOfLosses = false
    private var toldOfNoList = false
    private let onVerdict: VerdictHandler
    private let log: (String) -> Void

    /// - Parameters:
    ///   - reports: the kernel's (`ProcessConnector`); nil where there are none.
    ///   - onVerdict: takes results that have changed. The detail is the number of processes.
    ///   - log: takes a line for the log.
    init(
        reports: consuming Descriptor?, on loop: EventLoop, onVerdict: @escaping VerdictHandler,
        log: @escaping (String) -> Void
    ) {
        self.loop = loop
        self.onVerdict = onVerdict
        self.log = log
        connector = reports
        if let number = connectorNumber {
            connectorWatch = try? loop.add(number) { [weak self] _ in self?.readEvents() }
        }
        listTimer = loop.makeTimer { [weak self] in self?.lookAtMore() }
        quorumTimer = loop.makeTimer { [weak self] in self?.settle() }
    }

    deinit {
        if let connectorWatch { loop.remove(connectorWatch) }
        if let listTimer { loop.remove(listTimer) }
        if let quorumTimer { loop.remove(quorumTimer) }
        for process in found.values { forget(process) }
    }

    /// Counts these, and no others; what has stayed the same keeps its result, and the time that it waits for.
    func configure(_ tracked: [Tracked<TrackProcess>]) {
        let former = watched
        watched = tracked.map { tracked in
            guard var same = former.first(where: { $0.process == tracked.definition }) else {
                return WatchedProcess(tracked)
            }
            same.number = tracked.number
            same.count = 0
            return same
        }
        commandLineMax = watched.map(\.match.commandLineMax).max() ?? 0
        for process in found.values { forget(process) }
        found = [:]
        isComplete = false
        if connectorWatch == nil { tellOfLists("the kernel doesn't report them here") }
        lookAtAll()
    }

    // MARK: One process

    /// Looks at a process: it counts, or doesn't count any more.
    private func look(at pid: Int32) {
        guard let matches = matches(of: pid), !matches.isEmpty else { return remove(pid) }
        let process = found[pid] ?? Found()
        process.look = look
        if found[pid] == nil {
            found[pid] = process
            watch(pid, process)
            // The number may have become another process's meanwhile.
            if process.watch != nil, self.matches(of: pid) != matches { return remove(pid) }
            if process.watch == nil { planLook() }
        }
        for index in process.matches { watched[index].count -= 1 }
        for index in matches { watched[index].count += 1 }
        process.matches = matches
    }

    private func remove(_ pid: Int32) {
        guard let process = found.removeValue(forKey: pid) else { return }
        forget(process)
        for index in process.matches { watched[index].count -= 1 }
    }

    private func forget(_ process: Found) {
        if let watch = process.watch { loop.remove(watch) }
        process.watch = nil
        process.pidfd = nil
    }

    private func watch(_ pid: Int32, _ process: Found) {
        let number = hasup_pidfd_open(pid)
        guard number >= 0 else { return }
        process.pidfd = Descriptor(owning: number)
        process.watch = try? loop.add(number) { [weak self] _ in
            guard let self else { return }
            self.remove(pid)
            // The next process may have the same number.
            self.look(at: pid)
            self.settle()
        }
    }

    /// The positions of what a process matches; nil when it is gone. A zombie counts for nothing.
    private func matches(of pid: Int32) -> [Int]? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: commandLineMax + nameSize) { bytes -> [Int]? in
            var length = 0
            let name = UnsafeMutableBufferPointer(rebasing: bytes[..<nameSize])
            let line = UnsafeMutableBufferPointer(rebasing: bytes[nameSize...])
            let state = hasup_process_look(pid, name.baseAddress, line.baseAddress, line.count, &length)
            guard state > 0, state != Self.zombie, state != Self.dead else { return nil }
            let words = line.prefix(length).lazy.map { UInt8(bitPattern: $0) }
            let shortName = name.prefix { $0 != 0 }.lazy.map { UInt8(bitPattern: $0) }
            return watched.indices.filter { watched[$0].match.matches(name: shortName, commandLine: words) }
        }
    }

    private let nameSize = Int(HASUP_PROCESS_NAME_SIZE)
    private static let zombie = Int32(UInt8(ascii: "Z"))
    private static let dead = Int32(UInt8(ascii: "X"))

    // MARK: Beginnings

    private func readEvents() {
        guard let number = connectorNumber else { return }
        for _ in 0..<Self.batchesMax {
            switch ProcessConnector.read(number) {
            case .events(let events): for event in events { take(event) }
            case .none: return settle()
            case .lost:
                if !toldOfLosses { log("reports about processes were lost: all of them are looked at") }
                toldOfLosses = true
                isLost = true
                planLook()
            case .failed(let error):
                endReports()
                tellOfLists("\(error)")
                lookAtAll()
                return settle()
            }
        }
        settle()
    }

    private var connectorNumber: Int32? {
        switch connector {
        case .some(let connector): connector.number
        case .none: nil
        }
    }

    private func endReports() {
        if let connectorWatch { loop.remove(connectorWatch) }
        connectorWatch = nil
        connector = nil
    }

    private func take(_ event: ProcessConnector.ProcessEvent) {
        // A child is called like its parent until it executes something.
        guard event.kind != HASUP_PROCESS_FORK || found[event.parent] != nil else { return }
        look(at: event.pid)
    }

    private func tellOfLists(_ reason: String) {
        guard !toldOfLists else { return }
        toldOfLists = true
        log("tracked processes are looked for each second: \(reason)")
    }

    // MARK: All processes

    /// A look is planned when the one that goes on has ended. Not at once: more reports may be lost in a moment.
    private func planLook() {
        guard let listTimer, list == nil, !isPlanned else { return }
        isPlanned = true
        loop.set(listTimer, to: loop.now + Self.period)
    }

    private func lookAtAll() {
        look += 1
        (isPlanned, isLost) = (false, false)
        list = ProcessList()
        if list != nil { return lookAtMore() }
        if !toldOfNoList { log("processes can't be listed: \(SystemError.text(of: errno))") }
        toldOfNoList = true
        planLook()
    }

    /// A part of all processes, or the first one.
    private func lookAtMore() {
        guard let listTimer else { return }
        guard let list else { return lookAtAll() }
        for _ in 0..<Self.looksMax {
            guard let pid = list.next() else { return endLook(list) }
            look(at: pid)
        }
        loop.set(listTimer, to: loop.now)
    }

    private func endLook(_ list: ProcessList) {
        self.list = nil
        for (pid, process) in found where process.look != look && process.watch == nil { remove(pid) }
        if !isComplete, !list.hasFirst {
            log("processes of others are hidden here (proc(5), hidepid): what isn't seen isn't counted")
        }
        isComplete = true
        settle()
        if connectorWatch == nil || isLost || found.values.contains(where: { $0.watch == nil }) { planLook() }
    }

    // MARK: Results

    private func settle() {
        guard isComplete else { return }
        var next = Instant.never
        for index in watched.indices {
            let change =
                watched[index].quorum.counted(watched[index].count, at: loop.now)
                ?? watched[index].quorum.due(at: loop.now)
            if let change {
                onVerdict(watched[index].number, TrackerVerdict(change, detail: watched[index].quorum.detail))
            }
            next = min(next, watched[index].quorum.deadline)
        }
        if let quorumTimer { loop.set(quorumTimer, to: next) }
    }
}

/// The numbers of all processes (proc(5)).
final class ProcessList {
    private let folder: OpaquePointer
    /// True if the first process is among those that were listed.
    private(set) var hasFirst = false

    init?() {
        guard let folder = opendir("/proc") else { return nil }
        self.folder = folder
    }

    deinit { closedir(folder) }

    /// The next one; nil at the end.
    func next() -> Int32? {
        while let entry = readdir(folder) {
            let pid = withUnsafeBytes(of: &entry.pointee.d_name) { Self.number($0) }
            guard let pid else { continue }
            if pid == 1 { hasFirst = true }
            return pid
        }
        return nil
    }

    private static func number(_ name: UnsafeRawBufferPointer) -> Int32? {
        var number: Int32 = 0
        for byte in name {
            guard byte != 0 else { break }
            guard (0x30...0x39).contains(byte), number < 1 << 26 else { return nil }
            number = number * 10 + Int32(byte - 0x30)
        }
        return number > 0 ? number : nil
    }
}
