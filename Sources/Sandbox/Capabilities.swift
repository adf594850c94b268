import CLibcap
import CLinux
import Glibc
import Reactor

/// The calling thread's capability sets (capabilities(7)), by libcap. A process that changes them must still have one
/// thread: each thread has its own.
enum Capabilities {
    enum Kind { case permitted, effective, inheritable }

    /// One of the sets, read from the kernel. - Throws: `SystemError`.
    static func current(_ kind: Kind) throws(SystemError) -> CapabilitySet {
        guard let state = cap_get_proc() else { throw SystemError(errno, "read the capabilities") }
        defer { cap_free(UnsafeMutableRawPointer(state)) }
        var result: CapabilitySet = []
        for number in 0..<count {
            var value = CAP_CLEAR
            if cap_get_flag(state, number, kind.flag, &value) == 0, value == CAP_SET {
                result.insert(CapabilitySet(number: number))
            }
        }
        return result
    }

    /// Sets permitted and effective to these and empties inheritable. - Throws: `SystemError`.
    static func limit(to wanted: CapabilitySet) throws(SystemError) {
        guard let state = cap_init() else { throw SystemError(errno, "prepare the capabilities") }
        defer { cap_free(UnsafeMutableRawPointer(state)) }
        let numbers = wanted.numbers.filter { $0 < count }
        if !numbers.isEmpty {
            let size = Int32(numbers.count)
            guard cap_set_flag(state, CAP_PERMITTED, size, numbers, CAP_SET) == 0,
                cap_set_flag(state, CAP_EFFECTIVE, size, numbers, CAP_SET) == 0
            else { throw SystemError(errno, "prepare the capabilities") }
        }
        if cap_set_proc(state) != 0 { throw SystemError(errno, "limit the capabilities to \(wanted)") }
    }

    /// Takes these out of the effective set; they can be taken up again. - Throws: `SystemError`.
    static func lower(_ unwanted: CapabilitySet) throws(SystemError) {
        guard let state = cap_get_proc() else { throw SystemError(errno, "read the capabilities") }
        defer { cap_free(UnsafeMutableRawPointer(state)) }
        let numbers = unwanted.numbers.filter { $0 < count }
        guard cap_set_flag(state, CAP_EFFECTIVE, Int32(numbers.count), numbers, CAP_CLEAR) == 0,
            cap_set_proc(state) == 0
        else { throw SystemError(errno, "lower the capabilities \(unwanted)") }
    }

    /// The capabilities that a program that is executed could get back at most.
    static func bounding() -> CapabilitySet {
        var result: CapabilitySet = []
        for number in 0..<count where cap_get_bound(number) > 0 { result.insert(CapabilitySet(number: number)) }
        return result
    }

    /// Drops everything else from the bounding set. - Throws: `SystemError`.
    static func limitBounding(to wanted: CapabilitySet) throws(SystemError) {
        for number in bounding().subtracting(wanted).numbers where cap_drop_bound(number) != 0 {
            throw SystemError(errno, "drop \(CapabilitySet(number: number)) from the bounding set")
        }
    }

    /// The capabilities that a program that is executed would get from us without privilege of its own.
    static func ambient() -> CapabilitySet {
        var result: CapabilitySet = []
        for number in 0..<count where cap_get_ambient(number) > 0 { result.insert(CapabilitySet(number: number)) }
        return result
    }

    /// Empties the ambient set. - Throws: `SystemError`.
    static func clearAmbient() throws(SystemError) {
        if cap_reset_ambient() != 0 { throw SystemError(errno, "clear the ambient capabilities") }
    }

    /// Capabilities that this kernel knows, at most 64.
    private static var count: Int32 { min(cap_max_bits(), 64) }
}

extension Capabilities.Kind {
    fileprivate var flag: cap_flag_t {
        switch self {
        case .permitted: CAP_PERMITTED
        case .effective: CAP_EFFECTIVE
        case .inheritable: CAP_INHERITABLE
        }
    }
}
