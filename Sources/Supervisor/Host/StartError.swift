/// The reason that hasupd doesn't start: an exit status of sysexits(3) and a sentence.
struct StartError: Error {
    enum Status: Int32 {
        case usage = 64
        /// The main file can't be read.
        case noInput = 66
        /// The kernel refused something that is needed.
        case unavailable = 69
        /// A worker ended without removing its addresses, and hasupd had to.
        case software = 70
        case cannotCreate = 73
        /// Another hasupd or keepalived runs.
        case temporary = 75
        /// A required privilege is missing.
        case permission = 77
        /// Nothing in the configuration can run.
        case configuration = 78
    }

    let status: Status
    let message: String

    init(_ status: Status, _ message: String) {
        self.status = status
        self.message = message
    }
}
