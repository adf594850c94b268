import Base
import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Logging
import Reactor
import Sandbox
import WorkerProtocol

/// What a start begins with.
struct FirstConfiguration {
    let generation: Generation
    /// Why it isn't what the files say; nil when it is.
    var refusal: String?
}

extension Daemon {
    /// From the command line to the exit status.
    static func run(arguments: [String]) -> Int32 {
        let options: Options
        do throws(Options.UsageError) {
            switch try Options.parse(arguments) {
            case .run(let parsed): options = parsed
            case .help:
                print(Options.help, terminator: "")
                return 0
            case .version:
                print("hasupd \(hasupVersion)")
                return 0
            case .formats:
                print(Formats.text(version: hasupVersion), terminator: "")
                return 0
            case .check(let parsed): return FileCheck.run(parsed)
            }
        } catch {
            complain("\(error.message)\(error.message.hasSuffix("?") ? "" : ".") Try hasupd --help.")
            return StartError.Status.usage.rawValue
        }
        do throws(StartError) {
            return try start(options)
        } catch {
            complain(error.message)
            return error.status.rawValue
        }
    }

    private static func complain(_ text: String) {
        StandardError.tell("hasupd: \(Printable.text(text))")
    }

    /// What hasupd may do here; without what everything needs it doesn't start. What else is missing costs less, and is
    /// told when the configuration is known.
    static func requirePrivileges() throws(StartError) -> Privileges? {
        let privileges = Privileges.current
        if let refusal = privileges?.refusal { throw StartError(.permission, refusal) }
        // A capability counts only in the user namespace that it belongs to.
        if hasup_probe_raw() == -EPERM {
            throw StartError(
                .permission,
                "the capability net_raw doesn't count in this network namespace, which belongs to another user namespace, "
                    + "so no VRRP packet can be sent. Start it as root there, or in a network namespace of its own.")
        }
        return privileges
    }

    /// As the machine's root nothing is begun that could only go on without its filter.
    static func requireFilters(_ options: Options) throws(StartError) {
        guard Setting.requiresFilters(options) else { return }
        do throws(SystemError) {
            try SeccompProgram.requireKernel()
        } catch {
            throw StartError(
                .unavailable,
                "\(error), and hasupd's processes don't work as root's without that: take a kernel with "
                    + "CONFIG_SECCOMP_FILTER, or start hasupd with --seccomp optional")
        }
    }

    /// The first configuration: tolerant (docs/decisions.md, D18), but nothing at all is an error.
    ///
    /// With the configuration of a hasupd that is gone, it is strict as a reload: what ran goes on rather than files with
    /// an error in them, which somebody may be editing.
    static func readFirst(
        _ reader: ConfigurationReader, stored: (image: ConfigurationImage, model: EncodedModel)?, _ options: Options,
        _ log: Logger, _ findings: FindingLog
    ) throws(StartError) -> FirstConfiguration {
        let outcome: ReadOutcome
        do throws(SystemError) {
            outcome = try reader.readNow()
        } catch {
            throw StartError(.unavailable, error.description)
        }
        if let stored, let refusal = outcome.refusal(insteadOf: stored.image, options.file),
            let generation = Generation(stored: stored.image, stored.model)
        {
            if case .judged(_, _, let diagnostics) = outcome { for finding in diagnostics { findings.tell(finding) } }
            log.error("\(refusal). The configuration that ran before goes on.")
            return FirstConfiguration(generation: generation, refusal: "\(refusal). The old configuration goes on.")
        }
        if case .judged(let image, _, let diagnostics) = outcome, image.isReadable {
            for finding in diagnostics { findings.tell(finding, isStart: true) }
        }
        if let error = outcome.startError(options.file, isDefault: options.file == Options().file) { throw error }
        guard case .judged(let image, let model, let diagnostics) = outcome else {
            throw StartError(.noInput, "can't read \(options.file)")
        }
        return FirstConfiguration(
            generation: Generation(
                number: 1, image: image, model: model, diagnostics: diagnostics, acceptedAt: Clock.wallNanoseconds))
    }
}

extension ReadOutcome {
    /// Why a start ends with these files; nil when it goes on, be it without what is wrong.
    ///
    /// - Parameter isDefault: whether nobody has named the file.
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

    /// Why these files aren't to replace a configuration that ran: a sentence's beginning. Nil when they may, or are the
    /// same: then their errors are nothing new.
    fileprivate func refusal(insteadOf running: ConfigurationImage, _ file: String) -> String? {
        switch self {
        case .failed(let reason): return reason
        case .judged(let image, _, let diagnostics):
            if image.isReadable, image.canStart, !image.hasErrors || image.model.elementsEqual(running.model) {
                return nil
            }
            guard image.isReadable else { return diagnostics.first?.message ?? "can't read \(file)" }
            return ReloadVerdict.refusal(of: file, diagnostics)
        }
    }
}

extension Generation {
    /// The configuration of a hasupd that is gone; nil for what is malformed.
    fileprivate convenience init?(stored image: ConfigurationImage, _ model: EncodedModel) {
        guard let decoded = try? model.decode(),
            let diagnostics = try? [Diagnostic](decoding: image.diagnostics),
            let part = try? ConfigurationImage(ConfigurationImage.make(part: decoded.vrrpPart.encode()))
        else { return nil }
        image.part = part
        self.init(
            number: 1, image: image, model: model, diagnostics: diagnostics, acceptedAt: Clock.wallNanoseconds)
    }
}
