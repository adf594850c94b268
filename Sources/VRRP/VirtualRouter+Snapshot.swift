import Base
import ConfigurationModel

// What an instance leaves to its successor: everything that its future depends on, except what follows from the
// configuration, the interfaces and the kernel. A field that is missing here is found by SnapshotTests.

/// The part of a record that is left out when it doesn't fit: what only logs and statistics would miss goes first.
private enum Detail: Int {
    case everything = 0
    case withoutLogLimits
    case withoutLastTransition
    case least
}

extension VirtualRouter {
    /// Longest record (`SnapshotWriter.recordMax`).
    static let recordMax = 232
    /// Bursts and removals that are kept.
    private static let burstsMax = 4
    private static let removalsKept = 4
    private static let chosenMax = 12

    /// Writes the record. Mutating so that it reads in place: for a method that can't mutate, the compiler copies the
    /// instance with all that it refers to, at every advert.
    mutating func encode(_ context: NodeContext, into writer: inout ByteWriter) {
        var detail = Detail.everything
        while true {
            writer.bytes.removeAll(keepingCapacity: true)
            encode(context, detail, into: &writer)
            guard writer.bytes.count > Self.recordMax, let less = Detail(rawValue: detail.rawValue + 1) else { return }
            detail = less
        }
    }

    private mutating func encode(_ context: NodeContext, _ detail: Detail, into writer: inout ByteWriter) {
        writer.write(RecordHead.version)
        writer.write(fingerprint)
        writer.write(state.rawValue)
        writer.write(priority.rawValue)
        writer.write(waiting.rawValue)
        writer.write(reportedAnomalies)
        writer.write(compact: UInt64(UInt32(bitPattern: interfaceIndex)))
        writer.write(hardwareSum)
        var flags: UInt8 = isReleased ? 1 : 0
        if hasExtendedMasterDown { flags |= 2 }
        if isInstalled { flags |= 4 }
        if canSend { flags |= 8 }
        if state == .backup, !isIntervalLearned { flags |= 16 }
        if awaitsResults { flags |= 32 }
        switch state {
        case .backup where wantsMaster: flags |= 64
        case .master:
            if awaitedHooks.contains(.own) { flags |= 16 }
            if awaitedHooks.contains(.group) { flags |= 64 }
            if owesMaster { flags |= 128 }
        case .initialize, .backup, .fault: break
        }
        writer.write(flags)
        writer.write(since.nanoseconds)
        writer.write(compact: UInt64(bitPattern: masterInterval.nanoseconds))
        encodeMoments(context, into: &writer)
        writer.write(optional: source) { $0.write(tagged: $1) }
        writer.write(optional: master == source ? nil : master) { $0.write(tagged: $1) }
        writer.write(master != nil && master == source)
        writer.write(optional: masterPriority) { $0.write($1.rawValue) }
        writer.write(optional: raisedTo) { $0.write($1.rawValue) }
        writer.write(compact: generation)
        writer.write(optional: lastNotification) { $1.encodeRecord(into: &$0) }
        writer.write(optional: reclaimNotification) { $1.encodeRecord(into: &$0) }
        writer.write(optional: reclaimAt) { $0.write($1.nanoseconds) }
        writer.write(optional: lowerPriorityToldAt) { $0.write($1.nanoseconds) }
        encodeGroupNotification(context, into: &writer)
        counters.encodeCompactly(hasTallies: detail.rawValue < Detail.least.rawValue, into: &writer)
        let kept = detail == .least ? [] : removals.suffix(Self.removalsKept)
        writer.write(UInt8(kept.count))
        for removal in kept {
            writer.write(tagged: removal.address)
            writer.write(removal.at.nanoseconds)
        }
        encodeBursts(context, detail, into: &writer)
        // A comparison with nil would copy it, see `write(optional:)`.
        if detail.rawValue < Detail.withoutLastTransition.rawValue, case .some = lastTransition {
            writer.write(true)
            lastTransition?.encode(into: &writer)
        } else {
            writer.write(false)
        }
        encodeRetry(into: &writer)
        if detail == .everything { discardReports.encode(into: &writer) } else { writer.write(UInt8(0)) }
    }

    /// The points in time that are set, behind a byte that says which. Without an array: this runs at every advert.
    private mutating func encodeMoments(_ context: NodeContext, into writer: inout ByteWriter) {
        let place = writer.bytes.count
        writer.write(UInt8(0))
        var mask: UInt8 = 0
        func add(_ bit: UInt8, _ moment: Instant?) {
            guard let moment, moment != .never else { return }
            mask |= 1 << bit
            writer.write(moment.nanoseconds)
        }
        add(0, masterDownAt)
        add(1, advertDueAt)
        add(2, lastSentAt)
        add(3, lastAdvertAt)
        add(4, preemptDelaySince)
        // Only a MASTER announces.
        guard state == .master else { return writer.bytes[place] = mask }
        add(5, context.deadline(of: .announceAgain, of: id))
        add(6, context.deadline(of: .lowerPriorityAgain, of: id))
        add(7, context.deadline(of: .refresh, of: id))
        writer.bytes[place] = mask
    }

