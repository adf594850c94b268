import Base
import CLinux
import Configuration
import Files
import Glibc
import IPC
import Reactor
import Sandbox

/// The role `hasup-config`: reads and judges the files in a short-lived process (docs/decisions.md, D6). A parser that
/// crashes costs nothing, and one that takes long holds up nobody.
///
/// Arguments: `FILE CONFIG-ID` and the words of `SealArguments`. Descriptor 3 is hasupd, 4 the compiled system call
/// filter; the answer is one frame with the image's memfd.
enum ConfigurationRole {
    static func arguments(file: String, configID: String, seal: SealArguments) -> [String] {
        ["hasup-config", file, configID] + seal.words
    }

    static func run(arguments: [String]) -> Int32 {
        guard arguments.count == 5, let wishes = SealArguments(words: arguments[2...]) else { return 64 }
        var environment = SystemEnvironment.current(checksInterfaces: true)
        environment.configID = arguments[1]
        let sources = readSources(path: arguments[0], files: SystemFiles(), environment: environment)
        // From here on only bytes in memory are looked at: nothing is needed any more.
        // What can't be sealed on this machine is told by the VRRP worker, which seals itself the same way.
        _ = seal(as: SealPlan(identity: wishes.identity, capabilities: [], filter: 4))
        let loaded = parse(sources, environment: environment)
        do throws(SystemError) {
            let image = try ConfigurationImage.make(
                canStart: loaded.canStart, hasErrors: loaded.hasErrors, diagnostics: loaded.diagnostics.encode(),
                model: loaded.model.encode())
            try ConfigurationToSupervisor.judged.send(on: 3, descriptors: [image.number])
        } catch {
            try? ConfigurationToSupervisor.failed(error.description).send(on: 3)
            return 71
        }
        return 0
    }
}
