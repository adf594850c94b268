import Glibc
import Reactor

/// The right to read files whoever they belong to (CAP_DAC_READ_SEARCH, and CAP_DAC_OVERRIDE, which includes it).
package enum ReadRight {
    /// True if the calling process has it.
    package static var isThere: Bool {
        ((try? Capabilities.current(.effective)) ?? []).isDisjoint(with: .reading) == false
    }

    /// Gives it up for what is opened from now on. - Throws: `SystemError`.
    package static func lower() throws(SystemError) { try Capabilities.lower(.reading) }

    /// True if the kernel lets the process read this file as it is now.
    package static func isNeeded(for path: String) -> Bool {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number < 0 else {
            close(number)
            return false
        }
        return errno == EACCES || errno == EPERM
    }
}
