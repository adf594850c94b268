import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Supervision

/// Tracked files: it tells the numbers in them, and when they change.
///
/// inotify(7) watches each folder and link on the way to a file, and the file. A helper goes that way and reads the file,
/// at the beginning and whenever something on it has changed, because any step of it may be on a file system that never
/// answers.
final class FileWatcher {
    private final class WatchedFile {
        var number: UInt32
        var file: TrackFile
        var schedule: FileReadingSchedule
        var timer: Timer?
        /// True until init_file has been done.
        var isNew: Bool
        var places: Set<FilePlace> = []
        /// The complaint that was logged last.
        var complaint = ""

        init(_ tracked: Tracked<TrackFile>) {
            number = tracked.number
            file = tracked.definition
            schedule = FileReadingSchedule(tracked.verdict.result)
            isNew = tracked.verdict.result == .none && tracked.definition.initialValue != nil
        }

        /// The file in texts.
        var title: String { "file \(file.name) (\(Printable.text(file.path)))" }
    }

    private let loop: EventLoop
    private let inotify: Descriptor
    private var inotifyWatch: Watch?
    private let events = hasup_file_events_create()
    private let helpers: FileProcesses
    private var mounts: MountWatch?
    private var files: [WatchedFile] = []
    /// True if init_file may overwrite.
    private var isStart = false
    /// Mode of files that init_file makes.
    private var mode: UInt32 = 0
    /// True if all files are about to be looked at because of a mount.
    private var isLookPlanned = false
    /// Watches that may be unused.
    private var unused: Set<Int32> = []
    private let onVerdict: VerdictHandler
    private let log: (String) -> Void

    /// - Parameters:
    ///   - onVerdict: takes results that have changed. The detail is what is wrong with the file, if anything is.
    ///   - log: takes a line for the log.
    /// - Throws: `SystemError` when nothing can be watched.
    init(
        on loop: EventLoop, onVerdict: @escaping VerdictHandler, log: @escaping (String) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.onVerdict = onVerdict
        self.log = log
        inotify = try owned(hasup_file_watch_open(), "watch files")
        helpers = FileProcesses(on: loop, inotify: inotify.number)
        inotifyWatch = try loop.add(inotify.number) { [weak self] _ in self?.takeEvents() }
        // A folder that something is mounted on is another one.
        mounts = try? MountWatch(on: loop) { [weak self] in self?.planLook() }
    }

    deinit {
        if let inotifyWatch { loop.remove(inotifyWatch) }
        for file in files { forget(file) }
        hasup_file_events_destroy(events)
    }

    /// Watches these files, and no others; those that have the same path as before go on.
    ///
    /// - Parameters:
    ///   - isStart: true for the first configuration of hasupd's life: init_file may overwrite then.
    ///   - mode: that of files which init_file makes.
    func configure(_ tracked: [Tracked<TrackFile>], isStart: Bool, mode: UInt32) {
        self.isStart = isStart
        self.mode = mode
        var former = files
        files = tracked.map { tracked in
            let definition = tracked.definition
            let same = former.firstIndex { $0.file.name == definition.name && $0.file.path == definition.path }
            guard let same else { return WatchedFile(tracked) }
            let file = former.remove(at: same)
            file.number = tracked.number
            file.file = definition
            return file
        }
        for file in former { forget(file) }
        for file in files where file.timer == nil {
            file.timer = loop.makeTimer { [weak self, unowned file] in
                guard let self else { return }
                self.perform(file.schedule.due(at: self.loop.now), file)
            }
            look(at: file)
        }
        removeUnusedWatches(former.reduce(into: []) { $0.formUnion($1.places) })
    }

    private func forget(_ file: WatchedFile) {
        if let timer = file.timer { loop.remove(timer) }
        file.timer = nil
    }

    // MARK: Events

    private func takeEvents() {
        let count = hasup_file_events_read(inotify.number, events)
        guard count > 0 else { return }
        var changed = Set<FilePlace>()
        var watches = Set<Int32>()
        var isLost = false
        for index in 0..<count {
            var name: UnsafePointer<CChar>?
            let watch = hasup_file_event(events, index, &name)
            isLost = isLost || watch < 0
            let text = name.map { String(cString: $0) } ?? ""
            // Of the folder itself: it is another one now, or isn't there.
            if text.isEmpty { watches.insert(watch) } else { changed.insert(FilePlace(watch: watch, name: text)) }
        }
        let known = Set(files.flatMap { $0.places.map(\.watch) })
        // A watch that nobody knows yet is one of a reading that is under way.
        let isUnknown = !watches.isSubset(of: known) || changed.contains { !known.contains($0.watch) }
        for file in files
        where isLost || (isUnknown && file.schedule.isReading) || !file.places.isDisjoint(with: changed)
            || file.places.contains(where: { watches.contains($0.watch) })
        {
            look(at: file)
        }
    }

