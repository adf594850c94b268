import Base
import ConfigurationModel

// What follows from a verdict: for the check, for its servers, for their services.
extension Checker {
    mutating func take(
        _ verdict: CheckVerdict, of number: Int, _ duration: Interval, at now: Instant,
        into actions: inout [CheckerAction]
    ) {
        guard isRunning(number) else { return }
        checks[number]?.isRunning = false
        checks[number]?.isLate = false
        checks[number]?.record.duration = duration
        guard verdict.outcome != .untried else { return takeUntried(verdict, number, at: now, into: &actions) }
        guard let before = checks[number]?.record else { return }
        checks[number]?.record.lastVerdict = now
        checks[number]?.record.isUntried = false
        if verdict.outcome == .passed {
            takePassed(verdict, number, at: now)
        } else {
            takeFailed(verdict, number, at: now, into: &actions)
        }
        settle(number, since: before, at: now, into: &actions)
    }

    private mutating func takePassed(_ verdict: CheckVerdict, _ number: Int, at now: Instant) {
        if checks[number]?.pass(verdict) == true {
            set(number, to: now)
        } else {
            setRegularStart(number, at: now)
        }
    }

    private mutating func takeFailed(
        _ verdict: CheckVerdict, _ number: Int, at now: Instant, into actions: inout [CheckerAction]
    ) {
        guard var check = checks[number], let schedule = check.settings.schedule else { return }
        check.record.reason = verdict.reason
        check.record.detail = verdict.detail
        check.record.isConfirming = false
        if check.record.state == .up, check.record.retriesLeft > 0 {
            check.record.retriesLeft -= 1
            checks[number] = check
            logAttempt(check, into: &actions)
            // On its grid, but not before its time.
            return set(number, to: now + schedule.delayBeforeRetry)
        }
        // The first verdict is final: there are no retries before it.
        if check.record.state != .down { check.record.lastChange = now }
        check.record.state = .down
        check.record.retriesLeft = UInt16(clamping: schedule.retries)
        checks[number] = check
        setRegularStart(number, at: now)
    }

    private func logAttempt(_ check: Check, into actions: inout [CheckerAction]) {
        for user in users(of: check) where services[user.service].uses[user.use].logsAllFailures {
            actions.append(
                .observe(
                    .failed(
                        service: UInt32(user.service), server: UInt32(user.server), check.record.reason,
                        detail: check.record.detail, retriesLeft: check.record.retriesLeft)))
        }
    }

    /// Intervals without a verdict after which that is logged.
    private static let untriedRounds: Int64 = 3

    /// It says nothing about the server, which stays as it is.
    private mutating func takeUntried(
        _ verdict: CheckVerdict, _ number: Int, at now: Instant, into actions: inout [CheckerAction]
    ) {
        guard var check = checks[number], let phase = phase(of: number) else { return }
        check.record.isUntried = true
        check.record.reason = verdict.reason
        check.record.detail = verdict.detail
        let since = check.record.lastVerdict ?? check.record.lastChange ?? now
        // The time of the first attempt is kept as long as there is no verdict.
        if check.record.lastVerdict == nil { check.record.lastChange = since }
        let isLong = now - since >= phase.interval * Self.untriedRounds
        if isLong, check.complaint.admits(at: now) {
            for user in users(of: check) {
                actions.append(
                    .observe(
                        .untried(
                            service: UInt32(user.service), server: UInt32(user.server), verdict.reason,
                            detail: verdict.detail)))
            }
        }
        checks[number] = check
        setRegularStart(number, at: now)
        actions.append(.keep(check: number))
    }

    // MARK: Files

    mutating func take(file name: String, at now: Instant, into actions: inout [CheckerAction]) {
        for number in checks.indices {
            guard let check = checks[number], case .file(let file) = check.settings.kind, file.tracker == name else {
                continue
            }
            judgeFile(number, at: now)
            settle(number, since: check.record, at: now, into: &actions)
        }
    }

    /// A value times its weight at or below this is a failure.
    private static let faultLimit = -Limits.weight.upperBound

    /// The verdict on a tracked file's value: of weight 0 any value but 0 is a failure, else one at the limit.
    mutating func judgeFile(_ number: Int, at now: Instant) {
        guard var check = checks[number], case .file(let file) = check.settings.kind,
            let value = fileValues[file.tracker]
        else { return }
        let weight = Int64(file.isReversed ? -file.weight : file.weight)
        let (product, overflows) = value.multipliedReportingOverflow(by: weight)
        let isFailure =
            if weight == 0 { (value != 0) != file.isReversed } else {
                overflows ? (value < 0) != (weight < 0) : product <= Int64(Self.faultLimit)
            }
        check.record.state = isFailure ? .down : .up
        check.record.reason = isFailure ? .fileValue : .none
        check.record.detail = Int32(clamping: value)
        check.record.weight = Int32(clamping: value)
        check.record.lastVerdict = now
        checks[number] = check
    }

    // MARK: Servers and services