    /// The last notification about its group.
    private func encodeGroupNotification(_ context: NodeContext, into writer: inout ByteWriter) {
        guard let group, let notification = context.groups[group].lastNotification else { return writer.write(false) }
        writer.write(true)
        notification.encodeRecord(into: &writer)
    }

    /// The reason that it has given up being MASTER for want of a usable address, and when it tries again.
    private mutating func encodeRetry(into writer: inout ByteWriter) {
        writer.write(UInt8(retries))
        guard case .some = unserved else { return writer.write(false) }
        writer.write(true)
        unserved?.encode(into: &writer)
        writer.write(retryAt.nanoseconds)
    }

    /// Bursts by what of the instance's addresses they announce: all that belong on their lane, or a few.
    private mutating func encodeBursts(_ context: NodeContext, _ detail: Detail, into writer: inout ByteWriter) {
        let bursts = context.announcer.pending(id, most: detail == .least ? 1 : Self.burstsMax)
        writer.write(UInt8(bursts.count))
        guard !bursts.isEmpty else { return }
        let all = allAddresses
        for burst in bursts {
            let family = burst.addresses.first?.prefix.address.family ?? settings.family
            writer.write(family.rawValue)
            writer.write(burst.interface == settings.interface ? "" : burst.interface)
            writer.write(compact: UInt64(burst.rounds))
            writer.write(compact: burst.order)
            writer.write(burst.notBefore.nanoseconds == .min ? 0 : burst.notBefore.nanoseconds)
            // A few of many aren't all of them, and to see that all were compared would take long.
            let isPart = burst.addresses.count <= Self.chosenMax && all.count > 16 * Self.chosenMax
            let isWhole = !isPart && addresses(of: burst.interface, family, among: all) == burst.addresses
            let chosen = isWhole ? [] : burst.addresses
            let isFew = chosen.count <= Self.chosenMax && detail != .least
            writer.write(compact: UInt64(isFew ? burst.next : 0))
            writer.write(UInt8(isFew ? chosen.count : 0))
            guard isFew else { continue }
            for address in chosen { writer.write(compact: UInt64(all.firstIndex(of: address) ?? 0)) }
        }
    }

    private func addresses(
        of interface: String, _ family: AddressFamily, among all: [VirtualAddress]
    ) -> [VirtualAddress] {
        all.filter { ($0.interface ?? settings.interface) == interface && $0.prefix.address.family == family }
    }

    /// A record, read back with the settings that are in force now.
    struct DecodedRecord {
        var router: VirtualRouter
        var timers: [(TimerKind, Instant)] = []
        var bursts: [PendingBurst] = []
        /// The last notification about its group; of which group is for the reader to say.
        var groupNotification: Notification?
        /// The longest interval that an advertisement can say: 12 bits of centiseconds (RFC 9568 §5.2.7).
        private static let learnedIntervalMax = Interval.centiseconds(0xfff)

        /// Nil for bytes that aren't a record of this instance, or one of a time that hasn't come yet.
        init?(_ record: InstanceRecord, id: InstanceID, settings: InstanceSettings, at now: Instant) {
            let kept = record.bytes.withUnsafeBytes { bytes in
                Result { () throws(ByteError) in
                    var reader = ByteReader(bytes)
                    let kept = try DecodedRecord(from: &reader, id: id, settings: settings)
                    try reader.finish()
                    return kept
                }
            }
            guard case .success(let kept) = kept, kept.isPast(at: now) else { return nil }
            self = kept
            if let nextAdvert = record.nextAdvert { advance(to: nextAdvert, at: now) }
            bound(at: now)
        }

        /// Counts the advertisements that have left since, each on time: the record itself isn't written at each.
        private mutating func advance(to nextAdvert: Instant, at now: Instant) {
            let interval = router.masterInterval
            guard router.state == .master, router.advertDueAt < nextAdvert, nextAdvert <= now + interval * 2 else {
                return
            }
            router.counters.advertsSent +=
                UInt64((nextAdvert - router.advertDueAt).nanoseconds / interval.nanoseconds)
            router.lastSentAt = min(nextAdvert - interval, now)
            router.advertDueAt = nextAdvert
        }

