import Base
import CLinux
import Configuration
import ConfigurationModel
import Control
import Files
import Glibc
import Reactor
import Sandbox
import Varlink
import WorkerProtocol

/// The role `hasup-config`: reads and checks the files in a short-lived process (docs/decisions, D6). A parser that
/// crashes or takes long costs hasupd nothing.
///
/// Arguments: `FILE CONFIG-ID`, the file of cluster blocks or nothing, whether the result is to be compared with what
/// runs, whether its text is wanted even when it has no config_save_dir (1 or 0), the path of reload_file or nothing, and
/// the words of `SandboxArguments`.
/// Descriptor 3 is hasupd, 4 the compiled system call filter, 5 the image that runs, 6 its part for the checker; the answer is one
/// frame with the memfds of the new image and of its parts for the VRRP worker, for hasup-track and for the checker. The comparison is made here because hasupd has no time for it.
enum ConfigurationRole {
    static func arguments(
        file: String, configID: String, guardFile: String?, isCompared: Bool, wantsText: Bool, mark: String?,
        seal: SandboxArguments
    ) -> [String] {
        ["hasup-config", file, configID, guardFile ?? "", isCompared ? "1" : "0", wantsText ? "1" : "0", mark ?? ""]
            + seal.words
    }

    static func run(arguments: [String]) -> Int32 {
        guard arguments.count == 6 + SandboxArguments.wordCount, let wishes = SandboxArguments(words: arguments[6...])
        else {
            return 64
        }
        var environment = SystemEnvironment.current(checksInterfaces: true)
        environment.configID = arguments[1]
        if !arguments[2].isEmpty { environment.guardFile = .named(arguments[2]) }
        let files = ConfigurationFileProvider(isReload: arguments[3] == "1")
        let (sources, trouble) = withMark(arguments[5]) {
            readSources(path: arguments[0], files: files, environment: environment)
        }
        let needsReadRight = files.needsReadRight(for: sources)
        let running = arguments[3] == "1" ? try? ConfigurationImage(Descriptor(owning: 5)) : nil
        running?.servicesPart = try? ConfigurationImage(Descriptor(owning: 6))
        // From here on only bytes in memory are read.
        let report = seal(as: SandboxPlan(wishes, filter: 4, landlock: nil))
        if let refusal = report.refusal(for: wishes) {
            let sentence = "the configuration can't be read: \((report.shortfalls + [refusal]).joined(separator: ": "))"
            try? ConfigurationToSupervisor.failed(sentence).send(on: 3)
            return 77
        }
        if environment.mayHoldVirtualAddresses, let running, let model = try? EncodedModel(running.model).decode() {
            environment.leaveOut(model.virtualAddresses)
        }
        var loaded = parse(sources, environment: environment)
        for error in trouble { loaded.diagnostics.append(Diagnostic(.warning, error.description, code: .file)) }
        let wantsText = arguments[4] == "1" || loaded.model.global.reports.saveDirectory != nil
        let text =
            wantsText ? effectiveConfiguration(path: sources.path, files: sources, environment: environment) : []
        do throws(SystemError) {
            let image = try ConfigurationImage.make(
                canStart: loaded.canStart, isReadable: loaded.isReadable, hasErrors: loaded.hasErrors,
                needsReadRight: needsReadRight, diagnostics: findings(on: loaded, comparedWith: running).encode(),
                difference: difference(from: running, to: loaded),
                model: loaded.model.encode(), text: text)
            let part = try ConfigurationImage.make(part: loaded.model.vrrpPart.encode())
            let trackingPart = try ConfigurationImage.make(part: loaded.model.trackingPart.encode())
            let servicesPart = try ConfigurationImage.make(
                part: loaded.model.servicesPart.encode(), credentials: loaded.encodedCredentials)
            try ConfigurationToSupervisor.judged.send(
                on: 3, descriptors: [image.number, part.number, trackingPart.number, servicesPart.number])
        } catch {
            try? ConfigurationToSupervisor.failed(error.description).send(on: 3)
            return 71
        }
        return 0
    }

    /// All findings. The first one is the note on the place of the scripts, where none can run.
    private static func findings(
        on loaded: LoadedConfiguration, comparedWith running: ConfigurationImage?
    ) -> [Diagnostic] {
        guard let first = loaded.firstScript, let running, let model = try? EncodedModel(running.model),
            !model.hasScripts
        else { return loaded.orderedDiagnostics }
        return [first] + loaded.orderedDiagnostics
    }

    /// Reads while reload_file is there. A mark that can't be made is no reason not to read.
    private static func withMark(_ path: String, _ body: () -> SourceSet) -> (SourceSet, [SystemError]) {
        // It reads as hasupd's user what others have written, and changes and executes nothing meanwhile, but for the
        // mark. The workers, which seal themselves the same way, report what can't be sealed on this machine.
        guard !path.isEmpty else {
            try? confineToReading()
            return (body(), [])
        }
        var trouble: [SystemError] = []
        do throws(SystemError) { try ReloadMark.make(path) } catch { trouble.append(error) }
        try? confineToReading(removingIn: ReloadPaths.folder(of: path))
        let sources = body()
        do throws(SystemError) { try ReloadMark.remove(path) } catch { trouble.append(error) }
        return (sources, trouble)
    }

    /// The changes that a reload would make; none for one that would be refused.
    private static func difference(from running: ConfigurationImage?, to loaded: LoadedConfiguration) -> [UInt8] {
        guard let running, loaded.canStart, !loaded.hasErrors,
            let old = try? EncodedModel(running.model).decode()
        else { return [] }
        var difference = ModelDifference(from: old, to: loaded.model)
        // They stand in no model (docs/decisions, D71).
        let hasOtherContents = running.servicesPart.map { !$0.credentials.elementsEqual(loaded.encodedCredentials) }
        if hasOtherContents == true, old.tlsClient == loaded.model.tlsClient { difference.addContents() }
        var writer = JSONWriter()
        ReloadReport(difference, startFaults: loaded.startFaults).write(into: &writer)
        return writer.bytes
    }
}

extension LoadedConfiguration {
    /// The contents of SSL's files; they were read where a check uses them.
    fileprivate var encodedCredentials: [UInt8] {
        guard !credentials.isEmpty else { return [] }
        var writer = ByteWriter()
        credentials.encode(into: &writer)
        return writer.bytes
    }
}
