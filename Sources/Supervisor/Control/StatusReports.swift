import Base
import Configuration
import ConfigurationModel
import Control
import Reactor
import Sandbox
import Supervision
import VRRP
import Varlink
import WorkerProtocol

// The reports of the control socket, from what the worker reports and the configuration says.

extension InstanceReport {
    /// - Parameters:
    ///   - answer: the worker's; nil if it doesn't answer.
    ///   - context: the context of its last transition.
    init(
        _ settings: InstanceSettings, _ answer: InstanceStatus?, _ context: TransitionContext = TransitionContext(),
        now: Instant,
        wallNanoseconds: Int64
    ) {
        self.init()
        name = settings.name
        interface = settings.interface
        vrid = Int(settings.virtualRouterID?.rawValue ?? 0)
        version = Int(settings.version.rawValue)
        family = settings.family == .ipv4 ? "ipv4" : "ipv6"
        basePriority = Int(settings.priority.rawValue)
        status = answer ?? InstanceStatus(priority: settings.priority, advertInterval: settings.advertInterval)
        addresses = settings.virtualAddresses.map { AddressReport($0, settings, status) }
        excludedAddresses = settings.excludedAddresses.map { AddressReport($0, settings, status) }
        faults = settings.faults
        trackers = settings.trackers.map {
            TrackerUseReport($0.kind.title, $0.name, weight: $0.weight, reverse: $0.reverse)
        }
        guard answer != nil else {
            faults.append("the VRRP worker doesn't answer: see `hasup status --processes`")
            return
        }
        // Nothing is older than the boot, whatever the worker says.
        let sinceBoot = now - Instant(nanoseconds: 0)
        status.timeInState = min(status.timeInState, sinceBoot)
        status.lastAdvertAge = status.lastAdvertAge.map { min($0, sinceBoot) }
        sinceUnixSeconds = Int((wallNanoseconds - status.timeInState.nanoseconds) / 1_000_000_000)
        faults += status.faults.filter { $0 != .configuration }.map { $0.text(settings) }
        if status.state == .backup, let waiting = status.waiting {
            // With nopreempt each advert of the master puts it off: it isn't a wait that ends.
            let left = waiting == .nopreempt ? nil : status.takeover
            whyNotMaster = WaitReport(code: waiting.name, text: waiting.sentence(status), secondsLeft: left?.seconds)
        }
        lastTransition = status.lastTransition.map {
            TransitionReport($0, settings, context, age: status.timeInState, wallNanoseconds: wallNanoseconds)
        }
        status.explain(settings)
    }
}

extension OrderReport {
    init(_ entry: OrderTable.Entry, wallNanoseconds: Int64) {
        self.init()
        order = entry.order.kind.word
        group = entry.order.subject.kind == .group ? entry.order.subject.name : nil
        uid = Int(entry.uid)
        unixSeconds = Int(entry.wallNanoseconds / 1_000_000_000)
        agoSeconds = max(0, Double(wallNanoseconds - entry.wallNanoseconds) / 1e9)
        text = entry.text
    }
}

extension InstanceStatus {
    /// Adds the texts for people.
    fileprivate mutating func explain(_ settings: InstanceSettings) {
        lastDiscard?.explain()
        for index in strangers.indices {
            strangers[index].text =
                state == .master
                ? strangers[index].text(serving: settings.virtualAddress(servedBy: strangers[index], self))
                : strangers[index].sentence
        }
        for index in rivals.indices {
            rivals[index].reason = rivals[index].sign.code
            rivals[index].text = rivals[index].sign.sentence(of: rivals[index].source)
        }
        if let failure = sendFailure {
            sendFailure?.text = failure.code == 0 ? "there is no socket" : SystemError.text(of: failure.code)
        }
    }
}

extension InstanceStatistics {
    /// - Parameter answer: the worker's.
    init(_ settings: InstanceSettings, _ answer: InstanceStatus?) {
        let counters = answer?.counters ?? Counters()
        self.init(name: settings.name, counters: counters, keepalived: KeepalivedCounters(counters, settings))
    }
}

extension LastDiscard {
    mutating func explain() { text = reason.text(detail) }
}

extension InstanceSettings {
    /// The virtual address that a MASTER serves by an address that isn't its own: the kernel has no IPv6 address with two
    /// lengths on an interface.
    fileprivate func virtualAddress(servedBy stranger: ForeignAddress, _ status: InstanceStatus) -> VirtualAddress? {
        let address = stranger.prefix.address
        guard status.foreignAddresses.contains(address) else { return nil }
        return (virtualAddresses + excludedAddresses).first {
            $0.prefix.address == address && ($0.interface ?? interface) == stranger.interface
                && ($0.prefix.length == stranger.prefix.length || address.family == .ipv6)
        }
    }
}

