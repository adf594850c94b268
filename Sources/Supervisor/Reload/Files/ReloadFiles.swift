import Base
import CLinux
import Configuration
import ConfigurationModel
import Control
import Glibc
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// What global_defs names around reloads: the file that schedules them, and hasupd's side of `hasup-save`, which writes
/// what operators want to keep of them.
final class ReloadFiles {
    private let seal: SandboxArguments
    private let filter: Int32
    private let loop: EventLoop
    private let log: Logger
    private var child: ChildProcess?
    private var complaints: Descriptor?
    /// What went wrong the last time, a sentence; nil when all is well.
    private var failure: String?
    private var scheduled: ScheduledReload?

    init(_ host: HostProfile, on loop: EventLoop, log: Logger) {
        seal = host.sealArguments
        filter = host.parserFilter.number
        self.loop = loop
        self.log = log
    }

    /// When the next scheduled reload is, in seconds since 1970; nil when there is none.
    var due: Int64? { scheduled?.due }

    /// What isn't as it should be, a sentence each.
    var problems: [String] { [scheduled?.problem, failure].compactMap { $0 } }

    /// The first configuration runs. - Parameter reload: what is done when the time of a scheduled reload has come.
    func started(_ generation: Generation, reload: @escaping () -> Void) {
        scheduled = ScheduledReload(on: loop, log: log, reload: reload)
        adopted(generation)
        var order = SaveOrder(seal: seal)
        order.folder = ReloadPaths(generation).saveFolder
        order.copies[0] = Self.name(of: generation)
        start(order, [generation.image])
    }

    /// This configuration runs from now on.
    func adopted(_ generation: Generation) { scheduled?.follow(ReloadPaths(generation)) }

    /// A reload has ended.
    ///
    /// - Parameters:
    ///   - before: what ran when it began.
    ///   - judged: what was read; nil when the reader failed.
    ///   - after: what runs since; nil when it was refused.
    func ended(_ report: ReloadReport, before: Generation, judged: ConfigurationImage?, after: Generation?) {
        let paths = ReloadPaths(before)
        var order = SaveOrder(seal: seal)
        // Its maker was killed, or took too long.
        if judged == nil { order.mark = paths.mark }
        order.folder = paths.saveFolder ?? after.flatMap { ReloadPaths($0).saveFolder }
        let now = Self.time(Clock.wallNanoseconds)
        order.copies = [
            Self.name(of: before),
            judged.map { $0.text.isEmpty ? "" : after.map(Self.name) ?? SaveOrder.name(of: now, generation: nil) }
                ?? "",
        ]
        order.log = paths.log
        order.verdict = "\(now) reload \(report.ok ? "accepted" : "refused"): \(report.summaryText)"
        order.hasFindings = judged != nil
        start(order, [before.image] + (judged.map { [$0] } ?? []))
    }

    private static func name(of generation: Generation) -> String {
        guard !generation.image.text.isEmpty else { return "" }
        return SaveOrder.name(of: time(generation.acceptedAt), generation: generation.number)
    }

    /// `YYYYMMDDTHHMMSSZ`, which sorts as time goes.
    private static func time(_ wallNanoseconds: Int64) -> String {
        var seconds = time_t(wallNanoseconds / 1_000_000_000)
        var parts = tm()
        var buffer = [CChar](repeating: 0, count: 32)
        gmtime_r(&seconds, &parts)
        let count = strftime(&buffer, buffer.count, "%Y%m%dT%H%M%SZ", &parts)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func start(_ order: SaveOrder, _ images: [ConfigurationImage]) {
        guard !order.isEmpty else { return }
        guard child == nil else {
            // Each copy is offered again as what ran before the next reload.
            return fail("files of an earlier reload are still being written, so those of this one are left out")
        }
        do throws(SystemError) {
            var pair: [Int32] = [-1, -1]
            try checked(hasup_socketpair(&pair), "create a socket pair")
            let ours = Descriptor(owning: pair[0])
            let theirs = Descriptor(owning: pair[1])
            child = try ChildProcess.spawn(
                path: "/proc/self/exe", arguments: ["hasup-save"] + order.words,
                descriptors: [theirs.number, filter] + images.map(\.number), on: loop
            ) { [weak self] _, exit in self?.ended(exit == .code(0) ? nil : "hasup-save ended with \(exit)") }
            complaints = consume ours
        } catch {
            fail(error.description)
        }
    }

    private func ended(_ reason: String?) {
        var sentences: [String] = []
        if let number = complaints?.number {
            var buffer = [UInt8](repeating: 0, count: 512)
            while sentences.count < 8 {
                let count = recv(number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard count > 0 else { break }
                sentences.append(String(decoding: buffer[..<count], as: UTF8.self))
            }
        }
        complaints = nil
        child = nil
        guard let reason else { return failure = nil }
        fail(sentences.isEmpty ? reason : sentences.joined(separator: "; "))
    }

    private func fail(_ reason: String) {
        failure = "Files that reloads leave aren't all as they should be: \(reason)."
        log.warning("\(reason)")
    }
}

extension ReloadPaths {
    /// Those of a configuration; one that can't be read names none.
    init(_ generation: Generation) { self.init((try? generation.model.global()) ?? .init()) }
}
