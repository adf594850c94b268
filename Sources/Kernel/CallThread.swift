import Base
import CLinux
import Glibc
import Reactor

/// The work of a `CallThread`.
protocol CallThreadBody: AnyObject, Sendable {
    /// Does the calls until the thread is to end.
    func run()
}

/// A thread beside an event loop's: kernel calls that may block are done there (docs/decisions, D5, D65). This is what
/// such threads have in common: the lock and the two event counters between them and the loop.
///
/// Start it after the seal, which allows exactly this kind of thread. It runs as SCHED_OTHER whatever its creator is.
///
/// `@unchecked Sendable`: `stopping` is touched only under `lock`, the rest only by the event loop's thread; the
/// descriptors never change.
final class CallThread: @unchecked Sendable {
    /// Bytes of the thread's stack.
    private static let stackSize = 256 << 10

    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let wake: Descriptor
    private let completed: Descriptor
    private var thread = pthread_t()
    private var isJoined = true
    private var stopping = false
    /// It holds no reference: its owner calls `stop` before it goes.
    private unowned(unsafe) var body: (any CallThreadBody)?

    /// - Throws: `SystemError`.
    init() throws(SystemError) {
        completed = try owned(hasup_eventfd_create(), "create an event counter")
        wake = try owned(hasup_eventfd_create(), "create an event counter")
        // The loop's side never waits for this counter; the thread's side does nothing else.
        guard fcntl(wake.number, F_SETFL, 0) == 0 else { throw SystemError(errno, "prepare an event counter") }
        lock = .allocate(capacity: 1)
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        // A realtime loop that waits for the lock lends its priority to the thread that holds it.
        pthread_mutexattr_setprotocol(&attributes, Int32(PTHREAD_PRIO_INHERIT))
        let failed = pthread_mutex_init(lock, &attributes)
        pthread_mutexattr_destroy(&attributes)
        guard failed == 0 else { throw SystemError(failed, "create a lock") }
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    /// Starts it. - Throws: `SystemError`.
    func start(_ body: any CallThreadBody) throws(SystemError) {
        self.body = body
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, Self.stackSize)
        let failed = pthread_create(
            &thread, &attributes,
            { context in
                if let context { Unmanaged<CallThread>.fromOpaque(context).takeUnretainedValue().run() }
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        guard failed == 0 else { throw SystemError(failed, "start the thread for kernel calls") }
        isJoined = false
    }

    // MARK: The event loop's side

    /// Readable when calls are done.
    var descriptor: Int32 { completed.number }

    /// Wakes the thread, which waits in `awaitCalls`.
    func wakeUp() { _ = hasup_eventfd_signal(wake.number) }

    func clearCompleted() { _ = hasup_eventfd_take(completed.number) }

    /// Ends the thread, after what it was given. Blocks until then.
    func stop() {
        guard !isJoined else { return }
        isJoined = true
        withLock { stopping = true }
        wakeUp()
        pthread_join(thread, nil)
    }

    // MARK: Both sides

    func withLock<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body()
    }

    // MARK: The thread's side

    /// True when it is to end after the calls that it has. To be asked under the lock.
    var isStopping: Bool { stopping }

    func awaitCalls() { _ = hasup_eventfd_take(wake.number) }

    func announceCompleted() { _ = hasup_eventfd_signal(completed.number) }

    private func run() {
        // Signals are the event loop's (signalfd); realtime is too.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        _ = hasup_set_realtime(0, 0)
        body?.run()
    }
}
