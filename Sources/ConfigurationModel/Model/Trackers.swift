import Base

/// The kind of object that a tracker's name refers to.
package enum TrackerKind: UInt8, FieldValue, CaseIterable {
    /// A vrrp_script.
    case script = 1
    /// A track_file.
    case file = 2
    /// A vrrp_track_process.
    case process = 3
    /// A bfd_instance.
    case bfd = 4
}

/// One entry of track_script, track_file, track_process or track_bfd.
package struct Tracker: Record {
    /// Which list of definitions `name` belongs to.
    package var kind: TrackerKind
    /// Name of the definition, which exists.
    package var name: String
    /// Change of the priority; 0 makes a failure a fault. Of a file: factor of its number.
    package var weight: Int
    /// reverse: the sign of what it changes is the other one; with weight 0, success is the fault.
    package var reverse: Bool
    package init(kind: TrackerKind, name: String, weight: Int = 0, reverse: Bool = false) {
        self.kind = kind
        self.name = name
        self.weight = weight
        self.reverse = reverse
    }

    package init() { self.init(kind: .script, name: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &kind)
        try fields.field("", &name)
        try fields.field("weight", &weight, in: Limits.trackerWeight)
        try fields.field("reverse", &reverse)
    }
}

/// The action of a vrrp_script.
package enum TrackCommand: Choice {
    /// Runs a program with arguments; exit status 0 is success.
    case run([String])
    /// `</PATH`: opens a file; that it can be opened is success.
    case open(String)

    package static let cases: [Self] = [.run([]), .open("")]
    package var number: UInt8 { if case .run = self { 0 } else { 1 } }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .run(var words):
            try fields.command("", &words)
            self = .run(words)
        case .open(var path):
            try fields.field("<", &path)
            self = .open(path)
        }
    }
}

/// One vrrp_script block.
package struct TrackScript: Record {
    package var name: String
    package var command: TrackCommand
    /// interval between starts.
    package var interval = Interval.seconds(1)
    /// timeout after which it is killed and has failed; the interval when none is set.
    package var timeout = Interval.seconds(1)
    /// weight for those who don't say another.
    package var weight = 0
    /// reverse for those who don't say another.
    package var reverse = false
    /// rise: successes in a row that make it good.
    package var rise = 1
    /// fall: failures in a row that make it bad.
    package var fall = 1
    /// user; nil for the default (script_user, keepalived_script, or hasupd's own user).
    package var identity: ScriptIdentity?
    /// init_fail: it counts as failed until its first success.
    package var startsFailed = false
    package init(name: String, command: TrackCommand) {
        self.name = name
        self.command = command
    }

    package init() { self.init(name: "", command: .run([])) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.field("script", &command)
        try fields.field("interval", &interval, in: Limits.positive)
        try fields.field("timeout", &timeout, in: Limits.positive)
        try fields.field("weight", &weight, in: Limits.trackerWeight)
        try fields.field("reverse", &reverse)
        try fields.field("rise", &rise, in: Limits.results)
        try fields.field("fall", &fall, in: Limits.results)
        try fields.field("user", &identity)
        try fields.field("init_fail", &startsFailed)
    }
}

