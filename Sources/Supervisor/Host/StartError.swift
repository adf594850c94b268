/// Why hasupd doesn't start: an exit status of sysexits(3) and a sentence.
struct StartError: Error {
    enum Status: Int32 {
        case usage = 64
        /// The main file can't be read.
        case noInput = 66
        /// The kernel refused something that is needed.
        case unavailable = 69
        /// Handed over badly: addresses had to be taken from a worker that was gone.
        case software = 70
        case cannotCreate = 73
        /// Another hasupd, or keepalived, runs here.
        case temporary = 75
        /// A privilege is missing without which nothing works.
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
