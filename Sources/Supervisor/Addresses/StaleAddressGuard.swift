import Base
import CLinux
import Configuration
import ConfigurationModel
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// Sees to it that no address stays on an interface while nobody advertises it: when no worker has taken over by the time
/// at which a peer may have become master, `hasup-withdraw` removes the addresses (docs/decisions.md, D12). The machine
/// that decides when is `StaleAddressWatch`.
final class StaleAddressGuard {
    /// What the dead worker has left, which addresses it had put where, what it ran, and what it may have run before and not
    /// cleared away yet.
    private typealias Legacy = (
        page: StatePage, addresses: AddressFile, generation: Generation, formers: [Generation]
    )

    private let loop: EventLoop
    private let lines: RepeatLog
    private let seal: SandboxArguments
    private let filter: Int32
    private var timer: Timer?
    private var watch = StaleAddressWatch()
    private var legacy: Legacy?
    private var child: ChildProcess?

    /// The filter's descriptor stays the caller's and must stay open.
    init(on loop: EventLoop, lines: RepeatLog, seal: SandboxArguments, filter: Int32) {
        self.loop = loop
        self.lines = lines
        self.seal = seal
        self.filter = filter
        timer = loop.makeTimer { [weak self] in self?.handle(.due) }
    }

    /// The kernel says that the worker is gone. The page is what it has left, the generation what it ran.
    func workerEnded(
        _ page: StatePage, _ addresses: AddressFile, _ generation: Generation, formers: [Generation]
    ) {
        legacy = (page, addresses, generation, formers)
        handle(.workerEnded)
    }

    /// The successor is about to be started: from now on it decides what stays.
    func successorStarts() { handle(.successorStarts) }

    /// A worker runs: the addresses are its business.
    func workerRuns() { handle(.workerRuns) }

    private func handle(_ event: StaleAddressWatch.Event) {
        let interval = legacy?.generation.model.smallestAdvertInterval ?? .seconds(1)
        for action in watch.handle(event, interval: interval) {
            switch action {
            case .wake(let wait): if let timer { loop.set(timer, to: Clock.now + wait) }
            case .sleep: if let timer { loop.set(timer, to: .never) }
            case .look: look()
            case .endLook: child?.kill()
            case .tellFailure:
                lines.tell(.error, "hasup-withdraw", "failed: addresses of the dead VRRP worker may be left")
            }
        }
        if event == .workerRuns { legacy = nil }
    }

    private func look() {
        guard let legacy else { return handle(.looked(.nothingLeft)) }
        do throws(SystemError) {
            let route = try owned(hasup_route_socket(0), "open an rtnetlink socket")
            let images =
                [legacy.generation.image.number, route.number, legacy.addresses.number]
                + legacy.formers.map(\.image.number)
            child = try ChildProcess.spawn(
                path: "/proc/self/exe",
                arguments: ["hasup-withdraw", String(legacy.formers.count)] + seal.words,
                descriptors: [legacy.page.number, filter] + images, on: loop
            ) { [weak self] _, exit in self?.ended(exit) }
        } catch {
            lines.tell(.error, "hasup-withdraw", error.description)
            handle(.looked(.failed))
        }
    }

    private func ended(_ exit: WorkerExit) {
        child = nil
        switch exit {
        case .code(WithdrawRole.nothingLeft): handle(.looked(.nothingLeft))
        case .code(WithdrawRole.moreLater): handle(.looked(.moreLater))
        case .code, .signal, .unknown: handle(.looked(.failed))
        }
    }
}
