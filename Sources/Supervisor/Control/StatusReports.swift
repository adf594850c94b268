import Base
import Configuration
import ConfigurationModel
import Control
import Reactor
import Sandbox
import VRRP
import Varlink
import WorkerProtocol

// What status shows, from what the worker told and what the configuration says.

extension InstanceReport {
    /// An instance whose worker told its status, or nil when there is no worker that does.
    ///
    /// - Parameter context: what was known when its last transition was told.
    init(
        _ settings: InstanceSettings, _ status: InstanceStatus?, _ context: TransitionContext = TransitionContext(),
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
        priority = basePriority
        state = "INIT"
        addresses = settings.virtualAddresses.map { AddressReport($0, settings, status) }
        excludedAddresses = settings.excludedAddresses.map { AddressReport($0, settings, status) }
        advertIntervalSeconds = settings.advertInterval.seconds
        faults = settings.faults
        guard let status else {
            faults.append("the VRRP worker doesn't answer: see `hasup status --processes`")
            return
        }
        state = status.state.description
        let age = status.since.age(at: now)
        inStateSeconds = age.seconds
        sinceUnixSeconds = Int((wallNanoseconds - age.nanoseconds) / 1_000_000_000)
        priority = Int(status.priority.rawValue)
        master = status.master?.description
        masterPriority = status.masterPriority.map { Int($0.rawValue) }
        advertIntervalSeconds = max(0, status.advertInterval.seconds)
        lastAdvertAgeSeconds = status.lastAdvertReceived.map { $0.age(at: now).seconds }
        faults += status.faults.filter { $0 != .configuration }.map { $0.text(settings) }
        if status.state == .backup, let waiting = status.waiting {
            // With nopreempt each advert of the master puts it off: it isn't a wait that ends.
            let moment = waiting == .nopreempt ? nil : status.takeoverAt
            whyNotMaster = WaitReport(
                code: waiting.code, text: waiting.sentence(status),
                secondsLeft: moment.map { max(0, ($0 - now).seconds) })
        }
        lastTransition = status.lastTransition.map {
            TransitionReport($0, settings, context, at: status.since, now: now, wallNanoseconds: wallNanoseconds)
        }
        counters = CounterReport(status.counters)
        lastDiscard = status.lastDiscard.map {
            DiscardReport(
                reason: $0.reason.name, text: $0.reason.text($0.detail), source: $0.source.description,
                agoSeconds: $0.at.age(at: now).seconds, recent: now < $0.countsUntil)
        }
        strangers = status.strangers.map { StrangerReport($0, settings, status) }
        unadvertisedAddresses = status.unadvertisedAddresses
        differentAddressesOf = status.differentAddresses.flatMap {
            now < $0.countsUntil ? $0.source.description : nil
        }
        rivals = status.rivals.filter { now < $0.countsUntil }.map {
            RivalReport(
                source: $0.source.description, reason: $0.sign.code, text: $0.sign.sentence(of: $0.source),
                sinceSeconds: $0.since.age(at: now).seconds, agoSeconds: $0.lastHeard.age(at: now).seconds)
        }
        sendFailure = status.sendFailure.map {
            SendFailureReport(
                $0.code == 0 ? "there is no socket" : SystemError.text(of: $0.code),
                sinceSeconds: max(0, (now - $0.since).seconds), silent: $0.isSilent)
        }
    }
}

extension StrangerReport {
    init(_ stranger: ForeignAddress, _ settings: InstanceSettings, _ status: InstanceStatus) {
        self.init()
        address = stranger.prefix.description
        interface = stranger.interface
        silent = stranger.isSilent
        text =
            status.state == .master
            ? stranger.text(serving: settings.virtualAddress(servedBy: stranger, status)) : stranger.text
    }
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
    init(_ address: VirtualAddress, _ settings: InstanceSettings, _ status: InstanceStatus?) {
        self.init(
            address.prefix.description, interface: address.interface ?? settings.interface,
            installed: status?.installedAddresses.contains(address.prefix.address) ?? false,
            foreign: status?.foreignAddresses.contains(address.prefix.address) ?? false)
        if status?.waitingAddresses.contains(address.prefix.address) ?? false {
            obstacle = Observation.missingInterface(interface)
        } else if let unusable = status?.unusableAddresses.first(where: { $0.address == address.prefix.address }) {
            obstacle = unusable.reason(on: interface)
        }
        missing = status?.state == .master && !installed && !foreign && obstacle == nil && !address.isUntracked
    }
}

extension TransitionReport {
    init(
        _ transition: Transition, _ settings: InstanceSettings?, _ context: TransitionContext = TransitionContext(),
        at time: Instant, now: Instant, wallNanoseconds: Int64
    ) {
        self.init()
        from = transition.from.description
        to = transition.to.description
        reason = transition.reason.code
        text = transition.why(settings, context)
        peer = transition.peer?.description
        peerPriority = transition.peerPriority.map { Int($0.rawValue) }
        ownPriority = Int(transition.ownPriority.rawValue)
        lastAdvertAgeSeconds = transition.lastAdvertAge.map { max(0, $0.seconds) }
        let age = time.age(at: now)
        agoSeconds = age.seconds
        unixSeconds = Int((wallNanoseconds - age.nanoseconds) / 1_000_000_000)
    }
}

extension CounterReport {
    init(_ counters: Counters) {
        self.init()
        advertsReceived = counters.advertsReceived
        advertsSent = counters.advertsSent
        releasesReceived = counters.releasesReceived
        releasesSent = counters.releasesSent
        sendFailures = counters.sendFailures
        becameMaster = counters.becameMaster
        leftMaster = counters.leftMaster
        for reason in DiscardReason.allCases where counters.discarded[reason.rawValue] > 0 {
            discarded.add(reason.name, counters.discarded[reason.rawValue])
        }
        for remark in Anomaly.allCases where counters.remarks[remark.rawValue] > 0 {
            remarks.add(remark.name, counters.remarks[remark.rawValue])
        }
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
