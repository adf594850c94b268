import Base
import CLinux
import Configuration
import ConfigurationModel
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// Ends the time in which an address is on an interface and no worker advertises it: when none has taken over by the time
/// at which a peer may have become master, `hasup-withdraw` removes the addresses (docs/decisions, D12). The machine
/// that decides when is `StaleAddressWatch`.
final class StaleAddressGuard {
    /// The state of the dead worker: its page, the addresses that it had put where, its configuration, and those before of
    /// which something may still be in the kernel.
    private struct DeadWorker {
        let page: StatePage
        let addresses: AddressFile
        let generation: Generation
        let previous: [Generation]
    }

    private let loop: EventLoop
    private let lines: RepeatLog
    private let seal: SandboxArguments
    private let filter: Int32
    private var timer: Timer?
    private var watch = StaleAddressWatch()
    private var dead: DeadWorker?
    private var child: ChildProcess?

    /// The filter's descriptor stays the caller's and must stay open.
    init(on loop: EventLoop, lines: RepeatLog, seal: SandboxArguments, filter: Int32) {
        self.loop = loop
        self.lines = lines
        self.seal = seal
        self.filter = filter
        timer = loop.makeTimer { [weak self] in self?.handle(.due) }
    }

    /// The kernel says that the worker is gone.
    func workerEnded(
        _ page: StatePage, _ addresses: AddressFile, _ generation: Generation, previous: [Generation]
    ) {
        dead = DeadWorker(page: page, addresses: addresses, generation: generation, previous: previous)
        handle(.workerEnded)
    }

    /// The successor is about to be started: from now on it decides what stays.
    func successorStarts() { handle(.successorStarts) }

    /// A worker runs, and owns the addresses.
    func workerRuns() { handle(.workerRuns) }

    private func handle(_ event: StaleAddressEvent) {
        let interval = dead?.generation.model.smallestAdvertInterval ?? .seconds(1)
        for action in watch.handle(event, interval: interval) {
            switch action {
            case .wake(let wait): if let timer { loop.set(timer, to: Clock.now + wait) }
            case .sleep: if let timer { loop.set(timer, to: .never) }
            case .look: look()
            case .endLook: child?.kill()
            case .reportFailure:
                lines.write(
                    .error, "hasup-withdraw", "failed: addresses of the dead VRRP worker may still be on interfaces")
            }
        }
        if event == .workerRuns { dead = nil }
    }

    private func look() {
        guard let dead else { return handle(.looked(.nothingLeft)) }
        do throws(SystemError) {
            let route = try owned(hasup_route_socket(0), "open an rtnetlink socket")
            let images =
                [dead.generation.image.number, route.number, dead.addresses.number]
                + dead.previous.map(\.image.number)
            child = try ChildProcess.spawn(
                path: "/proc/self/exe",
                arguments: ["hasup-withdraw", String(dead.previous.count)] + seal.words,
                descriptors: [dead.page.number, filter] + images, on: loop
            ) { [weak self] _, exit in self?.ended(exit) }
        } catch {
            lines.write(.error, "hasup-withdraw", error.description)
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
