/// A call that was checked: the method exists, its arguments are right, and the caller may do this.
public struct ControlRequest: Sendable {
    /// What is asked for.
    public var method: ControlMethod
    /// Who asks.
    public var peer: ControlPeer
    /// Of Reload: read and judge, and change nothing.
    public var dryRun = false
    /// Of Upgrade: leave it when the program that runs is the one that is installed.
    public var onlyIfChanged = false
    /// Of SetLogLevel: the level's name, not yet checked.
    public var level = ""

    /// A call's arguments. - Throws: `invalidParameter` for one that the method doesn't have, or of another type.
    mutating func take(_ parameters: JSON) throws(VarlinkError) {
        guard case .object(let members) = parameters else { return }
        for member in members {
            switch (method, member.name, member.value) {
            case (.reload, "dry_run", .bool(let value)): dryRun = value
            case (.reload, "dry_run", .null): dryRun = false
            case (.upgrade, "only_if_changed", .bool(let value)): onlyIfChanged = value
            case (.upgrade, "only_if_changed", .null): onlyIfChanged = false
            case (.setLogLevel, "level", .string(let value)): level = value
            default: throw .invalidParameter(member.name)
            }
        }
    }
}

/// Fills a reply piece by piece: called when there is room, until it returns false. Each piece should take well below
/// a millisecond.
public typealias ControlSlices = (inout JSONWriter) -> Bool

/// Answers one request, now or later; forgotten ones answer with an error by themselves. It may outlive the client:
/// then it does nothing.
public final class ControlResponder {
    weak var connection: ControlConnection?
    private let number: UInt64
    private var answered = false

    init(_ connection: ControlConnection, number: UInt64) {
        self.connection = connection
        self.number = number
    }

    deinit { fail(ControlInterface.unavailable("The request was dropped; try again.")) }

    /// Whether somebody still waits for the answer.
    public var isAwaited: Bool { !answered && connection?.currentRequest == number }

    private func take() -> ControlConnection? {
        guard isAwaited else { return nil }
        answered = true
        return connection
    }

    /// Answers with a record's members.
    public func reply(_ results: some JSONRecord) {
        take()?.finish(sending: VarlinkReply.encode(results), failed: false)
    }

    /// Answers with an error.
    public func fail(_ error: VarlinkError) {
        take()?.finish(sending: error.encoded, failed: true)
    }

    /// Answers with the members that `slices` writes, over as many turns as that takes: for long replies.
    public func reply(inSlices slices: @escaping ControlSlices) {
        take()?.finish(producing: slices)
    }
}

extension ControlResponder {
    /// Answers History from its lines of JSON, a few a turn. A line that isn't an event is left out.
    public func reply(history lines: [ArraySlice<UInt8>], linesPerSlice: Int = 16) {
        var next = 0
        var begun = false
        reply(inSlices: { writer in
            if !begun {
                begun = true
                writer.name("events")
                writer.beginArray()
            }
            let end = min(next + linesPerSlice, lines.count)
            while next < end {
                (try? WatchEvent(parsing: lines[next]))?.write(into: &writer)
                next += 1
            }
            if next < lines.count { return true }
            writer.endArray()
            return false
        })
    }

    /// Answers Status, a few instances a turn. `instance` is asked for each index once.
    public func reply(
        status daemon: DaemonStatus, instanceCount: Int, instancesPerSlice: Int = 16,
        instance: @escaping (Int) -> InstanceReport?
    ) {
        var next = 0
        var begun = false
        reply(inSlices: { writer in
            if !begun {
                begun = true
                writer.name("daemon")
                daemon.write(into: &writer)
                writer.name("instances")
                writer.beginArray()
            }
            let end = min(next + instancesPerSlice, instanceCount)
            while next < end {
                instance(next)?.write(into: &writer)
                next += 1
            }
            if next < instanceCount { return true }
            writer.endArray()
            return false
        })
    }
}
