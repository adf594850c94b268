import Base
import CLinux
import ConfigurationModel
import Kernel
import LoadBalancing
import Logging
import Reactor

/// hasupd's side of the director: it performs what `Director` decides about IPVS's table. The kernel is asked on a second
/// thread (docs/decisions, D65), which lives from the first configuration with virtual servers on.
final class DirectorSupervision {
    /// The longest time that an upgrade waits for a call: execve(2) waits for the thread (docs/decisions, D65).
    private static let parkTimeout = Interval.seconds(2)

    private let loop: EventLoop
    private let log: DirectorLog
    private let noted: NotedServices
    private var core = Director()
    /// With the newest configuration.
    var director: Director {
        adoptNext()
        return core
    }
    /// The configuration that is taken on in a turn of its own: reading it takes long (docs/decisions, D6).
    private var next: Generation?
    private var adoptTimer: Timer?
    private var thread: IPVSThread?
    private var watch: Watch?
    /// The thread's socket, which stays open as long as the thread lives.
    private var socket: Int32 = -1
    let recorder: TableRecorder?
    private let elsewhere: TableSocket?
    private var timer: Timer?
    private var answerTimer: Timer?
    /// Calls whose answers come in the next turn, because there is no thread.
    private var recorded: [(call: TableCall, ticket: UInt64)] = []
    /// The reason that there is no thread, a sentence.
    private var threadFailure: String?
    private var hasBegun = false
    /// True if a checker tells the states of servers; without one all of them are up.
    var hasChecker = false
    /// Sentences by number of the service: why it can't be set up.
    var faults: [[String]] {
        adoptNext()
        return knownFaults
    }
    private var knownFaults: [[String]] = []
    /// Called once after a start, with the services of this boot that stand in the table.
    var onStanding: (([StandingService]) -> Void)?
    /// Called after each call, when there is nothing else to do for now.
    var onLooked: (() -> Void)?
    private var onStopped: (() -> Void)?
    private var onParked: (() -> Void)?
    private var parkTimer: Timer?
    private var isParked = false
    /// The call that waits for `unpark`.
    private var held: (call: TableCall, ticket: UInt64)?

    /// - Parameters:
    ///   - recorder: takes the place of the kernel.
    ///   - elsewhere: the socket in the namespace that net_namespace_ipvs names; nil without that.
    init(_ context: DaemonContext, _ events: EventRecorder, recorder: TableRecorder?, elsewhere: TableSocket?) {
        self.elsewhere = elsewhere
        loop = context.loop
        log = DirectorLog(context, events)
        noted = NotedServices(directory: context.paths.runDirectory)
        self.recorder = recorder
        timer = loop.makeTimer { [unowned self] in self.handle(.timeout) }
        adoptTimer = loop.makeTimer { [unowned self] in self.adoptNext() }
        answerTimer = loop.makeTimer { [unowned self] in self.answer() }
        parkTimer = loop.makeTimer { [unowned self] in self.parked() }
    }

    // MARK: Configurations

    /// Begins with the first configuration, after the seal: the thread is sealed as its creator is.
    ///
    /// - Parameter isUpgrade: true if this process was another program before.
    func begin(_ generation: Generation, isUpgrade: Bool) {
        hasBegun = true
        if recorder == nil {
            do throws(BootFile<NotedServices.Kept>.UnreadableFile) {
                try noted.begin()
            } catch {
                log.lost(error.description)
            }
        }
        configure(generation, isUpgrade ? .resume(noted: Array(noted.keys)) : .start(noted: Array(noted.keys)))
    }

    /// This generation runs after a reload.
    func adopt(_ generation: Generation) {
        guard hasBegun else { return }
        next = generation
        if let adoptTimer { loop.set(adoptTimer, to: loop.now) }
    }

    /// Whatever concerns the newest configuration comes after it.
    private func adoptNext() {
        guard let generation = next else { return }
        next = nil
        if let adoptTimer { loop.set(adoptTimer, to: .never) }
        configure(generation, .reload)
    }

    /// News of the checker about the configuration that was given last.
    func take(_ changes: [StateChange]) { handle(.states(changes)) }

    private func configure(_ generation: Generation, _ occasion: DirectorConfiguration.Occasion) {
        let model: ConfigurationModel
        do throws(ByteError) {
            model = try generation.model.withoutInstances()
        } catch {
            return log.lost("the virtual servers of the configuration can't be read: \(error)")
        }
        knownFaults = model.virtualServers.map(\.faults)
        // Nobody has anything to do where there is no service, and never was.
        guard !model.virtualServers.isEmpty || !noted.keys.isEmpty || !core.services.isEmpty else { return }
        startThread()
        let buffer = model.global.buffers.balancerCommands
        if let bytes = buffer.bytes, socket >= 0 {
            hasup_receive_buffer_set(socket, Int32(clamping: bytes), buffer.isForced)
        }
        handle(.configure(DirectorConfiguration(model, occasion: occasion, hasChecker: hasChecker)))
    }

