import CLibcap
import Glibc
import Reactor

/// The capabilities that programs get which the calling process executes, when it isn't uid 0: its ambient set
/// (capabilities(7)). For uid 0 it is empty: root's programs get what is in the bounding set.
package enum AmbientCapabilities {
    package static var current: CapabilitySet { Capabilities.ambient() }

    /// Passes on these of the capabilities that the process has, and no others. - Throws: `SystemError`.
    package static func set(_ wanted: CapabilitySet) throws(SystemError) {
        try Capabilities.clearAmbient()
        guard let state = cap_get_proc() else { throw SystemError(errno, "read the capabilities") }
        defer { cap_free(UnsafeMutableRawPointer(state)) }
        let numbers = wanted.intersection(try Capabilities.current(.permitted)).numbers
        // Only what is inheritable, too, can be ambient.
        guard cap_clear_flag(state, CAP_INHERITABLE) == 0,
            numbers.isEmpty || cap_set_flag(state, CAP_INHERITABLE, Int32(numbers.count), numbers, CAP_SET) == 0,
            cap_set_proc(state) == 0
        else { throw SystemError(errno, "pass to programs the capabilities \(wanted)") }
        for number in numbers where cap_set_ambient(number, CAP_SET) != 0 {
            throw SystemError(errno, "pass to programs the capability \(CapabilitySet(number: number))")
        }
    }

    /// Passes on nothing. - Throws: `SystemError`.
    package static func clear() throws(SystemError) { try set([]) }
}
