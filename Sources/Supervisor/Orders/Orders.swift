import Base
import Configuration
import ConfigurationModel
import Control
import Logging
import Reactor
import Supervision
import VRRP

/// Facts and effects that orders need from the rest of hasupd.
protocol OrdersDelegate: AnyObject {
    /// The configuration that runs.
    var generation: Generation { get }
    /// True while a worker has been given a configuration that it isn't known to run.
    var isConfiguring: Bool { get }
    /// Gives all orders to the worker that runs.
    func send(_ orders: [OperatorOrder])
    func requestStatuses(_ completion: @escaping (WorkerStatuses?) -> Void)
    /// The failure of a before_master of these since then, a clause.
    func failure(of subjects: [NotificationKey], since: Instant) -> String?
    /// The reason that a before_release of these has refused an order, a clause.
    func refusal(of subjects: [NotificationKey], order number: UInt64) -> String?
}

/// The orders of operators: gives them, keeps them for the next hasupd, and answers the commands that wait for their
/// outcome (docs/decisions, D49).
final class Orders {
    /// The longest that a command may wait.
    static let waitMax = Interval.seconds(3_600)
    /// The time after that in which a worker's own report may still come.
    private static let reportTime = Interval.milliseconds(500)

    private let loop: EventLoop
    private let log: Logger
    private let events: EventRecorder
    private unowned let delegate: any OrdersDelegate
    private let file: BootFile<OrderFile>
    private var table = OrderTable()
    /// The table for a generation that isn't known to run.
    private var next: (number: UInt64, table: OrderTable, ended: [OrderTable.Entry])?
    /// Commands that wait, by the number of the order.
    private var waits: [UInt64: Wait] = [:]

    private struct Wait {
        let command: WaitingCommand
        /// Its place in the answer.
        let place: Int
        let since: Instant
    }

    /// A command until it is answered.
    private final class WaitingCommand {
        var results: [OrderResult]
        var open = 0
        var timer: Timer?
        let answer: (Result<[OrderResult], ControlRefusal>) -> Void

        init(_ count: Int, _ answer: @escaping (Result<[OrderResult], ControlRefusal>) -> Void) {
            results = [OrderResult](repeating: OrderResult(), count: count)
            self.answer = answer
        }
    }

    init(_ context: DaemonContext, _ events: EventRecorder, delegate: any OrdersDelegate) {
        loop = context.loop
        log = context.log
        self.events = events
        self.delegate = delegate
        file = BootFile(OrderFile.name, in: context.paths.runDirectory, form: OrderFile.formatVersion)
    }

    /// Takes over what a former hasupd has left.
    func begin() {
        do {
            guard let kept = try file.read() else { return }
            guard let found = kept.table else { throw JSONFailure() }
            let (moved, ended) = found.moved(to: delegate.generation.subjects)
            table = moved
            reportEnded(ended)
            if moved != found { save() }
        } catch {
            log.error("orders of the former hasupd are lost: \(error)")
        }
        for entry in table.entries { log.notice("\(entry.order.subject): \(entry.text)") }
    }

    private struct JSONFailure: Error, CustomStringConvertible {
        let description = "their file has an entry that isn't an order"
    }

    /// The reason that orders aren't kept, a sentence; nil when they are.
    var problem: String? {
        file.failure.map { "Orders of operators are lost when hasupd ends: \($0)." }
    }

    /// Writes the file again if it was removed.
    func restore() { file.restore() }

    private func save() { file.write(OrderFile(table)) }

    // MARK: Configurations

    /// The orders that are in effect with a generation.
    func orders(for generation: Generation) -> [OperatorOrder] {
        guard generation.number != delegate.generation.number, !table.isEmpty else { return table.orders }
        if next?.number != generation.number {
            let (moved, ended) = table.moved(to: generation.subjects)
            next = (generation.number, moved, ended)
        }
        return next?.table.orders ?? []
    }

