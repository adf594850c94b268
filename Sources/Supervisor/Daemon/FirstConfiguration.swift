import Base
import Configuration
import ConfigurationModel
import Files
import Logging
import Reactor
import Sandbox
import WorkerProtocol

/// The configuration that a start begins with, and its reader.
struct FirstConfiguration {
    let reader: ConfigurationReader
    let findings: FindingLog
    let generation: Generation
    /// The reason the files were refused and an older configuration runs; nil when the files do.
    let refusal: String?

    /// Reads the files. A start is tolerant (docs/decisions, D18), but ends when nothing at all can run.
    ///
    /// - Parameter stored: the configuration of a hasupd that is gone. With it the start is as strict as a reload: what
    ///   ran stays in force, not files with an error, which an operator may be editing.
    init(
        _ context: DaemonContext, stored: (image: ConfigurationImage, model: EncodedModel)?
    ) throws(StartError) {
        let (options, log, host) = (context.options, context.log, context.host)
        reader = ConfigurationReader(
            file: context.paths.configuration, configID: options.configID ?? SystemEnvironment.nodeName(),
            guardFile: context.paths.guardFile,
            seal: host.sandboxArguments, filter: host.parserFilter.number, on: context.loop)
        findings = FindingLog(log)
        let outcome: ReadOutcome
        do throws(SystemError) {
            outcome = try reader.readNow()
        } catch {
            throw StartError(.unavailable, error.description)
        }
        if let stored, let refusal = outcome.refusal(insteadOf: stored.image, options.file),
            let generation = Generation(stored: stored.image, stored.model)
        {
            if case .judged(_, _, let diagnostics) = outcome { for finding in diagnostics { findings.log(finding) } }
            log.error("\(refusal). The old configuration stays in force.")
            self.generation = generation
            self.refusal = "\(refusal). The old configuration stays in force."
            return
        }
        if case .judged(let image, _, let diagnostics) = outcome, image.isReadable {
            for finding in diagnostics { findings.log(finding, isStart: true) }
        }
        if let error = outcome.startError(options.file, isDefault: options.file == DaemonOptions().file) { throw error }
        guard case .judged(let image, let model, let diagnostics) = outcome else {
            throw StartError(.noInput, "can't read \(options.file)")
        }
        generation = Generation(
            number: 1, image: image, model: model, diagnostics: diagnostics, acceptedAt: Clock.wallNanoseconds)
        refusal = nil
    }
}

extension ReadOutcome {
    /// The error that ends a start with these files; nil when it goes on, perhaps without some blocks.
    ///
    /// - Parameter isDefault: true if the file wasn't named by an option.
    func startError(_ file: String, isDefault: Bool) -> StartError? {
        switch self {
        case .failed(let reason): return StartError(.noInput, reason)
        case .judged(let image, _, let diagnostics):
            guard image.isReadable else {
                let advice = isDefault ? " Name the file with -f." : ""
                return StartError(.noInput, "\(diagnostics.first?.message ?? "can't read \(file)").\(advice)")
            }
            guard !image.canStart else { return nil }
            return StartError(
                .configuration, "\(file) has nothing that can run; `hasup check \(file)` shows each finding")
        }
    }

    /// The reason these files don't replace a configuration that ran, a sentence without its end. Nil when they do, or are
    /// the same: then their errors are nothing new.
    fileprivate func refusal(insteadOf running: ConfigurationImage, _ file: String) -> String? {
        switch self {
        case .failed(let reason): return reason
        case .judged(let image, _, let diagnostics):
            if image.isReadable, image.canStart, !image.hasErrors || image.model.elementsEqual(running.model) {
                return nil
            }
            guard image.isReadable else { return diagnostics.first?.message ?? "can't read \(file)" }
            return ReloadDecision.refusal(of: file, diagnostics)
        }
    }
}

extension Generation {
    /// The configuration of a hasupd that is gone; nil when it is malformed.
    fileprivate convenience init?(stored image: ConfigurationImage, _ model: EncodedModel) {
        guard let decoded = try? model.decode(), let diagnostics = try? [Diagnostic](decoding: image.diagnostics),
            let part = try? ConfigurationImage(ConfigurationImage.make(part: decoded.vrrpPart.encode())),
            let trackingPart = try? ConfigurationImage(ConfigurationImage.make(part: decoded.trackingPart.encode())),
            let servicesPart = try? ConfigurationImage(ConfigurationImage.make(part: decoded.servicesPart.encode()))
        else { return nil }
        (image.part, image.trackingPart, image.servicesPart) = (part, trackingPart, servicesPart)
        self.init(
            number: 1, image: image, model: model, diagnostics: diagnostics, acceptedAt: Clock.wallNanoseconds)
    }
}