        /// True if everything in it lies in the past: a MASTER that will have advertised tomorrow would be one for
        /// ever.
        private func isPast(at now: Instant) -> Bool {
            let moments = [router.lastSentAt, router.lastAdvertAt, router.lowerPriorityToldAt]
            return router.since <= now && moments.allSatisfy { $0.map { $0 <= now } ?? true }
                && router.removals.allSatisfy { $0.at <= now }
        }

        /// Nothing waits for longer, or is announced more often, than the settings say.
        private mutating func bound(at now: Instant) {
            let wanted = router.settings.announcements
            let waits: [TimerKind: Interval] = [
                .announceAgain: wanted.delay, .lowerPriorityAgain: wanted.lowerPriorityDelay, .refresh: wanted.refresh,
            ]
            let latest = now + router.masterDownInterval
            router.preemptDelaySince = router.preemptDelaySince.map { min($0, latest) }
            let longest = router.silence(of: Self.learnedIntervalMax)
            router.reclaimAt = router.reclaimAt.map { min($0, now + longest) }
            timers = timers.map { kind, deadline in (kind, min(deadline, now + (waits[kind] ?? .zero))) }
            router.discardReports.bound(at: now)
            if router.unserved != nil { router.retryAt = min(router.retryAt, now + VirtualRouter.retryWaitMax) }
            let rounds = max(wanted.rounds, wanted.refreshRounds, wanted.lowerPriorityRounds)
            for index in bursts.indices { bursts[index].rounds = min(bursts[index].rounds, rounds) }
        }

        private init(
            from reader: inout ByteReader, id: InstanceID, settings: InstanceSettings
        ) throws(ByteError) {
            router = VirtualRouter(id: id, settings: settings, at: Instant(nanoseconds: 0))
            let head = try RecordHead(from: &reader)
            guard head.fingerprint == router.fingerprint else { throw .invalid }
            router.state = head.state
            router.priority = try reader.readPriority()
            guard let waiting = BackupReason(rawValue: try reader.readUInt8()) else { throw .invalid }
            router.waiting = waiting
            router.reportedAnomalies = try reader.readUInt8()
            router.interfaceIndex = Int32(bitPattern: UInt32(truncatingIfNeeded: try reader.readCompact()))
            router.hardwareSum = try reader.readUInt16()
            try take(flags: try reader.readUInt8())
            // One that has ended leaves nothing to go on with.
            guard (router.state == .initialize) == router.awaitsResults else { throw .invalid }
            router.since = try reader.readMoment()
            router.masterInterval = Interval(nanoseconds: Int64(bitPattern: try reader.readCompact()))
            guard router.masterInterval > .zero,
                router.masterInterval <= max(Self.learnedIntervalMax, settings.advertInterval)
            else { throw .invalid }
            try readMoments(from: &reader)
            router.source = try reader.readOptional { reader throws(ByteError) in try reader.readTaggedAddress() }
            router.master = try reader.readOptional { reader throws(ByteError) in try reader.readTaggedAddress() }
            if try reader.readBool() { router.master = router.source }
            router.masterPriority = try reader.readOptional { reader throws(ByteError) in try reader.readPriority() }
            router.raisedTo = try reader.readOptional { reader throws(ByteError) in try reader.readPriority() }
            guard router.raisedTo != .owner else { throw .invalid }
            router.generation = try reader.readCount64()
            router.lastNotification = try reader.readOptional { reader throws(ByteError) in
                try Notification(record: &reader, of: id)
            }
            guard router.lastNotification?.trigger.isState ?? true else { throw .invalid }
            router.reclaimNotification = try reader.readOptional { reader throws(ByteError) in
                try Notification(record: &reader, of: id)
            }
            router.reclaimAt = try reader.readOptional { reader throws(ByteError) in try reader.readMoment() }
            router.lowerPriorityToldAt = try reader.readOptional { reader throws(ByteError) in try reader.readMoment() }
            guard router.reclaimNotification?.trigger ?? .reclaimed == .reclaimed,
                router.state == .master
                    || router.reclaimNotification == nil && router.reclaimAt == nil && router.lowerPriorityToldAt == nil
            else { throw .invalid }
            groupNotification = try reader.readOptional { reader throws(ByteError) in
                try Notification(record: &reader, of: id)
            }
            router.counters = try Counters(compactlyFrom: &reader)
            for _ in 0..<(try reader.readUInt8()) {
                let address = try reader.readTaggedAddress()
                router.removals.append(Removal(address: address, at: try reader.readMoment()))
            }
            try readBursts(from: &reader)
            router.lastTransition = try reader.readOptional { reader throws(ByteError) in
                try Transition(decoding: &reader)
            }
            router.lastTransition?.instance = id
            router.retries = Int(try reader.readUInt8())
            if try reader.readBool() {
                router.unserved = try Fault(decoding: &reader)
                router.retryAt = try reader.readMoment()
            }
            guard router.retries <= 6, router.unserved == nil || router.state == .fault else { throw .invalid }
            router.discardReports = try DiscardReportLimit(from: &reader)
        }

