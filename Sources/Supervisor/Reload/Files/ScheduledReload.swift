import Base
import Glibc
import Logging
import Reactor
import Supervision

/// Watches reload_time_file, and reloads at its time, which `ReloadSchedule` computes.
final class ScheduledReload {
    private let loop: EventLoop
    private let log: Logger
    private let reload: () -> Void
    private var path: String?
    private var schedule = ReloadSchedule(repeats: false)
    private var watch: FileWatch?
    private var timer: Timer?
    /// The fault that prevents a schedule, a sentence.
    private var failure: String?

    /// Nothing is scheduled. - Parameter reload: called at the time of a reload.
    init(on loop: EventLoop, log: Logger, reload: @escaping () -> Void) {
        self.loop = loop
        self.log = log
        self.reload = reload
        timer = loop.makeTimer { [unowned self] in self.step() }
    }

    /// The time of the next reload, in seconds since 1970; nil when none is scheduled.
    var due: Int64? { schedule.due }

    /// A sentence for status; nil without a fault.
    var problem: String? {
        if let failure { return failure }
        guard let path, let refusal = schedule.refusal else { return nil }
        return "reload_time_file \(path) is ignored: \(refusal)."
    }

    /// Follows the paths of a new configuration. A schedule of the same file stays.
    func follow(_ paths: ReloadPaths) {
        guard paths.timeFile != path || paths.repeats != schedule.repeats || paths.timeFile != nil && watch == nil
        else {
            return
        }
        path = paths.timeFile
        schedule = ReloadSchedule(repeats: paths.repeats)
        watch = nil
        failure = nil
        if let timer { loop.set(timer, to: .never) }
        guard let path else { return }
        // The time zone may have been changed since the last configuration.
        tzset()
        do throws(SystemError) {
            watch = try FileWatch(path: path, on: loop) { [unowned self] change in
                switch change {
                case .file: self.look()
                case .folderGone: self.folderGone()
                }
            }
            look()
        } catch {
            fail("no reload is scheduled by reload_time_file: \(error). Reload to try again.")
        }
    }

    private func fail(_ sentence: String) {
        failure = sentence
        log.warning("\(sentence)")
    }

    private func folderGone() {
        guard let path else { return }
        watch = nil
        schedule = ReloadSchedule(repeats: schedule.repeats)
        if let timer { loop.set(timer, to: .never) }
        fail("the scheduled reload is cancelled: the folder of reload_time_file \(path) is gone. Reload to try again.")
    }

    private func look() {
        guard let path else { return }
        let content = Self.content(of: path)
        switch schedule.look(at: content, now: Clock.wallNanoseconds / 1_000_000_000, offset: Self.offset) {
        case .none: break
        case .scheduled(let moment):
            log.notice("a reload is scheduled for \(Self.text(of: moment)) by \(path)")
        case .cancelled: log.notice("the scheduled reload is cancelled: \(path) is gone")
        case .passed: log.notice("no reload is scheduled: the time in \(path) has passed")
        case .refused(let reason): log.error("ignoring \(path): \(reason)")
        }
        step()
    }

    private func step() {
        guard let timer else { return }
        let wall = Clock.wallNanoseconds
        switch schedule.step(nanoseconds: wall, offset: Self.offset) {
        case .idle: loop.set(timer, to: .never)
        case .wait(let interval): loop.set(timer, to: Clock.now + interval)
        case .reload(let removesFile):
            log.notice("starting the scheduled reload")
            if removesFile { remove() }
            reload()
            // For a time of every day, the next one.
            step()
        }
    }

    private func remove() {
        guard let path, unlink(path) != 0, errno != ENOENT else { return }
        fail("can't remove reload_time_file \(path): \(SystemError.text(of: errno)). Its time isn't used again.")
    }

    /// Returns the first bytes: more than any time has.
    private static func content(of path: String) -> ReloadTimeFile {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else {
            switch errno {
            case ENOENT: return .absent
            case ELOOP: return .unreadable("it is a symbolic link")
            default: return .unreadable("it can't be read (\(SystemError.text(of: errno)))")
            }
        }
        let file = Descriptor(owning: number)
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return .unreadable("it isn't an ordinary file")
        }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(file.number, &bytes, bytes.count)
        guard count >= 0 else { return .unreadable("it can't be read (\(SystemError.text(of: errno)))") }
        return .bytes(Array(bytes[..<count]))
    }

    /// Seconds that local time is ahead of UTC.
    private static func offset(_ moment: Int64) -> Int64 {
        var seconds = time_t(moment)
        var parts = tm()
        return localtime_r(&seconds, &parts) == nil ? 0 : Int64(parts.tm_gmtoff)
    }

    private static func text(of moment: Int64) -> String {
        var seconds = time_t(moment)
        var parts = tm()
        var buffer = [CChar](repeating: 0, count: 64)
        guard localtime_r(&seconds, &parts) != nil else { return "\(moment)" }
        let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S %Z", &parts)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
