import Base
import CLinux
import Configuration
import IPC
import Logging
import Reactor
import Sandbox
import Supervision

/// Sees to it that no address stays on an interface while nobody advertises it: when no worker has taken over by the time
/// at which a peer may have become master, `hasup-withdraw` removes the addresses (docs/decisions.md, D12).
final class OrphanGuard {
    private let loop: EventLoop
    private let lines: RepeatLog
    private let seal: SealArguments
    private let filter: Int32
    private var timer: Timer?
    private var orphaned: (page: StatePage, generation: Generation)?
    private var child: ChildProcess?

    /// The filter's descriptor stays the caller's and must stay open.
    init(on loop: EventLoop, lines: RepeatLog, seal: SealArguments, filter: Int32) {
        self.loop = loop
        self.lines = lines
        self.seal = seal
        self.filter = filter
        timer = loop.makeTimer { [weak self] in self?.look() }
    }

    /// The kernel says that the worker is gone. The page is what it has left, the generation what it ran.
    func workerEnded(_ page: StatePage, _ generation: Generation) {
        // Workers that never got so far as to run don't prolong the time.
        guard orphaned == nil, let timer else { return }
        orphaned = (page, generation)
        let interval = generation.model.smallestAdvertInterval ?? .seconds(1)
        loop.set(timer, to: Clock.now + interval * 2)
    }

    /// A worker runs: the addresses are its business.
    func workerRuns() {
        orphaned = nil
        if let timer { loop.set(timer, to: .never) }
    }

    private func look() {
        guard let orphaned, child == nil else { return }
        do throws(SystemError) {
            let route = try owned(hasup_route_socket(0), "open an rtnetlink socket")
            child = try ChildProcess.spawn(
                path: "/proc/self/exe", arguments: ["hasup-withdraw"] + seal.words,
                descriptors: [orphaned.page.number, filter, orphaned.generation.image.number, route.number], on: loop
            ) { [weak self] _, exit in self?.ended(exit) }
        } catch {
            lines.tell(.error, "hasup-withdraw", error.description)
            lookAgain()
        }
    }

    private func ended(_ exit: WorkerExit) {
        child = nil
        switch exit {
        case .code(WithdrawRole.nothingLeft): break
        case .code(WithdrawRole.moreLater): lookAgain()
        case .code, .signal:
            lines.tell(.error, "hasup-withdraw", "ended (\(exit)): addresses of the dead VRRP worker may be left")
            lookAgain()
        }
    }

    private func lookAgain() {
        guard let orphaned, let timer else { return }
        let interval = orphaned.generation.model.smallestAdvertInterval ?? .seconds(1)
        loop.set(timer, to: Clock.now + max(.milliseconds(20), interval / 4))
    }
}
