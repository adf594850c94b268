import Base
import Varlink

/// A call that was checked: the method exists, its arguments are right, and the caller may do this.
package struct ControlRequest: Sendable {
    package var method: ControlMethod
    /// The caller.
    package var peer: ControlPeer
    /// Of Reload: read and check, and change nothing.
    package var dryRun = false
    /// Of Upgrade: do nothing if the installed program is the running one.
    package var onlyIfChanged = false
    /// Of SetLogLevel: the level's name, not yet checked.
    package var level = ""
    /// Of ResetStatistics: the one instance; nil for all.
    package var instance: String?

    /// Bytes of an instance's name.
    private static let nameMax = 1_024

    /// Of Resign, Takeover and Maintenance: an instance or a sync group; nil for all.
    package var name: String?
    package var isForAll = false
    /// The longest that the answer may take.
    package var wait = Interval.seconds(30)
    /// Of Maintenance.
    package var isOn = false

    /// The command of an operator to virtual routers; nil for other methods.
    package var order: OrderCommand? {
        switch method {
        case .resign: .resign
        case .takeover: .takeover
        case .maintenance: .maintenance(on: isOn)
        default: nil
        }
    }

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
            case (.maintenance, "on", .bool(let value)): isOn = value
            case (.resign, _, _), (.takeover, _, _), (.maintenance, _, _): try takeOrder(member)
            case (.resetStatistics, "name", .string(let value)) where value.utf8.count <= Self.nameMax: instance = value
            case (.resetStatistics, "name", .null): instance = nil
            default: throw .invalidParameter(member.name)
            }
        }
        if method == .maintenance, !members.contains(where: { $0.name == "on" }) { throw .invalidParameter("on") }
    }

    private mutating func takeOrder(_ member: JSONMember) throws(VarlinkError) {
        switch (member.name, member.value) {
        case ("name", .string(let value)): name = value
        case ("all", .bool(let value)): isForAll = value
        case ("wait_seconds", .int(let value)): wait = .seconds(min(max(0, value), 86_400))
        case ("wait_seconds", .double(let value)): wait = Interval(seconds: min(max(0, value), 86_400)) ?? wait
        case ("name", .null), ("all", .null), ("wait_seconds", .null): break
        default: throw .invalidParameter(member.name)
        }
    }
}

/// An operator's command to virtual routers.
package enum OrderCommand: Hashable, Sendable {
    case resign
    case takeover
    case maintenance(on: Bool)
}

/// Fills a reply piece by piece: called when there is room, until it returns false. Each piece should take well below
/// a millisecond.
package typealias ControlSlices = (inout JSONWriter) -> Bool

/// Answers one request, now or later; one that is dropped answers with an error. It may outlive the client:
/// then it does nothing.
package final class ControlResponder {
    weak var connection: ControlConnection?
    private let number: UInt64
    private var answered = false

    init(_ connection: ControlConnection, number: UInt64) {
        self.connection = connection
        self.number = number
    }

    deinit { fail(ControlInterface.unavailable("The request was dropped; try again.")) }

    /// True while the client waits for the answer.
    package var isAwaited: Bool { !answered && connection?.currentRequest == number }

    private func take() -> ControlConnection? {
        guard isAwaited else { return nil }
        answered = true
        return connection
    }

    /// Answers with a record's members.
    package func reply(_ results: some JSONRecord) {
        take()?.finish(sending: VarlinkReply.encode(results), failed: false)
    }

    /// Answers with an error.
    package func fail(_ error: VarlinkError) {
        take()?.finish(sending: error.encoded, failed: true)
    }

    /// Answers with the members that `slices` writes, over as many turns as that takes: for long replies.
    package func reply(inSlices slices: @escaping ControlSlices) {
        take()?.finish(producing: slices)
    }
}

extension ControlResponder {
    /// Answers with a list, a few elements a turn.
    ///
    /// - Parameters:
    ///   - name: the list's name in the reply.
    ///   - head: writes the members before the list.
    ///   - element: writes the element of an index, or nothing to leave it out; called for each index once, in order.
    private func reply(
        list name: StaticString, count: Int, perSlice elementsPerSlice: Int = 16,
        head: @escaping (inout JSONWriter) -> Void = { _ in },
        element: @escaping (Int, inout JSONWriter) -> Void
    ) {
        var next = 0
        var begun = false
        reply(inSlices: { writer in
            if !begun {
                begun = true
                head(&writer)
                writer.name(name)
                writer.beginArray()
            }
            let end = min(next + elementsPerSlice, count)
            while next < end {
                element(next, &writer)
                next += 1
            }
            if next < count { return true }
            writer.endArray()
            return false
        })
    }

    /// Answers History from its lines of JSON. A line that isn't an event is left out.
    ///
    /// - Parameters:
    ///   - text: lines with their ends.
    ///   - count: how many they are.
    package func reply(history text: ArraySlice<UInt8>, count: Int) {
        var rest = text
        reply(list: "events", count: count) { _, writer in
            let line = rest.prefix { $0 != 0x0a }
            rest = rest[line.endIndex...].dropFirst()
            (try? WatchEvent(parsing: line))?.write(into: &writer)
        }
    }

    /// Answers Status.
    package func reply(
        status daemon: DaemonStatus, instanceCount: Int, instance: @escaping (Int) -> InstanceReport?
    ) {
        reply(list: "instances", count: instanceCount) { writer in
            writer.name("daemon")
            daemon.write(into: &writer)
        } element: { index, writer in
            instance(index)?.write(into: &writer)
        }
    }

    /// Answers Instances.
    package func reply(instanceCount: Int, summary: @escaping (Int) -> InstanceSummary?) {
        reply(list: "instances", count: instanceCount) { index, writer in summary(index)?.write(into: &writer) }
    }

    /// Answers Services; the services of `head` are ignored. One may have a thousand servers.
    package func reply(services head: ServicesReply, count: Int, service: @escaping (Int) -> ServiceReport?) {
        reply(list: "services", count: count, perSlice: 1) { writer in
            writer.name("table")
            head.table.write(into: &writer)
            writer.name("late_checks")
            writer.write(Int64(clamping: head.lateChecks))
            writer.name("checks_not_set_up")
            writer.beginArray()
            for sentence in head.unmadeChecks { writer.write(sentence) }
            writer.endArray()
        } element: { index, writer in
            service(index)?.write(into: &writer)
        }
    }

    /// Answers ResetStatistics.
    package func reply(reset count: Int, instance: @escaping (Int) -> InstanceStatistics?) {
        reply(list: "instances", count: count) { index, writer in instance(index)?.write(into: &writer) }
    }

    /// Answers Statistics; the instances of `head` are ignored.
    package func reply(
        statistics head: StatisticsReply, instanceCount: Int, instance: @escaping (Int) -> InstanceStatistics?
    ) {
        reply(list: "instances", count: instanceCount) { writer in
            writer.name("loop")
            head.loop.write(into: &writer)
            writer.name("control")
            head.control.write(into: &writer)
        } element: { index, writer in
            instance(index)?.write(into: &writer)
        }
    }
}