        private mutating func take(flags: UInt8) throws(ByteError) {
            router.isReleased = flags & 1 != 0
            router.hasExtendedMasterDown = flags & 2 != 0
            router.isInstalled = flags & 4 != 0
            router.canSend = flags & 8 != 0
            router.isIntervalLearned = router.state == .backup && flags & 16 == 0
            router.awaitsResults = flags & 32 != 0
            router.wantsMaster = router.state == .backup && flags & 64 != 0
            if router.state == .master {
                if flags & 16 != 0 { router.awaitedHooks.insert(.own) }
                if flags & 64 != 0 { router.awaitedHooks.insert(.group) }
                router.owesMaster = flags & 128 != 0
            }
            guard router.awaitedHooks.isEmpty || !router.isInstalled else { throw .invalid }
        }

        private mutating func readMoments(from reader: inout ByteReader) throws(ByteError) {
            let mask = try reader.readUInt8()
            for bit in 0..<8 where mask & 1 << bit != 0 {
                let moment = try reader.readMoment()
                switch bit {
                case 0: router.masterDownAt = moment
                case 1: router.advertDueAt = moment
                case 2: router.lastSentAt = moment
                case 3: router.lastAdvertAt = moment
                case 4: router.preemptDelaySince = moment
                case 5: timers.append((.announceAgain, moment))
                case 6: timers.append((.lowerPriorityAgain, moment))
                default: timers.append((.refresh, moment))
                }
            }
        }

        private mutating func readBursts(from reader: inout ByteReader) throws(ByteError) {
            let all = router.allAddresses
            for _ in 0..<(try reader.readUInt8()) {
                guard let family = AddressFamily(rawValue: try reader.readUInt8()) else { throw .invalid }
                let name = try reader.readString()
                let interface = name.isEmpty ? router.settings.interface : name
                let rounds = try reader.readCompact()
                let order = try reader.readCount64()
                let notBefore = try reader.readMoment()
                let next = try reader.readCompact()
                guard rounds < 1_000_000, next < 1_000_000 else { throw .invalid }
                var chosen: [VirtualAddress] = []
                for _ in 0..<(try reader.readUInt8()) {
                    // After a reload the place may mean another address, or none.
                    let place = try reader.readCompact()
                    if place < all.count, all[Int(place)].prefix.address.family == family {
                        chosen.append(all[Int(place)])
                    }
                }
                if chosen.isEmpty { chosen = router.addresses(of: interface, family, among: all) }
                bursts.append(
                    PendingBurst(
                        instance: router.id, interface: interface, addresses: chosen, rounds: Int(rounds),
                        next: Int(next) < chosen.count ? Int(next) : 0, order: order, notBefore: notBefore))
            }
        }
    }
}

extension Counters {
    fileprivate func encodeCompactly(hasTallies: Bool, into writer: inout ByteWriter) {
        writer.write(compact: advertsReceived)
        writer.write(compact: advertsSent)
        writer.write(compact: releasesReceived)
        writer.write(compact: releasesSent)
        writer.write(compact: becameMaster)
        writer.write(compact: leftMaster)
        (hasTallies ? discarded : Tally()).encodeCompactly(into: &writer)
        (hasTallies ? remarks : Tally()).encodeCompactly(into: &writer)
    }

    fileprivate init(compactlyFrom reader: inout ByteReader) throws(ByteError) {
        self.init()
        advertsReceived = try reader.readCount64()
        advertsSent = try reader.readCount64()
        releasesReceived = try reader.readCount64()
        releasesSent = try reader.readCount64()
        becameMaster = try reader.readCount64()
        leftMaster = try reader.readCount64()
        for _ in 0..<(try reader.readUInt8()) {
            let number = try reader.readUInt8()
            guard number < DiscardReason.allCases.count else { throw .invalid }
            discarded[number] = try reader.readCount64()
        }
        for _ in 0..<(try reader.readUInt8()) {
            let number = try reader.readUInt8()
            guard number < Anomaly.allCases.count else { throw .invalid }
            remarks[number] = try reader.readCount64()
        }
    }
}

extension Tally {
    fileprivate func encodeCompactly(into writer: inout ByteWriter) {
        let numbers = numbers
        writer.write(UInt8(numbers.count))
        for number in numbers {
            writer.write(number)
            writer.write(compact: self[number])
        }
    }
}