/// One track_file block.
package struct TrackFile: Record {
    package var name: String
    /// file: its first whole number is the tracked value.
    package var path: String
    /// weight: factor of the value; with 0 any other value than 0 is a fault.
    package var weight = 1
    /// reverse: the sign is changed.
    package var reverse = false
    /// init_file: what a missing file is created with at start; nil leaves it missing.
    package var initialValue: Int?
    /// `init_file ... overwrite`: an existing file is written at start, too.
    package var overwrites = false
    package init(name: String, path: String) {
        self.name = name
        self.path = path
    }

    package init() { self.init(name: "", path: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.field("file", &path)
        try fields.field("weight", &weight, in: Limits.trackerWeight)
        try fields.field("reverse", &reverse)
        try fields.field("init_file", &initialValue, in: Limits.fileValue)
        try fields.field("overwrite", &overwrites)
    }
}

/// The comparison of a process's parameters with those that are looked for.
package enum ParameterMatch: UInt8, FieldValue {
    /// All of them, in order.
    case exact = 0
    /// The first ones, and of the last of them its beginning.
    case initial = 1
    /// The first ones.
    case partial = 2
}

/// One vrrp_track_process block.
package struct TrackProcess: Record {
    package var name: String
    /// process: path or name of the program.
    package var process: String
    /// Words after it.
    package var parameters: [String] = []
    /// param_match; nil for the parameters that `process` has, if it has any.
    package var match: ParameterMatch?
    /// full_command: the first word of the command line is looked at, not only the kernel's 15 bytes of the name.
    package var usesFullCommand = false
    /// weight for those who don't say another.
    package var weight = 0
    /// reverse for those who don't say another.
    package var reverse = false
    /// quorum: fewest processes for success.
    package var quorum = 1
    /// quorum_max: most processes for success; nil for no limit.
    package var quorumMaximum: Int?
    /// fork_delay: the quorum has to last this long before it counts.
    package var forkDelay = Interval.zero
    /// terminate_delay: the lack of a quorum has to last this long before it counts.
    package var terminateDelay = Interval.zero
    package init(name: String, process: String) {
        self.name = name
        self.process = process
    }

    package init() { self.init(name: "", process: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.field("process", &process)
        try fields.list("", &parameters)
        try fields.field("param_match", &match)
        try fields.field("full_command", &usesFullCommand)
        try fields.field("weight", &weight, in: Limits.trackerWeight)
        try fields.field("reverse", &reverse)
        try fields.field("quorum", &quorum, in: Limits.processes)
        try fields.field("quorum_max", &quorumMaximum, in: Limits.processes)
        try fields.field("fork_delay", &forkDelay)
        try fields.field("terminate_delay", &terminateDelay)
    }

    /// True if the command line decides, and not the kernel's name alone.
    package var looksAtCommandLine: Bool { usesFullCommand || match != nil || !parameters.isEmpty }
}

/// One bfd_instance block (RFC 5880, 5881, 5883).
package struct BFDSession: Record {
    /// The block's name, at most 31 bytes.
    package var name: String
    package var neighbor: IPAddress
    /// source_ip; nil lets the kernel choose.
    package var source: IPAddress?
    /// min_rx: Required Min RX Interval.
    package var minimumReceive = Interval.milliseconds(10)
    /// min_tx: Desired Min TX Interval.
    package var minimumTransmit = Interval.milliseconds(10)
    /// idle_tx: interval while the session isn't up, at least 1 s.
    package var idleTransmit = Interval.seconds(1)
    /// multiplier: Detect Mult.
    package var multiplier = 5
    /// passive: the neighbour begins.
    package var isPassive = false
    /// ttl or hoplimit of what is sent.
    package var timeToLive: UInt8
    /// max_hops that a packet may have travelled; nil for any number.
    package var maximumHops: UInt8? = 0
    /// multihop: port 4784 (RFC 5883) instead of 3784.
    package var isMultihop = false
    /// weight for those who don't say another.
    package var weight = 0
    /// reverse for those who don't say another.
    package var reverse = false
    /// True if instances may track it (`checker` alone excludes them).
    package var servesVRRP = true
    /// True if real servers may be checked by it (`vrrp` alone excludes them).
    package var servesCheckers = true
    package init(name: String, neighbor: IPAddress) {
        self.name = name
        self.neighbor = neighbor
        timeToLive = neighbor.family == .ipv4 ? 255 : 64
    }

    package init() { self.init(name: "", neighbor: IPAddress(v4: 0)) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.field("neighbor_ip", &neighbor)
        try fields.field("source_ip", &source)
        try fields.field("min_rx", &minimumReceive, in: Limits.positive)
        try fields.field("min_tx", &minimumTransmit, in: Limits.positive)
        try fields.field("idle_tx", &idleTransmit)
        try fields.field("multiplier", &multiplier, in: 1...255)
        try fields.field("passive", &isPassive)
        try fields.field("ttl", &timeToLive, in: 1...255)
        try fields.field("max_hops", &maximumHops)
        try fields.field("multihop", &isMultihop)
        try fields.field("weight", &weight, in: Limits.trackerWeight)
        try fields.field("reverse", &reverse)
        try fields.field("vrrp", &servesVRRP)
        try fields.field("checker", &servesCheckers)
    }
}