extension AddressReport {
    init(_ address: VirtualAddress, _ settings: InstanceSettings, _ status: InstanceStatus) {
        let plain = address.prefix.address
        self.init(
            address.prefix.description, interface: address.interface ?? settings.interface,
            installed: status.installedAddresses.contains(plain), foreign: status.foreignAddresses.contains(plain))
        if status.waitingAddresses.contains(plain) {
            obstacle = Observation.missingInterface(interface)
        } else if let unusable = status.unusableAddresses.first(where: { $0.address == plain }) {
            obstacle = unusable.reason(on: interface)
        }
        missing =
            status.state == .master && !status.awaitsAddresses && !installed && !foreign && obstacle == nil
            && !address.isUntracked
    }
}

extension TransitionReport {
    init(
        _ transition: Transition, _ settings: InstanceSettings?, _ context: TransitionContext = TransitionContext(),
        age: Interval, wallNanoseconds: Int64
    ) {
        self.init()
        from = transition.from.name
        to = transition.to.name
        reason = transition.reason.code
        text = transition.why(settings, context)
        peer = transition.peer?.description
        peerPriority = transition.peerPriority.map { Int($0.rawValue) }
        ownPriority = Int(transition.ownPriority.rawValue)
        lastAdvertAgeSeconds = transition.lastAdvertAge.map { max(0, $0.seconds) }
        agoSeconds = age.seconds
        unixSeconds = Int((wallNanoseconds - age.nanoseconds) / 1_000_000_000)
    }
}

extension TrackerReport {
    /// - Parameter entry: what is known of it.
    init(_ object: TrackedObject, _ entry: TrackerTable.Entry?, now: Instant, wallNanoseconds: Int64) {
        self.init()
        kind = object.kind.title
        name = object.name
        guard let entry, entry.verdict.result != .none else { return }
        if case .number(let number) = entry.verdict.result { value = Int(number) }
        state = value == nil ? entry.verdict.result.word : "VALUE"
        let age = entry.since.age(at: now)
        inStateSeconds = age.seconds
        sinceUnixSeconds = Int((wallNanoseconds - age.nanoseconds) / 1_000_000_000)
        count = Int(entry.verdict.count)
        streak = Int(entry.verdict.streak)
        lastResult = entry.verdict.detail
    }
}

extension DiagnosticReport {
    init(_ diagnostic: Diagnostic) {
        self.init()
        switch diagnostic.severity {
        case .note: severity = "note"
        case .warning: severity = "warning"
        case .error: severity = "error"
        }
        message = diagnostic.message
        file = diagnostic.location?.file
        line = diagnostic.location?.line
        column = diagnostic.location?.column
        length = diagnostic.length
        sourceLine = diagnostic.sourceLine
        code = diagnostic.code.rawValue
        includedFrom = diagnostic.includedFrom.map { PlaceReport(file: $0.file, line: $0.line) }
    }
}

extension ProcessReport {
    /// A process as the kernel shows it; nil pid for a worker that isn't there. `users` are the names that are known:
    /// asking for others could block. Of what only the process itself can tell, `seal` is what it has said.
    init(
        role: String, pid: Int32?, restarts: Int, since: Instant?, stamp: Instant?, now: Instant, note: String?,
        users: [UInt32: String], seal: SandboxReport
    ) {
        self.init()
        self.role = role
        self.restarts = restarts
        self.note = note
        guard let pid else {
            self.note = note ?? "not running"
            return
        }
        self.pid = Int(pid)
        uptimeSeconds = since?.age(at: now).seconds ?? 0
        loopStampAgeSeconds = stamp?.age(at: now).seconds
        do throws(SystemError) {
            let process = try ProcessInspection(pid: pid)
            uid = Int(process.uid)
            gid = Int(process.gid)
            user = users[process.uid]
            capabilities = process.effective.nameList
            seccomp = ["disabled", "strict", "filter"][min(max(process.seccompMode, 0), 2)]
            noNewPrivileges = process.hasNoNewPrivileges
            residentBytes = process.residentKilobytes * 1024
            boundingSet = process.bounding.nameList
            coreLimitBytes = process.coreLimit.map { Int(clamping: $0) }
            landlock = seal.isConfined
            dumpable = process.isDumpable ?? seal.isDumpable
            workingDirectory = seal.workingDirectory.isEmpty ? nil : seal.workingDirectory
        } catch {
            self.note = error.description
        }
    }
}
