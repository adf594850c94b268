import CLinux
import Glibc

/// A file descriptor with one owner, closed exactly once.
package struct Descriptor: ~Copyable, Sendable {
    /// The number, for calls that borrow it.
    package let number: Int32

    /// Takes ownership of this number.
    package init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// Gives ownership away: the caller closes it.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}

/// A system call that failed, with what it was for: ends up in a sentence.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The error number, as errno(3) has it.
    package let code: Int32
    /// The operation, as it continues "can't …".
    package let operation: String

    /// An error of this number.
    package init(_ code: Int32, _ operation: String) {
        self.code = code
        self.operation = operation
    }

    /// `can't OPERATION: Text of the error`.
    package var description: String { "can't \(operation): \(SystemError.text(of: code))" }

    /// The C library's text for an error number.
    package static func text(of code: Int32) -> String { String(cString: strerror(code)) }
}

/// The result of a CLinux function, which is -errno when it failed. - Throws: `SystemError`.
@discardableResult
package func checked(_ result: Int32, _ operation: @autoclosure () -> String) throws(SystemError) -> Int32 {
    if result < 0 { throw SystemError(-result, operation()) }
    return result
}

/// A new descriptor from a CLinux function. - Throws: `SystemError`.
package func owned(_ result: Int32, _ operation: @autoclosure () -> String) throws(SystemError) -> Descriptor {
    Descriptor(owning: try checked(result, operation()))
}