    private func startThread() {
        guard thread == nil else { return }
        do throws(SystemError) {
            if let recorder { return try follow(IPVSThread(recorder)) }
            let opened: Descriptor
            if let elsewhere {
                opened = try elsewhere.take()
            } else {
                opened = try owned(hasup_generic_socket(), "open a netlink socket for IPVS")
            }
            let number = opened.number
            let connection = try IPVSConnection(opened)
            try follow(IPVSThread(connection))
            socket = number
        } catch {
            threadFailure = "virtual servers aren't set up: \(elsewhere?.failure ?? error.description)."
        }
    }

    private func follow(_ thread: IPVSThread) throws(SystemError) {
        watch = try loop.add(thread.descriptor) { [unowned self] _ in self.drain() }
        self.thread = thread
        threadFailure = nil
    }

    // MARK: Events

    private func handle(_ event: DirectorEvent) {
        adoptNext()
        var actions: [DirectorAction] = []
        core.handle(event, at: Clock.now, into: &actions)
        for action in actions { perform(action) }
        if let timer { loop.set(timer, to: isParked ? .never : core.deadline) }
    }

    private func perform(_ action: DirectorAction) {
        switch action {
        case .note(let keys): if recorder == nil { noted.note(keys) }
        case .forget(let keys): if recorder == nil { noted.forget(keys) }
        case .call(let call, let ticket):
            if isParked { held = (call, ticket) } else { submit(call, ticket) }
        case .observe(.missing(Self.noThread)): log.lost(trouble ?? DirectorLog.missing(Self.noThread))
        case .observe(let observation): log.write(observation)
        case .standing(let found): onStanding?(found)
        case .stopped: stopped()
        }
    }

    private func submit(_ call: TableCall, _ ticket: UInt64) {
        if let thread { return thread.submit(call, ticket: ticket) }
        recorded.append((call, ticket))
        // In another turn, as an answer of the thread would come.
        if let answerTimer { loop.set(answerTimer, to: Clock.now) }
    }

    /// Tries to start the thread once more, or answers without it.
    private func answer() {
        let calls = recorded
        recorded = []
        startThread()
        for (call, ticket) in calls {
            if let thread {
                thread.submit(call, ticket: ticket)
                continue
            }
            handle(.result(.failed(Self.noThread), ticket: ticket))
        }
        if core.isIdle { onLooked?() }
    }

    /// EAGAIN: the thread is asked for again with the next try.
    private static let noThread: Int32 = 11

    private func drain() {
        guard let thread else { return }
        for completion in thread.drain() { handle(.result(completion.result, ticket: completion.ticket)) }
        if onParked != nil, thread.inFlight == 0 { parked() }
        if core.isIdle { onLooked?() }
    }

    // MARK: The end

    /// True when nothing of ours stands in the table any more, or nothing more can be done about it.
    private(set) var isStopped = true

    /// Takes our services out of the table.
    func stop(_ completion: @escaping () -> Void) {
        guard thread != nil, hasBegun else { return completion() }
        isStopped = false
        onStopped = completion
        handle(.stop(keepsServices: false))
    }

    private func stopped() {
        isStopped = true
        onStopped?()
        onStopped = nil
    }

    /// Waits until no call is under way, 2 s at most: then this process can become another program. Nothing is begun
    /// afterwards, unless `unpark` says so.
    func park(_ completion: @escaping () -> Void) {
        isParked = true
        guard let thread, thread.inFlight > 0 else { return completion() }
        onParked = completion
        if let parkTimer { loop.set(parkTimer, to: Clock.now + Self.parkTimeout) }
    }

    /// The socket that the program this process becomes can't open itself.
    var stored: [StoredDescriptor] {
        elsewhere == nil || socket < 0 ? [] : [StoredDescriptor(name: TableSocket.storedName, number: socket)]
    }

    /// Goes on: this process stays what it is.
    func unpark() {
        guard isParked else { return }
        isParked = false
        if let (call, ticket) = held { submit(call, ticket) }
        held = nil
        if let timer { loop.set(timer, to: core.deadline) }
    }

    private func parked() {
        if let parkTimer { loop.set(parkTimer, to: .never) }
        let completion = onParked
        onParked = nil
        completion?()
    }

    // MARK: Files and status

    /// Writes files again that were removed.
    func restore() { noted.restore() }

    /// Faults of the table as a whole, a sentence each.
    var problems: [String] { [trouble, noted.problem, recordTrouble].compactMap { $0 } }

    /// The reason that the table isn't written, a sentence; nil when it is.
    var trouble: String? {
        // Without virtual servers there is nothing to miss.
        guard !director.services.isEmpty else { return nil }
        if let threadFailure { return threadFailure }
        guard case .missing(let code, _) = director.condition else { return nil }
        return DirectorLog.missing(code)
    }

    private var recordTrouble: String? {
        guard let recorder, recorder.isIncomplete else { return nil }
        return "\(recorder.path) is incomplete: a line couldn't be written."
    }
}