    /// This generation runs.
    func adopt(_ generation: Generation) {
        guard let next else { return }
        self.next = nil
        guard next.number == generation.number else { return }
        let before = table
        table = next.table
        if table != before { save() }
        reportEnded(next.ended)
    }

    private func reportEnded(_ entries: [OrderTable.Entry]) {
        for entry in entries {
            resolve(entry.order.number, ok: false, "it isn't in the configuration any more")
            report(entry, "it isn't in the configuration any more, so the order has ended: it was \(entry.name)")
        }
    }

    // MARK: Status

    /// The order of an instance, or of its group; nil for none.
    func entry(ofInstance number: Int, in generation: Generation) -> OrderTable.Entry? {
        table.isEmpty ? nil : table[generation.subjects.subject(ofInstance: number)]
    }

    // MARK: Commands

    /// Gives orders, and answers when their outcome is known.
    func request(
        _ request: ControlRequest, _ answer: @escaping (Result<[OrderResult], ControlRefusal>) -> Void
    ) {
        guard !delegate.isConfiguring else {
            return answer(.failure(ControlRefusal("a reload is under way; try again in a moment")))
        }
        let subjects: [NotificationKey]
        do throws(ControlRefusal) {
            subjects = try self.subjects(of: request)
        } catch {
            return answer(.failure(error))
        }
        delegate.requestStatuses { [weak self] reply in
            guard let self else { return }
            guard let reply, reply.generation.number == self.delegate.generation.number, !self.delegate.isConfiguring
            else {
                return answer(.failure(ControlRefusal("the VRRP worker doesn't answer; try again in a moment")))
            }
            self.give(request, to: subjects, reply, answer)
        }
    }

    private func subjects(of request: ControlRequest) throws(ControlRefusal) -> [NotificationKey] {
        let known = delegate.generation.subjects
        guard let name = request.name else {
            guard request.isForAll else { throw ControlRefusal("name an instance or a sync group, or all") }
            return known.all
        }
        if known.members(of: name) != nil { return [NotificationKey(.group, name)] }
        if let group = known.group(of: name) {
            throw ControlRefusal(
                "\(Printable.text(name)) is a member of sync group \(Printable.text(group)), whose members move together: name that"
            )
        }
        if known.hasInstance(name) { return [NotificationKey(.instance, name)] }
        let hint = nearestWord(to: name, among: known.all.map(\.name)).map { " Did you mean '\($0)'?" } ?? ""
        throw ControlRefusal("there is no instance or sync group '\(Printable.text(name))'.\(hint)")
    }

    private func give(
        _ request: ControlRequest, to subjects: [NotificationKey], _ reply: WorkerStatuses,
        _ answer: @escaping (Result<[OrderResult], ControlRefusal>) -> Void
    ) {
        guard let verb = request.order else { return answer(.success([])) }
        let now = Clock.now
        let wait = min(max(request.wait, .milliseconds(100)), Self.waitMax)
        let command = WaitingCommand(subjects.count, answer)
        let known = delegate.generation.subjects
        var isChanged = false
        for (place, subject) in subjects.enumerated() {
            command.results[place].name = subject.name
            command.results[place].isGroup = subject.kind == .group
            let members = known.numbers(of: subject).compactMap { number in
                reply.statuses[UInt32(number)].map { (known.instances[number], $0) }
            }
            switch OrderDecision(verb, for: subject, table[subject], members) {
            case .answer(let ok, let text): command.results[place].set(ok, text)
            case .end:
                guard let entry = table.end(of: subject) else { continue }
                isChanged = true
                supersede(entry.order.number)
                command.results[place].set(true, "not in maintenance any more")
                report(entry, "maintenance ended by \(request.peer)")
            case .give(let kind):
                if let former = table[subject] { supersede(former.order.number) }
                let order = table.give(
                    kind, to: subject, of: known.members(of: subject), by: request.peer.uid,
                    wallNanoseconds: Clock.wallNanoseconds, given: now, until: kind == .raised ? now + wait : .never)
                isChanged = true
                waits[order.number] = Wait(command: command, place: place, since: now)
                command.open += 1
                report(table[subject], "\(table[subject]?.name ?? "") by \(request.peer)")
            }
        }
        if isChanged {
            save()
            delegate.send(table.orders)
        }
        guard command.open > 0 else { return answer(.success(command.results)) }
        command.timer = loop.makeTimer { [weak self, weak command] in
            if let command { self?.expire(command, wait) }
        }
        if let timer = command.timer { loop.set(timer, to: now + wait + Self.reportTime) }
    }