    /// Looks at all files a little later: containers mount a lot at once.
    private func planLook() {
        guard !isLookPlanned else { return }
        isLookPlanned = true
        loop.deferWork { [weak self] in
            guard let self else { return }
            self.isLookPlanned = false
            for file in self.files { self.look(at: file) }
        }
    }

    private func look(at file: WatchedFile) { perform(file.schedule.changed(at: loop.now), file) }

    private func perform(_ steps: [FileReadingStep], _ file: WatchedFile) {
        for step in steps {
            switch step {
            case .read: read(file)
            case .report(let number, let detail):
                onVerdict(file.number, TrackerVerdict(.number(number), detail: detail))
            case .reportSilence:
                log("\(file.title): its file system hasn't answered for \(FileReadingSchedule.patience)")
            case .reportAnswer: log("\(file.title): its file system answers again")
            }
        }
        if let timer = file.timer { loop.set(timer, to: file.schedule.deadline) }
    }

    // MARK: Reading

    private func read(_ file: WatchedFile) {
        var task = FileProcesses.Task.read
        if file.isNew, let number = file.file.initialValue {
            let overwrites = file.file.overwrites && isStart
            task = .write(Int32(clamping: number), overwrites: overwrites, mode: mode)
        }
        helpers.ask(task, file.file.path) { [weak self, weak file] answer in
            guard let self else { return }
            // Those that aren't followed any more have no timer.
            guard let file, file.timer != nil else { return self.removeUnusedWatches(Set(answer?.places ?? [])) }
            self.take(answer, of: file)
        }
    }

    private func take(_ answer: FileAnswer?, of file: WatchedFile) {
        guard let answer else {
            complain("it can't be read now: the process that reads it ended or can't be started", file)
            return perform(file.schedule.ended(nil, at: Clock.now), file)
        }
        let former = file.places
        file.places = Set(answer.places)
        let outcome = answer.outcome
        if file.isNew, outcome.write_error != 0 {
            log("\(file.title): init_file can't write it: \(SystemError.text(of: outcome.write_error))")
        }
        file.isNew = false
        complain(outcome.complaint, file)
        let isWatched = outcome.watch_error == 0 && outcome.is_silent == 0
        perform(file.schedule.ended(reading(answer, isWatched: isWatched), at: Clock.now), file)
        if former != file.places { removeUnusedWatches(former) }
    }

    private func reading(_ answer: FileAnswer, isWatched: Bool) -> FileReading {
        let value = TrackedFileValue(answer.bytes)
        let detail =
            switch answer.outcome.error {
            case 0: value.isNumber ? "" : answer.bytes.isEmpty ? "it is empty" : "it doesn't begin with a number"
            case EISDIR: "it is a folder"
            case EINVAL: "it isn't a regular file"
            case let error: SystemError.text(of: error)
            }
        return FileReading(number: detail.isEmpty ? value.number : 0, detail: detail, isWatched: isWatched)
    }

    private func complain(_ complaint: String, _ file: WatchedFile) {
        if !complaint.isEmpty, complaint != file.complaint { log("\(file.title): \(complaint)") }
        file.complaint = complaint
    }

    /// Not while something is read: it may have set the same watch again.
    private func removeUnusedWatches(_ former: Set<FilePlace>) {
        unused.formUnion(former.map(\.watch))
        guard !files.contains(where: { $0.schedule.isReading }) else { return }
        unused.subtract(files.flatMap { $0.places.map(\.watch) })
        for watch in unused { hasup_file_watch_remove(inotify.number, watch) }
        unused = []
    }
}

extension hasup_file_outcome {
    /// The reason that changes may not be told; empty if they are.
    fileprivate var complaint: String {
        guard watch_error != 0 || is_silent != 0 else { return "" }
        let reason = watch_error != 0 ? SystemError.text(of: watch_error) : "its file system doesn't report them"
        return "changes aren't reported (\(reason)); it is read each second"
    }
}

/// Tells when something is mounted or unmounted (proc(5), /proc/PID/mountinfo).
final class MountWatch {
    private let descriptor: Descriptor
    private let loop: EventLoop
    private var watch: Watch?

    /// - Throws: `SystemError`.
    init(on loop: EventLoop, handler: @escaping () -> Void) throws(SystemError) {
        self.loop = loop
        let number = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
        descriptor = try owned(number < 0 ? -errno : number, "watch what is mounted")
        // It is always readable; a change is an error condition.
        watch = try loop.add(number, []) { _ in handler() }
    }

    deinit { if let watch { loop.remove(watch) } }
}