    /// Draws the consequences of a changed record for its users.
    private mutating func settle(
        _ number: Int, since before: CheckRecord, at now: Instant, into actions: inout [CheckerAction]
    ) {
        guard let record = checks[number]?.record else { return }
        let hasChanged = record.state != before.state || record.weight != before.weight
        if hasChanged { checks[number]?.record.lastChange = now }
        // Before it is told: whoever dies in between leaves what was about to be told (docs/decisions, D73).
        actions.append(.keep(check: number))
        guard hasChanged, let places = checks[number]?.users else { return }
        for user in users[places] {
            let wasUp = services[user.service].servers[user.server].isUp
            judge(user.service, user.server, into: &actions)
            observeTurn(of: user, from: before.state, wasUp, record, into: &actions)
        }
    }

    /// A server stays down although one of its checks failed or passes again.
    private func observeTurn(
        of user: CheckUser, from state: CheckRecord.State, _ wasUp: Bool, _ record: CheckRecord,
        into actions: inout [CheckerAction]
    ) {
        let server = services[user.service].servers[user.server]
        let use = services[user.service].uses[user.use]
        guard server.isUp == wasUp, isFailing(use, state) != isFailing(use) else { return }
        actions.append(
            .observe(
                .turned(
                    service: UInt32(user.service), server: UInt32(user.server), record.reason, detail: record.detail,
                    isPassing: !isFailing(use))))
    }

    private mutating func judge(_ place: Int, _ number: Int, into actions: inout [CheckerAction]) {
        let before = services[place].servers[number]
        refresh(place, number)
        let after = services[place].servers[number]
        let isFirst = takeFirstNotification(place, number)
        let notifies = after.isUp != before.isUp || isFirst
        tell(place, number, notifies: notifies, into: &actions)
        guard after.isUp != before.isUp || after.weight != before.weight else { return }
        let hasQuorum = quorum(of: place)
        guard hasQuorum != services[place].hasQuorum else { return }
        services[place].hasQuorum = hasQuorum
        tell(place, notifies: true, into: &actions)
    }

    private func isFailing(_ use: CheckUse) -> Bool { isFailing(use, record(of: use.check)?.state) }

    private func isFailing(_ use: CheckUse, _ state: CheckRecord.State?) -> Bool {
        switch state {
        case .up, nil: false
        case .down: true
        case .unknown: use.assumesFailure
        }
    }

    private func isProven(_ place: Int, _ server: CheckedServer) -> Bool {
        uses(place, server).allSatisfy { record(of: $0.check)?.state != .unknown }
    }

    private static let sumMax = 1 << 40

    /// Finds out anew whether a server is up, and its weight.
    mutating func refresh(_ place: Int, _ number: Int) {
        let server = services[place].servers[number]
        services[place].servers[number].isUp = !uses(place, server).contains(where: isFailing)
        var weight = server.ordinaryWeight
        for use in uses(place, server) {
            guard let value = record(of: use.check)?.weight else { continue }
            switch use.factor {
            case .none: break
            case .replaces: weight += Int(value) - server.ordinaryWeight
            // Several of these must not overflow together.
            case .adds(let factor): weight += min(max(Int(value) * factor, -Self.sumMax), Self.sumMax)
            }
        }
        services[place].servers[number].weight = min(max(weight, 0), Limits.weight.upperBound)
        services[place].liveWeight += services[place].servers[number].liveWeight - server.liveWeight
    }

    /// True once: when the first state is to be notified and each check has had a verdict.
    mutating func takeFirstNotification(_ place: Int, _ number: Int) -> Bool {
        let server = services[place].servers[number]
        guard server.owesFirstNotification, isProven(place, server) else { return false }
        services[place].servers[number].owesFirstNotification = false
        return true
    }

    func quorum(of place: Int) -> Bool {
        let service = services[place]
        return QuorumRule(service.settings).isMet(
            live: service.liveWeight, total: service.totalWeight, wasMet: service.hasQuorum)
    }

    // MARK: Telling

    mutating func tell(_ place: Int, _ number: Int, notifies: Bool, into actions: inout [CheckerAction]) {
        let server = services[place].servers[number]
        var standing = ServerStanding(
            service: UInt32(place), server: UInt32(number), isUp: server.isUp, isProven: isProven(place, server),
            weight: UInt32(server.weight))
        if let failing = uses(place, server).first(where: isFailing), let record = record(of: failing.check) {
            standing.reason = record.reason
            standing.detail = record.detail
        }
        if notifies { standing.notification = nextNotification() }
        actions.append(.tell(.server(standing)))
    }

    mutating func tell(_ place: Int, notifies: Bool, into actions: inout [CheckerAction]) {
        var standing = ServiceStanding(service: UInt32(place), hasQuorum: services[place].hasQuorum)
        if notifies { standing.notification = nextNotification() }
        actions.append(.tell(.service(standing)))
    }

    private mutating func nextNotification() -> UInt64 {
        lastNotification += 1
        return lastNotification
    }
}
