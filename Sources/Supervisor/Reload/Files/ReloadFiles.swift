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

/// The files of global_defs that belong to reloads: reload_time_file, which schedules them, and those that hasupd's child
/// `hasup-save` writes.
final class ReloadFiles {
    private let seal: SandboxArguments
    private let filter: Int32
    private let loop: EventLoop
    private let log: Logger
    private var child: ChildProcess?
    private var complaints: Descriptor?
    /// The fault of the last save, a sentence.
    private var failure: String?
    private var scheduled: ScheduledReload?

    init(_ host: HostProfile, on loop: EventLoop, log: Logger) {
        seal = host.sandboxArguments
        filter = host.parserFilter.number
        self.loop = loop
        self.log = log
    }

    /// The time of the next scheduled reload, in seconds since 1970.
    var due: Int64? { scheduled?.due }

    var problems: [String] { [scheduled?.problem, failure].compactMap { $0 } }

    /// The first configuration runs. - Parameter reload: called at the time of a scheduled reload.
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
    ///   - before: the configuration that ran when it began.
    ///   - judged: the files as they were read; nil when the reader failed.
    ///   - after: the configuration that runs since; nil when it was refused.
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

    /// Returns `YYYYMMDDTHHMMSSZ`, which sorts by time.
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
            // The next reload writes the copy again, as the configuration before it.
            return fail("the files of this reload are skipped: those of an earlier one are still being written")
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
        failure = "The last reload's files weren't all written: \(reason)."
        log.warning("\(reason)")
    }
}

extension ReloadPaths {
    /// The paths of a configuration; none of one that can't be decoded.
    init(_ generation: Generation) { self.init((try? generation.model.global()) ?? .init()) }
}
