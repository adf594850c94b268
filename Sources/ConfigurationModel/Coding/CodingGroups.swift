import Base

// Groups and what else instances share, in bytes. Each reader stands below its writer.

extension ByteWriter {
    package mutating func write(_ tracked: TrackedInterface) {
        write(tracked.name)
        write(tracked.weight)
        write(tracked.reverse)
    }

    package mutating func write(_ group: SyncGroup) {
        write(group.name)
        write(list: group.members) { $0.write($1) }
        write(list: group.trackedInterfaces) { $0.write($1) }
        write(list: group.trackers) { $0.write($1) }
        write(list: group.scripts) { $0.write($1) }
        write(group.sendsMail)
        write(group.keepsMemberWeights)
        write(group.notifiesPriorityChanges)
    }
}

extension ByteReader {
    /// Places of instances, which the reader takes as indices.
    private mutating func readMembers(_ instanceCount: Int) throws(ByteError) -> [Int] {
        guard instanceCount > 0 else {
            guard try readUInt32() == 0 else { throw .invalid }
            return []
        }
        return try readList { reader throws(ByteError) in try reader.readInt(0...instanceCount - 1) }
    }

    package mutating func readSyncGroup(_ instanceCount: Int) throws(ByteError) -> SyncGroup {
        var group = SyncGroup(name: try readString())
        group.members = try readMembers(instanceCount)
        group.trackedInterfaces = try readList { reader throws(ByteError) in try reader.readTrackedInterface() }
        group.trackers = try readList { reader throws(ByteError) in try reader.readTracker() }
        group.scripts = try readList { reader throws(ByteError) in try reader.readScript() }
        group.sendsMail = try readBool()
        group.keepsMemberWeights = try readBool()
        group.notifiesPriorityChanges = try readBool()
        return group
    }

    package mutating func readTrackGroup(_ instanceCount: Int) throws(ByteError) -> TrackGroup {
        var group = TrackGroup(name: try readString())
        group.members = try readMembers(instanceCount)
        return group
    }
}

extension ByteWriter {
    package mutating func write(_ group: AnnouncementGroup) {
        write(group.interfaces)
        write(group.garpInterval)
        write(group.gnaInterval)
    }
}

extension ByteReader {
    package mutating func readAnnouncementGroup() throws(ByteError) -> AnnouncementGroup {
        var group = AnnouncementGroup()
        group.interfaces = try readStrings()
        group.garpInterval = try readInterval()
        group.gnaInterval = try readInterval()
        return group
    }

    package mutating func readInterfaceDelay() throws(ByteError) -> InterfaceDelay {
        InterfaceDelay(interface: try readString(), down: try readInterval(), up: try readInterval())
    }

    package mutating func readPolledInterface() throws(ByteError) -> PolledInterface {
        PolledInterface(interface: try readString(), probe: try readCase(LinkProbe.self))
    }

    package mutating func readStaticAddress() throws(ByteError) -> StaticAddress {
        StaticAddress(address: try readVirtualAddress(), trackGroup: try readOptionalString())
    }
}

extension ByteWriter {
    package mutating func write(_ shared: SharedObjects) {
        write(list: shared.trackScripts) { $0.write($1) }
        write(list: shared.trackFiles) { $0.write($1) }
        write(list: shared.trackProcesses) { $0.write($1) }
        write(list: shared.bfdSessions) { $0.write($1) }
        write(list: shared.syncGroups) { $0.write($1) }
        write(list: shared.trackGroups) { writer, group in
            writer.write(group.name)
            writer.write(list: group.members) { $0.write($1) }
        }
        write(list: shared.announcementGroups) { $0.write($1) }
        write(list: shared.interfaceDelays) { writer, delay in
            writer.write(delay.interface)
            writer.write(delay.down)
            writer.write(delay.up)
        }
        write(list: shared.polledInterfaces) { writer, polled in
            writer.write(polled.interface)
            writer.write(polled.probe.rawValue)
        }
        write(list: shared.staticAddresses) { writer, entry in
            writer.write(entry.address)
            writer.write(optional: entry.trackGroup)
        }
        write(list: shared.staticRoutes) { $0.write($1) }
        write(list: shared.staticRules) { $0.write($1) }
    }
}

extension ByteReader {
    package mutating func readShared(_ count: Int) throws(ByteError) -> SharedObjects {
        var shared = SharedObjects()
        shared.trackScripts = try readList { reader throws(ByteError) in try reader.readTrackScript() }
        shared.trackFiles = try readList { reader throws(ByteError) in try reader.readTrackFile() }
        shared.trackProcesses = try readList { reader throws(ByteError) in try reader.readTrackProcess() }
        shared.bfdSessions = try readList { reader throws(ByteError) in try reader.readBFDSession() }
        shared.syncGroups = try readList { reader throws(ByteError) in try reader.readSyncGroup(count) }
        shared.trackGroups = try readList { reader throws(ByteError) in try reader.readTrackGroup(count) }
        shared.announcementGroups = try readList { reader throws(ByteError) in try reader.readAnnouncementGroup() }
        shared.interfaceDelays = try readList { reader throws(ByteError) in try reader.readInterfaceDelay() }
        shared.polledInterfaces = try readList { reader throws(ByteError) in try reader.readPolledInterface() }
        shared.staticAddresses = try readList { reader throws(ByteError) in try reader.readStaticAddress() }
        shared.staticRoutes = try readList { reader throws(ByteError) in try reader.readRoute() }
        shared.staticRules = try readList { reader throws(ByteError) in try reader.readRule() }
        return shared
    }
}