    /// A worker has reported an outcome. One that names no order, or can't be, is ignored.
    func take(_ outcome: OrderOutcome, of number: UInt64) {
        guard let (entry, isEnd) = table.take(outcome, of: number) else { return }
        _ = next?.table.take(outcome, of: number)
        if isEnd { save() }
        let now = Clock.now
        let wait = waits[number]
        let given = Interval(nanoseconds: max(0, Clock.wallNanoseconds - entry.wallNanoseconds))
        let order = entry.order
        let time = outcome == .late ? order.until - order.given : wait.map { now - $0.since } ?? given
        let text = outcome.text(of: order, after: time, failure: failure(outcome, entry))
        resolve(number, ok: outcome.isSuccess, text)
        // That it holds is no event: it is told when it is given.
        if outcome != .holds { report(entry, text) }
    }

    /// The failure of the hooks that has led to an outcome, a clause; nil for none.
    private func failure(_ outcome: OrderOutcome, _ entry: OrderTable.Entry) -> String? {
        let subjects = [entry.order.subject] + entry.members.map { NotificationKey(.instance, $0) }
        switch outcome {
        case .refused: return delegate.refusal(of: subjects, order: entry.order.number)
        // It has never served.
        case .lostMastership where entry.outcome == nil:
            return delegate.failure(of: subjects, since: entry.order.given)
        default: return nil
        }
    }

    private func supersede(_ number: UInt64) { resolve(number, ok: false, "another order has taken its place") }

    private func resolve(_ number: UInt64, ok: Bool, _ text: String) {
        guard let wait = waits.removeValue(forKey: number) else { return }
        wait.command.results[wait.place].set(ok, text)
        wait.command.open -= 1
        if wait.command.open == 0 { finish(wait.command) }
    }

    private func finish(_ command: WaitingCommand) {
        if let timer = command.timer { loop.remove(timer) }
        command.timer = nil
        command.answer(.success(command.results))
    }

    /// No outcome has come, perhaps for want of a worker.
    private func expire(_ command: WaitingCommand, _ wait: Interval) {
        let open = waits.filter { $0.value.command === command }
        let late = table.entries.filter { open[$0.order.number] != nil && $0.order.kind == .raised }
        for entry in late { take(.late, of: entry.order.number) }
        if !late.isEmpty { delegate.send(table.orders) }
        for (number, _) in open.sorted(by: { $0.key < $1.key }) {
            resolve(number, ok: false, "nothing is known after \(wait): the order stays, and `hasup status` shows it")
        }
    }

    /// Log and history.
    private func report(_ entry: OrderTable.Entry?, _ text: String) {
        guard let subject = entry?.order.subject else { return }
        log.notice("\(subject): \(text)")
        var event = WatchEvent(
            "order", text: "\(subject): \(text)", unixSeconds: Double(Clock.wallNanoseconds) / 1e9)
        if subject.kind == .instance { event.instance = subject.name }
        events.record(event)
    }
}

extension OrderResult {
    fileprivate mutating func set(_ ok: Bool, _ text: String) {
        self.ok = ok
        self.text = text
    }
}

/// A request that isn't served, for the reason in this clause or sentence.
struct ControlRefusal: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}
