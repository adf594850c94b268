import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor

/// Opens the files of scripts of the form `</PATH`, without a process. A file system that doesn't answer keeps a thread,
/// and the files of others are opened by the next one.
final class FileOpener {
    /// Time after which a file that still waits for a thread gets another one.
    private static let patience = Interval.milliseconds(50)

    private let opener: OpaquePointer
    private let loop: EventLoop
    private let onResult: (UInt64, Int32) -> Void
    private var watch: Watch?
    private var timer: Timer?
    private var isArmed = false

    /// - Parameter onResult: called with the number of the file, and 0 or the errno of open(2).
    /// - Throws: `SystemError`.
    init(on loop: EventLoop, onResult: @escaping (UInt64, Int32) -> Void) throws(SystemError) {
        guard let opener = hasup_opener_create() else { throw SystemError(ENOMEM, "prepare to open files") }
        self.opener = opener
        self.loop = loop
        self.onResult = onResult
        watch = try loop.add(hasup_opener_descriptor(opener)) { [unowned self] _ in self.takeAll() }
        timer = loop.makeTimer { [unowned self] in
            self.isArmed = false
            if hasup_opener_help(self.opener) > 0 { self.arm() }
        }
    }

    /// Opens a file as this account. Returns 0, or an errno if it isn't tried.
    func open(_ path: String, as account: ScriptAccount, number: UInt64) -> Int32 {
        let result = hasup_opener_open(
            opener, number, path, account.uid, account.gid, account.groups, Int32(account.groups.count))
        if result == 0 { arm() }
        return -result
    }

    private func arm() {
        guard !isArmed, let timer else { return }
        isArmed = true
        loop.set(timer, to: loop.now + Self.patience)
    }

    private func takeAll() {
        var number: UInt64 = 0
        var error: Int32 = 0
        while hasup_opener_take(opener, &number, &error) == 1 { onResult(number, error) }
    }
}
