import Base
import CLinux
import Glibc
import Reactor
import Varlink

/// The control socket: accepts clients, checks who they are, and hands their calls to the daemon.
///
/// Clients are served in turn, a small piece of work each, and all of them together get a part of the time: one that
/// floods, stalls or sends rubbish doesn't delay the others, nor hasupd.
package final class ControlServer {
    /// The daemon's part.
    package struct Callbacks {
        /// The rights of a client.
        package var access: (ControlPeer) -> ControlAccess
        /// Answers a request, except for Watch, which `publish` serves.
        package var handle: (ControlRequest, ControlResponder) -> Void
        /// Takes a clause for the log about each client that was cut off or refused; the log limits their rate.
        package var note: (String) -> Void

        /// Callbacks.
        package init(
            access: @escaping (ControlPeer) -> ControlAccess,
            handle: @escaping (ControlRequest, ControlResponder) -> Void, note: @escaping (String) -> Void
        ) {
            self.access = access
            self.handle = handle
            self.note = note
        }
    }

    private struct Client {
        var connection: ControlConnection
        var watch: Watch
        var interest: Readiness
    }

    private let loop: EventLoop
    private var listener: Descriptor
    private let limits: ControlLimits
    private let service: VarlinkService
    private let callbacks: Callbacks
    private var listening: Watch?
    private var clients: [Int32: Client] = [:]
    private var queue: [Int32] = []
    private var queueStart = 0
    private var cuts = [UInt64](repeating: 0, count: ControlConnection.Cut.allCases.count)
    private var counted = ControlCounters()
    private var workTimer: Timer?
    /// Processor time that clients may still take at once.
    private var credit: Interval
    private var creditTime: Instant
    private var sweepTimer: Timer?
    private var acceptTimer: Timer?
    private var isSweeping = false

    /// Serves a listening, non-blocking Unix socket. - Throws: `SystemError` when it can't be watched.
    package init(
        on loop: EventLoop, listener: consuming Descriptor, version: String, limits: ControlLimits = ControlLimits(),
        callbacks: Callbacks
    ) throws(SystemError) {
        self.loop = loop
        self.listener = listener
        self.limits = limits
        self.callbacks = callbacks
        credit = limits.workBurst
        creditTime = loop.now
        service = VarlinkService(version: version, interfaces: [(ControlInterface.name, ControlInterface.text)])
        listening = try loop.add(self.listener.number) { [weak self] _ in self?.accept() }
        // It only begins a turn, at whose end the work is done.
        workTimer = loop.makeTimer {}
        sweepTimer = loop.makeTimer { [weak self] in self?.sweep() }
        acceptTimer = loop.makeTimer { [weak self] in self?.resumeAccepting() }
        loop.atEndOfTurn { [weak self] in self?.work() }
    }

    deinit {
        for client in clients.values { loop.remove(client.watch) }
        if let listening { loop.remove(listening) }
        for timer in [workTimer, sweepTimer, acceptTimer] { if let timer { loop.remove(timer) } }
    }

    /// Listens there instead, for when the socket's file is gone; clients stay. - Throws: `SystemError` when it can't be
    /// watched; then nothing is changed.
    package func listen(at listener: consuming Descriptor) throws(SystemError) {
        let fresh = try loop.add(listener.number) { [weak self] _ in self?.accept() }
        if let listening { loop.remove(listening) }
        listening = fresh
        self.listener = listener
    }

    /// Counts since the start.
    package var counters: ControlCounters {
        var result = counted
        result.connected = clients.count
        for (index, cut) in ControlConnection.Cut.allCases.enumerated() where cuts[index] > 0 {
            result.cutOff.add(cut.rawValue, cuts[index])
        }
        return result
    }

    /// True if there is a stream of events to feed.
    package var isWatched: Bool { clients.values.contains { $0.connection.isStreaming } }

    /// Sends an event to all streams.
    package func publish(_ event: WatchEvent) {
        let watching = clients.values.filter { $0.connection.isStreaming }
        if watching.isEmpty { return }
        let message = Self.encode(event)
        for client in watching { client.connection.enqueue(message) }
    }

    private static func encode(_ event: WatchEvent) -> [UInt8] {
        var reply = WatchReply()
        reply.event = event
        return VarlinkReply.encode(reply, continues: true)
    }

    // MARK: Clients come and go

    private func accept() {
        let began = Clock.now
        refill(at: began)
        // A flood of connections takes of the same credit as their requests; the backlog keeps them in order.
        if credit <= .zero { return pauseAccepting(for: limits.workPerTurn * limits.workShare) }
        defer { credit = credit - (Clock.now - began) }
        for _ in 0..<limits.acceptedPerTurnMax {
            let number = hasup_accept(listener.number)
            if number < 0 {
                if number == -EAGAIN || number == -EINTR || number == -ECONNABORTED { return }
                // Out of descriptors, most likely: the listener stays readable, so the loop would spin.
                callbacks.note("\(SystemError(-number, "accept a client")); trying again in \(limits.acceptPause)")
                return pauseAccepting(for: limits.acceptPause)
            }
            admit(Descriptor(owning: number))
        }
    }

    private func admit(_ descriptor: consuming Descriptor) {
        let number = descriptor.number
        guard let peer = ControlPeer(of: number) else { return }
        let access = callbacks.access(peer)
        if access == .refused {
            counted.refused += 1
            callbacks.note("refused \(peer): its user may not use the control socket")
            return
        }
        if clients.count >= limits.clientsMax, !displaceIdle() {
            counted.refused += 1
            callbacks.note("refused \(peer): \(limits.clientsMax) clients are being served")
            let message = ControlInterface.tooManyClients(limits.clientsMax).encoded
            _ = message.withUnsafeBytes { hasup_send_packet(number, $0.baseAddress, $0.count, nil, 0) }
            return
        }
        let connection = ControlConnection(
            descriptor, peer: peer, access: access, limits: limits, now: loop.now)
        connection.wake = { [weak self] in self?.enqueue(number) }
        connection.onFinished = { [weak self] failed in self?.countCall(failed: failed) }
        do throws(SystemError) {
            let watch = try loop.add(number) { [weak self] readiness in
                self?.clients[number]?.connection.note(readiness)
                self?.enqueue(number)
            }
            clients[number] = Client(connection: connection, watch: watch, interest: .readable)
            counted.accepted += 1
            startSweeping()
        } catch {
            callbacks.note("\(error)")
        }
    }

    /// Makes room by closing the client that has been without a request for longest.
    private func displaceIdle() -> Bool {
        let idle = clients.filter { $0.value.connection.isIdle }
        guard let oldest = idle.min(by: { $0.value.connection.lastProgress < $1.value.connection.lastProgress }) else {
            return false
        }
        close(oldest.key, .displaced, "\(limits.clientsMax) clients are connected and it was idle longest")
        return true
    }

    private func close(_ number: Int32, _ cut: ControlConnection.Cut?, _ reason: String) {
        guard let client = clients.removeValue(forKey: number) else { return }
        loop.remove(client.watch)
        guard let cut, let index = ControlConnection.Cut.allCases.firstIndex(of: cut) else { return }
        cuts[index] += 1
        callbacks.note("cut off \(client.connection.peer): \(reason)")
    }

    private func pauseAccepting(for pause: Interval) {
        guard let listening, let acceptTimer else { return }
        loop.modify(listening, [])
        loop.set(acceptTimer, to: Clock.now + pause)
    }

    private func resumeAccepting() {
        if let listening { loop.modify(listening, .readable) }
    }

    private func startSweeping() {
        guard !isSweeping, let sweepTimer else { return }
        isSweeping = true
        loop.set(sweepTimer, to: loop.now + limits.sweepTime)
    }

    private func sweep() {
        isSweeping = false
        for (number, client) in clients {
            if let (cut, reason) = client.connection.overdue(now: loop.now) { close(number, cut, reason) }
        }
        if !clients.isEmpty { startSweeping() }
    }

    // MARK: Work

    private func enqueue(_ number: Int32) {
        guard let client = clients[number], !client.connection.isQueued else { return }
        client.connection.isQueued = true
        queue.append(number)
        // Woken between two turns, by an answer that came from elsewhere: the next turn must not wait for an event.
        if queue.count == queueStart + 1, let workTimer { loop.set(workTimer, to: loop.now) }
    }

    private func dequeue() -> ControlConnection? {
        while queueStart < queue.count {
            let number = queue[queueStart]
            queueStart += 1
            if queueStart == queue.count {
                queue.removeAll(keepingCapacity: true)
                queueStart = 0
            }
            // A number may have been closed and used again; its flag says whether this entry is the new one's.
            guard let connection = clients[number]?.connection, connection.isQueued else { continue }
            connection.isQueued = false
            return connection
        }
        return nil
    }

    /// One turn's work: round robin, until the time is over.
    private func work() {
        if queue.isEmpty { return }
        let began = Clock.now
        refill(at: began)
        // In a turn that is long already, one piece is enough.
        let budget = min(loop.isTurnLong ? .microseconds(1) : limits.workPerTurn, credit)
        var now = began
        while now - began < budget, let connection = dequeue() {
            serve(connection, now: now)
            now = Clock.now
        }
        credit = credit - (now - began)
        if queueStart < queue.count, let workTimer {
            let shortage = limits.workPerTurn - credit
            loop.set(workTimer, to: shortage > .zero ? now + shortage * limits.workShare : now)
        }
    }

    private func refill(at now: Instant) {
        credit = min(credit + (now - creditTime) / limits.workShare, limits.workBurst)
        creditTime = now
    }

    private func serve(_ connection: ControlConnection, now: Instant) {
        let number = connection.descriptor.number
        let outcome = connection.work(now: now) { call in dispatch(call, from: connection) }
        switch outcome {
        case .again: enqueue(number)
        case .wait: break
        case .close(let cut, let reason):
            close(number, cut, reason)
            return
        }
        guard let client = clients[number], client.connection === connection else { return }
        let interest = connection.interest
        if interest != client.interest {
            clients[number]?.interest = interest
            loop.modify(client.watch, interest)
        }
    }

    // MARK: Calls

    private func countCall(failed: Bool) {
        counted.calls += 1
        if failed { counted.failedCalls += 1 }
    }

    private func dispatch(_ call: VarlinkCall, from connection: ControlConnection) {
        switch service.answer(call) {
        case .reply(let message): connection.finish(sending: message, failed: false)
        case .failure(let error): connection.finish(sending: error.encoded, failed: true)
        case .other(_, let name):
            do throws(VarlinkError) {
                try serve(name, call, for: connection)
            } catch {
                connection.finish(sending: error.encoded, failed: true)
            }
        }
    }

    private func serve(_ name: String, _ call: VarlinkCall, for connection: ControlConnection) throws(VarlinkError) {
        guard let method = ControlMethod(rawValue: name) else { throw .methodNotFound(name) }
        if call.wantsUpgrade { throw .methodNotImplemented(name) }
        var request = ControlRequest(method: method, peer: connection.peer)
        try request.take(call.parameters)
        if method.changesSomething, connection.access < .change { throw .permissionDenied }
        if method == .watch {
            try startStream(call, for: connection)
        } else {
            callbacks.handle(request, ControlResponder(connection, number: connection.currentRequest))
        }
    }

    private func startStream(_ call: VarlinkCall, for connection: ControlConnection) throws(VarlinkError) {
        guard call.wantsMore, !call.isOneway else { throw .expectedMore }
        let streams = clients.values.count { $0.connection.isStreaming }
        if streams >= limits.streamsMax { throw ControlInterface.tooManyClients(limits.streamsMax) }
        let seconds = Double(Clock.wallNanoseconds / 1_000) / 1e6
        countCall(failed: false)
        connection.startStream(
            with: Self.encode(WatchEvent("watching", text: "Events from here on.", unixSeconds: seconds)))
    }
}

extension ControlAccess: Comparable {
    /// By how much is allowed.
    package static func < (left: ControlAccess, right: ControlAccess) -> Bool { left.rawValue < right.rawValue }
}
